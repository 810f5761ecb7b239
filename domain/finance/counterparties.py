"""Who has a part in sales besides the platform, and what may be charged on one."""

from __future__ import annotations

from enum import StrEnum


class CounterpartyKind(StrEnum):
    """What a counterparty is to us, in the rules that split sales and where we settle with it."""

    PARTNER = "partner"  # Submits cards by its own program, or brings sellers, and has a share in what is sold.
    OUTLET = "outlet"  # A store that takes cards in or confirms regional ones.
    INTAKE = "intake"  # An offline point that takes cards in: a convenience store, a parcel station.
    CO_MARKETING = "co_marketing"  # Brings customers together with us.
    DISTRIBUTION = "distribution"  # Finds the buyer, or sells our cards for a share.
    ENTERPRISE = "enterprise"  # Hands cards in in bulk and shares in what they bring.
    INSTALMENT = "instalment"  # A financial institution that lets buyers pay in instalments.
    PROVIDER = "provider"  # An issuer or a service that bills us for being asked.


# Those that a sale is split among; a provider has no part in one.
SHARING = tuple(one for one in CounterpartyKind if one is not CounterpartyKind.PROVIDER)


def costs_begin(provider: str) -> str:
    """Return how the keys of a provider's costs begin."""
    return f"cost:{provider}:"


def costs_mix(one: str, other: str) -> bool:
    """Return whether costs of one provider would be taken for the other's: the name of one is the beginning of the other's."""
    longer, shorter = costs_begin(one), costs_begin(other)
    return longer.startswith(shorter) or shorter.startswith(longer)


class ChargeKind(StrEnum):
    """What is charged on a sale; of each kind the first row that fits counts."""

    SERVICE_FEE = "service_fee"  # The buyer's, on top of the price.
    COMMISSION = "commission"  # The seller's, out of the price of a brokered card.
    INSTALMENT = "instalment"  # The buyer's, for the institution that lets them pay in instalments.


class Instalments(StrEnum):
    """How a buyer pays, as a condition of a row."""

    YES = "yes"
    NO = "no"
