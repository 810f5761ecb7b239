"""What a decision on a break would do: its postings, the accounts before and after, and what belongs together then.

The preview on the page and the act itself are made of the same plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import ledger
from database.repositories.matching import listed
from database.tables.finance.statements import BreakRow, ExpectationRow, StatementLineRow
from domain.errors.finance import BreakChanged, MoreThanOwed, VerbNotAllowed
from domain.errors.general import FieldInvalid
from domain.finance.breaks import ALLOWED, Against, Choice, Verb, adjustment, choices_against, needs_second
from domain.finance.chart import Sign
from domain.finance.ledger import Postings
from domain.finance.postings.statements import break_cause, line_cause
from domain.finance.postings.tax import TAX_WITHHELD
from domain.finance.statements import LineState
from domain.money import Currency, Money
from domain.rules.reconciliation import ReconciliationRules

LINK_MAX = 200
BIGINT_DIGITS = 18


@dataclass(frozen=True)
class Moves:
    """An account that a plan posts to: its balance before and after, and what is posted; a debit is positive."""

    code: str
    before: Money
    posted: Money
    after: Money


@dataclass(frozen=True)
class Plan:
    """What happens when a choice is carried out; nothing is posted where `postings` is empty.

    The line becomes `line_state` and belongs to the expectation `entry_id` (None: to none, or to what is posted).
    `closes_entry`: an expectation that no line belongs to is over. `difference` is what stays unlike or is posted.
    """

    verb: Verb
    postings: Postings
    moves: tuple[Moves, ...]
    cause: str
    day: date
    card_id: str | None
    line_id: str | None
    line_state: LineState | None
    entry_id: int | None
    closes_entry: int | None
    difference: Money
    second: bool
    listed: tuple[int, ...] = ()  # Expectations of the batch that the line settles.


@dataclass(frozen=True)
class Sides:
    """Both sides of a break as they are now; None where there is none."""

    line: StatementLineRow | None
    entry: ExpectationRow | None


async def sides_of(session: AsyncSession, row: BreakRow) -> Sides:
    """Return the line and the expectation of a break."""
    line = None if row.line_id is None else await session.get(StatementLineRow, row.line_id, populate_existing=True)
    entry = None if row.entry_id is None else await session.get(ExpectationRow, row.entry_id, populate_existing=True)
    return Sides(line, entry)


async def planned(session: AsyncSession, row: BreakRow, choice: Choice, rules: ReconciliationRules) -> Plan:
    """Return what the choice would do.

    Refuse VerbNotAllowed, FieldInvalid (`against`, `link`), MoreThanOwed, and BreakChanged when a side was matched meanwhile.
    """
    if choice.verb not in ALLOWED[row.kind]:
        raise VerbNotAllowed(verb=choice.verb.value, kind=row.kind.value)
    sides = await sides_of(session, row)
    line, entry = await _chosen(session, row, choice, sides)
    if line is not None and line.state is not LineState.OPEN:
        raise BreakChanged()
    if entry is not None and not await is_free(session, entry):
        raise BreakChanged()
    says = None if line is None else Money(line.amount_minor, line.currency)
    if row.line_id is None and row.entry_id is None:  # What was in the account before its first statement.
        says = Money(row.amount_minor, row.currency)
    ours = None if entry is None else Money(entry.amount_minor, entry.currency)
    batch = {} if line is None or entry is not None else await listed(session, line.id)
    if line is not None and batch:
        ours = Money(sum(batch.values()), line.currency)
    postings: Postings = ()
    if choice.verb is not Verb.IGNORE and says != ours:
        postings = adjustment(row.source, _against(row, choice), says, ours)
    difference = _difference(says, ours)
    forced = choice.verb is Verb.REPLACE_LINK and bool(postings)
    state = None if line is None else _state(choice.verb, has_entry=ours is not None, forced=forced)
    return Plan(
        choice.verb, postings, await _moves(session, postings), _cause(row, line),
        row.day if line is None else line.day, None if entry is None else entry.card_id, None if line is None else line.id,
        state, entry.entry_id if line is not None and entry is not None else None,
        entry.entry_id if line is None and entry is not None else None, difference,
        difference.currency is not Currency.CNY  # What one may adjust alone is an amount in yuan.
        or needs_second(difference.amount_minor, forced=forced, alone_max_minor=rules.alone_max_minor),
        tuple(batch),
    )  # fmt: skip


async def is_free(session: AsyncSession, entry: ExpectationRow) -> bool:
    """Return whether no line and no break has the expectation."""
    if entry.line_id is not None or entry.break_id is not None or entry.cancelled_by is not None:
        return False
    taken = select(StatementLineRow.id).where(StatementLineRow.entry_id == entry.entry_id)
    return (await session.execute(taken)).first() is None


async def _chosen(
    session: AsyncSession, row: BreakRow, choice: Choice, sides: Sides
) -> tuple[StatementLineRow | None, ExpectationRow | None]:
    """The two that the choice is about. What a payment listed twice repeats is not its own: only a link makes it so."""
    if choice.verb is Verb.REPLACE_LINK:
        if row.line_id is None and row.entry_id is None:
            raise VerbNotAllowed(verb=choice.verb.value, kind=row.kind.value)
        if row.line_id is None:
            return await _line(session, row, choice.link), sides.entry
        return sides.line, await _entry(session, row, choice.link)
    twice = sides.line is not None and sides.entry is not None and not await is_free(session, sides.entry)
    return sides.line, None if twice else sides.entry


async def _line(session: AsyncSession, row: BreakRow, link: str) -> StatementLineRow:
    found = await session.get(StatementLineRow, link[:LINK_MAX], populate_existing=True)
    if found is None or found.source is not row.source:
        raise FieldInvalid(field="link", why="not_expected" if link else "missing")
    return found


async def _entry(session: AsyncSession, row: BreakRow, link: str) -> ExpectationRow:
    number = int(link) if link.isascii() and link.isdigit() and len(link) <= BIGINT_DIGITS else 0
    found = await session.get(ExpectationRow, number, populate_existing=True)
    if found is None or found.source is not row.source:
        raise FieldInvalid(field="link", why="not_expected" if link else "missing")
    return found


def _against(row: BreakRow, choice: Choice) -> Against:
    if choice.against is None or choice.against not in choices_against(row.source):
        raise FieldInvalid(field="against", why="missing")
    return choice.against


def _state(verb: Verb, *, has_entry: bool, forced: bool) -> LineState:
    if verb is Verb.IGNORE and not has_entry:
        return LineState.IGNORED
    return LineState.FORCE if forced else LineState.MANUAL


def _cause(row: BreakRow, line: StatementLineRow | None) -> str:
    return break_cause(row.id) if line is None else line_cause(line.id)


def _difference(says: Money | None, ours: Money | None) -> Money:
    """What the statement has more; of two currencies the statement's amount, which is booked whole."""
    if says is None or ours is None:
        return says or (-ours if ours is not None else Money(0))
    return says - ours if says.currency is ours.currency else says


async def _moves(session: AsyncSession, postings: Postings) -> tuple[Moves, ...]:
    found = []
    for one in postings:
        before = await ledger.balance(session, one.account.code, one.amount.currency)
        owed = one.account.of.sign is Sign.CREDIT or one.account == TAX_WITHHELD
        if owed and one.amount.amount_minor > 0 and (before + one.amount).amount_minor > 0:
            raise MoreThanOwed(owed=str(-before), amount=str(one.amount))
        found.append(Moves(one.account.code, before, one.amount, before + one.amount))
    return tuple(found)
