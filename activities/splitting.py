"""Photos of several cards that came as one card: the first photo stays, each other photo becomes a card of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from activities.submitting import CheckedCard, card_row, request_hash_of, submission_row
from database.reads.seller import shows_several_cards
from database.repositories import cards
from database.repositories.cards import Change
from database.tables.intake import CardRow, PhotoRow, SubmissionRow
from database.tables.reading import ReadingRow
from domain.cards import Stage, WaitingFor
from domain.intake import Submission, SubmittedCard
from domain.reading import SURE_OF_BRAND, FieldName
from domain.refusals import NotExpectedNow
from domain.rules.brands import brand
from domain.sealing import KeyRing

SPLIT = "intake.photos_split"


async def split_photos(session: AsyncSession, keyring: KeyRing, card: CardRow, actor: str) -> tuple[str, ...]:
    """Makes a submission of its own for each photo but the first and returns their cards' ids.

    A second call finds nothing left to split and returns none. Refuses NotExpectedNow unless the seller is asked for
    the fields of a card whose photos show several.
    """
    photos = await _current(session, card.id)
    if card.waiting_for is WaitingFor.SELLER_FIELDS and len(photos) == 1:
        return ()
    if card.waiting_for is not WaitingFor.SELLER_FIELDS or not await shows_several_cards(session, card.id):
        raise NotExpectedNow(stage=card.stage.value, waiting_for=card.waiting_for.value)
    origin = await session.get_one(SubmissionRow, card.submission_id)
    made = [await _card_of(session, keyring, card, origin, photo) for photo in photos[1:]]
    facts = {"cards": str(len(photos)), "made": ",".join(made)}
    await cards.record(session, card.id, Change(card.stage, card.waiting_for, card.until, SPLIT, facts, actor=actor))
    return tuple(made)


async def _card_of(
    session: AsyncSession, keyring: KeyRing, card: CardRow, origin: SubmissionRow, photo: PhotoRow
) -> str:
    """The photo and its reading move to a new card, which is read and shown to the seller like any other."""
    known = brand(await _printed_brand(session, keyring, photo) or card.brand)
    given = SubmittedCard(known.code, confirm_fields=True)
    submission = _submission(keyring, origin, photo, given)
    row = submission_row(keyring, submission, request_hash_of(keyring, submission))
    session.add(row)
    await session.flush()
    made = card_row(keyring, row.id, 0, CheckedCard(given, known, None, None, ()))
    session.add(made)
    await session.flush()
    await session.execute(update(PhotoRow).where(col(PhotoRow.id) == photo.id).values(card_id=made.id, position=0))
    await session.execute(update(ReadingRow).where(col(ReadingRow.photo_id) == photo.id).values(card_id=made.id))
    facts = {"brand": known.code, "channel": row.channel, "photos": "1", "split_from": card.id}
    entry = Change(Stage.INTAKE, WaitingFor.MACHINE, None, "intake.submitted", facts, actor=row.owner)
    await cards.record(session, made.id, entry)
    return made.id


def _submission(keyring: KeyRing, origin: SubmissionRow, photo: PhotoRow, given: SubmittedCard) -> Submission:
    """For the same seller and payee; its key is the photo's, so that a photo becomes one card however often it is asked."""
    place = f"submission:{origin.id}"
    return Submission(
        owner=origin.owner,
        idempotency_key=f"photo-{photo.id}",
        cards=(given,),
        payee_account=keyring.open_text(
            origin.payee_account_sealed, purpose="submission", aad=f"{place}:payee_account"
        ),
        payee_name=keyring.open_text(origin.payee_name_sealed, purpose="submission", aad=f"{place}:payee_name"),
        channel=origin.channel,
        locale=origin.locale,
        form_hash=origin.form_hash,
    )


async def _current(session: AsyncSession, card_id: str) -> Sequence[PhotoRow]:
    columns: Any = PhotoRow
    chosen = select(PhotoRow).where(columns.card_id == card_id, columns.current).order_by(columns.position)
    return (await session.execute(chosen)).scalars().all()


async def _printed_brand(session: AsyncSession, keyring: KeyRing, photo: PhotoRow) -> str | None:
    """The brand that the photo shows for certain: cards sent together may be of several."""
    columns: Any = ReadingRow
    chosen = select(ReadingRow).where(columns.photo_id == photo.id).order_by(columns.created_at.desc()).limit(1)
    row = (await session.execute(chosen)).scalar_one_or_none()
    sure = row is not None and any(
        field["name"] == FieldName.BRAND and field["confidence"] >= SURE_OF_BRAND for field in row.fields
    )
    if row is None or not sure:
        return None
    values = json.loads(keyring.open_text(row.values_sealed, purpose="reading", aad=f"reading:{row.id}:values"))
    return str(values[FieldName.BRAND])
