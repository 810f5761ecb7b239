"""The statements that write a submission: its key is claimed once, and its cards go in all together or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.intake import CardRow, PhotoRow, SubmissionRow
from domain.facts import SubmissionReceipt
from domain.identifiers import new_id
from domain.intake import Submission
from domain.refusals import DuplicateCard, IdempotencyKeyReused
from gateways.pictures.accept import AcceptedPhoto


async def claimed(session: AsyncSession, row: SubmissionRow) -> bool:
    """Whether this transaction is the first with the key; a concurrent one waits here until that is known."""
    columns: Any = SubmissionRow
    statement = insert(SubmissionRow).values(row.model_dump()).on_conflict_do_nothing(constraint="submission_once")
    return (await session.execute(statement.returning(columns.id))).scalar_one_or_none() is not None


async def receipt_of(session: AsyncSession, submission: Submission, request_hash: str) -> SubmissionReceipt:
    """The receipt of the submission that has the key. Refuses IdempotencyKeyReused when its content was another."""
    columns: Any = SubmissionRow
    card: Any = CardRow
    found = await session.execute(
        select(columns.id, columns.request_hash).where(
            columns.owner == submission.owner, columns.idempotency_key == submission.idempotency_key
        )
    )
    submission_id, known_hash = found.one()
    if known_hash != request_hash:
        raise IdempotencyKeyReused()
    ids = await session.execute(select(card.id).where(card.submission_id == submission_id).order_by(card.position))
    return SubmissionReceipt(submission_id, tuple(ids.scalars()), repeated=True)


async def insert_cards(session: AsyncSession, rows: Sequence[CardRow]) -> None:
    """All cards in one statement; a card that is live already, also through a racing submission, is left out of it.

    Refuses DuplicateCard, with the position of the first that was left out.
    """
    columns: Any = CardRow
    statement = insert(CardRow).values([row.model_dump() for row in rows])
    once = statement.on_conflict_do_nothing(index_elements=["fingerprint"], index_where=text("live"))
    written = set((await session.execute(once.returning(columns.id))).scalars())
    for row in rows:
        if row.id not in written:
            raise DuplicateCard(card=row.position)


def photo_row(card_id: str, position: int, photo: AcceptedPhoto) -> PhotoRow:
    """The row of a photo that is kept already."""
    return PhotoRow(
        id=new_id(),
        card_id=card_id,
        position=position,
        original_sha256=photo.upload_sha256,
        stored_sha256=photo.stored_sha256,
        width=photo.width,
        height=photo.height,
    )
