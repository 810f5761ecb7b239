"""One card of a demo's seller is bought for real by the running platform, and an agent proposes a goodwill payment for it."""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bootstrap.demo.good_card import hand_in
from bootstrap.demo.people import login_of
from bootstrap.demo.talk import Refused
from bootstrap.demo.tickets import SELLERS
from bootstrap.settings import Settings
from database.session import Database
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance import PayoutRow
from database.tables.people import PersonRow, SellerRow
from database.tables.support.goodwill import GoodwillRow
from database.tables.support.tickets import TicketRow
from domain.cards.card import Outcome
from domain.errors.base import Refusal
from domain.finance.payout import PayoutState
from domain.identifiers import ticket_task
from domain.money import Money
from domain.people.roles import Role
from domain.sealing import KeyRing
from domain.support.tickets import UNDER_WAY, TicketCategory
from gateways.pictures.store import PhotoStore
from services.cards.intake import Intake
from services.people.seller_sign_in import phone_index
from services.review.desk import review_desk
from services.support.goodwill import Goodwill, GoodwillProposal
from services.support.linking import Linking

SELLER, PAYEE = "wang", ("13800009001", "王磊")
KEY = "demo-goodwill"
FACE, AMOUNT = Money(10_000), Money(2_000)
NUMBER = "JDDEMOPA1DCARD90"
_log = structlog.get_logger()


class DemoGoodwill:
    """Looks at how far it is, and does the next step; done once for all, however often the platform is started."""

    def __init__(self, settings: Settings, store: Database, keyring: KeyRing, photos: PhotoStore) -> None:
        self._settings = settings
        self._store = store
        self._keyring = keyring
        self._intake = Intake(store, keyring, photos)
        self._over = False

    async def look(self) -> int:
        """Do the next step, if there is one; return how many were done. What cannot be done now is tried at the next look."""
        if self._over:
            return 0
        async with self._store.transaction() as session:
            index = phone_index(self._keyring, SELLERS[SELLER][1])
            seller = (
                await session.execute(select(SellerRow).where(SellerRow.phone_index == index))
            ).scalar_one_or_none()
            owner = "" if seller is None else f"seller:{seller.id}"
            card = await _card_of(session, owner)
            given = (await session.execute(select(GoodwillRow.id).where(GoodwillRow.owner == owner).limit(1))).first()
        self._over = given is not None or (card is not None and card.outcome not in (None, Outcome.PAID))
        try:
            if self._over or not owner or (card is not None and card.outcome is None):
                return 0
            return await (self._sell(owner) if card is None else self._propose(owner, card.id))
        except (Refused, Refusal) as away:
            _log.info("demo_goodwill_waits", reason=type(away).__name__)
            return 0

    async def _sell(self, owner: str) -> int:
        await hand_in(self._settings, self._intake, owner, KEY, NUMBER, FACE, PAYEE)
        return 1

    async def _propose(self, owner: str, card_id: str) -> int:
        """Twenty yuan for the seller's newest question about late money."""
        async with self._store.transaction() as session:
            late = (
                TicketRow.requester == owner,
                TicketRow.category == TicketCategory.PAYOUT_LATE,
                TicketRow.state.in_(UNDER_WAY),
            )
            newest = select(TicketRow.id).where(*late).order_by(TicketRow.id.desc()).limit(1)
            ticket_id = (await session.execute(newest)).scalar_one_or_none()
            mine = select(PersonRow.id).where(PersonRow.email == login_of(Role.SUPPORT))
            agent = (await session.execute(mine)).scalar_one_or_none()
            paid = select(PayoutRow.key).where(PayoutRow.card_id == card_id, PayoutRow.state == PayoutState.PAID)
            key = (await session.execute(paid)).scalar_one_or_none()
        if ticket_id is None or agent is None or key is None:
            self._over = ticket_id is None or agent is None
            return 0
        leases = review_desk(self._store, self._keyring, lambda: datetime.now(UTC)).leases
        await leases.take(agent, ticket_task(ticket_id))
        await Linking(self._store).card(agent, ticket_id, card_id)
        asked = GoodwillProposal(AMOUNT, "late", key, "到账比承诺晚了一天。")
        await Goodwill(self._store, self._keyring).propose(agent, ticket_id, asked)
        await leases.release(agent, ticket_task(ticket_id))
        self._over = True
        return 1


async def _card_of(session: AsyncSession, owner: str) -> CardRow | None:
    mine = select(CardRow).join(SubmissionRow).where(SubmissionRow.owner == owner, SubmissionRow.idempotency_key == KEY)
    return (await session.execute(mine)).scalar_one_or_none()
