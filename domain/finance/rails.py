"""The ways in which money leaves: each has its own cash, money in flight, limits and list of what moved."""

from __future__ import annotations

from enum import StrEnum


class Rail(StrEnum):
    """A way of paying; it is the owner of its accounts, e.g. `cash:alipay`."""

    ALIPAY = "alipay"  # Fund transfers to an Alipay account.
    WECHAT = "wechat"  # WeChat Pay transfer bills.
    BANK = "bank"  # Files of transfers that a bank carries out.
