"""The rows of a submission, sealed, and the statements that write them: its key is claimed once, its cards go in
all together or not at all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from sqlalchemy import or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from database.once import insert_once
from database.repositories.cards import claim_of
from database.sealed import CARD_NUMBER, CARD_PIN, PAYEE_ACCOUNT, PAYEE_NAME
from database.tables.cards import CardRow, PhotoRow, SubmissionRow
from domain.cards.facts import SubmissionReceipt
from domain.cards.intake import Submission, SubmittedCard
from domain.errors.cards import DuplicateCard
from domain.errors.general import IdempotencyKeyReused
from domain.finance.payee import masked_account, payee_index_of
from domain.finance.rails import Rail
from domain.identifiers import new_id
from domain.rules.brands import Brand
from domain.sealing import KeyRing
from gateways.pictures.accept import AcceptedPhoto


@dataclass(frozen=True)
class CheckedCard:
    """A submitted card that could be bought: its fields tidied, its photos cleaned and kept."""

    given: SubmittedCard
    brand: Brand
    number: str | None = field(repr=False)
    pin: str | None = field(repr=False)
    photos: tuple[AcceptedPhoto, ...]


# The language of the answer may differ between two tries of one request.
NOT_CONTENT = frozenset({"cards", "locale", "body_hash"})


async def claimed(session: AsyncSession, row: SubmissionRow) -> bool:
    """Return whether this transaction is the first with the key; a concurrent one waits here until that is known."""
    return await insert_once(session, row, "owner", "idempotency_key")


async def receipt_of(session: AsyncSession, submission: Submission, request_hash: str) -> SubmissionReceipt | None:
    """Return the receipt of the submission that has the key, None when there is none.

    Refuses IdempotencyKeyReused when its content was another.
    """
    found = await session.execute(
        select(SubmissionRow.id, SubmissionRow.request_hash).where(
            SubmissionRow.owner == submission.owner, SubmissionRow.idempotency_key == submission.idempotency_key
        )
    )
    known = found.one_or_none()
    if known is None:
        return None
    submission_id, known_hash = known
    if known_hash != request_hash:
        raise IdempotencyKeyReused()
    ids = await session.execute(
        select(CardRow.id).where(CardRow.submission_id == submission_id).order_by(CardRow.position)
    )
    return SubmissionReceipt(submission_id, tuple(ids.scalars()), repeated=True)


async def receipt_of_repeated(
    connection: AsyncConnection, owner: str, idempotency_key: str, sent_hash: str
) -> SubmissionReceipt | None:
    """Return the receipt of the submission that has the key and came in just these bytes or this form; None otherwise."""
    same = or_(SubmissionRow.body_hash == sent_hash, SubmissionRow.form_hash == sent_hash)
    found = await connection.execute(
        select(SubmissionRow.id, CardRow.id)
        .join(CardRow, CardRow.submission_id == SubmissionRow.id)
        .where(SubmissionRow.owner == owner, SubmissionRow.idempotency_key == idempotency_key, same)
        .order_by(CardRow.position)
    )
    rows = found.all()
    return SubmissionReceipt(rows[0][0], tuple(row[1] for row in rows), repeated=True) if rows else None


async def insert_cards(session: AsyncSession, rows: Sequence[CardRow]) -> None:
    """All cards in one statement; a card that is live already, also through a racing submission, is left out of it.

    Refuses DuplicateCard, with the position of the first that was left out.
    """
    statement = insert(CardRow).values([row.values() for row in rows])
    once = statement.on_conflict_do_nothing(index_elements=["claim"], index_where=text("live"))
    written = set((await session.execute(once.returning(CardRow.id))).scalars())
    for row in rows:
        if row.id not in written:
            raise DuplicateCard(card=row.position)


def photo_row(card_id: str, position: int, photo: AcceptedPhoto) -> PhotoRow:
    """Make the row of a photo that is stored already."""
    return PhotoRow(
        id=new_id(),
        card_id=card_id,
        position=position,
        original_sha256=photo.upload_sha256,
        stored_sha256=photo.stored_sha256,
        width=photo.width,
        height=photo.height,
        look=photo.look,
    )


def submission_row(keyring: KeyRing, submission: Submission, request_hash: str) -> SubmissionRow:
    """Make the row of a new submission; who is paid is sealed."""
    submission_id = new_id()
    return SubmissionRow(
        id=submission_id,
        owner=submission.owner,
        idempotency_key=submission.idempotency_key,
        request_hash=request_hash,
        form_hash=submission.form_hash,
        body_hash=submission.body_hash,
        channel=submission.channel,
        locale=submission.locale,
        payee_account_sealed=PAYEE_ACCOUNT.seal(keyring, submission_id, submission.payee_account),
        payee_name_sealed=PAYEE_NAME.seal(keyring, submission_id, submission.payee_name),
        payee_masked=masked_account(submission.payee_account),
        payee_index=payee_index_of(keyring, submission.payee_account),
        payee_rail=submission.payee_rail,
        intake_point=submission.intake_point,
    )


def card_row(keyring: KeyRing, submission_id: str, position: int, card: CheckedCard) -> CardRow:
    """Make the row of a new card; number and PIN are sealed."""
    card_id, face, floor = new_id(), card.given.face_value, card.given.accept_at_or_above
    return CardRow(
        id=card_id,
        submission_id=submission_id,
        position=position,
        card_type=card.brand.card_type,
        brand=card.brand.code,
        currency=card.brand.currency,
        number_sealed=CARD_NUMBER.seal(keyring, card_id, card.number),
        number_tail=card.number[-4:] if card.number else None,
        pin_sealed=CARD_PIN.seal(keyring, card_id, card.pin),
        fingerprint=keyring.fingerprint(card.brand.issuer, card.number) if card.number else None,
        claim=claim_of(keyring, card.brand, card.number, card.pin),
        face_value_minor=None if face is None else face.amount_minor,
        expires_on=card.given.expiry,
        confirm_fields=card.given.confirm_fields,
        accept_at_or_above_minor=None if floor is None else floor.amount_minor,
    )


def request_hash_of(keyring: KeyRing, submission: Submission) -> str:
    """Return a keyed hash: a plain hash of a card number could be reversed by trying all numbers."""
    content = {name: _plain(value) for name, value in vars(submission).items() if name not in NOT_CONTENT}
    if submission.payee_rail is Rail.ALIPAY:
        del content["payee_rail"]  # As requests were hashed while there was one rail: a repeated one is still the same.
    if not submission.intake_point:
        del content["intake_point"]  # As requests were hashed before there were any.
    content["cards"] = [{name: _plain(value) for name, value in vars(card).items()} for card in submission.cards]
    written = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return keyring.index(written, purpose="request")


def _plain(value: object) -> object:
    """A submitted value as it enters the request's hash; photos by their own content."""
    if isinstance(value, tuple):
        return [part.hex() if isinstance(part, bytes) else str(part) for part in value]
    return value if value is None or isinstance(value, bool) else str(value)
