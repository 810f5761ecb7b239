"""What a decision must have to make sense: its reason, its item, its fields, and a card that can be bought."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.cards import CardRow, QuoteRow
from domain.cards.review import APPROVALS, AskedItem, RejectReason, ReviewOutcome
from domain.errors.cards import CardNumberInvalid
from domain.errors.general import FieldInvalid
from domain.work.reason_codes import ReasonedAct
from services.cards.corrections import Corrections, require_complete, require_payable
from services.work.reason_codes import require_reason

NOTE_LENGTH_MAX = 2000
# The outcomes that are not decided without a reason of the list.
REASONED = {
    ReviewOutcome.REJECT: ReasonedAct.REJECT,
    ReviewOutcome.ASK_AGAIN: ReasonedAct.ASK_AGAIN,
    ReviewOutcome.HAND_TO_STORE: ReasonedAct.HAND_TO_STORE,
}


@dataclass(frozen=True)
class Verdict:
    """What a reviewer decides, as it was sent; `corrected` is checked by the brand's rules already."""

    outcome: ReviewOutcome
    reason_code: str = ""
    reject_reason: RejectReason | None = None
    asked_item: AskedItem | None = None
    corrected: Corrections = field(default_factory=Corrections)
    note: str = ""
    suggestion: str = ""


async def require_sense(session: AsyncSession, card: CardRow, given: Verdict) -> RejectReason | None:
    """Return the rejection reason shown to the seller, from the reason's row; None for other outcomes.

    Refuses FieldInvalid, ReasonUnknown, an approval of a card that cannot be asked about or paid for, and a question to
    the store about one without a known number.
    A rejection that names only the seller's reason means the reason of the same name.
    """
    _require_fields(given)
    rejection = None
    if given.outcome in REASONED:
        code = given.reason_code or (given.reject_reason.value if given.reject_reason else "")
        row = await require_reason(session, REASONED[given.outcome], code)
        rejection = (row.reject_reason or RejectReason.OTHER) if given.outcome is ReviewOutcome.REJECT else None
    if rejection is RejectReason.OTHER and not given.note.strip():
        raise FieldInvalid(field="note", why="missing")
    if given.outcome in APPROVALS:
        await _require_buyable(session, card, given.corrected)
    if given.outcome is ReviewOutcome.HAND_TO_STORE and card.number_sealed is None:
        raise CardNumberInvalid(brand=card.brand, why="missing")  # A card without its number cannot be verified.
    return rejection


def _require_fields(given: Verdict) -> None:
    """A rejection has a reason, a question an item, a correction its fields, and no other outcome has any."""
    if len(given.note) > NOTE_LENGTH_MAX:
        raise FieldInvalid(field="note", why="too_long")
    rejected = given.outcome is ReviewOutcome.REJECT
    rejection = given.reject_reason is not None or (rejected and bool(given.reason_code))
    needed = {
        "reject_reason": (rejected, rejection),
        "asked_item": (given.outcome is ReviewOutcome.ASK_AGAIN, given.asked_item is not None),
        "fields": (given.outcome is ReviewOutcome.APPROVE_CORRECTED, not given.corrected.is_empty),
    }
    for name, (wanted, present) in needed.items():
        if wanted is not present:
            raise FieldInvalid(field=name, why="missing" if wanted else "not_expected")


async def _require_buyable(session: AsyncSession, card: CardRow, given: Corrections) -> None:
    """An approved card can be asked about and paid for: its number is known, and so is its worth."""
    latest = (
        select(QuoteRow.amount_minor).where(QuoteRow.card_id == card.id).order_by(QuoteRow.created_at.desc()).limit(1)
    )
    valued = (await session.execute(latest)).scalar_one_or_none() or 0
    if given.number is None and card.number_sealed is None:
        raise CardNumberInvalid(brand=card.brand, why="missing")
    require_complete(card, given)
    require_payable(card, given, valued)
