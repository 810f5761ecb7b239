"""The described formats of banks that come with the platform, and a batch that is with one of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from bootstrap.settings import PROJECT_ROOT
from database.session import Database
from database.tables.finance.rails import BankBatchRow, BankLineRow
from domain.finance.banks import BatchState
from domain.finance.payout import RETURNED, PayoutOutcome
from domain.identifiers import new_id, payout_key

BANK_FORMATS = PROJECT_ROOT / "samples" / "banks"


class Housed(Protocol):
    """What has a database."""

    database: Database


async def a_bank_batch(house: Housed, card_id: str, person: str) -> str:
    """Put a batch with a line of each result into the house, and an order that waits for the next; return the batch's id."""
    now = datetime.now(UTC)
    batch = BankBatchRow(
        id=new_id(), number=f"CL20261129-{new_id()[-4:]}", bank="harbour", state=BatchState.TAKEN, day=now.date(), lines=4,
        sum_minor=186_000, proposed_by=person, proposers=[person], checked_by=new_id(), checked_at=now, sha256="ab" * 32,
        taken_by=person, taken_at=now,
    )  # fmt: skip
    ends: tuple[tuple[PayoutOutcome | None, str | None], ...] = (
        (PayoutOutcome.PAID, None), (PayoutOutcome.REFUSED, "account_unknown"), (PayoutOutcome.REFUSED, RETURNED), (None, None),
    )  # fmt: skip
    keys = [payout_key(card_id, 1), *(payout_key(new_id(), 1) for _ in range(4))]
    async with house.database.transaction() as session:
        session.add(batch)
        await session.flush()
        for number, (key, (outcome, said)) in enumerate(zip(keys, ends, strict=False), 1):
            session.add(
                BankLineRow(key=key, amount_minor=46_500, batch_id=batch.id, number=number, outcome=outcome, said=said)
            )
        session.add(BankLineRow(key=keys[-1], amount_minor=46_500))
    return batch.id
