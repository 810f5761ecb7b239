"""Rows with everything a test does not care about already filled in."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow, SubmissionRow
from database.tables.columns import now
from database.tables.evidence import LeafRow
from database.tables.people import PartnerRow, PersonRow
from database.tables.work import WorkItemRow
from domain.cards.card import CardType
from domain.evidence.log import canonical, leaf_hash
from domain.identifiers import new_id, review_task
from domain.money import Currency
from domain.sealing import KeyRing

RING = KeyRing.generate()


async def a_partner(session: AsyncSession, webhook_url: str | None = "http://127.0.0.1:9/hook") -> str:
    """A partner; returns the owner, `partner:<id>`."""
    row = PartnerRow(id=new_id(), name="Green Lane", webhook_url=webhook_url)
    session.add(row)
    await session.flush()
    return f"partner:{row.id}"


async def a_card(session: AsyncSession, *, owner: str = "seller:ANY", brand: str = "jd") -> CardRow:
    """A card just submitted, without its number, in a submission of its own."""
    submission = SubmissionRow(
        id=new_id(),
        owner=owner,
        idempotency_key=new_id(),
        request_hash="",
        channel="api",
        locale="en",
        payee_account_sealed=b"",
        payee_name_sealed=b"",
        payee_masked="",
    )
    session.add(submission)
    await session.flush()
    card = CardRow(
        id=new_id(),
        submission_id=submission.id,
        position=0,
        card_type=CardType.ECOMMERCE,
        brand=brand,
        currency=Currency.CNY,
    )
    session.add(card)
    await session.flush()
    return card


async def a_person(session: AsyncSession) -> str:
    """Add a person of the console; return their id."""
    row = PersonRow(id=new_id(), email=f"{new_id()}@example.com", name="Lin", password_hash="", roles=["reviewer"])
    session.add(row)
    await session.flush()
    return row.id


async def a_task(session: AsyncSession, card: CardRow, number: int = 1) -> WorkItemRow:
    """An open review task of the card."""
    moment = now()
    row = WorkItemRow(
        id=review_task(card.id, number),
        card_id=card.id,
        card_type=card.card_type,
        brand=card.brand,
        value_minor=50_000,
        warn_at=moment + timedelta(hours=1),
        due_at=moment + timedelta(hours=2),
    )
    session.add(row)
    await session.flush()
    return row


async def a_leaf(session: AsyncSession, what: str, body: Mapping[str, Any]) -> int:
    """A leaf without a place, as every change of a card leaves one; returns its id."""
    row = LeafRow(what=what, body=dict(body), leaf_hash=leaf_hash(canonical(body)))
    session.add(row)
    await session.flush()
    assert row.id is not None
    return row.id
