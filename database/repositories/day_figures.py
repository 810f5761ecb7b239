"""One day of one source in figures: what its statements say, what our books say, and every reason why both differ."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import ledger
from database.repositories.matching import BACKDATED_DAYS, BOOKED
from domain.finance.statements import StatementSource
from domain.money import Currency
from domain.places import BUSINESS_ZONE
from domain.rules.reconciliation import SourceRules, accounts_on

LOOKED_BACK_DAYS = 92  # What was matched across days lies closer together.
# Of each account its newest statement up to the day; balances of days without movements are those of the day before. A bank may
# give a day in several files, in any order: each begins with what the one before left, and the last one is followed by none.
_STATEMENTS = text("""
SELECT s.account, s.currency, s.file_name AS name, s.first_day, s.last_day, s.opening_minor, s.closing_minor, s.in_minor, s.out_minor, s.rejected,
       (SELECT before.closing_minor FROM statement before
        WHERE before.source = s.source AND before.account = s.account AND before.state = 'imported'
          AND before.last_day <= :day AND before.closing_minor IS NOT NULL
        ORDER BY before.last_day DESC, EXISTS (
            SELECT FROM statement later
            WHERE later.source = s.source AND later.account = s.account AND later.state = 'imported' AND later.id <> before.id
              AND later.last_day = before.last_day AND later.opening_minor = before.closing_minor
              AND later.opening_minor <> later.closing_minor
          ), before.ended_at DESC LIMIT 1) AS known_minor,
       s.opening_minor IS NULL OR EXISTS (
           SELECT FROM statement before
           WHERE before.source = s.source AND before.account = s.account AND before.state = 'imported' AND before.id <> s.id
             AND before.last_day <= s.last_day AND before.closing_minor = s.opening_minor
             AND (before.last_day >= s.first_day OR before.last_day = (
                SELECT max(last.last_day) FROM statement last
                WHERE last.source = s.source AND last.account = s.account AND last.state = 'imported'
                  AND last.last_day < s.first_day AND last.closing_minor IS NOT NULL))
       ) OR NOT EXISTS (
           SELECT FROM statement before
           WHERE before.source = s.source AND before.account = s.account AND before.state = 'imported'
             AND before.last_day < s.first_day AND before.closing_minor IS NOT NULL
       ) AS follows
FROM statement s
WHERE s.source = CAST(:source AS varchar) AND s.state = 'imported' AND :day BETWEEN s.first_day AND s.last_day
ORDER BY s.account, s.ended_at
""")
_FIRST = text("""
SELECT min(first_day) FROM statement WHERE source = CAST(:source AS varchar) AND state = 'imported'
""")
# An expectation counts from the day on which it was posted, as the books' balance does, also where it belongs to an earlier one.
_SUMS = text(f"""
SELECT
  (SELECT coalesce(sum(amount_minor), 0) FROM statement_line
   WHERE source = CAST(:source AS varchar) AND state = 'open' AND day <= :day AND day >= :first AND currency = 'CNY') AS lines,
  (SELECT coalesce(sum(x.amount_minor), 0) FROM expectation x
   WHERE x.source = CAST(:source AS varchar) AND x.day BETWEEN :back AND :day AND {BOOKED} BETWEEN :recent AND :day AND x.currency = 'CNY'
     AND x.line_id IS NULL AND x.break_id IS NULL
     AND NOT EXISTS (SELECT FROM statement_line o WHERE o.entry_id = x.entry_id)) AS recent,
  (SELECT coalesce(sum(x.amount_minor), 0) FROM statement_break b JOIN expectation x ON x.entry_id = b.entry_id
   WHERE b.source = CAST(:source AS varchar) AND b.state <> 'closed' AND b.kind <> 'duplicate' AND {BOOKED} < :recent
     AND {BOOKED} >= :first AND x.currency = 'CNY') AS older,
  (SELECT coalesce(sum(difference_minor), 0) FROM statement_break
   WHERE source = CAST(:source AS varchar) AND verb = 'ignore' AND state = 'closed' AND day <= :day AND currency = 'CNY') AS ignored,
  (SELECT coalesce(sum(difference_minor), 0) FROM statement_break
   WHERE source = CAST(:source AS varchar) AND state <> 'closed' AND line_id IS NULL AND entry_id IS NULL AND day <= :day AND currency = 'CNY') AS opening,
  (SELECT coalesce(sum(x.amount_minor), 0) FROM expectation x
   LEFT JOIN statement_line l ON l.id = x.line_id OR (x.line_id IS NULL AND l.entry_id = x.entry_id)
   LEFT JOIN statement_break b ON b.id = x.break_id
   WHERE x.source = CAST(:source AS varchar) AND x.day BETWEEN :back AND :ahead AND {BOOKED} > :day AND {BOOKED} <= :ahead AND x.currency = 'CNY'
     AND (l.day <= :day OR (x.cause LIKE 'break:%' AND b.day <= :day))) AS booked_later,
  (SELECT coalesce(sum(x.amount_minor), 0) FROM statement_line l
   JOIN expectation x ON x.entry_id = l.entry_id OR (l.entry_id IS NULL AND x.line_id = l.id)
   WHERE l.source = CAST(:source AS varchar) AND l.day > :day AND l.day <= :ahead AND l.state <> 'open' AND {BOOKED} <= :day
     AND {BOOKED} >= :first AND x.currency = 'CNY') AS seen_later
""")  # noqa: S608  # A condition of ours.
_OPEN = text("""
SELECT count(*) AS breaks, coalesce(sum(abs(difference_minor)) FILTER (WHERE currency = 'CNY'), 0) AS open_minor,
       count(*) FILTER (WHERE currency <> 'CNY') AS foreign_breaks,
       count(*) FILTER (WHERE since < :late) AS late
FROM statement_break WHERE source = CAST(:source AS varchar) AND state <> 'closed' AND day <= :day
""")


@dataclass(frozen=True)
class OfAccount:
    """What one file of an account says of the day; None where the format has no balances."""

    account: str
    name: str
    opening_minor: int | None
    closing_minor: int | None
    follows: bool  # The opening balance is what the file before left, of the day before or of the same day.
    rejected: int


@dataclass(frozen=True)
class DayFigures:
    """A day, in minor units of CNY; what is kept there in other currencies is matched and judged, and counts in no sum.

    `statement_minor` = `books_minor` + `lines_minor` (only there) − `entries_minor` (only here) + `ignored_minor`
    + `booked_later_minor` − `seen_later_minor` + `opening_minor` + `unexplained_minor`.
    """

    source: StatementSource
    day: date
    accounts: tuple[OfAccount, ...]
    missing: tuple[str, ...]  # Accounts of ours without a statement.
    in_minor: int
    out_minor: int
    statement_minor: int | None
    books_minor: int
    books_before_minor: int
    lines_minor: int
    entries_minor: int
    ignored_minor: int
    booked_later_minor: int
    seen_later_minor: int
    opening_minor: int
    breaks: int
    open_minor: int
    late: int
    first_day: date | None  # The first one that a statement of the source covers.
    foreign_breaks: int  # Those of the open ones that are in another currency.

    @property
    def unexplained_minor(self) -> int | None:
        """What none of the reasons explains; None without a statement."""
        if self.statement_minor is None:
            return None
        known = self.lines_minor - self.entries_minor + self.ignored_minor + self.booked_later_minor
        return self.statement_minor - self.books_minor - known + self.seen_later_minor - self.opening_minor

    @property
    def complete(self) -> bool:
        """Whether every account has its statement of the day."""
        return bool(self.accounts) and not self.missing


async def first_day(session: AsyncSession, source: StatementSource) -> date | None:
    """Return the first day that a statement of the source covers; None before there is one."""
    found: date | None = (await session.execute(_FIRST, {"source": source.value})).scalar_one()
    return found


async def figures(
    session: AsyncSession, source: StatementSource, day: date, rules: SourceRules, now: datetime
) -> DayFigures:
    """Return the day's figures as they are now, of the accounts that were ours on that day."""
    given = {"source": source.value, "day": day}
    rows = (await session.execute(_STATEMENTS, given)).all()
    began = await first_day(session, source)
    first = began or day
    recent = max(first, day - timedelta(days=rules.window_days))
    spans = {
        "first": first, "recent": recent, "back": recent - timedelta(days=BACKDATED_DAYS),
        "ahead": day + timedelta(days=LOOKED_BACK_DAYS),
    }  # fmt: skip
    sums = (await session.execute(_SUMS, {**given, **spans})).one()
    still = (await session.execute(_OPEN, {**given, "late": now - rules.late_after})).one()
    accounts = tuple(
        OfAccount(
            row.account, row.name, row.opening_minor, row.known_minor, row.follows, row.rejected,
        )
        for row in rows
    )  # fmt: skip
    there = {row.account for row in rows}
    rows_cny = [row for row in rows if row.currency == Currency.CNY]
    closing = {row.account: row.known_minor for row in rows_cny}
    known = [one for one in closing.values() if one is not None]
    return DayFigures(
        source, day, accounts, tuple(one for one in accounts_on(source, day) if one not in there),
        sum(row.in_minor for row in rows_cny), sum(row.out_minor for row in rows_cny),
        sum(known) if known and len(known) == len(closing) else None,
        (await ledger.balance_at(session, source.own.code, _end(day))).amount_minor,
        (await ledger.balance_at(session, source.own.code, _end(day - timedelta(days=1)))).amount_minor,
        int(sums.lines), int(sums.recent + sums.older), int(sums.ignored), int(sums.booked_later), int(sums.seen_later),
        int(sums.opening), still.breaks, int(still.open_minor), still.late, began, still.foreign_breaks,
    )  # fmt: skip


def _end(day: date) -> datetime:
    """The last moment of a business day."""
    return datetime.combine(day + timedelta(days=1), time(), BUSINESS_ZONE) - timedelta(microseconds=1)
