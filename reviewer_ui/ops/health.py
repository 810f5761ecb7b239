"""How the installation fares, measure by measure, and the runbook: what each trouble means and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request
from starlette.responses import Response

from database.reads.ops.health import readings
from database.tables.columns import now
from domain.ops.health import SCALES, Reading, State, worst
from domain.ops.runbook import Topic, page_of, section_of
from domain.people.roles import Permission
from reviewer_ui.navigation import PAGES
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Shell, allowed, shell
from services.notices.quantities import quantity
from web.locale import locale_of

router = APIRouter(prefix="/operations")
Operator = Annotated[Person, Depends(allowed(Permission.SEE_OPERATIONS))]
_ORDER = (State.BROKEN, State.UNKNOWN, State.ATTENTION, State.OK)
# The facts behind a value in their order, with what each counts; empty for words.
_QUANTITIES = {
    "used": "count", "most": "count", "processes": "count", "queues": "count", "free_bytes": "bytes", "oldest_s": "s",
    "writable": "", "file": "", "name": "",
}  # fmt: skip


@dataclass(frozen=True)
class MeasureView:
    """One measure in words: its value, the facts behind it, and where it is explained."""

    topic: Topic
    state: State
    value: str
    facts: tuple[tuple[str, str], ...]
    parts: tuple[str, ...]
    never: bool
    absent: bool
    taken_at: datetime | None
    section: str
    page: str


@dataclass(frozen=True)
class Strip:
    """The whole in a line: its state, and how many measures have each."""

    state: State
    counts: tuple[tuple[State, int], ...]


@dataclass(frozen=True)
class HealthContext:
    """Every measure, those that need attention first."""

    shell: Shell
    strip: Strip
    measures: tuple[MeasureView, ...]


@dataclass(frozen=True)
class RunbookContext:
    """Every section of the runbook, with the address and title of the page on which its trouble is seen."""

    shell: Shell
    sections: tuple[tuple[Topic, str, str], ...]


@router.get("/health")
async def show(request: Request, console: At, person: Operator) -> Response:
    """Every measure."""
    moment, locale = now(), locale_of(request)
    async with console.services.database.transaction() as session:
        found = await readings(session, moment)
    ordered = sorted(found, key=lambda one: _ORDER.index(one.state))
    context = HealthContext(shell(request, person), strip_of(found), tuple(_view(one, locale) for one in ordered))
    return await console.answer(request, "ops/health.html", context, block="measures")


@router.get("/runbook")
async def runbook(request: Request, console: At, person: Operator) -> Response:
    """Show what each trouble means, where it is seen, what to do, and what to expect then."""
    titles = {page.address: page.key for page in PAGES}
    sections = tuple((topic, page_of(topic), titles[page_of(topic).partition("?")[0]]) for topic in Topic)
    return await console.answer(request, "ops/runbook.html", RunbookContext(shell(request, person), sections))


async def strip(session: AsyncSession, moment: datetime) -> Strip:
    """Return the whole in a line."""
    return strip_of(await readings(session, moment))


def strip_of(found: tuple[Reading, ...]) -> Strip:
    """Sum readings up."""
    states = [one.state for one in found]
    return Strip(worst(states), tuple((state, states.count(state)) for state in _ORDER if state in states))


def _view(one: Reading, locale: str) -> MeasureView:
    found, unit = one.found, SCALES[one.found.measure].unit
    named = sorted((name for name in found.facts if name != "never"), key=list(_QUANTITIES).index)
    facts = tuple((name, _fact(name, found.facts[name], locale)) for name in named)
    value = "" if found.value is None or found.absent else quantity(found.value, unit.value, locale)
    topic = found.measure.topic
    return MeasureView(
        topic, one.state, value, facts, tuple(found.parts), "never" in found.facts, found.absent, one.taken_at,
        section_of(topic), page_of(topic),
    )  # fmt: skip


def _fact(name: str, value: str, locale: str) -> str:
    return quantity(float(value), _QUANTITIES[name], locale) if _QUANTITIES[name] else value
