"""The tabs of the card page beside the one to decide on: the whole story, the evidence, comments and files, money."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy.ext.asyncio import AsyncSession

from database.invariants.of_answers import ANSWERS
from database.reads.cards.card_page import CardRecord
from database.reads.finance.account_pages import BookTransaction, Wanted, transactions
from database.reads.finance.of_card import payouts, quotes
from database.reads.work.comments import Comment
from domain.finance.payout import PayoutState
from domain.money import Money
from domain.people.roles import Permission
from reviewer_ui.review import card_view
from reviewer_ui.sessions import Person

MOVED_MAX = 100


class CardTab(StrEnum):
    """A tab; its words are `console.tab.<value>`."""

    DECIDE = "decide"
    STORY = "story"
    EVIDENCE = "evidence"
    COMMENTS = "comments"
    MONEY = "money"


@dataclass(frozen=True)
class QuoteView:
    """One quote with its lines: kind, basis points, amount."""

    price: card_view.PriceView
    at: datetime
    expires_at: datetime | None


@dataclass(frozen=True)
class PayoutView:
    """One payment order; the payee is masked."""

    key: str
    amount: Money
    state: PayoutState
    payee: str
    prepared_at: datetime
    settled_at: datetime | None
    reference: str
    refusal_code: str


@dataclass(frozen=True)
class TabContent:
    """What the open tab shows; empty where it is another's. `payouts` is None for people who may not see them."""

    answers: tuple[card_view.AnswerView, ...] = ()
    events: tuple[card_view.EventView | Comment, ...] = ()
    comments: tuple[Comment, ...] = ()
    quotes: tuple[QuoteView, ...] = ()
    payouts: tuple[PayoutView, ...] | None = None
    moved: tuple[BookTransaction, ...] = ()  # What the books say of the card, the oldest first.
    sees_books: bool = False


async def tab_content(
    session: AsyncSession, tab: CardTab, record: CardRecord, comments: tuple[Comment, ...], person: Person
) -> TabContent:
    """Read what the tab shows beyond the record of the card."""
    if tab is CardTab.STORY:
        return TabContent(events=card_view.story(record, comments))
    if tab is CardTab.EVIDENCE:
        return TabContent(answers=card_view.every_answer(record))
    if tab is CardTab.COMMENTS:
        return TabContent(comments=comments)
    if tab is CardTab.MONEY:
        return await _money(session, record, person)
    return TabContent()


async def _money(session: AsyncSession, record: CardRecord, person: Person) -> TabContent:
    made = tuple(
        QuoteView(card_view.price_of(row, person), row.created_at, row.expires_at)
        for row in await quotes(session, record.card.id)
    )
    if not person.may(Permission.SEE_PAYOUTS):
        return TabContent(quotes=made)
    orders = tuple(
        PayoutView(
            row.key, Money(row.amount_minor, row.currency), row.state, row.payee_masked or record.submission.payee_masked,
            row.prepared_at, row.settled_at, row.gateway_reference or "", row.refusal_code or "",
        )
        for row in await payouts(session, record.card.id)
    )  # fmt: skip
    sees_books = person.may(Permission.SEE_BOOKS)
    moved = await transactions(session, Wanted(card_id=record.card.id), limit=MOVED_MAX)
    shown = tuple(one for one in reversed(moved) if sees_books or not one.cause.startswith(f"{ANSWERS.name}:"))
    return TabContent(quotes=made, payouts=orders, moved=shown, sees_books=sees_books)
