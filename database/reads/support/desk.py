"""Read the side panels of the agent's ticket page and the ticket's row of the queue; opens no sealed column."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.cards.submissions import story
from database.reads.people import accounts
from database.reads.support.requesters import customer_of
from database.reads.support.template_values import customer_name
from database.reads.support.tickets import TicketLine, TicketRecord, lines, of_requester
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.columns import now
from database.tables.finance.payout import PayoutRow
from database.tables.people import PartnerRow, PersonRow, SellerRow
from database.tables.support.desk import HandOverRow, ReplyTemplateRow, TicketMacroRow
from database.tables.support.tickets import ContactRow, TicketLinkRow, TicketRow
from database.tables.work import ReviewDraftRow
from domain.cards.card import EndReason, Outcome, Stage, StoryEntry
from domain.finance.payout import PayoutState
from domain.money import Currency, Money
from domain.people.roles import Permission, Role, permissions_of
from domain.support.tickets import UNDER_WAY, LinkedKind, TicketCategory, TicketChannel, TicketState

OTHERS_MAX, CARDS_MAX = 10, 20


@dataclass(frozen=True)
class TicketGlance:
    """A ticket in a row of the queue; `customer` is masked."""

    ticket_id: str
    subject: str
    customer: str
    category: TicketCategory
    channel: TicketChannel
    language: str
    state: TicketState


@dataclass(frozen=True)
class Offered:
    """A ticket that a colleague offers."""

    offer: HandOverRow
    subject: str
    giver: str


@dataclass(frozen=True)
class CardLine:
    """A card beside a ticket: what it is, what was offered for it and paid; the payee is masked."""

    id: str
    brand: str
    number_tail: str | None
    face_value: Money | None
    stage: Stage
    outcome: Outcome | None
    reason: EndReason | None
    quote: Money | None
    payout: Money | None
    payee: str
    payout_state: PayoutState | None


@dataclass(frozen=True)
class LinkedCard:
    """A card that the ticket is about, with its story, oldest first."""

    card: CardLine
    story: tuple[StoryEntry, ...]


@dataclass(frozen=True)
class Beside:
    """Everything beside the conversation. `duplicates` are open tickets of the same customer about the same card."""

    customer: str
    owner_id: str  # Of their page; empty for a customer who is known by mail alone.
    cards: tuple[LinkedCard, ...]
    other_cards: tuple[CardLine, ...]
    others: tuple[TicketLine, ...]  # Tickets of the same customer, the newest first.
    duplicates: tuple[TicketLine, ...]
    linked: tuple[TicketLine, ...]
    offer: HandOverRow | None
    names: dict[str, str]  # People by id.


async def beside(session: AsyncSession, record: TicketRecord) -> Beside:
    """Return the side panels of the ticket."""
    ticket = record.ticket
    about = [link.subject for link in record.links if link.kind is LinkedKind.CARD]
    customer = await customer_of(session, ticket.requester)
    others = tuple(one for one in await of_requester(session, customer) if one.id != ticket.id)
    owned = await _cards(session, SubmissionRow.owner == customer)
    by_id = {one.id: one for one in owned}
    if missing := [one for one in about if one not in by_id]:
        by_id |= {one.id: one for one in await _cards(session, CardRow.id.in_(missing))}
    linked = [LinkedCard(by_id[one], await story(session, one)) for one in about if one in by_id]
    offer = await _offer(session, ticket.id)
    same = await _about_same_card(session, [one.id for one in others if one.state in UNDER_WAY], about)
    kind, _, number = customer.partition(":")
    return Beside(
        customer=await customer_name(session, ticket.requester),
        owner_id=number if kind in ("seller", "partner") else "",
        cards=tuple(linked),
        other_cards=tuple(one for one in owned if one.id not in about)[:OTHERS_MAX],
        others=others[:OTHERS_MAX],
        duplicates=tuple(one for one in others if one.id in same),
        linked=await lines(session, [link.subject for link in record.links if link.kind is LinkedKind.TICKET]),
        offer=offer,
        names=await accounts.names_of(session, _people_of(record, offer)),
    )


async def glances(session: AsyncSession, task_ids: Collection[str]) -> dict[str, TicketGlance]:
    """Return the tickets of these work items by item id, in five statements at most."""
    if not task_ids:
        return {}
    rows = (await session.execute(select(TicketRow).where(TicketRow.task_id.in_(task_ids)))).scalars().all()
    called = await customer_names(session, {row.requester for row in rows})
    return {
        row.task_id: TicketGlance(
            row.id, row.subject, called.get(row.requester, ""), row.category, row.channel, row.language, row.state
        )
        for row in rows
    }


async def customer_names(session: AsyncSession, requesters: Iterable[str]) -> dict[str, str]:
    """Return what each of these customers may be called by staff."""
    ids: dict[str, list[str]] = {}
    for one in requesters:
        kind, _, number = one.partition(":")
        ids.setdefault(kind, []).append(number)
    asked = {
        "seller": select(SellerRow.id, SellerRow.phone_masked).where(SellerRow.id.in_(ids.get("seller", []))),
        "partner": select(PartnerRow.id, PartnerRow.name).where(PartnerRow.id.in_(ids.get("partner", []))),
        "contact": select(ContactRow.id, ContactRow.address_masked).where(ContactRow.id.in_(ids.get("contact", []))),
    }
    return {
        f"{kind}:{row[0]}": str(row[1]) for kind in ids if kind in asked for row in await session.execute(asked[kind])
    }


async def of_card(session: AsyncSession, card_id: str) -> tuple[TicketLine, ...]:
    """Return the newest tickets that are about the card."""
    about = (
        select(TicketLinkRow.ticket_id)
        .where(TicketLinkRow.kind == LinkedKind.CARD, TicketLinkRow.subject == card_id)
        .order_by(TicketLinkRow.ticket_id.desc())
        .limit(OTHERS_MAX)
    )
    return await lines(session, tuple((await session.execute(about)).scalars()))


async def agents(session: AsyncSession, but: str) -> tuple[tuple[str, str], ...]:
    """Return the id and name of everyone who answers tickets, by name, without the person `but`."""
    people = (await session.execute(select(PersonRow).where(PersonRow.active).order_by(PersonRow.name))).scalars()
    return tuple(
        (one.id, one.name)
        for one in people
        if one.id != but and Permission.ANSWER_TICKETS in permissions_of(Role(role) for role in one.roles)
    )


async def templates(session: AsyncSession, *, all_of_them: bool = False) -> tuple[ReplyTemplateRow, ...]:
    """Return the templates in use by name, or every one."""
    statement = select(ReplyTemplateRow).order_by(ReplyTemplateRow.active.desc(), ReplyTemplateRow.name)
    if not all_of_them:
        statement = statement.where(ReplyTemplateRow.active)
    return tuple((await session.execute(statement)).scalars())


async def macros(session: AsyncSession, *, all_of_them: bool = False) -> tuple[TicketMacroRow, ...]:
    """Return the macros in use by name, or every one."""
    statement = select(TicketMacroRow).order_by(TicketMacroRow.active.desc(), TicketMacroRow.name)
    if not all_of_them:
        statement = statement.where(TicketMacroRow.active)
    return tuple((await session.execute(statement)).scalars())


async def offers_to(session: AsyncSession, person: str, now: datetime, *, leads: bool) -> tuple[Offered, ...]:
    """Return the open offers that this person can accept, what ends first at the top; of the leads' for one of them."""
    mine = HandOverRow.to_person == person
    theirs = and_(HandOverRow.to_person.is_(None), HandOverRow.by != person)
    statement = (
        select(HandOverRow, TicketRow.subject, PersonRow.name)
        .join(TicketRow, TicketRow.id == HandOverRow.ticket_id)
        .join(PersonRow, PersonRow.id == HandOverRow.by)
        .where(HandOverRow.answer.is_(None), HandOverRow.until > now, or_(mine, theirs) if leads else mine)
        .order_by(HandOverRow.until)
    )
    return tuple(Offered(row, subject, giver) for row, subject, giver in await session.execute(statement))


async def writing(session: AsyncSession, task_id: str, since: datetime, but: str) -> tuple[str, ...]:
    """Return the names of everyone else who saved a draft on the item after that moment."""
    found = (
        select(PersonRow.name)
        .join(ReviewDraftRow, ReviewDraftRow.person_id == PersonRow.id)
        .where(ReviewDraftRow.task_id == task_id, ReviewDraftRow.saved_at > since, PersonRow.id != but)
        .order_by(PersonRow.name)
    )
    return tuple((await session.execute(found)).scalars())


async def _cards(session: AsyncSession, which: ColumnElement[bool]) -> tuple[CardLine, ...]:
    """The newest of these cards with their last quote and payment order, in three statements."""
    chosen = (
        select(CardRow)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(which)
        .order_by(CardRow.id.desc())
        .limit(CARDS_MAX)
    )
    cards = (await session.execute(chosen)).scalars().all()
    ids = [card.id for card in cards]
    offered = select(QuoteRow).where(QuoteRow.card_id.in_(ids), QuoteRow.offered_at.is_not(None))
    quotes = {row.card_id: row for row in (await session.execute(offered.order_by(QuoteRow.created_at))).scalars()}
    ordered = select(PayoutRow).where(PayoutRow.card_id.in_(ids)).order_by(PayoutRow.attempt)
    payouts = {row.card_id: row for row in (await session.execute(ordered)).scalars()}
    return tuple(_card_line(card, quotes.get(card.id), payouts.get(card.id)) for card in cards)


def _card_line(card: CardRow, quote: QuoteRow | None, payout: PayoutRow | None) -> CardLine:
    face = None if card.face_value_minor is None else Money(card.face_value_minor, Currency(card.currency))
    return CardLine(
        card.id, card.brand, card.number_tail, face, card.stage, card.outcome, card.reason,
        None if quote is None else Money(quote.amount_minor, quote.currency),
        None if payout is None else Money(payout.amount_minor, payout.currency),
        "" if payout is None else payout.payee_masked or "", None if payout is None else payout.state,
    )  # fmt: skip


async def _about_same_card(session: AsyncSession, ticket_ids: list[str], card_ids: list[str]) -> frozenset[str]:
    if not (ticket_ids and card_ids):
        return frozenset()
    same = select(TicketLinkRow.ticket_id).where(
        TicketLinkRow.ticket_id.in_(ticket_ids), TicketLinkRow.subject.in_(card_ids)
    )
    return frozenset((await session.execute(same)).scalars())


async def _offer(session: AsyncSession, ticket_id: str) -> HandOverRow | None:
    waits = select(HandOverRow).where(
        HandOverRow.ticket_id == ticket_id, HandOverRow.answer.is_(None), HandOverRow.until > now()
    )
    return (await session.execute(waits)).scalar_one_or_none()


def _people_of(record: TicketRecord, offer: HandOverRow | None) -> set[str]:
    """Everyone whom the page names."""
    actors = {*(one.author for one in record.said), *(one.actor for one in record.events), record.ticket.opened_by}
    people = {actor.partition(":")[2] for actor in actors if actor.startswith("person:")}
    people |= {value for one in record.events for value in (one.facts.get("to"), one.facts.get("by")) if value}
    task = record.task
    people |= {one for one in (task.leased_by, task.assigned_to, task.snoozed_by, record.ticket.solved_by) if one}
    return people | set(record.ticket.followers) | ({offer.by, offer.to_person or ""} if offer else set())
