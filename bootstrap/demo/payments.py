"""A payment that is held because its seller named another account, and a claim on a card, once a demo's seller was paid."""

from __future__ import annotations

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from stdnum.iso7064 import mod_37_36

from bootstrap.demo.good_card import hand_in
from bootstrap.demo.goodwill import SELLER
from bootstrap.demo.people import login_of
from bootstrap.demo.talk import Refused
from bootstrap.demo.tickets import SELLERS
from bootstrap.settings import Settings
from database.session import Database
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance_rollback import RollbackRow
from database.tables.people import PersonRow, SellerRow
from domain.cards.card import Outcome
from domain.errors.base import Refusal
from domain.finance.rollback import RollbackKind
from domain.money import Money
from domain.people.roles import Role
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.cards.intake import Intake
from services.finance.proof_files import ProofFile
from services.finance.rollbacks import Finding, Rollbacks
from services.people.seller_sign_in import phone_index

KEY, FACE = "demo-held-payment", Money(1_500_00)
PAYEE = ("13900009009", "王磊")  # Another account than the one that was paid.
STEM = "JDDEMOHELDCARD1"
NUMBER = STEM + str(mod_37_36.calc_check_digit(STEM))
FOUND = Finding(
    RollbackKind.USED, "发卡方对账显示，这张卡在付款后于门店被使用。",
    ProofFile("发卡方对账.txt", "发卡方对账：该卡在付款后第二天于门店被使用，金额 100.00 元。\n".encode()),
)  # fmt: skip
_log = structlog.get_logger()


class DemoPayments:
    """Looks at how far it is, and does the next step; done once for all, however often the platform is started."""

    def __init__(self, settings: Settings, store: Database, keyring: KeyRing, photos: PhotoStore) -> None:
        self._settings = settings
        self._store = store
        self._keyring = keyring
        self._photos = photos
        self._intake = Intake(store, keyring, photos)
        self._over = False

    async def look(self) -> int:
        """Do what is left once the seller was paid; return how many steps. What cannot be done now is tried at the next look."""
        if self._over:
            return 0
        async with self._store.transaction() as session:
            owner, paid = await self._paid(session)
            sold = await _sold(session, owner)
            claimed = (await session.execute(select(RollbackRow.id).where(RollbackRow.owner == owner).limit(1))).first()
        if paid is None:
            return 0
        try:
            if not sold:
                await self._sell(owner)
            elif claimed is None:
                await self._claim(paid)
            self._over = sold and claimed is not None
        except (Refused, Refusal) as away:
            _log.info("demo_payments_wait", reason=type(away).__name__)
            return 0
        return 0 if self._over else 1

    async def _paid(self, session: AsyncSession) -> tuple[str, str | None]:
        """The seller and a card of theirs that was paid; None until then."""
        index = phone_index(self._keyring, SELLERS[SELLER][1])
        seller = (
            await session.execute(select(SellerRow.id).where(SellerRow.phone_index == index))
        ).scalar_one_or_none()
        owner = f"seller:{seller}"
        paid = (
            select(CardRow.id)
            .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
            .where(SubmissionRow.owner == owner, CardRow.outcome == Outcome.PAID)
            .order_by(CardRow.id)
            .limit(1)
        )
        return owner, (await session.execute(paid)).scalar_one_or_none()

    async def _sell(self, owner: str) -> None:
        await hand_in(self._settings, self._intake, owner, KEY, NUMBER, FACE, PAYEE)

    async def _claim(self, card_id: str) -> None:
        """Compliance proposes it; a person of finance may agree."""
        async with self._store.transaction() as session:
            mine = select(PersonRow.id).where(PersonRow.email == login_of(Role.COMPLIANCE))
            officer = (await session.execute(mine)).scalar_one()
        await Rollbacks(self._store, self._keyring).propose(officer, card_id, FOUND, self._photos)


async def _sold(session: AsyncSession, owner: str) -> bool:
    mine = select(SubmissionRow.id).where(SubmissionRow.owner == owner, SubmissionRow.idempotency_key == KEY)
    return (await session.execute(mine)).first() is not None
