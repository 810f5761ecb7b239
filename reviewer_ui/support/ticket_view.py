"""The ticket's page as it is shown: the conversation on one side, the story and the acts on the other."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession
from starlette.requests import Request

from database.reads.support import desk as reads
from database.reads.support.tickets import Said, TicketRecord, record
from database.reads.work import comments as comment_reads
from database.reads.work.queue import reason_words
from database.tables.columns import now
from database.tables.support.desk import HandOverRow, ReplyTemplateRow, TicketMacroRow
from domain.errors.base import Refusal
from domain.people.roles import Permission
from domain.support.tickets import TICKET, MessageKind, TicketCategory, TicketState
from domain.work.eligibility import Ineligible, why_not
from domain.work.lease import holder_of
from domain.work.reason_codes import ReasonedAct
from domain.work.snooze import SnoozeUntil
from domain.work.task import Priority
from reviewer_ui.brand_names import brand_names
from reviewer_ui.queue_place import filter_last_seen
from reviewer_ui.reason_words import ReasonView, reason_view
from reviewer_ui.sessions import Person
from reviewer_ui.support.ticket_history import HistoryLine, history_line
from reviewer_ui.support.ticket_parts import parts_of
from reviewer_ui.visit import Console, Shell, shell
from services.people.acting import standing
from services.support.macros import MacroPreview
from services.support.sorting import LANGUAGES
from services.work import drafts
from services.work.task_facts import task_facts
from web.locale import locale_of
from web.story import Moment, moments
from web.words import without_repeats

WRITING_LASTS = timedelta(minutes=2)  # A draft that was saved so lately is being written.
_LISTS = (
    ReasonedAct.SOLVE_TICKET, ReasonedAct.TICKET_CAUSE, ReasonedAct.HAND_OVER, ReasonedAct.SNOOZE, ReasonedAct.ESCALATE,
    ReasonedAct.TAKE_OVER,
)  # fmt: skip


@dataclass(frozen=True)
class Spoken:
    """One entry of the conversation, whatever kind it is. `side`: customer, reply, notice or note."""

    id: str
    side: str
    author: str
    words: str
    at: datetime
    said: Said | None = None
    note: comment_reads.Comment | None = None
    pending: bool = False  # A reply that can still be taken back.
    mine: bool = False
    new: bool = False  # It came while the reply was being written.


@dataclass(frozen=True)
class StoryOfCard:
    """A linked card with what happened to it, the newest first."""

    linked: reads.LinkedCard
    moments: tuple[Moment, ...]


@dataclass(frozen=True)
class Typed:
    """What was entered and not taken; `seen` is the newest message that was on the page."""

    words: str = field(default="", repr=False)
    note: str = field(default="", repr=False)
    seen: str = ""
    subject: str = ""
    split: str = ""  # The message that was to be split off.


@dataclass(frozen=True)
class TicketContext:
    """The page. `parts` is what other areas show on it."""

    shell: Shell
    ticket: TicketRecord
    spoken: tuple[Spoken, ...]
    newest: str
    beside: reads.Beside
    stories: tuple[StoryOfCard, ...]
    brands: dict[str, dict[str, str]]
    holder: str
    held_by_me: bool
    held_until: datetime | None
    open: bool  # Something can still happen to it.
    answerable: bool
    late: bool
    soon: bool
    snoozed_until: datetime | None
    why_not: tuple[Ineligible, ...]
    may: frozenset[str]  # take, take_over, lead, change, comment, follow
    follows: bool
    reasons: dict[str, tuple[ReasonView, ...]]
    reason_names: dict[str, dict[str, dict[str, str]]]
    agents: tuple[tuple[str, str], ...]
    offer: HandOverRow | None
    offered_to_me: bool
    offered_by_me: bool
    templates: tuple[ReplyTemplateRow, ...]
    macros: tuple[TicketMacroRow, ...]
    macro: MacroPreview | None
    history: tuple[HistoryLine, ...]
    moments: tuple[SnoozeUntil, ...]
    typed: Typed
    refusal: Refusal | None
    parts: dict[str, object]
    form_key: str
    next_query: str  # The filter that "next" keeps.
    categories: tuple[TicketCategory, ...] = tuple(TicketCategory)
    priorities: tuple[Priority, ...] = tuple(Priority)
    languages: tuple[str, ...] = LANGUAGES


async def view(
    request: Request, console: Console, person: Person, ticket_id: str, *, refusal: Refusal | None = None,
    typed: Typed | None = None, macro: MacroPreview | None = None, form_key: str,
) -> TicketContext:  # fmt: skip
    """Return the page's context. Refuse NotFound."""
    moment = now()
    async with console.services.database.transaction() as session:
        found = await record(session, ticket_id)
        surroundings = await reads.beside(session, found)
        notes = await comment_reads.of_item(session, found.task.id)
        kept = typed or await _draft(session, console, person, found)
        reasons = await reason_words(session)
        keeps = why_not(await standing(session, person.id, moment), await task_facts(session, found.task), moment)
        people = await reads.agents(session, person.id)
        templates, macros = await reads.templates(session), await reads.macros(session)
        parts = await parts_of(session, person, found)
    task, state = found.task, found.ticket.state
    holder, still = holder_of(task, moment), state is not TicketState.CLOSED
    mine, offer = holder == person.id and still, surroundings.offer
    named = {
        act.value: {one.code: reason_view(one).words for one in reasons.values() if one.act == act} for act in _LISTS
    }
    spoken = spoken_of(found, notes, surroundings.names, person, kept.seen, moment)
    return TicketContext(
        shell=shell(request, person), ticket=found, spoken=spoken,
        newest=max((one.id for one in found.said), default=""), beside=surroundings, stories=_stories(surroundings),
        brands=brand_names(), holder=surroundings.names.get(holder or "", ""), held_by_me=mine,
        held_until=task.leased_until if holder else None, open=still, answerable=mine and task.closed_at is None,
        late=task.closed_at is None and not task.waiting and task.due_at < moment,
        soon=task.closed_at is None and not task.waiting and task.warn_at <= moment <= task.due_at,
        snoozed_until=task.snoozed_until if task.snoozed_until and task.snoozed_until > moment else None,
        why_not=keeps if task.closed_at is None else (), may=_may(person, holder, still), follows=person.id in found.ticket.followers,
        reasons={
            act.value: tuple(reason_view(one) for one in reasons.values() if one.act == act and one.active)
            for act in _LISTS
        },
        reason_names=named,
        agents=people, offer=offer,
        offered_to_me=offer is not None and _is_offered(offer, person), offered_by_me=offer is not None and offer.by == person.id,
        templates=tuple(one for one in templates if one.category in (None, found.ticket.category)), macros=macros, macro=macro,
        history=tuple(
            history_line(one, surroundings.names, named, surroundings.customer, locale_of(request))
            for one in reversed(found.events)
        ),
        moments=tuple(one for one in SnoozeUntil if one is not SnoozeUntil.MOMENT),
        typed=kept, refusal=refusal, parts=parts, form_key=form_key,
        next_query=filter_last_seen(request, TICKET).query(),
    )  # fmt: skip


def _may(person: Person, holder: str | None, still: bool) -> frozenset[str]:
    agent, free = person.may(Permission.ANSWER_TICKETS) and still, holder in (None, person.id)
    asked = {
        "take": agent and holder != person.id and free,
        "take_over": agent and person.may(Permission.TAKE_OVER) and not free,
        "lead": person.may(Permission.LEAD_SUPPORT),
        "change": agent and free,
        "comment": person.may(Permission.COMMENT),
        "follow": still,
    }
    return frozenset(name for name, may in asked.items() if may)


def _is_offered(offer: HandOverRow, person: Person) -> bool:
    if offer.by == person.id or offer.until <= now():
        return False
    return offer.to_person == person.id or (offer.to_person is None and person.may(Permission.LEAD_SUPPORT))


async def _draft(session: AsyncSession, console: Console, person: Person, found: TicketRecord) -> Typed:
    kept = await drafts.kept(session, console.services.keyring, found.task.id, person.id)
    return Typed(words=kept.get("words", ""))


def _stories(beside: reads.Beside) -> tuple[StoryOfCard, ...]:
    return tuple(StoryOfCard(one, tuple(reversed(without_repeats(moments(one.story))))) for one in beside.cards)


def spoken_of(
    found: TicketRecord, notes: tuple[comment_reads.Comment, ...], names: dict[str, str], person: Person, seen: str,
    moment: datetime,
) -> tuple[Spoken, ...]:  # fmt: skip
    """Messages and internal notes by time, oldest first."""
    entries = [
        Spoken(
            one.id, "customer" if one.kind is MessageKind.CUSTOMER else one.kind.value,
            names.get(one.author.partition(":")[2], ""), one.words, one.at, said=one,
            pending=one.kind is MessageKind.REPLY and one.sent_at is None and one.effective_at > moment,
            mine=one.author == f"person:{person.id}", new=bool(seen) and one.id > seen,
        )
        for one in found.said
    ]  # fmt: skip
    entries += [Spoken(one.id, "note", one.author, one.words, one.at, note=one) for one in notes]
    return tuple(sorted(entries, key=lambda one: (one.at, one.id)))
