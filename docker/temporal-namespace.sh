#!/bin/sh
# Registers our namespace and its search attributes (workflows/search_attributes.py); a second run changes nothing.
# Needs TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE; RETENTION and TEMPORAL_CLI may be set.
set -eu
: "${TEMPORAL_ADDRESS:?}" "${TEMPORAL_NAMESPACE:?}"
cli=${TEMPORAL_CLI:-temporal}

known() {
    "$cli" operator namespace describe --address "$TEMPORAL_ADDRESS" "$TEMPORAL_NAMESPACE" >/dev/null 2>&1
}

if ! known; then
    "$cli" operator namespace create --address "$TEMPORAL_ADDRESS" --retention "${RETENTION:-30d}" "$TEMPORAL_NAMESPACE"
fi
# The namespace is known everywhere some seconds after it was made: until then workflows in it are refused.
for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do
    if known && "$cli" workflow count --address "$TEMPORAL_ADDRESS" --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
        break
    fi
    if [ "$attempt" = 15 ]; then
        echo "the namespace could not be registered" >&2
        exit 1
    fi
    echo "attempt $attempt: the namespace is not ready yet"
    sleep 2
done

registered=$("$cli" operator search-attribute list --address "$TEMPORAL_ADDRESS" --namespace "$TEMPORAL_NAMESPACE")
for name in CardloopStage CardloopWaitingFor CardloopCardType CardloopBrand CardloopErrorClass; do
    case "$registered" in
    *"$name"*) ;;
    *) "$cli" operator search-attribute create --address "$TEMPORAL_ADDRESS" --namespace "$TEMPORAL_NAMESPACE" --name "$name" --type Keyword ;;
    esac
done
