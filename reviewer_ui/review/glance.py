"""One card at a glance, beside its row in a list: what it is worth, why it is here, and the last of its story."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards import card_page
from database.reads.cards.values import CardValue, values
from domain.cards.card import CardType, Outcome, Stage, WaitingFor
from domain.cards.review import ReviewReason
from domain.rules.brands import brand
from reviewer_ui.review import card_view
from reviewer_ui.visit import At, CardReader, Shell, shell

router = APIRouter()
STORY_MAX = 5


@dataclass(frozen=True)
class GlanceContext:
    """The card in a few lines; everything masked. `reasons` are those of its open review."""

    shell: Shell
    card_id: str
    brand_names: dict[str, str]
    card_type: CardType
    tail: str | None
    value: CardValue
    payee: str
    stage: Stage
    waiting_for: WaitingFor
    outcome: Outcome | None
    reasons: tuple[ReviewReason, ...]
    due_at: datetime | None
    story: tuple[object, ...]


@router.get("/cards/{card_id}/glance")
async def show(request: Request, console: At, person: CardReader, card_id: str) -> Response:
    """Show the card at a glance; opening it takes no lease. Refuses NotFound."""
    async with console.services.database.transaction() as session:
        record = await card_page.card(session, card_id)
        worth = (await values(session, [card_id]))[card_id]
    card, task = record.card, record.task
    is_open = task is not None and task.closed_at is None
    context = GlanceContext(
        shell=shell(request, person),
        card_id=card.id,
        brand_names=dict(brand(card.brand).names),
        card_type=card.card_type,
        tail=card.number_tail,
        value=worth,
        payee=record.submission.payee_masked,
        stage=card.stage,
        waiting_for=card.waiting_for,
        outcome=card.outcome,
        reasons=tuple(ReviewReason(one) for one in task.reasons) if task is not None and is_open else (),
        due_at=task.due_at if task is not None and is_open else None,
        story=card_view.story(record, ())[:STORY_MAX],
    )
    return await console.answer(request, "review/glance.html", context, block="glance")
