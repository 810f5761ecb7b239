"""Foreign money that was kept is exchanged into CNY: recorded by one person of finance, and from the policy's amount on confirmed by another.

Nothing here exchanges anything: we book what the bank or provider that keeps the money reports.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.once import insert_once
from database.repositories import ledger
from database.repositories.audit import by_person
from database.repositories.matching import BACKDATED_DAYS
from database.session import Database
from database.tables.finance.sales import FxExchangeRow
from domain.errors.general import FieldInvalid, IdempotencyKeyReused, NotFound
from domain.errors.sales import ExchangeOver, ForeignMoneyLess, ReferenceTaken, SplitAccountLess
from domain.finance.chart import Account, account_of
from domain.finance.fx import Rate, rate_of, realised
from domain.finance.postings import fx
from domain.finance.postings.fx import EXCHANGED
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.policies.schema import MINOR_MAX
from domain.rules.settlement import settlement_in_force
from services.finance.positions import position, require_movable
from services.finance.rates import require_rate
from services.finance.references import provider_reference
from services.finance.second_person import Proposal, notify_declined, require_apart
from services.finance.split_money import held_for_us
from services.finance.taking_back import Kind, Posted
from services.people.acting import standing
from services.people.permissions import require

REFERENCE_MAX = 64
KEEPS_FOREIGN = ("cash", "split_account")  # Classes of accounts on which money can be exchanged.
ROUNDED_BY = 1  # Minor unit by which banks round differently; a charge is a line of its own.


@dataclass(frozen=True)
class ExchangeAsked:
    """An exchange as the statement of the account (its code) says: `sold` in its currency, `arrived` in CNY, at the rate."""

    account: str
    sold: Money
    arrived: Money
    rate: Rate
    reference: str
    exchanged_on: date


class Exchanges:
    """Records exchanges with their second persons. `person` is a person's id, of finance."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def record(self, person: str, key: str, asked: ExchangeAsked) -> str:
        """Record an exchange once per key and return its id; it is posted at once below the amount that needs two people.

        Refuse NotAllowed, FieldInvalid (`account`, `sold`, `arrived`, `rate`, `rate_source`, `rate_at`, `reference`,
        `exchanged_on`), ForeignMoneyLess, ReferenceTaken for an exchange of the account that was recorded before, and
        IdempotencyKeyReused for a key of another exchange.
        """
        kept_on, reference = self._require_sense(asked), provider_reference(asked.reference, REFERENCE_MAX)
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            await acquire(session, AdvisoryLock.FX_POSITION)
            known = select(FxExchangeRow).where(FxExchangeRow.key == key)
            if (row := (await session.execute(known)).scalar_one_or_none()) is not None:
                return _same(row, asked, reference)
            await _require_unrecorded(session, kept_on, reference)
            await _require_there(session, kept_on, asked.sold)
            who = await standing(session, person, self._now())
            made = FxExchangeRow(
                id=new_id(), key=key, account=kept_on.code, currency=asked.sold.currency, sold_minor=asked.sold.amount_minor,
                arrived_minor=asked.arrived.amount_minor, rate=rate_of(asked.rate.text), rate_source=asked.rate.source,
                rate_at=asked.rate.at, reference=reference, exchanged_on=asked.exchanged_on, difference_minor=0,
                recorded_by=person, recorders=sorted(who.circle), recorded_at=self._now(),
            )  # fmt: skip
            if not await insert_once(session, made, "key"):
                raise IdempotencyKeyReused()
            row = await session.get_one(FxExchangeRow, made.id)
            session.add(by_person(person, "console:exchange:record", row.id, facts=_facts(row)))
            if asked.arrived.amount_minor < settlement_in_force(business_day(self._now())).two_people_from_minor:
                await self._post(session, row)
        return row.id

    async def confirm(self, person: str, exchange_id: str) -> None:
        """Confirm as the second person: it is posted. Confirmed already by them, nothing changes.

        Refuse NotAllowed, NotFound, ExchangeOver, ForeignMoneyLess, and OwnWork to who recorded it and those who act for them.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            await acquire(session, AdvisoryLock.FX_POSITION)
            row = await _locked(session, exchange_id)
            if row.posted_at is not None and row.confirmed_by == person:
                return
            _require_waiting(row)
            await require_apart(session, await standing(session, person, self._now()), row.recorders, self._now())
            await _require_there(session, account_of(row.account), Money(row.sold_minor, row.currency))
            row.confirmed_by = person
            await self._post(session, row)
            session.add(by_person(person, "console:exchange:confirm", row.id, facts=_facts(row)))

    async def discard(self, person: str, exchange_id: str) -> None:
        """Discard what waits, one's own too. Refuse NotAllowed, NotFound and ExchangeOver."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            row = await _locked(session, exchange_id)
            if row.declined_at is not None and row.declined_by == person:
                return
            _require_waiting(row)
            row.declined_by, row.declined_at = person, self._now()
            session.add(by_person(person, "console:exchange:discard", row.id, facts=_facts(row)))
            await notify_declined(session, row.recorded_by, person, Proposal.EXCHANGE, "/fx")

    async def _post(self, session: AsyncSession, row: FxExchangeRow) -> None:
        """Post the exchange; the caller holds the lock of positions."""
        sold, arrived = Money(row.sold_minor, row.currency), Money(row.arrived_minor)
        gain = realised(*await position(session, row.currency), -sold, -arrived)
        row.difference_minor, row.posted_at = gain.amount_minor, self._now()
        lines, cause = fx.exchanged(account_of(row.account), sold, arrived, gain), f"exchange:{row.id}"
        await ledger.post(session, cause, None, EXCHANGED, lines, happened_on=row.exchanged_on, cause=cause)

    def _require_sense(self, asked: ExchangeAsked) -> Account:
        """Return the account that keeps the money. Refuse FieldInvalid for what no exchange can be."""
        today = business_day(self._now())
        try:
            kept_on = account_of(asked.account)
        except (KeyError, ValueError):
            raise FieldInvalid(field="account", why="missing") from None
        if kept_on.of.code not in KEEPS_FOREIGN:
            raise FieldInvalid(field="account", why="missing")
        if asked.sold.currency is Currency.CNY or not 0 < asked.sold.amount_minor <= MINOR_MAX:
            raise FieldInvalid(field="sold", why="out_of_range")
        require_rate(asked.rate, today)
        at_rate = asked.sold.converted(asked.rate.value, Currency.CNY)
        if asked.arrived.currency is not Currency.CNY or not 0 < asked.arrived.amount_minor <= MINOR_MAX:
            raise FieldInvalid(field="arrived", why="out_of_range")
        if abs((asked.arrived - at_rate).amount_minor) > ROUNDED_BY:
            raise FieldInvalid(field="arrived", why="not_at_rate", at_rate=str(at_rate))
        if not today - timedelta(days=BACKDATED_DAYS) <= asked.exchanged_on <= today:
            raise FieldInvalid(field="exchanged_on", why="out_of_range")
        return kept_on


async def _require_there(session: AsyncSession, kept_on: Account, sold: Money) -> None:
    """Refuse ForeignMoneyLess for more than the account keeps. The caller holds the lock of positions."""
    there = await ledger.balance(session, kept_on.code, sold.currency)
    if there < sold:
        raise ForeignMoneyLess(there=str(there))


async def _require_unrecorded(session: AsyncSession, kept_on: Account, reference: str) -> None:
    """Refuse ReferenceTaken for an exchange of the account that waits or counts. The caller holds the lock of positions."""
    same = exists().where(
        FxExchangeRow.account == kept_on.code, FxExchangeRow.reference == reference,
        FxExchangeRow.declined_at.is_(None), FxExchangeRow.reversed_at.is_(None),
    )  # fmt: skip
    if (await session.execute(select(same))).scalar_one():
        raise ReferenceTaken()


async def _locked(session: AsyncSession, exchange_id: str) -> FxExchangeRow:
    row = await session.get(FxExchangeRow, exchange_id[:26], with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(exchange=exchange_id[:26])
    return row


def _require_waiting(row: FxExchangeRow) -> None:
    if row.posted_at is not None or row.declined_at is not None:
        raise ExchangeOver()


def _same(row: FxExchangeRow, asked: ExchangeAsked, reference: str) -> str:
    """Return the id of the exchange of this key. Refuse IdempotencyKeyReused when it is another one."""
    given = (asked.account, asked.sold, asked.arrived, rate_of(asked.rate.text), reference, asked.exchanged_on)
    known = (
        row.account, Money(row.sold_minor, row.currency), Money(row.arrived_minor), row.rate, row.reference, row.exchanged_on,
    )  # fmt: skip
    if given != known:
        raise IdempotencyKeyReused()
    return row.id


def _facts(row: FxExchangeRow) -> dict[str, str]:
    return {
        "account": row.account, "sold": str(Money(row.sold_minor, row.currency)), "arrived": str(Money(row.arrived_minor)),
        "rate": row.rate, "source": row.rate_source, "reference": row.reference,
    }  # fmt: skip


async def _require_unused(session: AsyncSession, row: FxExchangeRow) -> None:
    """Refuse PositionMoved, and SplitAccountLess where the yuan that arrived has left a provider's account since."""
    sold, arrived = Money(row.sold_minor, row.currency), Money(row.arrived_minor)
    await require_movable(session, sold, arrived - Money(row.difference_minor))
    class_, _, owner = row.account.partition(":")
    if class_ == "split_account" and (there := (await held_for_us(session, owner)).held) < arrived:
        raise SplitAccountLess(there=str(there))


# How two people take a posted exchange back; one that waits is discarded.
EXCHANGES_BACK = Kind(
    FxExchangeRow, Posted("exchange", Proposal.EXCHANGE_BACK, "/fx"),
    lambda row: row.posted_at is not None, _require_unused, _facts,
)  # fmt: skip
