"""The ways in which money leaves: each has its own cash, money in flight, limits and list of what moved."""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum

from domain.errors.general import FieldInvalid


class Rail(StrEnum):
    """A way of paying; it is the owner of its accounts, e.g. `cash:alipay`."""

    ALIPAY = "alipay"  # Fund transfers to an Alipay account.
    WECHAT = "wechat"  # WeChat Pay transfer bills.
    BANK = "bank"  # Files of transfers that a bank carries out.


def require_offered(rail: Rail, offered: Collection[Rail]) -> Rail:
    """Return the rail. Refuses (FieldInvalid) one that sellers may not choose here."""
    if rail not in offered:
        raise FieldInvalid(field="payee_rail", why="not_offered")
    return rail
