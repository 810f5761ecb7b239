"""Tickets by their words, their customers and their cards, the newest first, one page at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, or_, select, text, union
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.home.search import ends
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.people import PartnerRow, SellerRow
from database.tables.support.search import TicketSearchRow
from database.tables.support.tickets import ContactRow, TicketLinkRow, TicketRow
from domain.support.grams import BLOCK, MASK, STEP, looked_up
from domain.support.tickets import LinkedKind

OWNERS_MAX = 1_000  # Customers whom one account of a payee can lead to.
# Block by block, the newest first: rows come in the order of the blocks, and no block is read after the page is full.
_BY_WORDS = text(
    f"""
    SELECT found.ticket_id, found.number
    FROM generate_series(
        CAST(:block AS bigint), (SELECT CAST(floor(min(number) / {BLOCK}.0) AS bigint) FROM ticket_search), -1
    ) AS block
    CROSS JOIN LATERAL (
        SELECT ticket_id, number FROM ticket_search
        WHERE grams @> ARRAY(SELECT CAST((one + block * {STEP}) & {MASK} AS integer) FROM unnest(CAST(:grams AS bigint[])) AS one)
          AND number < :before AND folded LIKE ALL (CAST(:patterns AS text[]))
        ORDER BY number DESC LIMIT :limit
    ) AS found
    LIMIT :limit
    """  # noqa: S608  # Numbers of our own.
)


@dataclass(frozen=True)
class Sought:
    """What a search asks for; empty fields ask for nothing, and a ticket is found by any of the others.

    `parts` (of `domain.support.grams.terms`: letters and digits alone) must all be found in a ticket's words. `id` is a
    whole id and `ending` the end of one (of a ticket, a card or a customer), `tail` the end of a
    card's number, `key` a payment order's; `phone`, `payee` and
    `address` are keyed hashes; `partner` is part of a name. Without `cards` no ticket is found by what it is about.
    """

    parts: tuple[str, ...] = ()
    id: str = ""
    ending: str = ""
    tail: str = ""
    key: str = ""
    phone: str = ""
    payee: str = ""
    address: str = ""
    partner: str = ""
    cards: bool = True

    @property
    def names(self) -> bool:
        """Whether it asks for anything but words."""
        return any((self.id, self.ending, self.tail, self.key, self.phone, self.payee, self.address, self.partner))


async def matches(session: AsyncSession, sought: Sought, limit: int, before: str = "") -> tuple[str, ...]:
    """Return the ids of the newest tickets that match, at most `limit`; of those older than `before` (a ticket's id)."""
    newest = await _number_below(session, before)
    if newest is None:
        return ()
    found = dict(await _by_words(session, sought.parts, limit, newest))
    found |= dict(await _by_names(session, sought, limit, newest))
    return tuple(sorted(found, key=lambda one: -found[one])[:limit])


async def not_searchable(session: AsyncSession) -> int:
    """Return how many tickets from before the search cannot be found by their words yet."""
    left = select(func.count()).select_from(TicketRow).where(TicketRow.searchable.is_(False))
    return (await session.execute(left)).scalar_one()


async def _number_below(session: AsyncSession, before: str) -> int | None:
    """The number below which those of the page are; None where there are none."""
    if before:
        known = select(TicketSearchRow.number).where(TicketSearchRow.ticket_id == before)
        return (await session.execute(known)).scalar_one_or_none()
    highest = (await session.execute(select(func.max(TicketSearchRow.number)))).scalar_one()
    return None if highest is None else highest + 1


async def _by_words(
    session: AsyncSession, parts: tuple[str, ...], limit: int, below: int
) -> Iterable[tuple[str, int]]:  # fmt: skip
    numbers = looked_up(parts)
    if not numbers:
        return ()
    given = {
        "block": (below - 1) // BLOCK, "grams": list(numbers), "before": below, "limit": limit,
        "patterns": [f"%{part}%" for part in parts],
    }  # fmt: skip
    return [(row.ticket_id, row.number) for row in await session.execute(_BY_WORDS, given)]


async def _by_names(
    session: AsyncSession, sought: Sought, limit: int, below: int
) -> Iterable[tuple[str, int]]:  # fmt: skip
    ways = [*_tickets(sought), *_about_cards(sought), *_of_customers(sought)]
    if not ways:
        return ()
    statement = (
        select(TicketSearchRow.ticket_id, TicketSearchRow.number)
        .where(TicketSearchRow.ticket_id.in_(union(*ways)), TicketSearchRow.number < below)
        .order_by(TicketSearchRow.number.desc())
        .limit(limit)
    )
    return [(row.ticket_id, row.number) for row in await session.execute(statement)]


def _tickets(sought: Sought) -> Iterator[Select[Any]]:
    if sought.id:
        yield select(TicketRow.id).where(TicketRow.id == sought.id)
    elif sought.ending:
        yield select(TicketRow.id).where(ends(TicketRow.id, sought.ending))


def _about_cards(sought: Sought) -> Iterator[Select[Any]]:
    if not sought.cards:
        return
    about = select(TicketLinkRow.ticket_id)
    if sought.key:
        yield about.where(TicketLinkRow.kind == LinkedKind.PAYOUT, TicketLinkRow.subject == sought.key)
        of_order = select(PayoutRow.card_id).where(PayoutRow.key == sought.key)
        yield about.where(TicketLinkRow.kind == LinkedKind.CARD, TicketLinkRow.subject.in_(of_order))
    elif sought.id:
        yield about.where(TicketLinkRow.kind == LinkedKind.CARD, TicketLinkRow.subject == sought.id)
    elif sought.ending or sought.tail:
        which = ([ends(CardRow.id, sought.ending)] if sought.ending else []) + (
            [CardRow.number_tail == sought.tail] if sought.tail else []
        )
        cards = select(CardRow.id).where(or_(*which))
        yield about.where(TicketLinkRow.kind == LinkedKind.CARD, TicketLinkRow.subject.in_(cards))


def _of_customers(sought: Sought) -> Iterator[Select[Any]]:
    theirs = select(TicketRow.id)
    if sought.id:
        yield theirs.where(
            TicketRow.requester.in_([f"{kind}:{sought.id}" for kind in ("seller", "partner", "contact")])
        )
    if sought.phone:
        called = select("seller:" + SellerRow.id).where(SellerRow.phone_index == sought.phone)
        yield theirs.where(TicketRow.requester.in_(called))
        joined = select(SellerRow.id).where(SellerRow.phone_index == sought.phone)
        wrote = select("contact:" + ContactRow.id).where(ContactRow.seller_id.in_(joined))
        yield theirs.where(TicketRow.requester.in_(wrote))
    if sought.payee:
        paid = select(SubmissionRow.owner).where(SubmissionRow.payee_index == sought.payee).distinct()
        paid = paid.order_by(SubmissionRow.owner).limit(OWNERS_MAX)
        yield theirs.where(TicketRow.requester.in_(paid))
    if sought.address:
        wrote = select("contact:" + ContactRow.id).where(ContactRow.address_index == sought.address)
        yield theirs.where(TicketRow.requester.in_(wrote))
    if sought.partner:
        named = select("partner:" + PartnerRow.id).where(PartnerRow.name.icontains(sought.partner, autoescape=True))
        yield theirs.where(TicketRow.requester.in_(named))
