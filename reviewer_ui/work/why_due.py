"""Why is this due then? The facts of a deadline in sentences, for a card and for a work item of any kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from babel.dates import format_date
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards.card_page import require_card
from database.tables.columns import now
from domain.work.kinds import kind_of
from domain.work.why_due import DueReason, Sentence, Value
from domain.work.working_time import holiday_in_chinese
from languages import label, label_key, translate
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, CardReader, Console, Shell, require_sees, shell
from services.support.why_due import why_ticket_is_due
from services.work.items import item
from services.work.why_due import why_card_is_due, why_due
from web.locale import locale_of
from web.words import when, zone_of

router = APIRouter()
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))


@dataclass(frozen=True)
class WhyDueContext:
    """The sentences in order; none for a card that no reviewer ever had. `spent` says who has had how much time."""

    shell: Shell
    name: str  # The card's id, else the item's.
    page: str  # The address of the card or the item.
    sentences: tuple[str, ...]
    spent: tuple[str, ...]


@router.get("/cards/{card_id}/why-due")
async def why_review_is_due(request: Request, console: At, person: CardReader, card_id: str) -> Response:
    """Explain the deadline of a card's review; htmx gets the sentences alone, to be put beside the deadline."""
    async with console.services.database.transaction() as session:
        await require_card(session, card_id)
        facts = await why_card_is_due(session, card_id, now())
    return await _answer(request, console, person, facts, card_id, f"/cards/{card_id}")


@router.get("/work/{task_id}/why-due")
async def why_item_is_due(request: Request, console: At, person: CardReader, task_id: str) -> Response:
    """Explain the deadline of one item; one without a card is shown to the people who see its queue."""
    async with console.services.database.transaction() as session:
        task = await item(session, task_id)
        if task.card_id is None:
            require_sees(person, task.kind)
        of_ticket = kind_of(task.kind).answers_customers
        facts = await (why_ticket_is_due if of_ticket else why_due)(session, task, now())
    page = kind_of(task.kind).page_of(task.id, task.card_id)
    return await _answer(request, console, person, facts, task.card_id or task.id, page)


async def _answer(
    request: Request, console: Console, person: Person, facts: Sequence[Sentence], name: str, page: str
) -> Response:  # fmt: skip
    locale, zone = locale_of(request), zone_of(person.timezone)
    sentences = [(fact.reason in (DueReason.SPENT, DueReason.SPENT_BY), sentence(fact, locale, zone)) for fact in facts]
    context = WhyDueContext(
        shell(request, person),
        name,
        page,
        tuple(words for spent, words in sentences if not spent),
        tuple(words for spent, words in sentences if spent),
    )
    return await console.answer(request, "work/why_due.html", context, block="why")


def sentence(fact: Sentence, locale: str, zone: ZoneInfo) -> str:
    """One fact in words: moments on the reader's clock, spans in units, enum members by their names."""
    values = {name: _worded(name, value, locale, zone) for name, value in fact.values.items()}
    return translate(label_key(fact.reason), locale, values)


def span(took: timedelta, locale: str) -> str:
    """`1 h 30 min`, the two largest units that say anything."""
    left, parts = int(took.total_seconds()), []
    for unit, seconds in _UNITS:
        count, left = divmod(left, seconds)
        if count:
            parts.append(translate(f"console.span.{unit}", locale, {"number": count}))
    return " ".join(parts[:2]) or translate("console.span.second", locale, {"number": 0})


def _worded(name: str, value: Value, locale: str, zone: ZoneInfo) -> str:
    match value:
        case datetime():
            return when(value, locale, zone)
        case date():
            return format_date(value, "M月d日" if locale == "zh_CN" else "d MMM", locale=locale)
        case timedelta():
            return span(value, locale)
        case StrEnum():
            return label(value, locale)
        case str() if name == "holiday" and locale == "zh_CN":
            return holiday_in_chinese(value)
        case _:
            return str(value)
