"""A part of a card's payment that came back: booked by two people, owed to the seller again and proposed to be paid again, or dismissed.

The provider's own word says how much came back in all. Tax that was withheld belongs to the payment, so that the part is owed net and the
tax stays, unless all of the payment came back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.part_returns import booked, undecided
from database.reads.finance.paybacks import payment_of_part
from database.repositories import cards, outbox
from database.repositories.audit import by_person
from database.repositories.cards import Change
from database.session import Database
from database.tables.cards import CardRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import PartReturnRow, ReturnRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.returns import CameBackLess, NothingCameBack, PartReturnOver, PartReturnWaits
from domain.finance.payout import PayoutState
from domain.identifiers import new_id
from domain.money import Money
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.finance import owed_payments
from services.finance.order_kinds import kind_by_key
from services.finance.payout_orders import owner_of
from services.finance.proof_files import ProofFile, kept_of
from services.finance.rail_switches import required_reason
from services.finance.returned import book_part, came_back, paid_again
from services.finance.second_person import Proposal, notify_declined, require_apart
from services.finance.whose import stranger_to
from services.people.permissions import require
from services.work.secret_scan import require_no_number

IN_PART = "payout_returned_in_part"  # The step of its posting.
CAME_BACK = "part_came_back"  # The message to the seller, and why they are paid.


@dataclass(frozen=True)
class CameBack:
    """What one person found: how much of the payment came back, why they say so, and the document that shows it."""

    amount: Money
    reason: str
    evidence: ProofFile | None = field(default=None, repr=False)


class PartReturns:
    """Books parts that came back. `person` is a person's id, of finance; `key` that of a card's order."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def propose(self, person: str, key: str, said: CameBack, store: PhotoStore) -> str:
        """Propose to book a part, to be agreed to by a second person; return its id.

        Refuses NotAllowed, NotFound for what is no card's order, FieldInvalid (`amount`, `reason`, `evidence`), what files are refused for,
        SecretInWords, NothingCameBack, CameBackLess, PartReturnWaits, and OwnWork to people on the seller's side.
        """
        reason = required_reason(said.reason)
        require_no_number(reason)
        proof = await kept_of(self._database, person, Permission.STATE_OUTCOMES, store, said.evidence)
        async with self._database.transaction() as session:
            order = await _locked(session, key)
            await _require_there(session, order, said.amount)
            who = await self._stranger(session, person, order.key)
            owner = await owner_of(session, await session.get_one(CardRow, order.card_id))
            row = PartReturnRow(
                id=new_id(), key=order.key, card_id=order.card_id, owner=owner, amount_minor=said.amount.amount_minor,
                currency=said.amount.currency, reason=reason, evidence_name=proof.name, evidence_type=proof.media_type,
                evidence_sha256=proof.sha256, proposed_by=person, proposers=sorted(who.circle), proposed_at=self._now(),
            )  # fmt: skip
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise PartReturnWaits() from None
            session.add(_audited(person, "book_part", row))
        return row.id

    async def agree(self, person: str, part_id: str) -> None:
        """Book it as the second person: it is owed again, and proposed to be paid again. Agreed to already by them, nothing changes.

        Where all of the payment came back so, and no part was paid again, the order is over as any that came back whole. Refuses NotAllowed,
        NotFound, PartReturnOver, NothingCameBack, CameBackLess, and OwnWork to the first person and to people on the seller's side.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.STATE_OUTCOMES)
            order, row = await _both(session, part_id)
            if row.agreed_at is not None and row.agreed_by == person:
                return
            _require_waiting(row)
            await _require_there(session, order, row.amount)
            who = await self._stranger(session, person, order.key)
            await require_apart(session, who, row.proposers, self._now())
            row.agreed_by, row.agreed_at = person, self._now()
            session.add(_audited(person, "agree_part", row))
            await self._book(session, order, row, who)

    async def decline(self, person: str, part_id: str) -> None:
        """Discard a proposal, one's own too. Refuses NotAllowed, NotFound and PartReturnOver."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.STATE_OUTCOMES)
            _, row = await _both(session, part_id)
            _require_waiting(row)
            row.declined_by, row.declined_at = person, self._now()
            session.add(_audited(person, "decline_part", row))
            await notify_declined(session, row.proposed_by, person, Proposal.PART_RETURN, f"/payouts/{row.key}")

    async def dismiss(self, person: str, key: str, reason: str) -> None:
        """Keep that what the provider says did not come back; another amount that it says later is open again.

        Refuses NotAllowed, NotFound, FieldInvalid (`reason`), SecretInWords, NothingCameBack, and PartReturnWaits while a part waits.
        """
        said = required_reason(reason)
        require_no_number(said)
        async with self._database.transaction() as session:
            await require(session, person, Permission.STATE_OUTCOMES)
            claim = await _claim(session, key)
            waits = select(PartReturnRow.id).where(
                PartReturnRow.key == claim.key, PartReturnRow.agreed_at.is_(None), PartReturnRow.declined_at.is_(None)
            )
            if (await session.execute(waits)).scalar_one_or_none() is not None:
                raise PartReturnWaits()
            claim.dismissed_minor, claim.dismissed_by = claim.confirmed_minor, person
            claim.dismissed_at, claim.dismissed_reason = self._now(), said
            facts = {"amount": str(Money(claim.confirmed_minor or 0, claim.currency))}
            session.add(by_person(person, "console:payout:dismiss_part", claim.key, reason=said, facts=facts))

    async def pay_again(self, person: str, part_id: str) -> None:
        """Propose again to pay a part, after that payment was declined or did not arrive. Proposed or paid already, nothing changes.

        Refuses NotAllowed, NotFound, PartReturnOver where it is not owed, FieldInvalid (`payee`) where no order was paid whose payee it could
        go to, and OwnWork to people on the seller's side.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.STATE_OUTCOMES)
            order, row = await _both(session, part_id)
            if row.agreed_at is None or order.state is not PayoutState.PAID:
                raise PartReturnOver()
            who = await self._stranger(session, person, order.key)
            if await payment_of_part(session, row.id) is None and not await self._proposed(session, row, who):
                raise FieldInvalid(field="payee", why="missing")

    async def _book(self, session: AsyncSession, order: PayoutRow, row: PartReturnRow, who: ActingReviewer) -> None:
        now = self._now()
        card = await cards.load_for_update(session, row.card_id)
        await book_part(session, order, row.owner, row.amount, f"{row.key}:part:{row.id}", IN_PART)
        await session.flush()
        if await booked(session, row.key) == order.amount_minor and not await paid_again(session, row.key, now):
            over = update(ReturnRow).where(ReturnRow.key == row.key).values(returned_at=now)
            await session.execute(over.execution_options(synchronize_session=False))
            await came_back(session, order, card, row.owner, now)
            return
        facts = {"key": row.key, "amount": str(row.amount), "part": row.id}
        await cards.record(
            session, card.id, Change(card.stage, card.waiting_for, card.until, "payout.returned_in_part", facts)
        )
        if row.owner.startswith("seller:"):
            news = {"card_id": card.id, "brand": card.brand, "page": "/wallet", **facts}
            await outbox.put(session, outbox.MESSAGES, row.owner, CAME_BACK, news)
        await self._proposed(session, row, who)

    async def _proposed(self, session: AsyncSession, row: PartReturnRow, who: ActingReviewer) -> bool:
        owed = owed_payments.Owed(row.owner, row.amount, CAME_BACK, part_id=row.id)
        return await owed_payments.propose(session, owed, who, self._now()) is not None

    async def _stranger(self, session: AsyncSession, person: str, key: str) -> ActingReviewer:
        whose = await kind_by_key(key).whose(session, key)
        return await stranger_to(session, self._keyring, person, whose, self._now())


async def _locked(session: AsyncSession, key: str) -> PayoutRow:
    row = await session.get(PayoutRow, key[:80], with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(payout=key[:80])
    return row


async def _both(session: AsyncSession, part_id: str) -> tuple[PayoutRow, PartReturnRow]:
    """The order and its part, locked in this order. Refuses NotFound."""
    known = await session.get(PartReturnRow, part_id[:26])
    if known is None:
        raise NotFound(part=part_id[:26])
    order = await _locked(session, known.key)
    return order, await session.get_one(PartReturnRow, known.id, with_for_update=True, populate_existing=True)


async def _claim(session: AsyncSession, key: str) -> ReturnRow:
    """The undecided claim about an order, locked. Refuses NotFound for an order of which nothing is said, and NothingCameBack."""
    row = await session.get(ReturnRow, key[:80], with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(payout=key[:80])
    if (await session.execute(select(ReturnRow.key).where(ReturnRow.key == row.key, undecided()))).first() is None:
        raise NothingCameBack()
    return row


async def _require_there(session: AsyncSession, order: PayoutRow, amount: Money) -> None:
    """Refuse FieldInvalid (`amount`), NothingCameBack, and CameBackLess for more than came back and is not booked, or than was paid."""
    if amount.currency is not order.currency or amount.amount_minor <= 0:
        raise FieldInvalid(field="amount", why="out_of_range")
    claim = await _claim(session, order.key)
    if order.state is not PayoutState.PAID:
        raise NothingCameBack()
    most = min(claim.confirmed_minor or 0, order.amount_minor) - await booked(session, order.key)
    if amount.amount_minor > most:
        raise CameBackLess(there=str(Money(max(0, most), order.currency)))


def _require_waiting(row: PartReturnRow) -> None:
    if row.agreed_at is not None or row.declined_at is not None:
        raise PartReturnOver()


def _audited(person: str, act: str, row: PartReturnRow) -> object:
    facts = {"part": row.id, "amount": str(row.amount), "evidence": row.evidence_sha256}
    return by_person(person, f"console:payout:{act}", row.key, reason=row.reason, facts=facts)
