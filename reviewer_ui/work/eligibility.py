"""Who may take this task? A dry run of the rules for every reviewer, with what keeps each of them from it."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from database.tables.columns import now
from domain.money import Money
from domain.people.roles import Permission
from domain.work.kinds import kind_of
from reviewer_ui.brand_names import brand_names
from reviewer_ui.visit import At, QueueReader, Shell, require_sees, shell
from services.work.eligibility import Answer, who_may
from services.work.items import item

router = APIRouter(prefix="/review/tasks/{task_id}")


@dataclass(frozen=True)
class WhoContext:
    """The task in a line, and each person's eligibility, eligible people first."""

    shell: Shell
    card_id: str
    page: str
    card_type: str
    brand: str
    brands: dict[str, dict[str, str]]
    language: str
    value: Money
    answers: tuple[Answer, ...]
    able: int
    may_set_up: bool


@router.get("/who")
async def show(request: Request, console: At, person: QueueReader, task_id: str) -> Response:
    """Show the answers as they are at this moment; nothing is changed by asking."""
    async with console.services.database.transaction() as session:
        require_sees(person, (await item(session, task_id)).kind)
        task, answers = await who_may(session, task_id, now())
    context = WhoContext(
        shell=shell(request, person),
        card_id=task.card_id or "",
        page=kind_of(task.kind).page_of(task.id, task.card_id),
        card_type=task.card_type.value if task.card_type else "",
        brand=task.brand,
        brands=brand_names(),
        language=task.language,
        value=Money(task.value_minor),
        answers=answers,
        able=sum(not answer.reasons for answer in answers),
        may_set_up=person.may(Permission.MANAGE_PEOPLE),
    )
    return await console.answer(request, "work/eligibility.html", context)
