"""Questions of a seller: ask, read the answer, reply, and see by when we answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from database.reads.cards import seller as cards_read
from database.reads.cards import submissions
from database.reads.cards.submissions import CardView
from database.reads.support import customers
from database.reads.support.contact_links import ContactLinkView, of_seller
from database.reads.support.customers import OwnLine, OwnTicket
from database.tables.columns import now
from database.tables.support.privacy import PrivacyCopyRow
from database.tables.support.ratings import TicketRatingRow
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.support import TicketEnded
from domain.identifiers import is_id
from domain.rules.brands import catalogue
from domain.support.asking import WITHOUT_A_CARD, of_card
from domain.support.tickets import RATING_WORDS_MAX, SUBJECT_MAX, WORDS_MAX, TicketCategory, TicketChannel, TicketState
from languages import translate
from seller_ui.site import NO_FAULTS, REFUSED, Faults, FormRefused, SellerVisit, Visit, status_of, texts, typed
from seller_ui.ticket_forms import files_chosen, fresh_key, key_of, written
from services.support.conversation import Heard
from services.support.opening import NewTicket
from web.downloads import as_download
from web.forms import member_of

router = APIRouter()
TICKETS_PER_PAGE, CARDS_OFFERED_MAX = 20, 20
PICTURE_SIDE_MAX = 480
Id = Annotated[str, Query(max_length=26)]


@dataclass(frozen=True)
class TicketsPage:
    """Context of tickets.html; `older` is the cursor of the next page."""

    tickets: tuple[OwnLine, ...]
    older: str | None
    first_page: bool
    addresses: tuple[ContactLinkView, ...]  # Mail addresses that are theirs, or that they are asked about.
    section: str = "help"


@dataclass(frozen=True)
class About:
    """What a question is about: a card, an earlier ticket, both or neither."""

    card: CardView | None = None
    earlier: str = ""
    open_already: tuple[OwnLine, ...] = ()  # Questions about the card that wait for an answer.


@dataclass(frozen=True)
class NewPage:
    """Context of ticket_new.html: first the choice of `categories`, then the question in `category`."""

    about: About
    categories: tuple[TicketCategory, ...]
    category: TicketCategory | None
    cards: tuple[CardView, ...]  # To choose from where no card was named.
    brand_names: dict[str, str]
    key: str
    typed: Mapping[str, str]
    faults: Faults = NO_FAULTS
    files_lost: bool = False
    words_max: int = WORDS_MAX
    section: str = "help"


@dataclass(frozen=True)
class TicketPage:
    """Context of ticket.html."""

    ticket: OwnTicket
    newest: str  # What the page shows, for its question whether there is more.
    again: TicketCategory  # Of a question that follows up this one.
    cards: tuple[CardView, ...]
    rating: TicketRatingRow | None
    copy_until: datetime | None  # A copy of their data can be fetched until then.
    brand_names: dict[str, str]
    key: str
    typed: Mapping[str, str]
    faults: Faults = NO_FAULTS
    files_lost: bool = False
    words_max: int = WORDS_MAX
    why_max: int = RATING_WORDS_MAX
    section: str = "help"


@router.get("/tickets")
async def mine(visit: SellerVisit, before: Annotated[str | None, Query(max_length=26)] = None) -> Response:
    """List the seller's questions, newest first, and lead to a new one."""
    async with visit.site.services.database.transaction() as session:
        lines, older = await customers.listed(session, visit.owner, before=before, limit=TICKETS_PER_PAGE)
        addresses = await of_seller(session, visit.seller_id or "", now())
    return await visit.page("tickets.html", TicketsPage(lines, older, before is None, addresses))


@router.get("/tickets/new")
async def ask(visit: SellerVisit, card: Id = "", category: str = "", earlier: Id = "") -> Response:
    """Offer the choice of what is wrong, then the question. Refuse (NotFound) another's card or ticket."""
    chosen = member_of(TicketCategory, category)
    if chosen is TicketCategory.PRIVACY:
        return visit.go("/privacy")
    return await _form(visit, {"card": card, "earlier": earlier}, chosen)


@router.post("/tickets/new")
async def send(visit: SellerVisit) -> Response:
    """Open the ticket, once however often the form is sent; a refused form comes back as it was written."""
    form = await visit.request.form()
    sent = texts(form)
    category = member_of(TicketCategory, sent.get("category"))
    try:
        await visit.site.ticket_throttle.hit("ticket", visit.owner)
        if category is None or category not in WITHOUT_A_CARD:
            raise FieldInvalid(field="category", why="missing")
        asked = await written(form, visit.site.forms)
        async with visit.site.services.database.transaction() as session:
            about = await _about(session, visit.owner, sent)
        new = NewTicket(
            category, subject_of(visit, category, about.card), sent.get("words", ""),
            (about.card.id,) if about.card else (), asked.files, asked.key, earlier=about.earlier or None,
        )  # fmt: skip
        ticket_id = await visit.site.opening.open(visit.owner, new, TicketChannel.WEB)
    except NotFound:
        raise
    except REFUSED as refused:
        return await _form(visit, sent, category, refused, files_lost=files_chosen(form))
    return visit.go(f"/tickets/{ticket_id}")


@router.get("/tickets/{ticket_id}")
async def show(visit: SellerVisit, ticket_id: str) -> Response:
    """Show the conversation, its state, and until when we answer."""
    return await visit.page("ticket.html", await page_of(visit, ticket_id))


@router.get("/tickets/{ticket_id}/live")
async def live(visit: SellerVisit, ticket_id: str, seen: Annotated[str, Query(max_length=100)] = "") -> Response:
    """Give the moving part of the page; 204 while nothing has changed since `seen`."""
    page = await page_of(visit, ticket_id)
    if page.newest == seen:
        return Response(status_code=204)
    return await visit.page("ticket.html", page, block="live")


@router.post("/tickets/{ticket_id}/messages")
async def write(visit: SellerVisit, ticket_id: str) -> Response:
    """Add a message; a solved ticket is open again. A closed one leads to a new question that follows it up."""
    form = await visit.request.form()
    try:
        await visit.site.message_throttle.hit("ticket_message", visit.owner)
        said = await written(form, visit.site.forms)
        heard = Heard(said.sent.get("words", ""), TicketChannel.WEB, said.files, said.key)
        await visit.site.conversation.hear(visit.owner, ticket_id, heard)
    except NotFound:
        raise
    except REFUSED as refused:
        page = await page_of(visit, ticket_id, texts(form), refused, files_lost=files_chosen(form))
        return await visit.page("ticket.html", page, status=status_of(refused))
    return visit.go(f"/tickets/{ticket_id}#newest")


@router.post("/tickets/{ticket_id}/rating")
async def rate(visit: SellerVisit, ticket_id: str) -> Response:
    """Keep whether the solution was good, and then why."""
    sent = texts(await visit.request.form())
    try:
        await visit.site.message_throttle.hit("ticket_rating", visit.owner)
        if sent.get("good") not in ("yes", "no"):
            raise FieldInvalid(field="good", why="missing")
        await visit.site.ratings.rate(visit.owner, ticket_id, sent["good"] == "yes", sent.get("why"))
    except NotFound:
        raise
    except REFUSED as refused:
        page = await page_of(visit, ticket_id, sent, refused)
        return await visit.page("ticket.html", page, status=status_of(refused))
    return visit.go(f"/tickets/{ticket_id}#rating")


@router.get("/tickets/{ticket_id}/files/{file_id}")
async def download(visit: SellerVisit, ticket_id: str, file_id: str) -> Response:
    """Give a file of the conversation, to be saved."""
    kept = await visit.site.files.whole(visit.owner, ticket_id, file_id)
    return as_download(kept.name, kept.media_type, kept.content)


@router.get("/tickets/{ticket_id}/files/{file_id}/small")
async def picture(visit: SellerVisit, ticket_id: str, file_id: str) -> Response:
    """Give a picture of the conversation, small."""
    content = await visit.site.files.small(visit.owner, ticket_id, file_id, PICTURE_SIDE_MAX)
    return Response(content, media_type="image/jpeg", headers={"cache-control": "private, no-store"})


async def page_of(
    visit: Visit,
    ticket_id: str,
    sent: Mapping[str, str] | None = None,
    refused: Refusal | FormRefused | None = None,
    *,
    files_lost: bool = False,
) -> TicketPage:
    """Read everything the page shows in one transaction. Refuse (NotFound) another's ticket."""
    async with visit.site.services.database.transaction() as session:
        ticket = await customers.own(session, visit.owner, ticket_id)
        rating = await session.get(TicketRatingRow, ticket.id)
        copy = await session.get(PrivacyCopyRow, ticket.id)
        about = [await submissions.card(session, visit.owner, one) for one in ticket.cards]
    given = dict(sent or {})
    faults = NO_FAULTS if isinstance(refused, TicketEnded) else visit.faults(refused)
    again = ticket.category if ticket.category in WITHOUT_A_CARD else TicketCategory.OTHER
    return TicketPage(
        ticket, _seen(ticket), again, tuple(about), rating, _until(copy), _brand_names(visit.locale), key_of(given) or fresh_key(),
        typed(given, "words", "why"), faults, files_lost,
    )  # fmt: skip


def _until(copy: PrivacyCopyRow | None) -> datetime | None:
    return copy.expires_at if copy is not None and copy.erased_at is None and copy.expires_at > now() else None


def _seen(ticket: OwnTicket) -> str:
    """What a page of the ticket shows, in a word: it changes with each message and each state."""
    newest = ticket.said[-1].id if ticket.said else ""
    return f"{ticket.state.value}-{newest}"


def subject_of(visit: Visit, category: TicketCategory, card: CardView | None) -> str:
    """Return the ticket's title in the seller's language: what is wrong, and with which card."""
    words = translate(f"ticket_asked.{category.value}", visit.locale)
    if card is None:
        return words
    entry = catalogue().get(card.brand)
    name = entry.names[visit.locale] if entry else card.brand
    return f"{words} · {name}{f' {card.number_tail}' if card.number_tail else ''}"[:SUBJECT_MAX]


async def _form(
    visit: Visit,
    sent: Mapping[str, str],
    category: TicketCategory | None,
    refused: Refusal | FormRefused | None = None,
    *,
    files_lost: bool = False,
) -> Response:
    async with visit.site.services.database.transaction() as session:
        about = await _about(session, visit.owner, sent)
        cards, _ = await cards_read.cards(session, visit.owner, before=None, limit=CARDS_OFFERED_MAX)
    card = about.card
    categories = of_card(card.stage, card.waiting_for, card.outcome) if card else WITHOUT_A_CARD
    page = NewPage(
        about,
        categories,
        category if category in WITHOUT_A_CARD else None,
        () if card else cards,
        _brand_names(visit.locale),
        key_of(sent) or fresh_key(),
        typed(sent, "words"),
        visit.faults(refused),
        files_lost,
    )
    return await visit.page("ticket_new.html", page, status=status_of(refused) if refused else 200)


async def _about(session: AsyncSession, owner: str, sent: Mapping[str, str]) -> About:
    """What the form names. Refuses (NotFound) another's card or ticket."""
    named, earlier = sent.get("card", ""), sent.get("earlier", "")
    if earlier:
        _require_id(earlier)
        await customers.own(session, owner, earlier)
    if not named:
        return About(earlier=earlier)
    _require_id(named)
    lines = await customers.of_card(session, owner, named)
    waiting = tuple(one for one in lines if one.state not in (TicketState.SOLVED, TicketState.CLOSED))
    return About(await submissions.card(session, owner, named), earlier, waiting)


def _require_id(named: str) -> None:
    if not is_id(named):
        raise NotFound()


def _brand_names(locale: str) -> dict[str, str]:
    return {code: entry.names[locale] for code, entry in catalogue().items()}
