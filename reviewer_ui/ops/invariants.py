"""What must always hold: each invariant in words, what the newest checks found, and what a failure means."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from fastapi import APIRouter
from sqlalchemy import select
from starlette.requests import Request
from starlette.responses import Response

from database.invariants import INVARIANTS
from database.tables.ops.health import InvariantResultRow
from domain.errors.people import NotAllowed
from domain.people.roles import Permission
from reviewer_ui.visit import At, Shell, SignedIn, shell

router = APIRouter(prefix="/operations/invariants")
SAID_SHOWN = 5
# Beside the classes: what a whole check compares with the outside world.
OUTSIDE = (("I12", "outside_agrees"), ("CLOCK", "clocks_agree"))


class CheckState(StrEnum):
    """What is known of an invariant."""

    BROKEN = "broken"
    UNFINISHED = "unfinished"  # The newest check took longer than it may.
    SOUND = "sound"
    UNCHECKED = "unchecked"


@dataclass(frozen=True)
class InvariantView:
    """One invariant: the newest check of everything, and of what is recent where it is checked often."""

    code: str
    name: str
    state: CheckState
    often: bool
    broken: int
    broken_since: datetime | None
    said: tuple[str, ...]
    recent_at: datetime | None
    whole_at: datetime | None
    took_ms: int


@dataclass(frozen=True)
class InvariantsContext:
    """Every invariant, what is broken first."""

    shell: Shell
    invariants: tuple[InvariantView, ...]
    broken: int
    checked: bool


@router.get("")
async def show(request: Request, console: At, person: SignedIn) -> Response:
    """Show every invariant. Refuses NotAllowed to who sees neither operations nor the books."""
    if not person.may(Permission.SEE_OPERATIONS) and not person.may(Permission.SEE_BOOKS):
        raise NotAllowed(permission=Permission.SEE_BOOKS.value)
    async with console.services.database.transaction() as session:
        rows = {(row.name, row.whole): row for row in (await session.execute(select(InvariantResultRow))).scalars()}
    known = [(one.code, one.name, one.often) for one in INVARIANTS]
    known += [(code, name, False) for code, name in OUTSIDE]
    views = [_view(code, name, often, rows.get((name, False)), rows.get((name, True))) for code, name, often in known]
    order = list(CheckState)
    shown = tuple(sorted(views, key=lambda one: order.index(one.state)))
    broken = sum(one.state is CheckState.BROKEN for one in shown)
    context = InvariantsContext(shell(request, person), shown, broken, bool(rows))
    return await console.answer(request, "ops/invariants.html", context, block="invariants")


def _view(
    code: str, name: str, often: bool, recent: InvariantResultRow | None, whole: InvariantResultRow | None
) -> InvariantView:
    rows = [row for row in (recent, whole) if row is not None]
    said = tuple(dict.fromkeys(line for row in rows for line in row.said))[:SAID_SHOWN]
    since = [row.broken_since for row in rows if row.broken_since is not None]
    return InvariantView(
        code, name, _state(rows), often, max((row.broken for row in rows), default=0), min(since, default=None), said,
        recent.checked_at if recent else None, whole.checked_at if whole else None,
        max((row.took_ms for row in rows), default=0),
    )  # fmt: skip


def _state(rows: list[InvariantResultRow]) -> CheckState:
    if any(row.broken for row in rows):
        return CheckState.BROKEN
    if any(not row.finished for row in rows):
        return CheckState.UNFINISHED
    return CheckState.SOUND if rows else CheckState.UNCHECKED
