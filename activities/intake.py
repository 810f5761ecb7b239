"""A submission comes in: checked, its photos cleaned and kept, and written down whole or not at all."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from activities.corrections import Corrections, checked_fields, confirm_reading, require_complete
from activities.submitting import claimed, insert_cards, photo_row, receipt_of
from database.repositories import cards
from database.repositories.cards import Change
from database.session import Database
from database.tables.columns import now
from database.tables.intake import CardRow, PhotoRow, SubmissionRow
from domain.cards import CardType, Stage, WaitingFor
from domain.facts import CardToBuy, SubmissionReceipt
from domain.identifiers import new_id
from domain.intake import Submission, SubmittedCard, check_shape
from domain.money import Money
from domain.refusals import CardExpired, FieldInvalid, NotExpectedNow, NotFound
from domain.rules.brands import Brand, brand
from domain.sealing import KeyRing
from gateways.pictures.accept import AcceptedPhoto, accept_in_thread
from gateways.pictures.store import PhotoStore

PHONE = re.compile(r"\+?[0-9][0-9 -]{5,18}")
FIELDS_AWAITED = frozenset({WaitingFor.SELLER_FIELDS, WaitingFor.SELLER_ITEM})


@dataclass(frozen=True)
class _CheckedCard:
    """A submitted card that could be bought: its fields tidied, its photos cleaned and kept."""

    given: SubmittedCard
    brand: Brand
    number: str | None
    pin: str | None
    photos: tuple[AcceptedPhoto, ...]


class Intake:
    """Takes submissions and the seller's corrections. Raises Refusal for whatever the submitter can mend."""

    def __init__(self, database: Database, keyring: KeyRing, photos: PhotoStore) -> None:
        self._database = database
        self._keyring = keyring
        self._photos = photos

    async def submit(self, submission: Submission) -> SubmissionReceipt:
        """Takes all cards or none. The same key with the same content gets the same receipt, however often it comes.

        Refuses IdempotencyKeyReused, DuplicateCard (with `card`, its position) and everything wrong with a card.
        """
        check_shape(submission)
        checked = [await self._checked(submission, given) for given in submission.cards]
        request_hash = self._request_hash(submission)
        async with self._database.transaction() as session:
            row = self._submission_row(submission, request_hash)
            if not await claimed(session, row):
                return await receipt_of(session, submission, request_hash)
            card_ids = await self._write_cards(session, row, submission, checked)
        return SubmissionReceipt(row.id, card_ids, repeated=False)

    async def correct_fields(
        self,
        card_id: str,
        number: str | None = None,
        pin: str | None = None,
        face_value: Money | None = None,
        expiry: date | None = None,
        actor: str = "machine",
    ) -> int:
        """The seller confirms what was read, corrects it, or sends one item again; returns the fields' revision.

        Refuses NotExpectedNow when the card waits for no fields, and fields that break the brand's rules.
        """
        async with self._database.transaction() as session:
            card = await cards.load_for_update(session, card_id)
            _require_awaited(card)
            given = checked_fields(card.brand, Corrections(number, pin, face_value, expiry))
            changed = await confirm_reading(session, self._keyring, card, given)
            revision = card.fields_revision
            if not given.is_empty:
                revision = await cards.set_fields(session, self._keyring, card, **given.as_columns())
            require_complete(card, given)
            facts = {"revision": str(revision), "changed": ",".join(changed)}
            await cards.record(session, card_id, _unmoved(card, "intake.fields_confirmed", facts, actor))
        return revision

    async def replace_photo(self, card_id: str, raw: bytes, actor: str) -> int:
        """The seller sends a new photograph in place of all before; returns the fields' revision.

        Refuses NotExpectedNow, and files that are no good photographs (see `gateways.pictures.accept`).
        """
        photo = await self._kept(raw)
        async with self._database.transaction() as session:
            card = await cards.load_for_update(session, card_id)
            _require_awaited(card)
            await session.execute(update(PhotoRow).where(_is(PhotoRow.card_id, card_id)).values(current=False))
            session.add(photo_row(card_id, 0, photo))
            facts = {"photo": photo.stored_sha256}
            await cards.record(session, card_id, _unmoved(card, "intake.photo_replaced", facts, actor))
        return card.fields_revision

    async def not_started(self, limit: int) -> tuple[str, ...]:
        """Cards whose workflow was never known to run, oldest first: a restart picks them up."""
        columns: Any = CardRow
        statement = select(columns.id).where(columns.started_at.is_(None)).order_by(columns.created_at).limit(limit)
        async with self._database.transaction() as session:
            return tuple((await session.execute(statement)).scalars())

    async def mark_started(self, card_id: str) -> None:
        """The card's workflow is known to run."""
        statement = update(CardRow).where(_is(CardRow.id, card_id)).values(started_at=now())
        async with self._database.transaction() as session:
            await session.execute(statement)

    async def card_to_buy(self, card_id: str) -> CardToBuy:
        """What the card's workflow starts with. Refuses NotFound."""
        has_photos = exists().where(_is(PhotoRow.card_id, CardRow.id))
        statement = (
            select(CardRow, SubmissionRow.owner, has_photos)  # type: ignore[call-overload]
            .join(SubmissionRow, _is(SubmissionRow.id, CardRow.submission_id))
            .where(_is(CardRow.id, card_id))
        )
        async with self._database.transaction() as session:
            found = (await session.execute(statement)).one_or_none()
        if found is None:
            raise NotFound(card=card_id[:26])
        return _to_buy(*found)

    async def _checked(self, submission: Submission, given: SubmittedCard) -> _CheckedCard:
        """Raises the refusal of whatever is wrong with one card."""
        known = brand(given.brand)
        number = known.require_number(given.number) if given.number else None
        pin = known.require_pin(given.pin) if given.pin or not given.photos else None
        if given.face_value is not None:
            known.require_face_value(given.face_value)
        if given.expiry is not None and given.expiry < datetime.now(UTC).date():
            raise CardExpired(expiry=given.expiry.isoformat())
        _require_phone_for_code(submission, known)
        photos = [await self._kept(raw) for raw in given.photos]
        return _CheckedCard(given, known, number, pin, tuple(photos))

    async def _kept(self, raw: bytes) -> AcceptedPhoto:
        """Cleans and keeps a photo before the transaction: one left over by a refusal is sealed and names nobody."""
        photo = await accept_in_thread(raw)
        await asyncio.to_thread(self._photos.write, photo.jpeg)
        return photo

    async def _write_cards(
        self, session: AsyncSession, row: SubmissionRow, submission: Submission, checked: Sequence[_CheckedCard]
    ) -> tuple[str, ...]:
        rows = [self._card_row(row.id, position, card) for position, card in enumerate(checked)]
        await insert_cards(session, rows)
        for written, card in zip(rows, checked, strict=True):
            session.add_all(photo_row(written.id, place, photo) for place, photo in enumerate(card.photos))
            await cards.record(session, written.id, _submitted(submission, row, card))
        return tuple(written.id for written in rows)

    def _submission_row(self, submission: Submission, request_hash: str) -> SubmissionRow:
        submission_id = new_id()
        return SubmissionRow(
            id=submission_id,
            owner=submission.owner,
            idempotency_key=submission.idempotency_key,
            request_hash=request_hash,
            form_hash=submission.form_hash,
            channel=submission.channel,
            locale=submission.locale,
            payee_account_sealed=self._keyring.seal_text(
                submission.payee_account, purpose="submission", aad=f"submission:{submission_id}:payee_account"
            ),
            payee_name_sealed=self._keyring.seal_text(
                submission.payee_name, purpose="submission", aad=f"submission:{submission_id}:payee_name"
            ),
            payee_masked=masked_account(submission.payee_account),
        )

    def _card_row(self, submission_id: str, position: int, card: _CheckedCard) -> CardRow:
        card_id, face, floor = new_id(), card.given.face_value, card.given.accept_at_or_above
        return CardRow(
            id=card_id,
            submission_id=submission_id,
            position=position,
            card_type=card.brand.card_type,
            brand=card.brand.code,
            currency=card.brand.currency,
            number_sealed=self._sealed(card_id, "number", card.number),
            number_tail=card.number[-4:] if card.number else None,
            pin_sealed=self._sealed(card_id, "pin", card.pin),
            fingerprint=self._keyring.fingerprint(card.brand.issuer, card.number) if card.number else None,
            face_value_minor=None if face is None else face.amount_minor,
            expires_on=card.given.expiry,
            confirm_fields=card.given.confirm_fields,
            accept_at_or_above_minor=None if floor is None else floor.amount_minor,
        )

    def _sealed(self, card_id: str, name: str, secret: str | None) -> bytes | None:
        if secret is None:
            return None
        return self._keyring.seal_text(secret, purpose="card", aad=f"card:{card_id}:{name}")

    def _request_hash(self, submission: Submission) -> str:
        """A keyed hash: a plain one over a card number could be searched through by whoever finds it."""
        content = {name: _plain(value) for name, value in vars(submission).items() if name != "cards"}
        content["cards"] = [{name: _plain(value) for name, value in vars(card).items()} for card in submission.cards]
        written = json.dumps(content, ensure_ascii=False, sort_keys=True)
        return self._keyring.index(written, purpose="request")


def masked_account(account: str) -> str:
    """A payee as it is shown: `138****0021`, `li***@example.com`."""
    name, at, host = account.partition("@")
    if at:
        return f"{name[:2]}***@{host}"
    return f"{account[:3]}****{account[-4:]}" if len(account) > 7 else "****"


def _require_phone_for_code(submission: Submission, known: Brand) -> None:
    """The issuer sends its one-time code to a telephone; a partner names none but the payee's."""
    partner = submission.owner.startswith("partner:")
    if partner and known.card_type is CardType.SUPERMARKET and not PHONE.fullmatch(submission.payee_account):
        raise FieldInvalid(field="payee_account", why="phone_needed_for_code")


def _submitted(submission: Submission, row: SubmissionRow, card: _CheckedCard) -> Change:
    facts = {"brand": card.brand.code, "channel": row.channel, "photos": str(len(card.photos))}
    if row.form_hash:
        facts["form_hash"] = row.form_hash
    return Change(Stage.INTAKE, WaitingFor.MACHINE, None, "intake.submitted", facts, actor=submission.owner)


def _unmoved(card: CardRow, what: str, facts: dict[str, str], actor: str) -> Change:
    """An entry in the story that leaves the card where it is: the workflow moves it when it has heard."""
    return Change(card.stage, card.waiting_for, card.until, what, facts, actor=actor)


def _require_awaited(card: CardRow) -> None:
    if card.waiting_for not in FIELDS_AWAITED:
        raise NotExpectedNow(stage=card.stage.value, waiting_for=card.waiting_for.value)


def _to_buy(card: CardRow, owner: str, has_photos: bool) -> CardToBuy:
    return CardToBuy(
        card_id=card.id,
        card_type=card.card_type,
        brand=card.brand,
        issuer=brand(card.brand).issuer,
        has_photos=has_photos,
        confirm_fields=card.confirm_fields,
        currency=card.currency,
        owner=owner,
    )


def _plain(value: object) -> object:
    """A submitted value as it enters the request's hash; photos by their own content."""
    if isinstance(value, tuple):
        return [part.hex() if isinstance(part, bytes) else str(part) for part in value]
    return value if value is None or isinstance(value, bool) else str(value)


def _is(column: Any, value: Any) -> Any:
    """`column == value` in SQL; the tables annotate their columns as the values they hold."""
    return column == value
