"""The waterfall of a sale: who has which part of what the buyer pays. Pure, in one currency.

The buyer pays the price and what is charged on top. From this sum comes, in order: the cost of the card (own sale) or the
seller's part (brokered sale), what is charged for others, and the partners' shares of spread and fee. What is left is the
platform's, so the lines sum to the buyer's total exactly. A pot is divided by largest remainders: no minor unit is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from domain.finance.sales import SaleMode
from domain.money import BASIS_POINTS_PER_ONE, CurrencyMismatch, Money

PLATFORM = "platform"


class Base(StrEnum):
    """What a rate is taken of, or what is divided."""

    PRICE = "price"  # What the card is sold for, without what is charged on top.
    SPREAD = "spread"  # The price less the cost of an own card; nothing where it is sold for less.
    FEE = "fee"  # The platform's charges on this sale: service fee or commission.


class PartKind(StrEnum):
    """What a line of the waterfall is."""

    COST = "cost"  # What the card had cost.
    SELLER = "seller"  # The seller's part of a brokered sale.
    CHARGE = "charge"  # Charged for another than the platform, e.g. for instalments.
    SHARE = "share"  # A partner's share.
    FEE = "fee"  # What is left to the platform of its fees.
    PLATFORM = "platform"  # What is left to it of the spread.


class BorneBy(StrEnum):
    """Who bears a charge."""

    BUYER = "buyer"  # Paid on top of the price.
    SELLER = "seller"  # Taken out of the price before a brokered card's seller has their part.


@dataclass(frozen=True)
class Charge:
    """A charge that the policy found for a sale: a rate of the price, a fixed amount beside it, and who gets it."""

    rule: str
    rate_bp: int
    fixed: Money
    to: str  # platform, or a counterparty.
    borne_by: BorneBy

    def amount(self, price: Money) -> Money:
        """Return the charge, rounded half up."""
        return price.share(self.rate_bp) + self.fixed


@dataclass(frozen=True)
class Division:
    """How a pot is divided: parts in basis points that sum to 10,000, one of them the platform's or none."""

    rule: str
    base: Base
    parts: tuple[tuple[str, int], ...]  # platform or a counterparty, basis points


@dataclass(frozen=True)
class Line:
    """One line. `to` is a counterparty where it is not ours; `base`, `rate_bp` and `fixed` say how it was calculated."""

    rule: str
    part: PartKind
    to: str
    amount: Money
    base: Base | None = None
    base_amount: Money | None = None
    rate_bp: int = 0
    fixed: Money | None = None


@dataclass(frozen=True)
class Waterfall:
    """The lines of a sale, which sum to `total`: what the buyer pays."""

    total: Money
    lines: tuple[Line, ...]

    def remainders(self) -> tuple[Money, ...]:
        """Return what is left after each line; nothing after the last."""
        left, found = self.total, []
        for line in self.lines:
            left -= line.amount
            found.append(left)
        return tuple(found)


class SellerPaysMore(ValueError):
    """The charges of a brokered sale are more than its price."""


def waterfall(
    mode: SaleMode, price: Money, cost: Money, charges: Sequence[Charge], divisions: Sequence[Division]
) -> Waterfall:
    """Return the lines of a sale. `cost` is what an own card had cost; it counts for nothing in a brokered sale.

    Raises CurrencyMismatch for amounts of two currencies, ValueError for a price that is not positive or a negative cost,
    and SellerPaysMore for a brokered sale whose seller would get less than nothing.
    """
    if price.amount_minor <= 0 or cost.amount_minor < 0:
        raise ValueError("a price is positive and a cost is not negative")
    if cost.currency is not price.currency:
        raise CurrencyMismatch("cost and price of a waterfall are in one currency")
    nothing = Money(0, price.currency)
    on_top = sum((one.amount(price) for one in charges if one.borne_by is BorneBy.BUYER), nothing)
    inside = sum((one.amount(price) for one in charges if one.borne_by is BorneBy.SELLER), nothing)
    own = mode is SaleMode.OWN
    first = _first(own, price, cost, nothing if own else inside)
    lines = [*first, *(_charged(one, price) for one in charges if one.to != PLATFORM)]
    fees = sum((one.amount(price) for one in charges if one.to == PLATFORM), nothing)
    spread = price - cost - inside if own else nothing
    pots = {Base.SPREAD: spread if spread.amount_minor > 0 else nothing, Base.FEE: fees}
    for division in divisions:
        pot = pots[division.base]
        shares = largest_remainder(pot, [bp for _, bp in division.parts])
        taken = nothing
        for (to, rate_bp), amount in zip(division.parts, shares, strict=True):
            if to != PLATFORM and amount.amount_minor:
                lines.append(Line(division.rule, PartKind.SHARE, to, amount, division.base, pot, rate_bp))
                taken += amount
        spread, fees = (spread - taken, fees) if division.base is Base.SPREAD else (spread, fees - taken)
    if fees.amount_minor:
        lines.append(_fee(charges, price, fees))
    if own:
        lines.append(Line("spread", PartKind.PLATFORM, "", spread))
    return Waterfall(price + on_top, tuple(lines))


def largest_remainder(pot: Money, parts_bp: Sequence[int]) -> tuple[Money, ...]:
    """Divide a pot by parts that sum to 10,000 basis points: each gets its whole minor units, and what is left goes one by
    one to the largest fractions, the earlier part first. Raises ValueError for other parts or a negative pot.
    """
    if sum(parts_bp) != BASIS_POINTS_PER_ONE or min(parts_bp, default=0) < 0 or pot.amount_minor < 0:
        raise ValueError("parts are not negative and sum to the whole")
    exact = [divmod(pot.amount_minor * one, BASIS_POINTS_PER_ONE) for one in parts_bp]
    left = pot.amount_minor - sum(whole for whole, _ in exact)
    first = sorted(range(len(exact)), key=lambda place: (-exact[place][1], place))[:left]
    return tuple(Money(whole + (place in first), pot.currency) for place, (whole, _) in enumerate(exact))


def _first(own: bool, price: Money, cost: Money, inside: Money) -> list[Line]:
    if own:
        return [Line("cost", PartKind.COST, "", cost)]
    if (rest := price - inside).amount_minor < 0:
        raise SellerPaysMore("the charges of a brokered sale are at most its price")
    return [Line("seller", PartKind.SELLER, "", rest)]


def _charged(charge: Charge, price: Money) -> Line:
    amount = charge.amount(price)
    return Line(charge.rule, PartKind.CHARGE, charge.to, amount, Base.PRICE, price, charge.rate_bp, charge.fixed)


def _fee(charges: Sequence[Charge], price: Money, left: Money) -> Line:
    """The platform's own fees after the shares in them; calculated as one charge where there is one that is not shared."""
    ours = [one for one in charges if one.to == PLATFORM]
    if len(ours) == 1 and ours[0].amount(price) == left:
        one = ours[0]
        return Line(one.rule, PartKind.FEE, "", left, Base.PRICE, price, one.rate_bp, one.fixed)
    return Line("fee", PartKind.FEE, "", left)
