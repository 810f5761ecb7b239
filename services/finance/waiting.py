"""Payments that wait before anything is sent: kept with their reasons, shown on the card, released by a person, and sent on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.reads.review.standing import approves
from database.repositories import cards
from database.repositories.audit import by_person
from database.repositories.cards import Change
from database.repositories.loop_faults import apart
from database.repositories.set_aside import left_out
from database.sealed import ORDER_NAME, PAYEE_NAME
from database.session import Database
from database.tables.cards import QuoteRow, SubmissionRow
from database.tables.finance import PayoutRow
from database.tables.finance_routing import PayoutWaitRow
from database.tables.review import ReviewDecisionRow
from database.tables.support.goodwill import GoodwillRow
from domain.cards.card import Stage, WaitingFor
from domain.cards.facts import PaymentHeld
from domain.cards.pricing import QuoteState
from domain.errors.finance import NothingToRelease
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.work import OwnWork
from domain.finance.routing import LOOKED_AT, Wait, WaitReason
from domain.identifiers import is_goodwill_key
from domain.money import Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.payout_routing import routing_in_force
from domain.sealing import KeyRing
from services.finance.offsets import foreseen
from services.finance.routing import Payment, why_waiting
from services.finance.withholding import due
from services.people.acting import standing
from services.people.kinship import people_linked
from services.people.permissions import require
from services.work import sla

LOOP = "payout_waits"
SIGNALLED_AGAIN = timedelta(
    minutes=2
)  # A workflow that was signalled asks the issuer again before it comes to its order.
REASON_MAX = 500


def payment_of_card(keyring: KeyRing, submission: SubmissionRow, card_id: str, key: str, amount: Money) -> Payment:
    """Return the payment of a card to the payee that its submission names now; `amount` is what would be sent."""
    name = PAYEE_NAME.open(keyring, submission.id, submission.payee_name_sealed)
    return Payment(
        key, card_id, submission.owner, submission.payee_rail, amount, submission.payee_masked, submission.payee_index, name
    )  # fmt: skip


def payment_of_goodwill(keyring: KeyRing, given: GoodwillRow, paid: PayoutRow, key: str) -> Payment:
    """Return a goodwill payment: it goes to the payee of an earlier order of the same seller, on its rail."""
    name = "" if paid.payee_name_sealed is None else ORDER_NAME.open(keyring, paid.key, paid.payee_name_sealed)
    amount = Money(given.amount_minor, given.currency)
    return Payment(key, None, given.owner, paid.rail, amount, given.payee_masked, paid.payee_index, name)


async def hold(session: AsyncSession, payment: Payment, wait: Wait, now: datetime) -> PaymentHeld:
    """Keep why a payment waits, and show it on its card; the same reasons again change nothing."""
    version, reasons = routing_in_force(business_day(now)).version, [one.value for one in wait.reasons]
    row = PayoutWaitRow(
        key=payment.key, card_id=payment.card_id, owner=payment.owner, rail=payment.rail,
        amount_minor=payment.amount.amount_minor, payee_masked=payment.payee_masked, payee_index=payment.payee_index,
        reasons=reasons, policy_version=version, since=now, until=wait.until,
    )  # fmt: skip
    fresh = await insert_once(session, row, "key")
    held = waiting_for(wait)
    if not fresh:
        kept = await session.get_one(PayoutWaitRow, payment.key, with_for_update=True, populate_existing=True)
        fresh = kept.ended_at is not None or (kept.reasons, kept.until) != (reasons, wait.until)
        kept.reasons, kept.until, kept.policy_version, kept.ended_at = reasons, wait.until, version, None
        kept.amount_minor, kept.rail, kept.signalled_at = payment.amount.amount_minor, payment.rail, None
        kept.payee_masked, kept.payee_index = payment.payee_masked, payment.payee_index
    if fresh and payment.card_id is not None:
        facts = {"key": payment.key, "reasons": ",".join(reasons), "rail": payment.rail.value}
        change = Change(Stage.PAYOUT, held, wait.until, "payout.waits", facts)
        await cards.record(session, payment.card_id, change)
        await sla.follow(session, payment.card_id, held, now)
    return PaymentHeld(held, None if wait.until is None else wait.until.isoformat())


def waiting_for(wait: Wait) -> WaitingFor:
    """Return whom a payment waits for: a person of finance where they can let it go, else what ends by itself."""
    return WaitingFor.FINANCE if LOOKED_AT & set(wait.reasons) else WaitingFor.RAIL


async def goes_on(session: AsyncSession, key: str, now: datetime) -> None:
    """Note that the payment of this key waits no more: its order is made."""
    open_one = PayoutWaitRow.key == key, PayoutWaitRow.ended_at.is_(None)
    ended = update(PayoutWaitRow).where(*open_one).values({PayoutWaitRow.ended_at: now})
    await session.execute(ended.execution_options(synchronize_session=False))


@dataclass(frozen=True)
class Ready:
    """A payment whose reasons to wait are over: its workflow is signalled. `card_id` is None for a goodwill payment."""

    key: str
    card_id: str | None


class PayoutWaits:
    """Looks at payments that wait. `person` is a person's id."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def ready(self, limit: int) -> tuple[Ready, ...]:
        """Return up to `limit` payments that may go on and were not signalled lately, the longest waiting first.

        What still waits gets its present reasons; what has ended otherwise waits no more. Raises DatabaseUnavailable.
        """
        now, found = self._now(), []
        unsignalled = or_(PayoutWaitRow.signalled_at.is_(None), PayoutWaitRow.signalled_at < now - SIGNALLED_AGAIN)
        waiting = (
            select(PayoutWaitRow.key)
            .where(PayoutWaitRow.ended_at.is_(None), unsignalled, ~left_out(LOOP, PayoutWaitRow.key, now))
            .order_by(PayoutWaitRow.since, PayoutWaitRow.key)
            .limit(limit)
        )
        async with self._database.reading() as session:
            keys = list((await session.execute(waiting)).scalars())
        for key in keys:
            async with apart(self._database, LOOP, key):
                if (one := await self._looked_at(key)) is not None:
                    found.append(one)
        return tuple(found)

    async def signalled(self, key: str) -> None:
        """Note that the workflow of this payment was signalled."""
        statement = update(PayoutWaitRow).where(PayoutWaitRow.key == key).values(signalled_at=self._now())
        async with self._database.statement() as connection:
            await connection.execute(statement)

    async def release(self, person: str, key: str, reason: str) -> None:
        """Let a payment go that a person has to look at first; done already by them, nothing changes.

        Refuses NotAllowed, NotFound, FieldInvalid (`reason`), NothingToRelease where no person is waited for, and OwnWork to
        a person who is linked to the seller or decided the card.
        """
        said = reason.strip()
        if not said or len(said) > REASON_MAX:
            raise FieldInvalid(field="reason", why="missing" if not said else "too_long")
        async with self._database.transaction() as session:
            await require(session, person, Permission.RELEASE_PAYMENTS)
            known = await session.get(PayoutWaitRow, key[:80])
            if known is None:
                raise NotFound(payout=key[:80])
            if known.card_id is not None:
                await cards.load_for_update(session, known.card_id)
            row = await session.get_one(PayoutWaitRow, known.key, with_for_update=True, populate_existing=True)
            if row.released_by == person:
                return
            if row.ended_at is not None or row.released_at is not None or not LOOKED_AT & _reasons(row):
                raise NothingToRelease()
            await self._require_second(session, person, row)
            row.released_at, row.released_by, row.released_reason = self._now(), person, said
            row.signalled_at = None
            facts = {"reasons": list(row.reasons)}
            session.add(by_person(person, "console:payout:release", row.key, reason=said, facts=facts))

    async def _looked_at(self, key: str) -> Ready | None:
        now = self._now()
        async with self._database.transaction() as session:
            row = await session.get_one(PayoutWaitRow, key)
            payment = await self._payment(session, row)
            if payment is None:
                await goes_on(session, key, now)
                return None
            wait = await why_waiting(session, self._keyring, payment, now)
            if wait is None:
                return Ready(key, row.card_id)
            await hold(session, payment, wait, now)
        return None

    async def _payment(self, session: AsyncSession, row: PayoutWaitRow) -> Payment | None:
        """The payment as it would be made now; None where its order is there or its card has ended."""
        if is_goodwill_key(row.key):
            given = (
                await session.execute(select(GoodwillRow).where(GoodwillRow.id == row.key.removeprefix("goodwill-")))
            ).scalar_one()
            paid = await session.get_one(PayoutRow, given.paid_key)
            return payment_of_goodwill(self._keyring, given, paid, row.key)
        card = await cards.load_for_update(session, row.card_id or "")
        if (
            card.outcome is not None
            or card.stage is not Stage.PAYOUT
            or await session.get(PayoutRow, row.key) is not None
        ):
            return None
        submission = await session.get_one(SubmissionRow, card.submission_id)
        accepted = select(QuoteRow).where(QuoteRow.card_id == card.id, QuoteRow.state == QuoteState.ACCEPTED)
        quote = (await session.execute(accepted.order_by(QuoteRow.created_at.desc()).limit(1))).scalar_one_or_none()
        if quote is None:
            return None
        owed = Money(quote.amount_minor, quote.currency) - due(quote, card, submission.owner, self._now()).tax
        sent = owed - await foreseen(session, submission.owner, owed, self._now())
        return payment_of_card(self._keyring, submission, card.id, row.key, sent)

    async def _require_second(self, session: AsyncSession, person: str, row: PayoutWaitRow) -> None:
        """Refuses OwnWork to a person who stands on the seller's side, or had the first look at the card."""
        who = await standing(session, person, self._now())
        if row.owner in who.relatives:
            raise OwnWork()
        if row.card_id is None:
            return
        if await people_linked(session, self._keyring, row.card_id, who.circle):
            raise OwnWork()
        deciders = select(ReviewDecisionRow.person_id).where(approves(row.card_id))
        if who.circle & set((await session.execute(deciders.order_by(ReviewDecisionRow.id))).scalars()):
            raise OwnWork()


def _reasons(row: PayoutWaitRow) -> frozenset[WaitReason]:
    return frozenset(WaitReason(one) for one in row.reasons)
