"""One card of a demo's seller is bought for real by the running platform, and an agent proposes a goodwill payment for it."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select

from bootstrap.demo.hands import Hands, Step
from database.tables.finance.payout import PayoutRow
from database.tables.support.goodwill import GoodwillRow
from database.tables.support.tickets import TicketRow
from domain.cards.card import Outcome
from domain.finance.payout import PayoutState
from domain.identifiers import ticket_task
from domain.money import Money
from domain.people.roles import Role
from domain.support.tickets import UNDER_WAY, TicketCategory
from services.review.desk import review_desk
from services.support.desk import SupportDesk
from services.support.goodwill import Goodwill, GoodwillProposal
from services.support.linking import Linking

SELLER, PAYEE = "wang", ("13800009001", "王磊")
KEY, STEM = "demo-goodwill", "JDDEMOPA1DCARD9"
FACE, AMOUNT = Money(10_000), Money(2_000)


async def goodwill(hands: Hands) -> Step:
    """Sell, and ask twenty yuan for the seller's newest question about late money once the card is paid."""
    owner = await hands.owner(SELLER)
    if owner is None:
        return Step.WAITS
    async with hands.store.transaction() as session:
        given = (await session.execute(select(GoodwillRow.id).where(GoodwillRow.owner == owner).limit(1))).first()
    if given is not None:
        return Step.OVER
    card = await hands.card(owner, KEY)
    if card is None:
        await hands.sell(owner, KEY, STEM, FACE, PAYEE)
        return Step.DONE
    if card.outcome is None:
        return Step.WAITS
    return await _proposed(hands, owner, card.id) if card.outcome is Outcome.PAID else Step.OVER


async def _proposed(hands: Hands, owner: str, card_id: str) -> Step:
    async with hands.store.transaction() as session:
        late = (
            TicketRow.requester == owner,
            TicketRow.category == TicketCategory.PAYOUT_LATE,
            TicketRow.state.in_(UNDER_WAY),
        )
        newest = select(TicketRow.id).where(*late).order_by(TicketRow.id.desc()).limit(1)
        ticket_id = (await session.execute(newest)).scalar_one_or_none()
        paid = select(PayoutRow.key).where(PayoutRow.card_id == card_id, PayoutRow.state == PayoutState.PAID)
        key = (await session.execute(paid)).scalar_one_or_none()
    if ticket_id is None:
        return Step.OVER
    if key is None:
        return Step.WAITS
    agent = await hands.person(Role.SUPPORT)
    leases = review_desk(hands.store, hands.keyring, lambda: datetime.now(UTC)).leases
    await leases.take(agent, ticket_task(ticket_id))
    desk = SupportDesk(hands.store, hands.keyring, hands.photos)
    await Linking(desk).card(agent, ticket_id, card_id)
    asked = GoodwillProposal(AMOUNT, "late", key, "到账比承诺晚了一天。")
    await Goodwill(desk).propose(agent, ticket_id, asked)
    await leases.release(agent, ticket_task(ticket_id))
    return Step.DONE
