"""Sell a card, once per key, with its waterfall, its postings, its evidence and its audit together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.once import insert_once
from database.repositories import cards, evidence, holds, ledger
from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance.ledger import HoldRow
from database.tables.finance.sales import SaleRow, SaleSplitRow
from domain.errors.general import FieldInvalid, IdempotencyKeyReused
from domain.errors.sales import BuyerOwesLess, CardReserved, CardSold, PriceTooLow
from domain.finance.counterparties import Instalments
from domain.finance.fx import Rate, rate_of, realised
from domain.finance.holds import reserved_cause
from domain.finance.ledger import Postings
from domain.finance.postings import fx
from domain.finance.postings import sales as postings
from domain.finance.postings.fx import REALISED
from domain.finance.sales import PaidFrom, SaleMode, buyer_of
from domain.finance.waterfall import SellerPaysMore, Waterfall, waterfall
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.people.roles import Permission
from domain.places import BUSINESS_ZONE, business_day
from domain.policies.schema import MINOR_MAX
from domain.rules.splits import Ruling, SaleFacts, splits_in_force
from services.finance.available import available
from services.finance.positions import position
from services.finance.rates import require_rate
from services.finance.selling import Stock, for_sale
from services.people.permissions import require

KEY_MAX = 64


@dataclass(frozen=True)
class SaleAsked:
    """A sale as it is to be recorded. `rate` is the locked rate of a price that is not in CNY, None for one that is."""

    card_id: str
    buyer: str  # The buyer's code.
    price: Money
    sold_on: date
    mode: SaleMode = SaleMode.OWN
    paid_from: PaidFrom = PaidFrom.RECEIVABLE
    instalments: Instalments = Instalments.NO
    rate: Rate | None = None


@dataclass(frozen=True)
class Worked:
    """What a sale comes to, before it is recorded: what the buyer pays, the waterfall in CNY, the ruling, the postings."""

    asked: SaleAsked
    stock: Stock
    total: Money  # In the currency of the price.
    made: Waterfall
    ruling: Ruling
    payer: str  # The code of the account that is charged.
    postings: Postings
    difference: Money  # CNY, a gain is positive: realised where the sale closes a position that was below nothing.

    @property
    def posted(self) -> Postings:
        """Return every posting that is made."""
        return (*self.postings, *fx.difference(self.difference))


class Sales:
    """Records sales. `person` is a person's id, of finance."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def preview(self, person: str, asked: SaleAsked) -> Worked:
        """Return what would be recorded; nothing is written. Refuse what `record` refuses, but for the key."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            worked = await self.worked(session, asked)
            await reserved(session, worked)
            return worked

    async def record(self, person: str, key: str, asked: SaleAsked) -> str:
        """Record a sale once per key and return its id. It counts for its own day, or the first open one.

        Refuse NotAllowed, FieldInvalid (`buyer`, `price`, `sold_on`, `rate`, `key`), NotFound, CardNotForSale, CardClaimed,
        CardSold, CardReserved for another buyer, PriceTooLow, BuyerOwesLess where a deposit does not reach, and IdempotencyKeyReused for a key of another sale.
        """
        if not 0 < len(key) <= KEY_MAX or not key.isprintable():
            raise FieldInvalid(field="key", why="missing")
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            await cards.load_for_update(session, asked.card_id)
            if (known := await _by_key(session, key)) is not None:
                return _same(known, asked)
            worked = await self.worked(session, asked)
            held = await reserved(session, worked)
            await require_deposit(session, worked, held)
            row = self._row(person, key, worked)
            if not await insert_once(session, row, "key"):
                raise IdempotencyKeyReused()
            session.add_all(_lines(row.id, worked))
            await _post(session, row, worked, held)
            await post_difference(session, row, worked.difference, "sold", asked.sold_on)
            prove(session, person, "record", row, facts={"price": str(asked.price), "total": str(worked.total)})
        return row.id

    async def worked(self, session: AsyncSession, asked: SaleAsked) -> Worked:
        """Return what a sale comes to. Refuse as `preview`, but for the right to sell."""
        _require_sense(asked, business_day(self._now()))
        stock = await for_sale(session, asked.card_id, asked.mode, asked.sold_on)
        if (sold := await _open_sale(session, asked.card_id)) is not None:
            raise CardSold(sale=sold)
        facts = SaleFacts(
            asked.mode,
            stock.card_type,
            stock.brand,
            asked.buyer,
            stock.owner_word,
            stock.outlet,
            asked.instalments,
            stock.intake_point,
        )
        rules = splits_in_force(asked.sold_on)
        ruling = rules.ruling(facts)
        price = asked.price if asked.rate is None else asked.price.converted(asked.rate.value, Currency.CNY)
        if price.amount_minor <= 0:
            raise FieldInvalid(field="price", why="out_of_range")
        try:
            made = waterfall(asked.mode, price, stock.cost, ruling.charges, ruling.divisions)
        except SellerPaysMore:
            raise PriceTooLow() from None
        total = asked.price + (made.total - price) if asked.rate is None else _foreign_total(asked.price, price, made)
        payer = postings.payer_of(asked.paid_from, asked.mode, buyer_of(asked.buyer), rules.split_provider)
        posted = postings.sold(asked.mode, made, price, payer, stock.owner, total)
        difference = Money(0)
        if asked.rate is not None:
            await acquire(session, AdvisoryLock.FX_POSITION)
            difference = realised(*await position(session, total.currency), total, made.total)
        return Worked(asked, stock, total, made, ruling, payer.code, posted, difference)

    def _row(self, person: str, key: str, worked: Worked) -> SaleRow:
        asked, now = worked.asked, self._now()
        midnight = datetime.combine(asked.sold_on, time(), BUSINESS_ZONE)
        return SaleRow(
            id=new_id(), key=key, card_id=asked.card_id, buyer=buyer_of(asked.buyer), price_minor=asked.price.amount_minor,
            total_minor=worked.total.amount_minor, booked_minor=worked.made.total.amount_minor, currency=asked.price.currency,
            sold_at=now if asked.sold_on == business_day(now) else midnight, mode=asked.mode, payer=worked.payer, paid_from=asked.paid_from,
            instalments=asked.instalments, outlet=worked.stock.outlet, intake_point=worked.stock.intake_point,
            difference_minor=worked.difference.amount_minor, cost_minor=worked.stock.cost.amount_minor, policy_version=worked.ruling.version, quote_id=worked.stock.quote_id,
            rate=asked.rate.text if asked.rate else None, rate_source=asked.rate.source if asked.rate else None,
            rate_at=asked.rate.at if asked.rate else None, recorded_by=f"person:{person}", recorded_at=now,
        )  # fmt: skip


async def post_difference(session: AsyncSession, row: SaleRow, difference: Money, step: str, day: date) -> None:
    """Post what a foreign sale, or its return, realised of its currency's position; its cause names the currency."""
    if difference.amount_minor:
        cause, lines = difference_cause(row), fx.difference(difference)
        await ledger.post(
            session, f"sale:{row.id}:difference:{step}", row.card_id, REALISED, lines, happened_on=day, cause=cause
        )


def difference_cause(row: SaleRow) -> str:
    """Return the cause of what a sale and its return realised of a position."""
    return f"sale_difference:{row.currency.value}:{row.id}"


def _require_sense(asked: SaleAsked, today: date) -> None:
    """Refuse FieldInvalid for what no sale can be, whatever the card."""
    try:
        buyer_of(asked.buyer)
    except ValueError:
        raise FieldInvalid(field="buyer", why="not_a_code") from None
    if not 0 < asked.price.amount_minor <= MINOR_MAX:
        raise FieldInvalid(field="price", why="out_of_range")
    if asked.sold_on > today:
        raise FieldInvalid(field="sold_on", why="out_of_range")
    foreign = asked.price.currency is not Currency.CNY
    if foreign != (asked.rate is not None):
        raise FieldInvalid(field="rate", why="missing")
    if asked.mode is SaleMode.BROKERED and asked.paid_from is PaidFrom.DEPOSIT:
        raise FieldInvalid(field="paid_from", why="out_of_range")
    if asked.rate is not None:
        require_rate(asked.rate, today)


def _foreign_total(price: Money, price_cny: Money, made: Waterfall) -> Money:
    """The buyer's total in the currency of the price: what comes on top is the same share of it as in CNY."""
    on_top = made.total - price_cny
    share = price.amount_minor * on_top.amount_minor * 2 + price_cny.amount_minor
    return price + Money(share // (2 * price_cny.amount_minor), price.currency)


def _lines(sale_id: str, worked: Worked) -> list[SaleSplitRow]:
    return [
        SaleSplitRow(
            sale_id=sale_id, line_no=number, rule=line.rule, part=line.part,
            account=postings.account_of_line(line, worked.stock.owner), amount_minor=line.amount.amount_minor,
            currency=line.amount.currency, base=line.base, base_minor=line.base_amount.amount_minor if line.base_amount else 0,
            rate_bp=line.rate_bp, fixed_minor=line.fixed.amount_minor if line.fixed else 0,
        )
        for number, line in enumerate(worked.made.lines, 1)
    ]  # fmt: skip


def prove(
    session: AsyncSession, person: str, act: str, row: SaleRow, *, reason: str = "", facts: dict[str, str] | None = None
) -> None:
    """Keep the act in the audit and the evidence, with no price of the card in either story that its owner reads."""
    about = {"sale": row.id, "buyer": row.buyer, "mode": row.mode.value, "policy": row.policy_version, **(facts or {})}
    session.add(by_person(person, f"console:sale:{act}", row.card_id, reason=reason, facts=about))
    evidence.append(session, row.card_id, f"sale.{act}", {**about, "actor": f"person:{person}", "reason": reason})


async def reserved(session: AsyncSession, worked: Worked) -> HoldRow | None:
    """Return what is held of the payer's deposit for the card. Refuse CardReserved where it is held for another buyer or payment."""
    found = await holds.open_of(session, reserved_cause(worked.asked.card_id))
    if found is None:
        return None
    row, code = found
    if code != worked.payer:
        raise CardReserved(buyer=code.rpartition(":")[2])
    return row


async def require_deposit(session: AsyncSession, worked: Worked, held: HoldRow | None = None) -> None:
    """Refuse BuyerOwesLess for a sale from a deposit that does not reach, with what of it is held for this card."""
    if worked.asked.paid_from is PaidFrom.DEPOSIT:
        deposit = postings.buyer_deposit(buyer_of(worked.asked.buyer))
        there = await available(session, deposit, worked.total.currency)
        there += Money(0 if held is None else held.amount_minor, there.currency)
        if there < worked.total:
            raise BuyerOwesLess(there=str(there))


async def _post(session: AsyncSession, row: SaleRow, worked: Worked, held: HoldRow | None) -> None:
    """Post a sale; what was held for it is ended by the same posting."""
    cause, day = f"sale:{row.id}", worked.asked.sold_on
    if held is None:
        await ledger.post(session, cause, row.card_id, "sold", worked.postings, happened_on=day, cause=cause)
        return
    await holds.post(
        session, held.key, cause, "sold", worked.postings, card_id=row.card_id, happened_on=day, cause=cause
    )  # fmt: skip


async def _by_key(session: AsyncSession, key: str) -> SaleRow | None:
    return (await session.execute(select(SaleRow).where(SaleRow.key == key))).scalar_one_or_none()


async def _open_sale(session: AsyncSession, card_id: str) -> str | None:
    statement = select(SaleRow.id).where(SaleRow.card_id == card_id, SaleRow.reversed_at.is_(None))
    return (await session.execute(statement)).scalar_one_or_none()


def _same(row: SaleRow, asked: SaleAsked) -> str:
    """Return the id of the sale of this key. Refuse IdempotencyKeyReused when it is another one."""
    rate = None if asked.rate is None else rate_of(asked.rate.text)
    given = (
        asked.card_id, f"buyer:{asked.buyer}", asked.price, asked.mode, asked.paid_from, asked.instalments, rate, asked.sold_on,
    )  # fmt: skip
    known = (
        row.card_id, row.buyer, Money(row.price_minor, row.currency), row.mode, row.paid_from, row.instalments, row.rate,
        business_day(row.sold_at),
    )  # fmt: skip
    if given != known:
        raise IdempotencyKeyReused()
    return row.id
