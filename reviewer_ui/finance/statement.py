"""One statement: how its import goes, what it says, its lines with what they were matched with, and those that were rejected."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import reconciliation as reads
from database.repositories.audit import by_person
from database.sealed import STATEMENT_REJECTED
from database.session import Database
from database.tables.finance.statements import StatementLineRow, StatementRow
from database.tables.people import PersonRow
from domain.errors.base import Refusal
from domain.finance.statements import LineState, Rejected, StatementState
from domain.money import Money
from domain.people.roles import Permission
from domain.sealing import KeyRing
from languages import translate
from reviewer_ui.finance.reconciliation import refusal_of
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, PayoutReader, Shell, allowed, shell
from web import spreadsheet
from web.forms import member_of
from web.locale import locale_of

router = APIRouter(prefix="/reconciliation/statements")
Reconciler = Annotated[Person, Depends(allowed(Permission.RECONCILE))]
REJECTED_SHOWN, ROWS_AT_ONCE = 20, 1_000


@dataclass(frozen=True)
class RejectedView:
    """A rejected line: where, why, and how it reads."""

    number: int
    why: Rejected
    text: str


@dataclass(frozen=True)
class StatementContext:
    """The page of a file; texts of rejected lines are for people who reconcile."""

    shell: Shell
    row: StatementRow
    by: str
    refusal: Refusal | None
    known: bool  # The same bytes were brought before.
    counts: dict[LineState, int]
    states: tuple[LineState, ...]
    chosen: LineState | None
    lines: tuple[StatementLineRow, ...]
    breaks: dict[str, str]
    next_after: int | None
    rejected: tuple[RejectedView, ...]
    rejected_counts: dict[Rejected, int]
    opening: Money | None
    came: Money
    went: Money
    closing: Money | None
    may: bool
    moving: bool


@router.get("/{statement_id}")
async def show(
    request: Request, console: At, person: PayoutReader, statement_id: str,
    state: Annotated[str, Query(max_length=20)] = "", after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0, known: str = "",
) -> Response:  # fmt: skip
    """Show the file."""
    chosen = member_of(LineState, state)
    may = person.may(Permission.RECONCILE)
    async with console.services.database.transaction() as session:
        row = await reads.statement(session, statement_id)
        lines = await reads.lines_of(session, row.id, chosen, after)
        breaks = await reads.breaks_of_lines(session, lines)
        counts = await reads.counts_of(session, row.id)
        why = await reads.rejected_counts(session, row.id)
        rejected = await reads.rejected_of(session, row.id, 0, REJECTED_SHOWN) if may else []
        bringer = await session.get(PersonRow, row.brought_by.removeprefix("person:"))
    moving = row.state is StatementState.RECEIVED or (row.state is StatementState.IMPORTED and row.judged_at is None)
    context = StatementContext(
        shell=shell(request, person), row=row, by="" if bringer is None else bringer.name, refusal=refusal_of(row),
        known=known == "yes", counts=counts, states=tuple(LineState), chosen=chosen, lines=lines, breaks=breaks,
        next_after=lines[-1].number if len(lines) == reads.PAGE else None,
        rejected=tuple(
            RejectedView(one.number, one.why, _text(console.services.keyring, row.id, one.number, one.text_sealed))
            for one in rejected
        ),
        rejected_counts=why, opening=_money(row, row.opening_minor), came=Money(row.in_minor, row.currency),
        went=Money(row.out_minor, row.currency), closing=_money(row, row.closing_minor), may=may, moving=moving,
    )  # fmt: skip
    return await console.answer(request, "finance/statement.html", context, block="import")


@router.get("/{statement_id}/rejected.csv")
async def rejected(request: Request, console: At, person: Reconciler, statement_id: str) -> Response:
    """Serve every rejected line as a file, with its number and reason; on record, because lines name people."""
    async with console.services.database.transaction() as session:
        row = await reads.statement(session, statement_id)
        session.add(by_person(person.id, "console:statement:rejected", row.id, facts={"lines": str(row.rejected)}))
    heads = [translate(f"recon.rejected.{name}", locale_of(request)) for name in ("number", "why", "text")]
    rows = _rows(console.services.database, console.services.keyring, row.id, locale_of(request))
    return spreadsheet.download(f"rejected-{row.id[-6:]}", heads, rows)


async def _rows(
    database: Database, keyring: KeyRing, statement_id: str, locale: str
) -> AsyncIterator[Sequence[spreadsheet.Cell]]:
    """Yield the rows: however many there are, a thousand are in memory."""
    after = 0
    while True:
        async with database.transaction() as session:
            found = await reads.rejected_of(session, statement_id, after, ROWS_AT_ONCE)
        for one in found:
            why = translate(f"rejected.{one.why.value}", locale)
            yield one.number, why, _text(keyring, statement_id, one.number, one.text_sealed)
        if len(found) < ROWS_AT_ONCE:
            return
        after = found[-1].number


def _text(keyring: KeyRing, statement_id: str, number: int, sealed: bytes) -> str:
    return STATEMENT_REJECTED.open(keyring, f"{statement_id}:{number}", sealed)


def _money(row: StatementRow, minor: int | None) -> Money | None:
    return None if minor is None else Money(minor, row.currency)
