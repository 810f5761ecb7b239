"""A seller who was paid twice: an order that stands as refused was paid after all, and another one paid the card. They owe the second payment.

It is a claim as any, agreed to by two people, objected to, offset and paid back; no card is worth less by it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards, ledger
from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import ContradictionRow
from database.tables.finance.rollback import RollbackRow
from database.tables.finance.statements import StatementLineRow
from domain.errors.finance import NotClaimable
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.returns import NotPaidTwice
from domain.finance.payout import RETURNED, PayoutOutcome, PayoutState
from domain.finance.postings.rollback import paid_twice
from domain.finance.rollback import WORDS_MAX, RollbackKind
from domain.finance.statements import LineState, StatementSource
from domain.identifiers import new_id
from domain.money import Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.rollback import rollback_in_force
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.finance.claimed_stock import claim_cause, claim_key
from services.finance.payout_orders import owner_of
from services.finance.proof_files import ProofFile, kept_of
from services.finance.second_person import stranger
from services.work.secret_scan import require_no_secret_about

CLAIMED = "paid_twice_claimed"  # The step of its posting.


@dataclass(frozen=True)
class Twice:
    """What one person found: words that the seller will read, and the document that shows both payments."""

    words: str
    evidence: ProofFile | None = field(default=None, repr=False)


class PaidTwice:
    """Claims second payments. `person` is a person's id, `key` that of the order that stands as refused."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def propose(self, person: str, key: str, found: Twice, store: PhotoStore) -> str:
        """Propose to claim the second payment, to be agreed to as any claim; return the claim's id.

        Refuses NotAllowed, NotFound for an order of no card or that nothing contradicts, FieldInvalid (`words`, `evidence`), what files are
        refused for, SecretInWords, NotPaidTwice, NotClaimable where it is claimed, and OwnWork to people on the seller's side.
        """
        words = found.words.strip()
        if not words or len(words) > WORDS_MAX:
            raise FieldInvalid(field="words", why="too_long" if words else "missing")
        proof = await kept_of(self._database, person, Permission.CLAIM_BACK, store, found.evidence)
        async with self._database.transaction() as session:
            known = await _contradicted(session, key)
            card = await cards.load_for_update(session, known.card_id)
            order = await _require_twice(session, known.key)
            await require_no_secret_about(session, self._keyring, card.id, words)
            owner = await owner_of(session, card)
            who = await stranger(session, self._keyring, person, owner, card.id, self._now())
            row = RollbackRow(
                id=new_id(), card_id=card.id, order_key=order.key, owner=owner, kind=RollbackKind.PAID_TWICE,
                price_minor=order.amount_minor, amount_minor=order.amount_minor, currency=order.currency,
                policy_version=rollback_in_force(business_day(self._now())).version, words=words, evidence_name=proof.name,
                evidence_type=proof.media_type, evidence_sha256=proof.sha256, proposed_by=person,
                proposers=sorted(who.circle), proposed_at=self._now(),
            )  # fmt: skip
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise NotClaimable(why="claimed") from None
            facts = {"order": order.key, "amount": str(Money(row.amount_minor, row.currency)), "evidence": proof.sha256}
            session.add(by_person(person, "console:claim:propose", row.id, reason=words, facts=facts))
        return row.id


async def post(session: AsyncSession, row: RollbackRow, person: str, now: datetime) -> None:
    """Post that the seller owes the second payment, which left our account; what contradicts the order is explained by it.

    The caller holds the claim and its card. Refuses NotFound and NotPaidTwice.
    """
    order = await _require_twice(session, row.order_key or "")
    lines = paid_twice(row.owner, Money(row.amount_minor, row.currency), order.rail)
    await ledger.post(session, claim_key(row, "claimed"), row.card_id, CLAIMED, lines, cause=claim_cause(row))
    word = await session.get_one(ContradictionRow, order.key, with_for_update=True, populate_existing=True)
    if word.cleared_at is None:
        word.cleared_by, word.cleared_at, word.cleared_reason = person, now, row.words


async def _contradicted(session: AsyncSession, key: str) -> PayoutRow:
    order = await session.get(PayoutRow, key[:80])
    if order is None or await session.get(ContradictionRow, order.key) is None:
        raise NotFound(payout=key[:80])
    return order


async def _require_twice(session: AsyncSession, key: str) -> PayoutRow:
    """The order, which stands as refused and whose provider says that it was paid. The caller holds its card.

    Refuses NotFound, and NotPaidTwice where that is not so, no other order paid the card, or a person or a rule explained its line.
    """
    order = await _contradicted(session, key)
    word = await session.get_one(ContradictionRow, order.key)
    refused = order.state is PayoutState.REFUSED and order.refusal_code != RETURNED
    if not refused or word.said is not PayoutOutcome.PAID:
        raise NotPaidTwice(why="not_contradicted")
    other = exists().where(PayoutRow.card_id == order.card_id, PayoutRow.state == PayoutState.PAID)
    if not (await session.execute(select(other))).scalar_one():
        raise NotPaidTwice(why="paid_once")
    explained = exists().where(
        StatementLineRow.source == StatementSource(order.rail.value), StatementLineRow.key == order.key,
        StatementLineRow.amount_minor == -order.amount_minor, StatementLineRow.state != LineState.OPEN,
    )  # fmt: skip
    if (await session.execute(select(explained))).scalar_one():
        raise NotPaidTwice(why="explained")
    return order
