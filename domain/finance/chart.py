"""The chart of accounts: every class of account, what it holds, whose it is, and which sign its balance may have."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class AccountKind(StrEnum):
    """What an account is; debits raise assets and expenses, credits raise the others."""

    ASSET = "asset"  # What the platform has.
    LIABILITY = "liability"  # What it owes.
    INCOME = "income"  # What it earned.
    EXPENSE = "expense"  # What it spent.
    EQUITY = "equity"  # What its owners put in.


class OwnerKind(StrEnum):
    """The owner of an account; it follows the class in the code, e.g. `seller_payable:seller:01H…`."""

    PLATFORM = "platform"  # One account for the whole platform: the code is the class alone.
    RAIL = "rail"  # One for each way of paying, e.g. `alipay`.
    SELLER = "seller"  # `seller:<id>` or `partner:<id>`, who handed cards in.
    BUYER = "buyer"  # `buyer:<id>`, who buys cards.
    PARTNER = "partner"  # `partner:<id>`, who has a share in a sale.
    PROVIDER = "provider"  # An issuer, a store or an outlet that bills us.


class Sign(StrEnum):
    """Which balance an account may have, held by the database at commit. A debit balance is positive."""

    DEBIT = "debit"  # Never below zero.
    CREDIT = "credit"  # Never above zero.
    EITHER = "either"  # Any: it is compared with something outside, or is netted over time.


@dataclass(frozen=True)
class AccountClass:
    """One line of the chart. `watched` is the sign that the invariants watch where none is held at commit."""

    code: str
    kind: AccountKind
    owner: OwnerKind
    sign: Sign
    watched: Sign = Sign.EITHER


_PLATFORM, _RAIL, _SELLER, _BUYER = OwnerKind.PLATFORM, OwnerKind.RAIL, OwnerKind.SELLER, OwnerKind.BUYER
_ASSET, _LIABILITY, _INCOME, _EXPENSE = (
    AccountKind.ASSET,
    AccountKind.LIABILITY,
    AccountKind.INCOME,
    AccountKind.EXPENSE,
)
# Cash, money in flight and inventory are used by every card: a lock on one row at every commit would make all payments wait
# for each other. The invariants watch the sign of money in flight and of inventory. Cash may be below zero in our books until
# what was in the account before its first statement is posted: it is compared with statements instead.
_CLASSES = (
    AccountClass("seller_payable", _LIABILITY, _SELLER, Sign.CREDIT),  # What is owed for bought cards.
    AccountClass("seller_receivable", _ASSET, _SELLER, Sign.DEBIT),  # What a seller owes back.
    AccountClass("cash", _ASSET, _RAIL, Sign.EITHER),  # Our money at a payment gateway or bank.
    AccountClass("in_flight", _LIABILITY, _RAIL, Sign.EITHER, Sign.CREDIT),  # Ordered, not known to have arrived.
    AccountClass("inventory", _ASSET, _PLATFORM, Sign.EITHER, Sign.DEBIT),  # Cards bought, at what was paid for them.
    AccountClass("buyer_receivable", _ASSET, _BUYER, Sign.DEBIT),  # What a buyer owes for cards.
    AccountClass("buyer_deposit", _LIABILITY, _BUYER, Sign.CREDIT),  # What a buyer paid in advance.
    AccountClass("sales", _INCOME, _PLATFORM, Sign.EITHER),  # What buyers paid for cards.
    AccountClass("cost_of_sales", _EXPENSE, _PLATFORM, Sign.EITHER),  # What the sold cards had cost.
    AccountClass("service_fee", _INCOME, _PLATFORM, Sign.EITHER),  # The fee on a sale.
    AccountClass("partner_share", _LIABILITY, OwnerKind.PARTNER, Sign.CREDIT),  # A partner's part of a sale.
    AccountClass("partner_receivable", _ASSET, OwnerKind.PARTNER, Sign.DEBIT),  # What a partner owes back of its part.
    AccountClass("partner_cost", _EXPENSE, _PLATFORM, Sign.EITHER),  # What partners' shares cost us.
    # Kept back for the tax office. A debit is what the office has and a returned payment no longer owes it: the next remittance
    # is that much smaller.
    AccountClass("tax_withheld", _LIABILITY, _PLATFORM, Sign.EITHER),
    AccountClass("fx_difference", _INCOME, _PLATFORM, Sign.EITHER),  # Gains (credit) and losses (debit) of rates.
    AccountClass(
        "fx_position", _ASSET, _PLATFORM, Sign.EITHER
    ),  # Amounts exchanged, in each currency; open until both meet.
    # A licensed provider holds buyers' money for brokered cards, and pays their sellers out of it.
    AccountClass("split_account", _ASSET, OwnerKind.PROVIDER, Sign.EITHER),
    AccountClass("brokered_payable", _LIABILITY, _SELLER, Sign.CREDIT),  # What that provider pays to a seller.
    # Our commission of sales that came back after it had arrived.
    AccountClass("provider_payable", _LIABILITY, OwnerKind.PROVIDER, Sign.CREDIT),
    AccountClass("issuer_cost", _EXPENSE, _PLATFORM, Sign.EITHER),  # What asking issuers cost.
    AccountClass("issuer_payable", _LIABILITY, _PLATFORM, Sign.EITHER),  # What issuers will bill for being asked.
    AccountClass("goodwill", _EXPENSE, _PLATFORM, Sign.EITHER),  # Paid to customers beyond what was owed.
    AccountClass("write_off", _EXPENSE, _PLATFORM, Sign.EITHER),  # Receivables that will not come.
    AccountClass("rail_fee", _EXPENSE, _RAIL, Sign.EITHER),  # What a payment gateway charges.
    AccountClass("interest", _INCOME, _RAIL, Sign.EITHER),  # What a bank pays for our money there.
    AccountClass("suspense", _LIABILITY, _RAIL, Sign.EITHER),  # Money that came or went and is not explained yet.
    AccountClass("capital", AccountKind.EQUITY, _PLATFORM, Sign.EITHER),  # Our own money put into a rail, or taken out.
    AccountClass("rounding", _EXPENSE, _PLATFORM, Sign.EITHER),  # Minor units that a split left over.
)
CHART: Mapping[str, AccountClass] = {one.code: one for one in _CLASSES}


@dataclass(frozen=True)
class Account:
    """An account by its code, e.g. `seller_payable:seller:01H…`, with what its class says of it."""

    code: str
    of: AccountClass

    @property
    def kind(self) -> AccountKind:
        """Return what the account is."""
        return self.of.kind


def account(class_code: str, owner: str = "") -> Account:
    """Return the account of a class for its owner. Raises KeyError for a class that the chart lacks, ValueError for a
    missing owner, or one where the class has none.
    """
    of = CHART[class_code]
    if (of.owner is OwnerKind.PLATFORM) != (owner == ""):
        raise ValueError(f"{class_code} is owned by: {of.owner.value}")
    return Account(f"{class_code}:{owner}" if owner else class_code, of)


def account_of(code: str) -> Account:
    """Return an account by its code. Raises KeyError for a class that the chart lacks, and ValueError as `account` does."""
    class_code, _, owner = code.partition(":")
    return account(class_code, owner)
