"""Who has a part in sales besides the platform, and what may be charged on one."""

from __future__ import annotations

from enum import StrEnum


class CounterpartyKind(StrEnum):
    """What a counterparty does for its share."""

    OUTLET = "outlet"  # Confirms regional cards.
    INTAKE = "intake"  # An offline point that takes cards in: a convenience store, a parcel station.
    CO_MARKETING = "co_marketing"  # Brings customers together with us.
    DISTRIBUTION = "distribution"  # Finds the buyer.
    ENTERPRISE = "enterprise"  # Hands cards in in bulk and shares in what they bring.
    INSTALMENT = "instalment"  # A financial institution that lets buyers pay in instalments.


class ChargeKind(StrEnum):
    """What is charged on a sale; of each kind the first row that fits counts."""

    SERVICE_FEE = "service_fee"  # The buyer's, on top of the price.
    COMMISSION = "commission"  # The seller's, out of the price of a brokered card.
    INSTALMENT = "instalment"  # The buyer's, for the institution that lets them pay in instalments.


class Instalments(StrEnum):
    """How a buyer pays, as a condition of a row."""

    YES = "yes"
    NO = "no"
