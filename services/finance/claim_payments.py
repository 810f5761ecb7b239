"""What a seller pays of a claim, whichever way it arrived: posted once against what they owe, or what was written off, and announced."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.claims import left_of, unrecovered_of
from database.repositories import cards, ledger, outbox
from database.repositories.cards import Change
from database.tables.finance.rollback import ClaimReceiptRow, RollbackRow
from domain.errors.finance import ClaimOver, ClaimOwesLess
from domain.errors.general import FieldInvalid
from domain.errors.sales import ReferenceTaken
from domain.finance.chart import Account
from domain.finance.postings.rollback import paid_back
from domain.finance.rails import Rail
from domain.finance.rollback import RollbackState
from domain.money import Money
from services.finance.claim_news import PAID_BACK, PAID_BACK_UNDONE, announce
from services.finance.claimed_stock import claim_key
from services.finance.offsets import left_again, settled_or_left

CLAIM_PAID = "claim_paid"  # The message to the seller.
PAID, RECOVERED, UNDONE = "claim_paid_back", "claim_recovered", "claim_receipt_reversed"  # Steps of its postings.


async def recovered_of(session: AsyncSession, claim: RollbackRow, amount: Money) -> Money:
    """Return which part of a payment recovers what was written off; the rest of it is owed.

    Refuses ClaimOver where the claim is not agreed to, FieldInvalid (`amount`) for another currency, and ClaimOwesLess for more
    than is left of it and not recovered yet of what was written off.
    """
    if claim.state in (RollbackState.PROPOSED, RollbackState.DECLINED):
        raise ClaimOver(state=claim.state.value)
    if amount.currency is not claim.currency:
        raise FieldInvalid(field="amount", why="out_of_range")
    left = await left_of(session, claim)
    if amount.amount_minor > (most := left + await unrecovered_of(session, claim)):
        raise ClaimOwesLess(there=str(Money(most, claim.currency)))
    return Money(max(0, amount.amount_minor - left), claim.currency)


async def require_other_way(
    session: AsyncSession, claim: RollbackRow, rail: Rail, reference: str, *, cleared: bool
) -> None:
    """Refuse ReferenceTaken where the same money is on the claim the other way: `cleared` out of suspense, or entered by a person."""
    other = ClaimReceiptRow.clearing_id.is_(None) if cleared else ClaimReceiptRow.clearing_id.is_not(None)
    same = (
        ClaimReceiptRow.claim_id == claim.id, ClaimReceiptRow.rail == rail, ClaimReceiptRow.reference == reference,
        ClaimReceiptRow.reversed_at.is_(None), other,
    )  # fmt: skip
    known = select(ClaimReceiptRow.id).where(*same).order_by(ClaimReceiptRow.id).limit(1)
    if reference and (await session.execute(known)).scalar_one_or_none() is not None:
        raise ReferenceTaken()


async def post(
    session: AsyncSession, claim: RollbackRow, row: ClaimReceiptRow, out_of: Account, key: str, cause: str, day: date,
    now: datetime,
) -> None:  # fmt: skip
    """Post a payment that was written down, end the claim where nothing is left, and tell who owes it. The caller holds the claim.

    `out_of` is the account on which the money is: our cash, or suspense.
    """
    lines = paid_back(claim.owner, row.amount, row.recovered, out_of)
    what = RECOVERED if row.recovered == row.amount else PAID
    await ledger.post(session, key, claim.card_id, what, lines, happened_on=day, cause=cause)
    await _tell(session, claim, row, await settled_or_left(session, claim, now), undone=False)


async def undone(session: AsyncSession, claim: RollbackRow, row: ClaimReceiptRow) -> None:
    """Open what a payment had paid again, and tell who owes it: its posting is reversed, and its row says so. The caller holds the claim."""
    await _tell(session, claim, row, await left_again(session, claim), undone=True)


def facts_of(claim: RollbackRow, row: ClaimReceiptRow) -> dict[str, str]:
    """Return what the record of acts keeps of a payment; `written_off` is the posting whose loss it makes good."""
    facts = {
        "receipt": row.id, "amount": str(row.amount), "rail": row.rail.value, "reference": row.reference,
        "received_on": row.received_on.isoformat(), "proof": row.evidence_sha256,
    }  # fmt: skip
    if row.recovered_minor:
        facts |= {"recovered": str(row.recovered), "written_off": claim_key(claim, "written_off")}
    return facts


async def _tell(
    session: AsyncSession, claim: RollbackRow, row: ClaimReceiptRow, left: Money, *, undone: bool
) -> None:  # fmt: skip
    """The seller or the partner is notified, and the card's story has it."""
    card = await cards.load_for_update(session, claim.card_id)
    facts = {"claim": claim.id, "amount": str(row.amount), "left": str(left)}
    if row.recovered_minor:
        facts["recovered"] = str(row.recovered)
    what = "rollback.paid_undone" if undone else "rollback.paid"
    await cards.record(session, card.id, Change(card.stage, card.waiting_for, card.until, what, facts))
    if claim.owner.startswith("seller:"):
        news = {"card_id": card.id, "brand": card.brand, "page": "/wallet", "state": _state(row, left, undone), **facts}
        await outbox.put(session, outbox.MESSAGES, claim.owner, CLAIM_PAID, news)
    await announce(session, claim, PAID_BACK_UNDONE if undone else PAID_BACK, left, paid=row.amount)


def _state(row: ClaimReceiptRow, left: Money, undone: bool) -> str:
    """Which words the seller reads: of what was written off nothing is owed, before or after."""
    if row.recovered_minor:
        return "recovered_undone" if undone else "recovered"
    return "undone" if undone else "part" if left.amount_minor else "whole"
