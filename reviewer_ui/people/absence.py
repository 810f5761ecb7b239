"""Absences as forms: a person declares their own here, and the people's page uses the same for others."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.people import accounts as reads
from database.tables.columns import now
from database.tables.people import AbsenceRow
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, NotFound
from domain.work.snooze import local_moment
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, QueueReader, Shell, see_other, shell
from services.people.absences import Absences
from web.words import zone_of

router = APIRouter(prefix="/account/absence")
Line = Annotated[str, Form(max_length=80)]
HERE = "/account/absence"


@dataclass(frozen=True)
class AbsenceForm:
    """What was typed, both moments as the browser sends them: `2026-11-24T09:00` on the person's own clock."""

    starts_at: str = ""
    ends_at: str = ""
    stand_in: str = ""
    only_delegates: bool = False


def typed_absence(starts_at: Line = "", ends_at: Line = "", stand_in: Line = "", delegation: Line = "") -> AbsenceForm:
    """Read the form as a browser sends it."""
    return AbsenceForm(starts_at, ends_at, stand_in, delegation == "yes")


AbsenceTyped = Annotated[AbsenceForm, Depends(typed_absence)]


@dataclass(frozen=True)
class AbsenceLine:
    """One absence with its state: over, called_off, now or to_come. It can be cancelled until it is over."""

    id: str
    starts_at: datetime
    ends_at: datetime
    stand_in: str
    away: bool
    state: str

    @property
    def open(self) -> bool:
        """Whether it can still be called off."""
        return self.state in ("now", "to_come")


@dataclass(frozen=True)
class AbsenceContext:
    """One's own absences; after a refusal the form is as it was typed."""

    shell: Shell
    absences: tuple[AbsenceLine, ...]
    colleagues: dict[str, str]
    timezone: str
    form: AbsenceForm
    refusal: Refusal | None


@router.get("")
async def show(request: Request, console: At, person: QueueReader) -> Response:
    """Show what the person has declared, and the form for more."""
    return await _page(request, console, person, AbsenceForm(), None)


@router.post("")
async def declare(request: Request, console: At, person: QueueReader, form: AbsenceTyped) -> Response:
    """Declares one's own absence, or a mere delegation."""
    try:
        await declared(console.absences, person.id, person.id, form, person.timezone)
    except Refusal as refusal:
        return await _page(request, console, person, form, refusal)
    return see_other(HERE)


@router.post("/{absence_id}/call-off")
async def call_off(console: At, person: QueueReader, absence_id: str) -> Response:
    """End one of one's own absences. Refuse NotFound for those of others."""
    await require_of(console, absence_id, person.id)
    await console.absences.call_off(person.id, absence_id)
    return see_other(HERE)


async def declared(absences: Absences, by: str, person: str, form: AbsenceForm, timezone: str) -> None:
    """Declares what the form says on the clock of `timezone`. Refuses FieldInvalid, and what `Absences.declare` refuses."""
    zone = zone_of(timezone)
    for field, typed in (("starts_at", form.starts_at), ("ends_at", form.ends_at)):
        if not typed.strip():
            raise FieldInvalid(field=field, why="missing")
    starts = local_moment(form.starts_at, zone, "starts_at")
    ends = local_moment(form.ends_at, zone, "ends_at")
    stand_in, away = form.stand_in or None, not form.only_delegates
    await absences.declare(by, person, starts, ends, stand_in=stand_in, away=away)


async def require_of(console: Console, absence_id: str, person: str) -> None:
    """Refuses NotFound unless the absence is this person's."""
    async with console.services.database.transaction() as session:
        row = await session.get(AbsenceRow, absence_id)
    if row is None or row.person_id != person:
        raise NotFound(absence=absence_id[:26])


def lines(rows: tuple[AbsenceRow, ...], names: dict[str, str], moment: datetime) -> tuple[AbsenceLine, ...]:
    """Prepare the absences for the page, with their stand-ins' names."""
    return tuple(
        AbsenceLine(
            row.id, row.starts_at, row.ends_at, names.get(row.stand_in or "", ""), row.away, _state(row, moment)
        )
        for row in rows
    )


def _state(row: AbsenceRow, moment: datetime) -> str:
    if row.ended_at is not None:
        return "called_off"
    if row.ends_at <= moment:
        return "over"
    return "now" if row.starts_at <= moment else "to_come"


async def _page(
    request: Request, console: Console, person: Person, form: AbsenceForm, refusal: Refusal | None
) -> Response:
    async with console.services.database.transaction() as session:
        rows, names = await reads.absences(session, person.id), await reads.all_names(session)
        colleagues = await reads.colleagues(session, person.id)
    context = AbsenceContext(
        shell=shell(request, person),
        absences=lines(rows, names, now()),
        colleagues=colleagues,
        timezone=person.timezone,
        form=form,
        refusal=refusal,
    )
    status = refusal.http_status if refusal else 200
    return await console.answer(request, "people/absence.html", context, status=status)
