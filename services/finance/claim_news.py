"""What a partner's program is notified of about claims against it: made, answered, given up, paid back, and offset against its payments."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import outbox
from database.tables.finance.rollback import RollbackRow
from domain.money import Money

PARTNER = "partner:"
MADE, UPHELD, DROPPED, WRITTEN_OFF = "claim.made", "claim.upheld", "claim.dropped", "claim.written_off"
PAID_BACK, PAID_BACK_UNDONE = "claim.paid_back", "claim.paid_back_undone"
OFFSET, OFFSET_UNDONE = "claim.offset", "claim.offset_undone"


async def announce(
    session: AsyncSession, row: RollbackRow, topic: str, left: Money, *, moved: Money | None = None, payout: str = "",
    owed_again: Money | None = None, paid: Money | None = None,
) -> None:  # fmt: skip
    """Post to the partner's webhook what became of a claim; nothing where a seller owes it.

    `left` is what is still owed of it, `moved` what the payment of this key paid of it, or pays no more,
    `owed_again` what had been offset or paid back of a dropped one, and is owed to the partner, `paid` what the partner itself
    paid back, or turned out not to have paid.
    """
    if not row.owner.startswith(PARTNER):
        return
    payload = {
        "claim_id": row.id, "card_id": row.card_id, "kind": row.kind.value, "state": row.state.value,
        "amount": _amount(Money(row.amount_minor, row.currency)), "left": _amount(left),
        "offset_from": None if row.offset_from is None else row.offset_from.isoformat(),
    }  # fmt: skip
    if moved is not None:
        payload |= {"offset": _amount(moved), "payout": payout}
    if paid is not None:
        payload |= {"paid": _amount(paid)}
    if owed_again is not None:
        payload |= {"owed_again": _amount(owed_again)}
    await outbox.put(session, "webhook", row.owner, topic, payload)


def _amount(money: Money) -> dict[str, object]:
    return {"amount_minor": money.amount_minor, "currency": money.currency.value}
