"""What the console and partners see of settlement: runs, one run with its lines, statements and story, and counterparties."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.stated import Staters, staters
from database.tables.finance.sales import SaleSplitRow
from database.tables.finance.settlement import (
    CounterpartyPayeeRow,
    CounterpartyRow,
    SettlementDeedRow,
    SettlementEventRow,
    SettlementLineRow,
    SettlementOrderRow,
    SettlementRunRow,
    SettlementStatementRow,
)
from database.tables.people import PartnerRow, PersonRow
from domain.errors.general import NotFound
from domain.finance.postings.settlement import NETTED
from domain.finance.settlement import PayeeState, SettlementDeed, SettlementState
from domain.people.roles import Permission, Role, permissions_of

PAGE, LINES = 50, 200
SALE = "sale:"
# The steps of the story that a person gives a reason with.
SPOKEN = {
    "disputed": SettlementDeed.DISPUTE, "upheld": SettlementDeed.UPHOLD, "corrected": SettlementDeed.CORRECT,
}  # fmt: skip


@dataclass(frozen=True)
class RunLine:
    """One run in a list."""

    run: SettlementRunRow
    party: CounterpartyRow


@dataclass(frozen=True)
class RunRecord:
    """One run whole. `lines` are one page of them, `splits` the waterfalls of the sales among them, `count` all lines."""

    run: SettlementRunRow
    party: CounterpartyRow
    lines: tuple[SettlementLineRow, ...]
    splits: dict[str, tuple[SaleSplitRow, ...]]
    count: int
    netted_minor: int  # What its lines take off for returned sales: nothing, or negative.
    statements: tuple[SettlementStatementRow, ...]
    events: tuple[SettlementEventRow, ...]
    orders: tuple[SettlementOrderRow, ...]
    disputes: tuple[SettlementDeedRow, ...]
    stated: dict[str, Staters]  # Who stated the outcome of an order, by its key.
    words: dict[int, str]  # What was written with a step of the story, by its event's id.


async def runs(
    session: AsyncSession, *, state: SettlementState | None = None, party: str = "", period: str = "", before: str = "",
    partner: str = "", limit: int = PAGE,
) -> tuple[RunLine, ...]:  # fmt: skip
    """List runs, the newest period first; `before` is the id of the last one of the page before."""
    found = select(SettlementRunRow, CounterpartyRow).join(
        CounterpartyRow, CounterpartyRow.id == SettlementRunRow.counterparty_id
    )
    if state is not None:
        found = found.where(SettlementRunRow.state == state)
    if party:
        found = found.where(SettlementRunRow.counterparty_id == party)
    if period:
        found = found.where(SettlementRunRow.period == period)
    if partner:
        found = found.where(CounterpartyRow.partner_id == partner)
    last = await session.get(SettlementRunRow, before) if before else None
    if last is not None:
        earlier = (SettlementRunRow.ends_on, SettlementRunRow.id)
        found = found.where(
            (earlier[0] < last.ends_on) | ((earlier[0] == last.ends_on) & (earlier[1] < last.id))
        )  # fmt: skip
    found = found.order_by(SettlementRunRow.ends_on.desc(), SettlementRunRow.id.desc()).limit(limit)
    return tuple(RunLine(run, of) for run, of in await session.execute(found))


async def counts(session: AsyncSession) -> dict[SettlementState, int]:
    """Count the runs of each state."""
    found = select(SettlementRunRow.state, func.count()).group_by(SettlementRunRow.state)
    return {SettlementState(state): int(count) for state, count in await session.execute(found)}


async def periods(session: AsyncSession) -> tuple[str, ...]:
    """List the periods that have runs, the newest first, two years of weeks at most."""
    found = (
        select(SettlementRunRow.period)
        .group_by(SettlementRunRow.period)
        .order_by(func.max(SettlementRunRow.ends_on).desc())
        .limit(104)
    )
    return tuple((await session.execute(found)).scalars())


async def line_of(session: AsyncSession, run_id: str, *, partner: str = "") -> RunLine:
    """Return a run, of this partner where one is named. Refuse NotFound."""
    run = await session.get(SettlementRunRow, run_id[:26])
    party = None if run is None else await session.get_one(CounterpartyRow, run.counterparty_id)
    if run is None or party is None or (partner and party.partner_id != partner):
        raise NotFound(settlement=run_id[:26])
    return RunLine(run, party)


async def record(session: AsyncSession, run_id: str, *, after: int = 0, partner: str = "") -> RunRecord:
    """Return a run whole, with the lines after an entry's id. Refuse NotFound."""
    found = await line_of(session, run_id, partner=partner)
    own = SettlementLineRow.run_id == found.run.id
    lines = select(SettlementLineRow).where(own, SettlementLineRow.entry_id > after)
    shown = tuple((await session.execute(lines.order_by(SettlementLineRow.entry_id).limit(LINES))).scalars())
    off = func.coalesce(func.sum(SettlementLineRow.amount_minor).filter(SettlementLineRow.what == NETTED), 0)
    count, netted = (await session.execute(select(func.count(), off).select_from(SettlementLineRow).where(own))).one()
    story = select(SettlementEventRow).where(SettlementEventRow.run_id == found.run.id).order_by(SettlementEventRow.id)
    events, deeds = tuple((await session.execute(story)).scalars()), await said(session, found.run.id)
    ordered = select(SettlementOrderRow).where(SettlementOrderRow.run_id == found.run.id)
    orders = tuple((await session.execute(ordered.order_by(SettlementOrderRow.attempt.desc()))).scalars())
    stated = await staters(session, [one.stated_id for one in orders])
    return RunRecord(
        found.run, found.party, shown, await _splits(session, shown), int(count), int(netted),
        await statements(session, found.run.id), events,
        orders,
        tuple(one for one in deeds if one.deed is SettlementDeed.DISPUTE),
        {one.key: stated[one.stated_id] for one in orders if one.stated_id in stated},
        {one.id: words for one in events if one.id and (words := _written(one, deeds))},
    )  # fmt: skip


async def said(session: AsyncSession, run_id: str) -> tuple[SettlementDeedRow, ...]:
    """Return the disputes of a run and finance's answers to them, the newest first."""
    found = select(SettlementDeedRow).where(
        SettlementDeedRow.run_id == run_id, SettlementDeedRow.deed.in_(sorted(SPOKEN.values()))
    )
    newest = (SettlementDeedRow.at.desc(), SettlementDeedRow.key)
    return tuple((await session.execute(found.order_by(*newest))).scalars())


async def able_to_approve(session: AsyncSession, run: SettlementRunRow) -> int:
    """Count the people who may still agree to the run's payment: they run settlements and had no part in this one."""
    able = [role.value for role in Role if Permission.RUN_SETTLEMENTS in permissions_of((role,))]
    left = select(func.count()).where(
        PersonRow.active,
        or_(*(PersonRow.roles.contains([role]) for role in able)),
        PersonRow.id.not_in([*run.hands, *run.approved_by]),
    )
    return int((await session.execute(left)).scalar_one())


async def answer_to(session: AsyncSession, run_id: str, ticket_id: str) -> tuple[SettlementEventRow, str] | None:
    """Return how finance answered the dispute of this ticket, with its words; None while it has not."""
    story = select(SettlementEventRow).where(
        SettlementEventRow.run_id == run_id, SettlementEventRow.what.in_(("upheld", "corrected"))
    )
    for one in (await session.execute(story.order_by(SettlementEventRow.id.desc()))).scalars():
        if one.facts.get("ticket") == ticket_id:
            return one, _written(one, await said(session, run_id))
    return None


def _written(event: SettlementEventRow, deeds: Sequence[SettlementDeedRow]) -> str:
    """What was written with the deed that this event tells of: both have the moment of their transaction."""
    of = SPOKEN.get(event.what)
    return next((one.words for one in deeds if one.deed is of and one.at == event.at), "")


async def statements(session: AsyncSession, run_id: str) -> tuple[SettlementStatementRow, ...]:
    """Return every version of a run's statement, the newest first."""
    found = select(SettlementStatementRow).where(SettlementStatementRow.run_id == run_id)
    return tuple((await session.execute(found.order_by(SettlementStatementRow.version.desc()))).scalars())


async def statement_file(session: AsyncSession, run_id: str, version: int, name: str) -> str:
    """Return the digest of a statement's file. Refuse NotFound."""
    row = await session.get(SettlementStatementRow, (run_id[:26], version))
    if row is None or name not in row.files:
        raise NotFound(statement=f"{run_id[:26]} {version}")
    return row.files[name]


@dataclass(frozen=True)
class PartyLine:
    """A counterparty in the list; `payee` is masked, of its rail; `waiting`: a payee waits for a second person."""

    party: CounterpartyRow
    payee: str
    waiting: bool
    open_runs: int


async def parties(session: AsyncSession) -> tuple[PartyLine, ...]:
    """List the counterparties by name, those that are settled first."""
    found = select(CounterpartyRow).order_by(CounterpartyRow.active.desc(), CounterpartyRow.name, CounterpartyRow.id)
    rows = tuple((await session.execute(found)).scalars())
    payees: dict[str, list[CounterpartyPayeeRow]] = {}
    for one in (await session.execute(select(CounterpartyPayeeRow).order_by(CounterpartyPayeeRow.id))).scalars():
        payees.setdefault(one.counterparty_id, []).append(one)
    counted = (
        select(SettlementRunRow.counterparty_id, func.count())
        .where(SettlementRunRow.state != SettlementState.CLOSED)
        .group_by(SettlementRunRow.counterparty_id)
    )
    open_runs = {party: int(count) for party, count in await session.execute(counted)}
    return tuple(_party(row, payees.get(row.id, []), open_runs.get(row.id, 0)) for row in rows)


async def party(session: AsyncSession, party_id: str) -> tuple[CounterpartyRow, tuple[CounterpartyPayeeRow, ...]]:
    """Return a counterparty and its payees, the newest first. Refuse NotFound."""
    row = await session.get(CounterpartyRow, party_id[:26])
    if row is None:
        raise NotFound(counterparty=party_id[:26])
    found = select(CounterpartyPayeeRow).where(CounterpartyPayeeRow.counterparty_id == row.id)
    return row, tuple((await session.execute(found.order_by(CounterpartyPayeeRow.id.desc()))).scalars())


async def partners(session: AsyncSession) -> tuple[PartnerRow, ...]:
    """List the API partners by name, to choose from."""
    return tuple((await session.execute(select(PartnerRow).order_by(PartnerRow.name, PartnerRow.id))).scalars())


def _party(row: CounterpartyRow, payees: Sequence[CounterpartyPayeeRow], open_runs: int) -> PartyLine:
    agreed = [one for one in payees if one.state is PayeeState.AGREED and one.rail is row.rail]
    waiting = any(one.state is PayeeState.PROPOSED for one in payees)
    newest = max(agreed, key=lambda one: one.checked_at or one.proposed_at, default=None)
    return PartyLine(row, newest.masked if newest is not None else "", waiting, open_runs)


async def _splits(session: AsyncSession, lines: Sequence[SettlementLineRow]) -> dict[str, tuple[SaleSplitRow, ...]]:
    """The waterfalls of the sales that these lines come from, by cause."""
    sales = {one.cause.removeprefix(SALE) for one in lines if one.cause.startswith(SALE)}
    found = (
        select(SaleSplitRow).where(SaleSplitRow.sale_id.in_(sales)).order_by(SaleSplitRow.sale_id, SaleSplitRow.line_no)
    )
    splits: dict[str, tuple[SaleSplitRow, ...]] = {}
    for one in (await session.execute(found)).scalars() if sales else ():
        splits[f"{SALE}{one.sale_id}"] = (*splits.get(f"{SALE}{one.sale_id}", ()), one)
    return splits
