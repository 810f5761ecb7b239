#!/bin/sh
# Makes Temporal's two databases on PostgreSQL and brings each schema to the newest version that came with this tool.
# Needs SQL_HOST, SQL_USER, SQL_PASSWORD, SCHEMA (folder …/schema/postgresql/v12); SQL_PORT and SQL_TOOL may be set.
set -eu
: "${SQL_HOST:?}" "${SQL_USER:?}" "${SQL_PASSWORD?}" "${SCHEMA:?}"
export SQL_PASSWORD

tool() { # tool DATABASE ARGUMENTS…
    database=$1
    shift
    "${SQL_TOOL:-temporal-sql-tool}" --plugin postgres12 --ep "$SQL_HOST" --port "${SQL_PORT:-5432}" --user "$SQL_USER" --db "$database" "$@"
}

for pair in temporal:temporal temporal_visibility:visibility; do
    database=${pair%%:*}
    tool "$database" create-database
    # A second run finds the version table and goes straight on to the update.
    tool "$database" setup-schema -v 0.0 || true
    tool "$database" update-schema -d "$SCHEMA/${pair#*:}/versioned"
done
