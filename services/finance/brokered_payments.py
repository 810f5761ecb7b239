"""What a licensed provider paid to the seller of a brokered card: recorded by one person of finance, counted once another confirms.

The money never was ours: the provider splits it, and we book what it reports. Nothing here can send a payment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import ledger
from database.session import Database
from database.tables.finance.sales import BrokeredPaymentRow, SaleRow, SaleSplitRow, WithDocument
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.sales import (
    ProviderPaidOther,
    ProviderPaymentOver,
    ProviderPaymentWaits,
    ReferenceTaken,
    ReturnWaits,
    SaleReturned,
    SellerPaid,
)
from domain.finance.postings.sales import provider_paid
from domain.finance.sales import SaleMode
from domain.finance.waterfall import PartKind
from domain.identifiers import new_id
from domain.money import Money
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.places import business_day
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.finance.proof_files import ProofFile, kept_of
from services.finance.references import provider_reference
from services.finance.sales import prove
from services.finance.second_person import require_apart, stranger
from services.people.permissions import require

REFERENCE_MAX = 64


@dataclass(frozen=True)
class ProviderPaid:
    """What the provider says: its reference, how much it paid and on which day, and the document that says so."""

    reference: str
    amount: Money
    paid_on: date
    evidence: ProofFile | None = field(default=None, repr=False)


class BrokeredPayments:
    """Payments of licensed providers with their second persons. `person` is a person's id, of finance."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def record(self, person: str, sale_id: str, said: ProviderPaid, store: PhotoStore) -> str:
        """Record a payment once per provider and reference, and return its id; nothing is posted before a second person confirms.

        Refuses NotAllowed, NotFound for what is no brokered sale, FieldInvalid (`reference`, `amount`, `paid_on`,
        `evidence`), what files are refused for, ProviderPaidOther, ProviderPaymentWaits, SellerPaid, ReferenceTaken,
        SaleReturned, ReturnWaits, and OwnWork to people on the seller's side.
        """
        reference = provider_reference(said.reference, REFERENCE_MAX)
        proof = await kept_of(self._database, person, Permission.RECORD_SALES, store, said.evidence)
        async with self._database.transaction() as session:
            sale, owner, due = await _brokered(session, sale_id)
            if (known := await _standing(session, sale.id)) is not None:
                return _same(known, person, reference, said)
            self._require_sense(sale, said, due)
            who = await self._stranger(session, person, sale, owner)
            row = BrokeredPaymentRow(
                id=new_id(), sale_id=sale.id, provider=sale.payer.partition(":")[2], reference=reference,
                amount_minor=said.amount.amount_minor, currency=said.amount.currency, paid_on=said.paid_on,
                evidence_name=proof.name, evidence_type=proof.media_type, evidence_sha256=proof.sha256,
                recorded_by=person, recorders=sorted(who.circle), recorded_at=self._now(),
            )  # fmt: skip
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise ReferenceTaken() from None
            prove(session, person, "seller_paid_record", sale, facts=_facts(row))
        return row.id

    async def confirm(self, person: str, payment_id: str) -> None:
        """Confirm as the second person: the seller is owed nothing more, and the split account has paid it.

        Confirmed already by them, nothing changes. Refuses NotAllowed, NotFound, ProviderPaymentOver, SaleReturned,
        ProviderPaidOther where the sale's part is another by now, and OwnWork to the first person and to people on the seller's side.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            row, sale, owner, due = await _both(session, payment_id)
            if row.confirmed_at is not None and row.confirmed_by == person:
                return
            require_waiting(row)
            said = ProviderPaid(row.reference, Money(row.amount_minor, row.currency), row.paid_on)
            self._require_sense(sale, said, due)
            who = await self._stranger(session, person, sale, owner)
            await require_apart(session, who, row.recorders, self._now())
            row.confirmed_by, row.confirmed_at = person, self._now()
            lines, cause = provider_paid(row.provider, owner, said.amount), f"brokered:{row.id}"
            await ledger.post(
                session, cause, sale.card_id, "provider_paid", lines, happened_on=row.paid_on, cause=cause
            )
            prove(session, person, "seller_paid_confirm", sale, facts=_facts(row))

    async def discard(self, person: str, payment_id: str) -> None:
        """Discard a recorded payment, one's own too; it may be recorded again. Refuses NotAllowed, NotFound and ProviderPaymentOver."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            row, sale, _, _ = await _both(session, payment_id)
            if row.declined_at is not None and row.declined_by == person:
                return
            require_waiting(row)
            row.declined_by, row.declined_at = person, self._now()
            prove(session, person, "seller_paid_discard", sale, facts=_facts(row))

    async def _stranger(self, session: AsyncSession, person: str, sale: SaleRow, owner: str) -> ActingReviewer:
        return await stranger(session, self._keyring, person, owner, sale.card_id, self._now())

    def _require_sense(self, sale: SaleRow, said: ProviderPaid, due: Money) -> None:
        """Refuse what cannot be a payment of this sale as it is now."""
        if sale.reversed_at is not None:
            raise SaleReturned()
        if sale.return_asked_at is not None:
            raise ReturnWaits()
        if not business_day(sale.sold_at) <= said.paid_on <= business_day(self._now()):
            raise FieldInvalid(field="paid_on", why="out_of_range")
        if said.amount.amount_minor <= 0:
            raise FieldInvalid(field="amount", why="out_of_range")
        if said.amount != due:
            raise ProviderPaidOther(owed=str(due))


async def require_unpaid(session: AsyncSession, sale: SaleRow) -> None:
    """Refuse SellerPaid while a provider payment is recorded, confirmed or not. The caller holds the sale's row."""
    if await _standing(session, sale.id) is not None:
        raise SellerPaid()


async def _brokered(session: AsyncSession, sale_id: str) -> tuple[SaleRow, str, Money]:
    """The sale, locked, with the owner of its card (seller:<id> or partner:<id>) and their part of it. Refuses NotFound."""
    sale = await session.get(SaleRow, sale_id[:26], with_for_update=True, populate_existing=True)
    if sale is None or sale.mode is not SaleMode.BROKERED:
        raise NotFound(sale=sale_id[:26])
    part = select(SaleSplitRow).where(SaleSplitRow.sale_id == sale.id, SaleSplitRow.part == PartKind.SELLER)
    line = (await session.execute(part)).scalar_one()
    return sale, line.account.partition(":")[2], Money(line.amount_minor, line.currency)


async def _both(session: AsyncSession, payment_id: str) -> tuple[BrokeredPaymentRow, SaleRow, str, Money]:
    """The payment, its sale locked before it. Refuses NotFound."""
    known = await session.get(BrokeredPaymentRow, payment_id[:26])
    if known is None:
        raise NotFound(payment=payment_id[:26])
    sale, owner, due = await _brokered(session, known.sale_id)
    row = await session.get_one(BrokeredPaymentRow, known.id, with_for_update=True, populate_existing=True)
    return row, sale, owner, due


async def _standing(session: AsyncSession, sale_id: str) -> BrokeredPaymentRow | None:
    wanted = (BrokeredPaymentRow.sale_id == sale_id, BrokeredPaymentRow.declined_at.is_(None))
    return (await session.execute(select(BrokeredPaymentRow).where(*wanted))).scalar_one_or_none()


def _same(row: BrokeredPaymentRow, person: str, reference: str, said: ProviderPaid) -> str:
    """The id of the payment when the same person records the same again. Refuses SellerPaid and ProviderPaymentWaits."""
    given = (person, reference, said.amount, said.paid_on)
    if given == (row.recorded_by, row.reference, Money(row.amount_minor, row.currency), row.paid_on):
        return row.id
    raise ProviderPaymentWaits() if row.confirmed_at is None else SellerPaid()


def require_waiting(row: WithDocument) -> None:
    """Refuse ProviderPaymentOver for what was confirmed or discarded."""
    if row.confirmed_at is not None or row.declined_at is not None:
        raise ProviderPaymentOver()


def _facts(row: BrokeredPaymentRow) -> dict[str, str]:
    return {
        "payment": row.id, "provider": row.provider, "reference": row.reference,
        "amount": str(Money(row.amount_minor, row.currency)), "paid_on": row.paid_on.isoformat(),
        "proof": row.evidence_sha256,
    }  # fmt: skip
