"""Matching statements with our books, and finding where both differ: repeated with every import and every new posting."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.repositories import expectations, ledger, matching
from database.repositories.loop_faults import apart_within
from database.repositories.matching import FoundBreak
from database.repositories.orders import ORDER_TABLES
from database.session import Database
from database.tables.finance.statements import BreakRow, StatementLineRow, StatementRow
from database.tables.people import AuditRow
from domain.finance.breaks import Against, BreakKind, BreakState, Verb, adjustment
from domain.finance.postings.statements import ADJUSTED, adjusted_key, line_cause
from domain.finance.statements import LineState, StatementSource, StatementState
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.places import BUSINESS_ZONE, business_day
from domain.rules.reconciliation import SourceRules, posts_itself, reconciliation_in_force
from services.finance.break_work import close_work
from services.finance.order_kinds import kind_by_key
from services.finance.returned import Found, said_in_part

ROUNDS_MAX = 1_000  # Of AT_ONCE breaks each: more would be a file of nothing else.
RETURNED_LINES = "returned_lines"  # What a returned line that cannot be booked is set aside under.
_PAID = " UNION ALL ".join(
    f"SELECT key, rail, amount_minor FROM {table.__tablename__} WHERE state = 'paid'"  # noqa: S608  # Our own table.
    for table in ORDER_TABLES.values()
)
_RETURNED = text(f"""
SELECT l.id, l.key, l.reference, -l.amount_minor AS paid_minor, l.amount_minor, l.currency
FROM statement_line l JOIN ({_PAID}) AS p ON p.key = l.key AND p.rail = l.source
WHERE l.source = CAST(:source AS varchar) AND l.state = 'open' AND l.kind = 'returned' AND l.amount_minor = p.amount_minor
  AND NOT EXISTS (SELECT FROM set_aside s WHERE s.loop = '{RETURNED_LINES}' AND s.subject = l.id AND s.again_at > :now)
ORDER BY l.at, l.id LIMIT 500
""")  # noqa: S608  # Names of our own tables.

# What came back of cards' paid orders by open lines none of which has the whole amount, with what is booked of it already.
_IN_PART = text("""
SELECT l.key, l.currency, sum(l.amount_minor) + (
    SELECT coalesce(sum(r.amount_minor), 0) FROM part_return r WHERE r.key = l.key AND r.agreed_at IS NOT NULL) AS minor
FROM statement_line l JOIN payout p ON p.key = l.key AND p.rail = l.source AND p.state = 'paid' AND p.currency = l.currency
WHERE l.source = CAST(:source AS varchar) AND l.state = 'open' AND l.kind = 'returned' AND l.amount_minor > 0
GROUP BY l.key, l.currency HAVING bool_and(l.amount_minor <> p.amount_minor) ORDER BY l.key LIMIT 500
""")


class Matching:
    """Runs over one source at a time, in one transaction under one lock."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def run(self, source: StatementSource) -> int:
        """Match what is open of the source and write the breaks of what stays; return how many lines were matched."""
        async with self._database.transaction() as session:
            return await self.run_in(session, source)

    async def run_in(self, session: AsyncSession, source: StatementSource) -> int:
        """Do so in the caller's transaction, which holds the lock of matching until its end."""
        await acquire(session, AdvisoryLock.MATCHING)
        rules, now = self._rules(source), self._now()
        await expectations.all_from_books(session, source)
        for key, line in await matching.proved(session, source):
            session.add(AuditRow(actor="machine", act="statement:order:paid", subject=key, facts={"line": line}))
        total = await matching.match(session, source, rules)
        if await self._money_back(session, source, now):
            await expectations.all_from_books(session, source)
            total += await matching.match(session, source, rules)
        await self._cancel_out(session, source, now)
        await self._end(session, source, now)
        return total + await self._judge(session, source, rules)

    async def judge(self, statement_id: str) -> None:
        """Match an imported file and find what no statement shows of the days that it makes complete."""
        async with self._database.transaction() as session:
            row = await session.get_one(StatementRow, statement_id)
            if row.state is not StatementState.IMPORTED or row.judged_at is not None or row.source is None:
                return
            await self.run_in(session, row.source)
            rules = self._rules(row.source)
            days, currencies = await complete_days(session, row, rules)
            while missing := await matching.not_there(session, row.source, row.account, days, currencies):
                await self._write(session, row.source, missing)
                if len(missing) < matching.AT_ONCE:
                    break
            await self._opening(session, row)
            row.judged_at = self._now()

    async def _opening(self, session: AsyncSession, row: StatementRow) -> None:
        """Make work of money that was in the account before its first statement and is not in our books."""
        if row.source is None or row.opening_minor is None or row.first_day is None:
            return
        earlier = select(StatementRow.account).where(
            StatementRow.source == row.source, StatementRow.state == StatementState.IMPORTED,
            StatementRow.opening_minor.is_not(None), StatementRow.id != row.id, StatementRow.currency == row.currency,
        )  # fmt: skip
        others = set((await session.execute(earlier)).scalars())
        if row.account in others:
            return
        began = datetime.combine(row.first_day, time(), BUSINESS_ZONE)
        before = began - timedelta(microseconds=1)
        ours = (
            0 if others else (await ledger.balance_at(session, row.source.own.code, before, row.currency)).amount_minor
        )
        if (difference := row.opening_minor - ours) != 0:
            day = row.first_day - timedelta(days=1)
            found = FoundBreak(
                BreakKind.MISSING_HERE, row.account, day, before, None, None, difference, difference, row.currency
            )  # fmt: skip
            await self._write(session, row.source, [found])

    async def _money_back(self, session: AsyncSession, source: StatementSource, now: datetime) -> int:
        """Book what a line says came back of a paid order: the exact key and amount, and keep other amounts for people. A line that fails is set aside alone."""
        booked = 0
        for line in (await session.execute(_RETURNED, {"source": source.value, "now": now})).all():
            amount = Money(line.amount_minor, Currency(line.currency))
            kind = kind_by_key(line.key)
            async with apart_within(session, RETURNED_LINES, line.id):
                booked += await kind.returned(session, line.key, amount, line.reference or None, now) is Found.BOOKED
        for back in (await session.execute(_IN_PART, {"source": source.value})).all():
            async with apart_within(session, RETURNED_LINES, back.key):
                await said_in_part(session, back.key, Money(int(back.minor), Currency(back.currency)), now)
        return booked

    async def _cancel_out(self, session: AsyncSession, source: StatementSource, now: datetime) -> None:
        """Set lines against each other by which the money of a refused order left and came back: our books have neither.

        Each stays in the figures of its own day as a difference that was ignored.
        """
        while found := await matching.came_back(session, source):
            for line_id in found:
                line = await session.get_one(StatementLineRow, line_id, with_for_update=True, populate_existing=True)
                open_one = select(BreakRow).where(BreakRow.line_id == line_id, BreakRow.state != BreakState.CLOSED)
                row = (await session.execute(open_one.with_for_update())).scalar_one_or_none()
                if row is None:
                    row = BreakRow(**self._facts(source, _of_line(line)))
                    session.add(row)
                elif row.task_id is not None:
                    await close_work(session, row.task_id, now)
                row.state, row.verb, row.closed_at = BreakState.CLOSED, Verb.IGNORE, now
                row.policy_version = reconciliation_in_force(business_day(now)).version
                line.state = LineState.IGNORED
            await session.flush()

    async def _judge(self, session: AsyncSession, source: StatementSource, rules: SourceRules) -> int:
        """Post what the rules allow to post automatically, and write breaks for the rest; return how many lines were matched so."""
        posted = await self._round(session, source, await matching.near(session, source, rules), rules)
        for _ in range(ROUNDS_MAX):
            found = await matching.new_breaks(session, source, rules)
            breaks = []
            for one in found:
                against = automatic(one, rules)
                if against is None:
                    breaks.append(one)
                else:
                    await self._post(session, source, one, against)
            posted += len(found) - len(breaks)
            await self._write(session, source, breaks)
            if len(found) < matching.AT_ONCE:
                break
        if posted:
            await expectations.all_from_books(session, source)
            await matching.match(session, source, rules)
        return posted

    async def _round(
        self, session: AsyncSession, source: StatementSource, pairs: Sequence[FoundBreak], rules: SourceRules
    ) -> int:
        """Post the differences of pairs that nothing but their amounts joins, where the rules allow it; return how many."""
        allowed = [(one, against) for one in pairs if (against := automatic(one, rules)) is Against.ROUNDING]
        for one, against in allowed:
            await self._post(session, source, one, against)
        return len(allowed)

    async def _post(self, session: AsyncSession, source: StatementSource, found: FoundBreak, against: Against) -> None:
        line, currency = str(found.line_id), Currency(found.currency)
        ours = None if found.ours_minor is None else Money(found.ours_minor, currency)
        postings = adjustment(source, against, Money(found.amount_minor, currency), ours)
        cause = line_cause(line)
        await ledger.post(
            session, adjusted_key(cause), found.card_id, ADJUSTED, postings, happened_on=found.day, cause=cause
        )  # fmt: skip
        session.add(self._closed(source, found, against, adjusted_key(cause)))
        if found.entry_id is not None:
            matched = {"state": LineState.AUTO, "entry_id": found.entry_id}
            await session.execute(update(StatementLineRow).where(StatementLineRow.id == line).values(matched))

    def _closed(self, source: StatementSource, found: FoundBreak, against: Against, key: str) -> BreakRow:
        """What the rules decided by themselves, kept as what a person decides: where each adjustment went and why."""
        now = self._now()
        return BreakRow(
            **self._facts(source, found), state=BreakState.CLOSED, against=against, posted_key=key, closed_at=now,
            verb=Verb.CREATE if found.entry_id is None else Verb.EDIT,
            policy_version=reconciliation_in_force(business_day(now)).version,
        )  # fmt: skip

    def _facts(self, source: StatementSource, found: FoundBreak) -> dict[str, Any]:
        return {
            "id": new_id(), "kind": found.kind, "source": source, "account": found.account, "day": found.day,
            "line_id": found.line_id, "entry_id": found.entry_id, "amount_minor": found.amount_minor,
            "difference_minor": found.difference_minor, "currency": Currency(found.currency), "since": found.since,
            "found_at": self._now(),
        }  # fmt: skip

    async def _write(self, session: AsyncSession, source: StatementSource, found: Sequence[FoundBreak]) -> None:
        session.add_all(BreakRow(**self._facts(source, one)) for one in found)
        await session.flush()

    async def _end(self, session: AsyncSession, source: StatementSource, now: datetime) -> None:
        """Close the breaks whose other side arrived."""
        while ended := await matching.over(session, source):
            for break_id in ended:
                row = await session.get_one(BreakRow, break_id, with_for_update=True, populate_existing=True)
                if row.task_id is not None:
                    await close_work(session, row.task_id, now)
                row.state, row.verb, row.closed_at = BreakState.CLOSED, Verb.FOUND, now
            await session.flush()

    def _rules(self, source: StatementSource) -> SourceRules:
        return reconciliation_in_force(business_day(self._now())).sources[source]


def _of_line(line: StatementLineRow) -> FoundBreak:
    return FoundBreak(
        BreakKind.MISSING_HERE, line.account, line.day, line.at, line.id, None, line.amount_minor, line.amount_minor,
        line.currency,
    )  # fmt: skip


def automatic(found: FoundBreak, rules: SourceRules) -> Against | None:
    """Return where the rules post a difference without a person; None: a person decides."""
    if found.line_id is None:
        return None
    return posts_itself(found.kind, found.amount_minor, found.difference_minor, found.ours_minor, rules)


async def complete_days(
    session: AsyncSession, row: StatementRow, rules: SourceRules
) -> tuple[list[date], frozenset[Currency]]:
    """Return the days that are complete with this file, they and the days within the window after them having statements, and
    the currencies of these: no statement shows what our books have in another one.
    """
    if row.first_day is None or row.last_day is None:
        return [], frozenset()
    first, window = row.first_day - timedelta(days=rules.window_days), rules.window_days
    wanted = (
        StatementRow.source == row.source,
        StatementRow.state == StatementState.IMPORTED,
        StatementRow.last_day >= first,
        StatementRow.first_day <= row.last_day + timedelta(days=window),
    )
    covered: dict[str, set[date]] = {}
    currencies = {row.currency}
    for other in (await session.execute(select(StatementRow).where(*wanted))).scalars():
        covered.setdefault(other.account, set()).update(_span(other.first_day, other.last_day))
        currencies.add(other.currency)
    accounts = [row.account] if row.source is StatementSource.ISSUER else [*(rules.accounts or covered)]
    everywhere = set.intersection(*(covered.get(one, set()) for one in accounts)) if accounts else set()
    days = [
        day
        for day in _span(first, row.last_day)
        if all(day + timedelta(days=after) in everywhere for after in range(window + 1))
    ]
    return days, frozenset(currencies)


def _span(first: date | None, last: date | None) -> list[date]:
    if first is None or last is None:
        return []
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
