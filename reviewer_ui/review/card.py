"""The card page: everything a person needs to decide one card, and only what their role may see of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.cards import card_page as reads
from database.reads.notices import live as marks
from database.reads.ops.providers import Delay
from database.reads.quality import blind_reviews
from database.reads.work import comments as said
from database.tables.columns import now
from database.tables.review import ReviewDecisionRow
from domain.cards.card import CardType, Outcome, Stage, WaitingFor
from domain.cards.reading import FieldName
from domain.cards.review import ReviewReason
from domain.errors.base import Refusal
from domain.home.search_terms import is_card_number
from domain.money import Money
from domain.people.roles import Permission
from domain.rules.brands import brand
from domain.work.lease import holder_of
from domain.work.queue_order import OrderReason, reasons_of
from domain.work.task import CameBack
from reviewer_ui.review import card_fields, card_view, related_cards
from reviewer_ui.review.card_readings import OpenCard, open_card
from reviewer_ui.review.card_tabs import CardTab, TabContent, tab_content
from reviewer_ui.review.check_view import CheckView, check_view
from reviewer_ui.review.deciding import DecidingView, deciding_view, kept_draft
from reviewer_ui.review.draft import Draft
from reviewer_ui.review.seen import settles
from reviewer_ui.review.typed import TypedView, typed_view
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, CardReader, Console, Shell, see_other, shell
from services.review.reveal_record import uncovered
from services.work.ordering import order_facts

router = APIRouter()
POLLS_MAX = 60  # Every 10 s for ten minutes.


class Hold(StrEnum):
    """Who holds the card's review task, from the viewer's side."""

    NONE = "none"  # No decision is awaited.
    FREE = "free"  # It can be taken.
    MINE = "mine"  # This person holds the lease.
    OTHER = "other"  # Another person holds it.
    DECIDED = "decided"  # Decided; it takes effect shortly, or awaits a second review.
    UNDELIVERED = "undelivered"  # Decided and written down, but the card's workflow has not heard it.
    NOT_YOURS = "not_yours"  # It can be taken, by others than this person.


@dataclass(frozen=True)
class TaskView:
    """The open task: its clock, its lease, and why it exists."""

    id: str
    hold: Hold
    value: Money
    reasons: tuple[ReviewReason, ...]
    order: tuple[OrderReason, ...]  # Why it is this person's turn for it.
    came_back: CameBack | None
    opened_at: datetime
    due_at: datetime
    late: bool
    escalated: bool
    own_card: bool  # The seller is probably the viewer.
    holder: str | None
    held_until: datetime | None


@dataclass(frozen=True)
class DecisionView:
    """The last decision, as the page tells it."""

    id: str
    outcome: str
    detail: str | None  # Key of the reject reason's or asked item's word.
    note: str
    by: str | None  # None: the deadline policy decided.
    at: datetime
    applied: bool
    refused: dict[str, Any]  # Why its card would not take it: the refusal's `code` and `data`.


@dataclass(frozen=True)
class CardContext:
    """The card page. `seller` is masked; `poll_url` is None once the card has ended or polling stopped."""

    shell: Shell
    card_id: str
    card_type: CardType
    brand_names: dict[str, str]
    not_bought: dict[str, str] | None  # Why new cards of the brand are no longer taken, by language.
    delay: Delay | None  # A party in maintenance that the card waits for, or will.
    has_pin: bool
    face_value: Money | None
    expiry: str  # ISO 8601; empty when the card has none.
    stage: Stage
    waiting_for: WaitingFor
    since: datetime
    until: datetime | None
    outcome: Outcome | None
    reason: str | None
    payee: str
    owner_id: str  # Of the seller or partner who handed it in; empty for people who may not see their page.
    channel: str
    task: TaskView | None
    photos: tuple[card_view.PhotoView, ...]
    fields: tuple[card_fields.FieldView, ...]
    answers: tuple[card_view.AnswerView, ...]
    price: card_view.PriceView | None
    story: tuple[card_view.EventView | said.Comment, ...]
    beside: related_cards.BesideView
    may_comment: bool
    comment: str  # What was typed as a comment and not taken.
    decision: DecisionView | None
    entry_needed: bool
    deciding: DecidingView | None
    check: CheckView | None
    draft: Draft
    typed: tuple[TypedView, ...]
    refusal: Refusal | None
    may_reveal: bool
    poll_url: str | None
    mark: str  # Changes with the card's story and task; the stream tells what happened since.
    tab: CardTab
    tabs: tuple[CardTab, ...]
    content: TabContent  # Of another tab than the one to decide on.
    settles_ms: int  # For so long the card is in view before a key decides it unseen.
    now: datetime


@dataclass(frozen=True)
class Talk:
    """What people said about the card, what this person typed and could not say, and the photo they chose to see."""

    comments: tuple[said.Comment, ...]
    typed: str
    photo: str


@dataclass(frozen=True)
class LookUpContext:
    """The look-up page; `found` are ids, and `asked` is what was looked for."""

    shell: Shell
    asked: str
    found: tuple[str, ...]


@router.get("/cards")
async def look_up(
    request: Request,
    console: At,
    person: CardReader,
    id: Annotated[str, Query(max_length=64)] = "",  # noqa: A002
) -> Response:
    """Finds a card by its id or its last characters; a single match opens at once."""
    asked = id.strip().upper().removeprefix("CARD:")
    if is_card_number(asked):
        asked = ""  # Nothing shows or compares a whole number.
    async with console.services.database.transaction() as session:
        found = await reads.card_ids_ending(session, asked) if asked else ()
    if len(found) == 1:
        return see_other(f"/cards/{found[0]}")
    context = LookUpContext(shell(request, person), asked, found)
    return await console.answer(request, "review/cards.html", context, status=404 if asked and not found else 200)


@router.get("/cards/{card_id}")
async def show(
    request: Request, console: At, person: CardReader, card_id: str, polls: Annotated[int, Query(ge=0)] = 0,
    tab: Annotated[str, Query(max_length=20)] = "",
) -> Response:  # fmt: skip
    """Show the page with one of its tabs; htmx gets only the story, which refreshes automatically.

    A person with a claimed blind review of the card is redirected to it: the history shows how it was decided.
    """
    async with console.services.database.transaction() as session:
        blind = await blind_reviews.claimed_by(session, card_id, person.id, now())
    if blind is not None:
        return see_other(f"/quality/second/{blind}")
    return await render(request, console, person, card_id, polls=polls, tab=tab)


async def render(
    request: Request, console: Console, person: Person, card_id: str, *,
    draft: Draft | None = None, refusal: Refusal | None = None, polls: int = 0, block: str = "story", comment: str = "",
    confirmed: Collection[str] = (), tab: str = "",
) -> Response:  # fmt: skip
    """Render the card page with the draft and refusal of an act that did not succeed, under that refusal's status."""
    async with console.services.database.transaction() as session:
        record = await reads.card(session, card_id)
        whole = open_card(record, console.services.keyring)
        deciding = await deciding_view(session, whole, person, now())
        draft = draft or await kept_draft(session, console.services.keyring, person, record)
        around = await related_cards.beside(session, record, console.services.keyring, now())
        hidden = card_view.covered(record, await uncovered(session, person.id, card_id))
        mark = (await marks.card_marks(session, {card_id}))[card_id]
        comments = await said.of_card(session, card_id)
        talk = Talk(comments, comment, request.query_params.get("photo", ""))
        opened = next((one for one in CardTab if one.value == tab), CardTab.DECIDE)
        content = await tab_content(session, opened, record, comments, person)
    context = _context(
        shell(request, person),
        person,
        whole,
        console,
        deciding,
        draft,
        refusal,
        polls,
        around,
        talk,
        mark,
        confirmed,
        hidden,
        opened,
        content,
    )
    status = 200 if refusal is None else refusal.http_status
    if request.method == "POST":
        request.state.back = f"/cards/{card_id}"
    return await console.answer(request, "review/card.html", context, block=block, status=status)


def hold_of(record: reads.CardRecord, person: Person, moment: datetime) -> Hold:
    """Return who may decide the card's open task at this moment, seen by this person."""
    task = record.task
    if task is None or task.closed_at is not None:
        return Hold.NONE
    if record.undelivered is not None:
        return Hold.UNDELIVERED
    if task.decided:
        return Hold.DECIDED
    if (holder := holder_of(task, moment)) is not None:
        return Hold.MINE if holder == person.id else Hold.OTHER
    if person.id in task.linked:
        return Hold.NOT_YOURS
    needed = Permission.DECIDE_ESCALATED if task.escalated else Permission.DECIDE
    return Hold.FREE if person.may(needed) else Hold.NOT_YOURS


def _context(
    around: Shell, person: Person, opened: OpenCard, console: Console,
    deciding: DecidingView | None, draft: Draft, refusal: Refusal | None, polls: int,
    beside: related_cards.BesideView, talk: Talk, mark: str, confirmed: Collection[str], hidden: Collection[FieldName],
    tab: CardTab, content: TabContent,
) -> CardContext:  # fmt: skip
    record, card, moment, kind = opened.record, opened.record.card, now(), brand(opened.record.card.brand)
    task = _task(record, person, moment)
    clear = task is not None and task.hold is Hold.MINE
    keyring = console.services.keyring
    live = card.outcome is None and polls < POLLS_MAX
    return CardContext(
        shell=around,
        card_id=card.id,
        card_type=card.card_type,
        brand_names=dict(kind.names),
        not_bought=None if kind.is_bought(moment) else dict(kind.not_bought_reason),
        delay=record.delay,
        has_pin=kind.pin is not None,
        face_value=None if card.face_value_minor is None else Money(card.face_value_minor, card.currency),
        expiry="" if card.expires_on is None else card.expires_on.isoformat(),
        stage=card.stage,
        waiting_for=card.waiting_for,
        since=card.since,
        until=card.until,
        outcome=card.outcome,
        reason=None if card.reason is None else card.reason.value,
        payee=record.submission.payee_masked,
        owner_id=record.submission.owner.partition(":")[2] if person.may(Permission.SEE_SELLER) else "",
        channel=record.submission.channel,
        task=task,
        photos=card_view.photos(opened, person, clear, talk.photo, hidden),
        fields=card_fields.fields(opened, person, clear, hidden),
        answers=card_view.answers(record),
        price=card_view.price(record, person),
        story=card_view.story(record, talk.comments),
        beside=beside,
        may_comment=person.may(Permission.COMMENT),
        comment=talk.typed,
        decision=_decision(record, person),
        entry_needed=card.card_type is CardType.REGIONAL and not record.fields_entered,
        deciding=deciding,
        check=check_view(record, keyring, person),
        draft=draft,
        typed=typed_view(opened, keyring, draft, confirmed, compare=clear),
        refusal=refusal,
        may_reveal=clear and deciding is not None and person.may(Permission.REVEAL),
        poll_url=f"/cards/{card.id}?polls={polls + 1}" if live else None,
        mark=mark,
        tab=tab,
        tabs=tuple(CardTab),
        content=content,
        settles_ms=round(settles(record).total_seconds() * 1000),
        now=moment,
    )


def _task(record: reads.CardRecord, person: Person, moment: datetime) -> TaskView | None:
    task, hold = record.task, hold_of(record, person, moment)
    if task is None or hold is Hold.NONE:
        return None
    held = hold in (Hold.MINE, Hold.OTHER)
    return TaskView(
        id=task.id,
        hold=hold,
        value=Money(task.value_minor),
        reasons=tuple(ReviewReason(reason) for reason in task.reasons),
        order=reasons_of(order_facts(task, moment), person.id),
        came_back=task.came_back,
        opened_at=task.opened_at,
        due_at=task.due_at,
        late=task.due_at < moment,
        escalated=task.escalated,
        own_card=person.id in task.linked,
        holder=record.names.get(task.leased_by or "") if held else None,
        held_until=task.leased_until if held else None,
    )


def _hidden_from(made: ReviewDecisionRow, record: reads.CardRecord, person: Person) -> bool:
    """A blind checker decides for themselves before they learn what the maker decided."""
    task = record.task
    return task is not None and task.blind and made.id == task.staged_id and made.person_id != person.id


def _decision(record: reads.CardRecord, person: Person) -> DecisionView | None:
    last = next((one for one in record.decisions if one.void_at is None), None)
    if last is None or _hidden_from(last, record, person):
        return None
    detail = f"reject_reason.{last.reject_reason.value}" if last.reject_reason else None
    detail = f"asked_item.{last.asked_item.value}" if last.asked_item else detail
    by = record.names.get(last.person_id or "")
    applied = last.applied_at is not None
    refused = {} if applied else last.undelivered_why
    return DecisionView(last.id, last.outcome.value, detail, last.note, by, last.made_at, applied, refused)
