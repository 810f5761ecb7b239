"""A bought card that was no good: claimed from its seller by two people, objected to, offset, dropped or written off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.claims import left_of
from database.reads.finance.paybacks import owed_back, payback_of
from database.repositories import cards, ledger, outbox
from database.repositories.audit import by_person
from database.repositories.cards import Change
from database.session import Database
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rollback import RollbackRow
from domain.cards.card import Outcome
from domain.errors.finance import ClaimMoves, ClaimOver, NotClaimable, ObjectionWaits
from domain.errors.general import FieldInvalid, NotFound
from domain.finance.payout import PayoutState
from domain.finance.postings import rollback as postings
from domain.finance.postings.debts import written_off
from domain.finance.rollback import OF_CARDS, WORDS_MAX, RollbackKind, RollbackState
from domain.identifiers import new_id
from domain.money import Money
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.rollback import rollback_in_force
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.finance import claim_news, dropped_claims, paid_twice, writing_off
from services.finance.claim_news import announce
from services.finance.claimed_stock import claim_cause, claim_key, in_stock, locked_claim
from services.finance.offsets import moves, settled_or_left
from services.finance.proof_files import ProofFile, kept_of
from services.finance.rail_switches import required_reason
from services.finance.second_person import Proposal, notify_declined, require_apart, stranger
from services.people.permissions import require
from services.work.secret_scan import require_no_secret_about

CLAIMED_BACK = "claimed_back"  # The message to the seller.
S = RollbackState


@dataclass(frozen=True)
class Finding:
    """What was found of a card: its kind, words that the seller will read, and the document that says so."""

    kind: RollbackKind
    words: str
    evidence: ProofFile | None = field(default=None, repr=False)


class Rollbacks:
    """Claims. `person` is a person's id."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def propose(self, person: str, card_id: str, found: Finding, store: PhotoStore) -> str:
        """Propose to claim a card's price back, to be agreed to by a second person; return the claim's id.

        Refuses NotAllowed, NotFound, FieldInvalid (`words`, `evidence`, `kind`), what files are refused for, SecretInWords,
        NotClaimable, and OwnWork to people on the seller's side.
        """
        words = _required_words(found.words)
        if found.kind not in OF_CARDS:
            raise FieldInvalid(field="kind", why="not_expected")
        proof = await kept_of(self._database, person, Permission.CLAIM_BACK, store, found.evidence)
        async with self._database.transaction() as session:
            card = await cards.load_for_update(session, card_id)
            await require_no_secret_about(session, self._keyring, card.id, words)
            owner = (await session.get_one(SubmissionRow, card.submission_id)).owner
            who = await stranger(session, self._keyring, person, owner, card.id, self._now())
            row = await self._claim(session, card, owner, found.kind)
            row.words, row.proposed_by, row.proposers = words, person, sorted(who.circle)
            row.evidence_name, row.evidence_type, row.evidence_sha256 = proof.name, proof.media_type, proof.sha256
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise NotClaimable(why="claimed") from None
            session.add(by_person(person, "console:claim:propose", row.id, reason=words, facts=_facts(row)))
        return row.id

    async def agree(self, person: str, rollback_id: str) -> None:
        """Agree as the second person: the seller owes it from now on, and hears why and how to object.

        Agreed to already by them, nothing changes. Refuses NotAllowed, NotFound, ClaimOver, NotPaidTwice for a second payment that is none,
        and OwnWork to the first person and to people on the seller's side.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.CLAIM_BACK)
            row, now = await locked_claim(session, rollback_id), self._now()
            if row.state is S.CLAIMED and row.checked_by == person:
                return
            _require(row, S.PROPOSED)
            who = await stranger(session, self._keyring, person, row.owner, row.card_id, now)
            await require_apart(session, who, row.proposers, now)
            days = rollback_in_force(business_day(now)).objection_days
            row.state, row.checked_by, row.checked_at = S.CLAIMED, person, now
            row.offset_from = now + timedelta(days=days)
            if row.order_key is not None:
                await paid_twice.post(session, row, person, now)
            else:
                await _post(session, row)
            await self._tell(session, row)
            await announce(session, row, claim_news.MADE, Money(row.amount_minor, row.currency))
            session.add(by_person(person, "console:claim:agree", row.id, facts=_facts(row)))

    async def decline(self, person: str, rollback_id: str) -> None:
        """Discard a proposal, one's own too. Refuses NotAllowed, NotFound and ClaimOver."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.CLAIM_BACK)
            row = await locked_claim(session, rollback_id)
            _require(row, S.PROPOSED)
            row.state, row.ended_by, row.ended_at = S.DECLINED, person, self._now()
            session.add(by_person(person, "console:claim:decline", row.id))
            await notify_declined(session, row.proposed_by, person, Proposal.CLAIM, "/claims")

    async def object(self, owner: str, rollback_id: str, ticket_id: str) -> None:
        """Note that the seller objects by this ticket of theirs: nothing is offset until they have an answer.

        Objected already, nothing changes. Refuses NotFound for another's claim, and ClaimOver.
        """
        async with self._database.transaction() as session:
            row = await locked_claim(session, rollback_id)
            if row.owner != owner:
                raise NotFound(claim=rollback_id[:26])
            if row.objected_at is not None:
                return
            _require(row, S.CLAIMED)
            row.objected_at, row.objection_ticket = self._now(), ticket_id

    async def uphold(self, person: str, rollback_id: str) -> None:
        """Answer an objection: the claim stays. Refuses NotAllowed, NotFound, ClaimOver, and OwnWork to who proposed it."""
        await self._answered(person, rollback_id, drops=False)

    async def drop(self, person: str, rollback_id: str) -> None:
        """Answer an objection: the seller was right. The claim is reversed, what was offset is owed to them and proposed to be paid.

        Refuses as `uphold`, and ClaimMoves while a payment that offsets a part of it is under way.
        """
        await self._answered(person, rollback_id, drops=True)

    async def ask_write_off(self, person: str, rollback_id: str, reason: str) -> None:
        """Ask to give up what is left of a claim. Refuses NotAllowed, NotFound, FieldInvalid (`reason`), ClaimOver and ObjectionWaits."""
        said = required_reason(reason)
        async with self._database.transaction() as session:
            await require(session, person, Permission.WRITE_OFF)
            row = await locked_claim(session, rollback_id)
            _require(row, S.CLAIMED)
            _require_answered(row)
            if row.write_off_by == person:
                return
            if row.write_off_by is not None:
                raise ClaimOver(state=row.state.value)
            who = await stranger(session, self._keyring, person, row.owner, row.card_id, self._now())
            writing_off.ask(row, who, said, self._now())
            session.add(by_person(person, "console:claim:ask_write_off", row.id, reason=said))

    async def write_off(self, person: str, rollback_id: str) -> None:
        """Agree as the second person to give up what is left.

        Refuses NotAllowed, NotFound, ClaimOver, ClaimMoves, ObjectionWaits and OwnWork.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.WRITE_OFF)
            row, now = await locked_claim(session, rollback_id), self._now()
            if row.state is S.WRITTEN_OFF and row.ended_by == person:
                return
            _require(row, S.CLAIMED)
            if row.write_off_by is None:
                raise ClaimOver(state=row.state.value)
            _require_answered(row)
            who = await stranger(session, self._keyring, person, row.owner, row.card_id, now)
            await writing_off.agree(session, row, who, now)
            await self._give_up(session, row, person)

    async def keep(self, person: str, rollback_id: str) -> None:
        """Discard the wish to write a claim off, one's own too. Refuses NotAllowed, NotFound and ClaimOver."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.WRITE_OFF)
            row = await locked_claim(session, rollback_id)
            if row.state is not S.CLAIMED or row.write_off_by is None:
                raise ClaimOver(state=row.state.value)
            await writing_off.keep(session, row, person, "/claims")
            session.add(by_person(person, "console:claim:keep", row.id))

    async def pay_back(self, person: str, rollback_id: str) -> None:
        """Propose again to pay what a dropped claim had offset, after that payment was declined or did not arrive.

        Proposed or paid already, nothing changes. Refuses NotAllowed, NotFound, ClaimOver where nothing is owed, FieldInvalid
        (`payee`) where no order was paid whose payee it could go to, and OwnWork to people on the seller's side.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.CLAIM_BACK)
            row, now = await locked_claim(session, rollback_id), self._now()
            if not owed_back(row).amount_minor:
                raise ClaimOver(state=row.state.value)
            if await payback_of(session, row.id) is not None:
                return
            who = await stranger(session, self._keyring, person, row.owner, row.card_id, now)
            if not await dropped_claims.propose_payment(session, row, who, now):
                raise FieldInvalid(field="payee", why="missing")

    async def _answered(self, person: str, rollback_id: str, *, drops: bool) -> None:
        async with self._database.transaction() as session:
            await require(session, person, Permission.CLAIM_BACK)
            row, now = await locked_claim(session, rollback_id), self._now()
            if row.objection_answered_by == person:
                return
            _require(row, S.CLAIMED)
            if row.objected_at is None or row.objection_answered_at is not None:
                raise ClaimOver(state=row.state.value)
            who = await stranger(session, self._keyring, person, row.owner, row.card_id, now)
            await require_apart(session, who, row.proposers, now)
            row.objection_answered_by, row.objection_answered_at = person, now
            session.add(by_person(person, f"console:claim:{'drop' if drops else 'uphold'}", row.id))
            if drops:
                await self._drop(session, row, who)
                return
            left = await settled_or_left(session, row, now)
            await announce(session, row, claim_news.UPHELD, left)

    async def _drop(self, session: AsyncSession, row: RollbackRow, who: ActingReviewer) -> None:
        if await moves(session, row):
            raise ClaimMoves()
        now = self._now()
        offset = await dropped_claims.reverse(session, row, now)
        row.state, row.ended_by, row.ended_at = S.DROPPED, who.person, now
        if offset.amount_minor:
            await dropped_claims.propose_payment(session, row, who, now)
        await dropped_claims.notify(session, row, offset)
        await announce(session, row, claim_news.DROPPED, Money(0, row.currency), owed_again=offset)
        facts = {"owed_again": str(offset)}
        session.add(by_person(who.person, "console:claim:dropped", row.id, facts=facts))

    async def _give_up(self, session: AsyncSession, row: RollbackRow, person: str) -> None:
        """What is left of the claim is our loss."""
        if await moves(session, row):
            raise ClaimMoves()
        left = Money(await left_of(session, row), row.currency)
        if left.amount_minor:
            lines, key = written_off(postings.seller_receivable(row.owner), left), claim_key(row, "written_off")
            await ledger.post(session, key, row.card_id, "rollback_written_off", lines, cause=claim_cause(row))
        row.given_up_minor, row.state = left.amount_minor, S.WRITTEN_OFF
        await announce(session, row, claim_news.WRITTEN_OFF, Money(0, row.currency))
        session.add(by_person(person, "console:claim:written_off", row.id, facts={"amount": str(left)}))

    async def _claim(self, session: AsyncSession, card: CardRow, owner: str, kind: RollbackKind) -> RollbackRow:
        """A new claim by the policy. Refuses NotClaimable."""
        paid = await _paid(session, card)
        rules, now = rollback_in_force(business_day(self._now())), self._now()
        if paid is None:
            raise NotClaimable(why="not_paid")
        order, price = paid
        if rules.too_late(order.settled_at or order.prepared_at, now):
            raise NotClaimable(why="too_late")
        claim = rules.claim_minor(kind, price.amount_minor)
        if claim < rules.least_minor:
            raise NotClaimable(why="too_small")
        return RollbackRow(
            id=new_id(), card_id=card.id, owner=owner, kind=kind, price_minor=price.amount_minor, amount_minor=claim,
            currency=price.currency, policy_version=rules.version, words="", evidence_name="", evidence_type="",
            evidence_sha256="", proposed_by="", proposed_at=now,
        )  # fmt: skip

    async def _tell(self, session: AsyncSession, row: RollbackRow) -> None:
        """Notify the seller by message, and add it to the card's history."""
        card = await cards.load_for_update(session, row.card_id)
        facts = {"claim": row.id, "amount": str(Money(row.amount_minor, row.currency)), "kind": row.kind.value}
        change = Change(card.stage, card.waiting_for, card.until, "rollback.claimed", facts)
        await cards.record(session, card.id, change)
        if row.owner.startswith("seller:"):
            news = {"card_id": card.id, "brand": card.brand, "page": "/wallet", "state": row.kind.value, **facts}
            await outbox.put(session, outbox.MESSAGES, row.owner, CLAIMED_BACK, news)


async def _post(session: AsyncSession, row: RollbackRow) -> None:
    cost, claim = Money(row.price_minor, row.currency), Money(row.amount_minor, row.currency)
    row.in_stock = await in_stock(session, row.card_id)
    lines, key = postings.claimed(row.owner, cost, claim, in_stock=row.in_stock), claim_key(row, "claimed")
    await ledger.post(session, key, row.card_id, "rollback_claimed", lines, cause=claim_cause(row))


def _require_answered(row: RollbackRow) -> None:
    """Refuse ObjectionWaits: a seller who may be right keeps what an answer gives them back."""
    if row.objected_at is not None and row.objection_answered_at is None:
        raise ObjectionWaits()


def _require(row: RollbackRow, state: RollbackState) -> None:
    if row.state is not state:
        raise ClaimOver(state=row.state.value)


async def _paid(session: AsyncSession, card: CardRow) -> tuple[PayoutRow, Money] | None:
    """The paid order of a card with the price that its quote had; None for a card that was not bought."""
    if card.outcome is not Outcome.PAID:
        return None
    paid = select(PayoutRow).where(PayoutRow.card_id == card.id, PayoutRow.state == PayoutState.PAID)
    order = (await session.execute(paid.order_by(PayoutRow.key).limit(1))).scalar_one_or_none()
    if order is None:
        return None
    quote = await session.get(QuoteRow, order.quote_id) if order.quote_id else None
    minor = quote.amount_minor if quote is not None else order.amount_minor + order.offset_minor
    return order, Money(minor, order.currency)


def _required_words(words: str) -> str:
    said = words.strip()
    if not said or len(said) > WORDS_MAX:
        raise FieldInvalid(field="words", why="missing" if not said else "too_long")
    return said


def _facts(row: RollbackRow) -> dict[str, str]:
    return {"card": row.card_id, "amount": str(Money(row.amount_minor, row.currency)), "evidence": row.evidence_sha256}
