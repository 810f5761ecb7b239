"""The finance overview: what needs a person first, then what we have, what is on its way, and what is owed."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from database.tables.columns import now
from reviewer_ui.finance.overview_cards import CARDS, OverviewCard
from reviewer_ui.visit import At, BooksReader, Shell, shell

router = APIRouter()


@dataclass(frozen=True)
class MoneyContext:
    """The overview: what is urgent in front, then the cards in their own order."""

    shell: Shell
    cards: tuple[OverviewCard, ...]


@router.get("/money")
async def show(request: Request, console: At, person: BooksReader) -> Response:
    """Show every card that has something for this person."""
    moment = now()
    async with console.services.database.transaction() as session:
        made = [await maker(session, person, moment) for maker in CARDS]
    cards = sorted((one for one in made if one is not None), key=lambda one: not one.urgent)
    return await console.answer(request, "finance/money.html", MoneyContext(shell(request, person), tuple(cards)))
