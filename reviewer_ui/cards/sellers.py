"""A seller's page: all their cards, payouts, risks, messages and comments, masked; opening it is on record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards import seller_page as reads
from database.reads.support.tickets import TicketLine, of_requester
from database.tables.columns import now
from domain.people.roles import Permission
from domain.review.card_risks import CARDS_A_DAY_MAX
from reviewer_ui.audit import note
from reviewer_ui.brand_names import brand_names
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Shell, allowed, shell

router = APIRouter()
TICKETS_MAX = 10
SellerReader = Annotated[Person, Depends(allowed(Permission.SEE_SELLER))]


@dataclass(frozen=True)
class SellerRisk:
    """Something that speaks against this seller: the key of its words and how often."""

    key: str
    count: int


@dataclass(frozen=True)
class SellerContext:
    """The page. Gateway references are shown to people who see payouts."""

    shell: Shell
    owner_id: str
    seller: reads.SellerRecord
    risks: tuple[SellerRisk, ...]
    brands: dict[str, dict[str, str]]
    sees_references: bool
    older: str
    tickets: tuple[TicketLine, ...] | None  # None for people who do not see tickets.


@router.get("/sellers/{owner_id}")
async def show(
    request: Request,
    console: At,
    person: SellerReader,
    owner_id: str,
    before: Annotated[str, Query(max_length=26)] = "",
) -> Response:
    """Show the seller or partner of that id; cards older than `before` when it is given. Refuses NotFound."""
    async with console.services.database.transaction() as session:
        seller = await reads.record(session, owner_id, before, now())
        note(session, person, "console:seller:open", seller.owner.key)
        sees = person.may(Permission.SEE_TICKETS)
        tickets = await of_requester(session, seller.owner.key, TICKETS_MAX) if sees else None
    older = f"/sellers/{owner_id}?before={seller.before}" if seller.before else ""
    context = SellerContext(
        shell(request, person),
        owner_id,
        seller,
        risks_of(seller),
        brand_names(),
        person.may(Permission.SEE_PAYOUTS),
        older,
        tickets,
    )
    return await console.answer(request, "cards/seller.html", context)


def risks_of(seller: reads.SellerRecord) -> tuple[SellerRisk, ...]:
    """List what speaks against them, the worst first; a trade is more than five cards within a day."""
    found = (
        SellerRisk("bad", seller.history.bad),
        SellerRisk("shared_payee", len(seller.shared)),
        SellerRisk("many", seller.history.last_day if seller.history.last_day > CARDS_A_DAY_MAX else 0),
    )
    return tuple(one for one in found if one.count)
