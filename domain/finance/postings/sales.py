"""What a sale, its return, and a buyer's payment post. The amounts come from the waterfall; all of it is in CNY but a foreign price."""

from __future__ import annotations

from collections.abc import Iterator

from domain.finance.chart import Account, account
from domain.finance.ledger import INVENTORY, Posting, Postings, cash
from domain.finance.rails import Rail
from domain.finance.sales import PaidFrom, SaleMode
from domain.finance.waterfall import Line, PartKind, Waterfall
from domain.money import Currency, Money

SALES, COST_OF_SALES, SERVICE_FEE = account("sales"), account("cost_of_sales"), account("service_fee")
PARTNER_COST, FX_POSITION = account("partner_cost"), account("fx_position")


def buyer_receivable(buyer: str) -> Account:
    """Return the account of what `buyer:<code>` owes."""
    return account("buyer_receivable", buyer)


def buyer_deposit(buyer: str) -> Account:
    """Return the account of what `buyer:<code>` paid in advance."""
    return account("buyer_deposit", buyer)


def partner_share(counterparty: str) -> Account:
    """Return the account of a counterparty's parts of sales."""
    return account("partner_share", counterparty)


def partner_receivable(counterparty: str) -> Account:
    """Return the account of what a counterparty owes back, e.g. its part of a returned sale that it was paid before."""
    return account("partner_receivable", counterparty)


def split_account(provider: str) -> Account:
    """Return the account of buyers' money that a licensed provider (its code) holds for brokered sales."""
    return account("split_account", provider)


def provider_payable(provider: str) -> Account:
    """Return the account of what a licensed provider (its code) is owed back of commissions that came to us before their sale came back."""
    return account("provider_payable", provider)


def account_of_line(line: Line, owner: str) -> str:
    """Return the code of the account that a line of the waterfall goes to; `owner` is the card's."""
    if line.part in (PartKind.SHARE, PartKind.CHARGE):
        return partner_share(line.to).code
    if line.part is PartKind.SELLER:
        return account("brokered_payable", owner).code
    return {PartKind.COST: INVENTORY, PartKind.FEE: SERVICE_FEE}.get(line.part, SALES).code


def sold(
    mode: SaleMode, made: Waterfall, price: Money, payer: Account, owner: str, foreign_total: Money | None = None
) -> Postings:
    """Post a sale: what the payer owes, the price or the seller's part, the fees, the cost, and each partner's part.

    `made` and `price` are in CNY. `foreign_total` is what the buyer owes where that is in another currency: it is exchanged
    through `fx_position` at the locked rate.
    """
    lines = [*_paid(payer, made.total, foreign_total)]
    fees = made.total - price  # What the buyer pays on top, less what of it is for others.
    for line in made.lines:
        amount = line.amount
        if line.part is PartKind.COST and amount.amount_minor:
            lines += [Posting(COST_OF_SALES, amount), Posting(INVENTORY, -amount)]
        elif line.part is PartKind.SELLER and amount.amount_minor:
            lines.append(Posting(account("brokered_payable", owner), -amount))
        elif line.part is PartKind.SHARE:
            lines += [Posting(PARTNER_COST, amount), Posting(partner_share(line.to), -amount)]
        elif line.part is PartKind.CHARGE and amount.amount_minor:
            lines.append(Posting(partner_share(line.to), -amount))
            fees -= amount
        if line.part is PartKind.SELLER:
            fees += price - amount  # What is charged to the seller stays of the price.
    if mode is SaleMode.OWN:
        lines.append(Posting(SALES, -price))
    if fees.amount_minor:
        lines.append(Posting(SERVICE_FEE, -fees))
    return tuple(lines)


def provider_paid(provider: str, owner: str, amount: Money) -> Postings:
    """Post that a licensed provider paid the seller of a brokered card out of the split account that it keeps."""
    return (Posting(account("brokered_payable", owner), amount), Posting(split_account(provider), -amount))


def provider_owed_back(provider: str, amount: Money) -> Postings:
    """Post that a sale came back whose commission we were paid: the provider gives its buyer back more than it holds, and we owe it."""
    return (Posting(split_account(provider), amount), Posting(provider_payable(provider), -amount))


def commission_received(rail: Rail, provider: str, part: Money, arrived: Money) -> Postings:
    """Post that our part left a split account: so much of it arrived, and the provider kept the rest for what it was owed back."""
    lines = (
        Posting(cash(rail), arrived), Posting(provider_payable(provider), part - arrived), Posting(split_account(provider), -part),
    )  # fmt: skip
    return tuple(one for one in lines if one.amount.amount_minor)


def provider_repaid(rail: Rail, provider: str, amount: Money) -> Postings:
    """Post that a provider was paid back what it was owed."""
    return (Posting(provider_payable(provider), amount), Posting(cash(rail), -amount))


def owed_back(buyer: str, amount: Money) -> Postings:
    """Post that a buyer who had paid for a returned card has the money to their credit."""
    return (Posting(buyer_receivable(buyer), amount), Posting(buyer_deposit(buyer), -amount))


def partner_owes_back(counterparty: str, amount: Money) -> Postings:
    """Post that a counterparty was paid its part of a card that came back, and owes it."""
    return (Posting(partner_receivable(counterparty), amount), Posting(partner_share(counterparty), -amount))


def received(rail: Rail, amount: Money, payer: Account) -> Postings:
    """Post that a buyer's money arrived on a rail, in the currency that it was owed in."""
    return (Posting(cash(rail), amount), Posting(payer, -amount))


def received_exchanged(rail: Rail, arrived: Money, owed: Money, payer: Account) -> Postings:
    """Post that foreign money was owed and CNY arrived: both sides go through the position, whose rest is a difference."""
    return (
        Posting(cash(rail), arrived), Posting(FX_POSITION, -arrived), Posting(FX_POSITION, owed), Posting(payer, -owed),
    )  # fmt: skip


def payer_of(paid_from: PaidFrom, mode: SaleMode, buyer: str, provider: str) -> Account:
    """Return whose account a sale is charged to: the buyer's, or for a brokered card that of the licensed provider."""
    if mode is SaleMode.BROKERED:
        return split_account(provider)
    return buyer_deposit(buyer) if paid_from is PaidFrom.DEPOSIT else buyer_receivable(buyer)


def _paid(payer: Account, total: Money, foreign: Money | None) -> Iterator[Posting]:
    if foreign is None or foreign.currency is Currency.CNY:
        yield Posting(payer, total)
        return
    yield from (Posting(payer, foreign), Posting(FX_POSITION, -foreign), Posting(FX_POSITION, total))
