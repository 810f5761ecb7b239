"""A submission comes in: checked, its photos cleaned and kept, and written down whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.cards.seller import asked_item
from database.repositories import cards, loop_faults, set_aside
from database.repositories.cards import Change
from database.session import Database
from database.tables.cards import CardRow, PhotoRow, SubmissionRow
from database.tables.columns import now
from domain.cards.card import CardType, Stage, WaitingFor
from domain.cards.facts import AT_ITS_BEGINNING, EDITION, CardToBuy, Resume, SubmissionReceipt
from domain.cards.intake import PHOTOS_MAX, Submission, SubmittedCard, check_shape, tidied
from domain.cards.review import AskedItem
from domain.errors.cards import NotExpectedNow
from domain.errors.files import TooManyPhotos
from domain.errors.general import FieldInvalid, NotFound, TemporarilyUnavailable
from domain.money import Money
from domain.places import business_day
from domain.rules.brands import Brand, brand, catalogue_version
from domain.rules.splits import require_intake_point
from domain.sealing import KeyRing
from gateways import decoding
from gateways.pictures.accept import AcceptedPhoto
from gateways.pictures.store import PhotoStore
from services.cards.corrections import (
    Corrections,
    checked_fields,
    confirm_reading,
    differing_fields,
    require_complete,
    require_confirmed,
    with_kept,
)
from services.cards.question_budget import require_budget
from services.cards.resuming import resume_of
from services.cards.splitting import split_photos
from services.cards.submission_rows import (
    CheckedCard,
    card_row,
    claimed,
    insert_cards,
    photo_row,
    receipt_of,
    receipt_of_repeated,
    request_hash_of,
    submission_row,
)
from services.work import sla

PHONE = re.compile(r"\+?[0-9][0-9 -]{5,18}")

STARTER = "starter"  # The loop that starts cards whose workflow is not known to run.


class Intake:
    """Takes submissions and the seller's corrections. Raises Refusal for whatever the submitter can fix."""

    def __init__(self, database: Database, keyring: KeyRing, photos: PhotoStore) -> None:
        self._database = database
        self._keyring = keyring
        self._photos = photos

    async def submit(self, submission: Submission) -> SubmissionReceipt:
        """Takes all cards or none. The same key with the same content gets the same receipt, however often it comes.

        A repeated key gets its receipt before anything else is judged: rules and days may have changed since.
        Refuses IdempotencyKeyReused, DuplicateCard (with `card`, its position), QuestionsUsedUp and everything wrong with a
        card.
        """
        (receipt,) = await self.submit_together((submission,))
        return receipt

    async def submit_together(self, submissions: Sequence[Submission]) -> tuple[SubmissionReceipt, ...]:
        """Takes submissions with a key each, as `submit` does, all of them or none: one refusal refuses all."""
        given = [tidied(submission) for submission in submissions]
        # Forty megabytes of photographs take a while: others are answered meanwhile.
        hashes = [await asyncio.to_thread(request_hash_of, self._keyring, submission) for submission in given]
        async with self._database.transaction() as session:
            known = [await receipt_of(session, one, digest) for one, digest in zip(given, hashes, strict=True)]
            for owner in {one.owner for one, receipt in zip(given, known, strict=True) if receipt is None}:
                await require_budget(session, owner, now())
        for submission, receipt in zip(given, known, strict=True):
            if receipt is None:
                check_shape(submission)
                require_intake_point(submission.intake_point, business_day(now()))
        checked = [
            [] if receipt is not None else [await self._checked(submission, card) for card in submission.cards]
            for submission, receipt in zip(given, known, strict=True)
        ]
        async with self._database.transaction() as session:
            parts = zip(given, hashes, known, checked, strict=True)
            return tuple([before or await self._written(session, one, digest, ok) for one, digest, before, ok in parts])

    async def split(self, card_id: str, actor: str) -> tuple[str, ...]:
        """Makes a card of its own of each photo but the first; returns the new cards' ids (`splitting.split_photos`)."""
        async with self._database.transaction() as session:
            card = await cards.load_for_update(session, card_id)
            return await split_photos(session, self._keyring, card, actor)

    async def repeated(self, owner: str, idempotency_key: str, sent_hash: str) -> SubmissionReceipt | None:
        """Return the first receipt of a submission that comes again in the same bytes (`body_hash`) or form (`form_hash`).

        Doors ask before they judge anything: limits, rules and what a request may hold can have changed since. One
        statement; None for whatever is not known to be the same.
        """
        async with self._database.statement() as connection:
            return await receipt_of_repeated(connection, owner, idempotency_key, sent_hash)

    def body_hash(self, body: bytes) -> str:
        """Return a keyed hash (hex) of a request's bytes: a plain one could be searched through for a card's number."""
        return self._keyring.index(hashlib.sha256(body).hexdigest(), purpose="body")

    async def correct_fields(
        self,
        card_id: str,
        number: str | None = None,
        pin: str | None = None,
        face_value: Money | None = None,
        expiry: date | None = None,
        actor: str = "machine",
        confirmed: Collection[str] | None = None,
        *,
        kept_too: bool = False,
    ) -> int:
        """Record the seller's fields: confirmed, corrected, or one item sent again; returns the fields' revision.

        `confirmed` are the marks of values that the seller confirmed against a sure reading; None: nobody
        can be asked. With `kept_too` they also confirm what was typed before and is left as it is. Refuses NotExpectedNow when the card waits for no fields, ReadingDiffers, and fields that break the
        brand's rules.
        """
        async with self._database.transaction() as session:
            card = await cards.load_for_update(session, card_id)
            await _require_awaited(session, card, _items(number, pin, face_value, expiry))
            given = checked_fields(card.brand, Corrections(number, pin, face_value, expiry))
            meant = with_kept(given, card, self._keyring) if kept_too else given
            differing = await differing_fields(session, self._keyring, card, meant)
            if confirmed is not None:
                await require_confirmed(session, self._keyring, card, meant, confirmed)
            changed = await confirm_reading(session, self._keyring, card, given)
            revision = card.fields_revision
            if not given.is_empty:
                revision = await cards.set_fields(session, self._keyring, card, **given.as_columns())
            require_complete(card, given)
            facts = {"revision": str(revision), "changed": ",".join(changed)}
            if differing:
                facts["against_reading"] = ",".join(name.value for name in differing)
            await cards.record(session, card_id, _unmoved(card, "intake.fields_confirmed", facts, actor))
            await sla.follow(session, card_id, WaitingFor.MACHINE, now())
        return revision

    async def replace_photo(self, card_id: str, raw: bytes, actor: str) -> int:
        """Put the seller's new photograph, or the pages of a PDF, in place of all before; returns the fields' revision.

        Refuses NotExpectedNow, and files that are no good photographs (see `gateways.pictures.pages`).
        """
        photos = await self._kept(raw)
        async with self._database.transaction() as session:
            card = await cards.load_for_update(session, card_id)
            await _require_awaited(session, card, {AskedItem.PHOTO})
            await session.execute(update(PhotoRow).where(PhotoRow.card_id == card_id).values(current=False))
            session.add_all(photo_row(card_id, place, photo) for place, photo in enumerate(photos))
            facts = {"photo": photos[0].stored_sha256}
            await cards.record(session, card_id, _unmoved(card, "intake.photo_replaced", facts, actor))
            await sla.follow(session, card_id, WaitingFor.MACHINE, now())
        return card.fields_revision

    async def not_started(self, limit: int) -> tuple[str, ...]:
        """Cards whose workflow was never known to run, oldest first: a restart picks them up."""
        ready = (CardRow.started_at.is_(None), ~set_aside.left_out(STARTER, CardRow.id, now()))
        statement = select(CardRow.id).where(*ready).order_by(CardRow.created_at).limit(limit)
        async with self._database.reading() as session:
            return tuple((await session.execute(statement)).scalars())

    def apart(self, loop: str, subject: str) -> AbstractAsyncContextManager[None]:
        """Keep the failure of one piece of a loop's work from the others (`loop_faults.apart`)."""
        return loop_faults.apart(self._database, loop, subject)

    async def mark_started(self, card_id: str) -> None:
        """Record that the card's workflow is known to run."""
        statement = update(CardRow).where(CardRow.id == card_id).values(started_at=now())
        async with self._database.statement() as connection:
            await connection.execute(statement)

    async def card_to_buy(self, card_id: str) -> CardToBuy:
        """Return the input with which the card's workflow starts or, if it was started before, continues. Refuses NotFound."""
        photographed = exists().where(PhotoRow.card_id == CardRow.id)
        statement = (
            select(CardRow, SubmissionRow.owner, photographed)
            .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
            .where(CardRow.id == card_id)
        )
        async with self._database.reading() as session:
            found = (await session.execute(statement)).one_or_none()
            if found is None:
                raise NotFound(card=card_id[:26])
            card, owner, has_photos = found
            resume = (
                AT_ITS_BEGINNING
                if card.started_at is None and card.reopened_at is None
                else await resume_of(session, card)
            )
        return _to_buy(card, owner, has_photos, resume)

    async def _checked(self, submission: Submission, given: SubmittedCard) -> CheckedCard:
        """Raises the refusal of whatever is wrong with one card."""
        known = brand(given.brand)
        known.require_bought(now())
        number = known.require_number(given.number) if given.number else None
        pin = known.require_pin(given.pin) if given.pin or not given.photos else None
        if given.face_value is not None:
            known.require_face_value(given.face_value)
        known.require_unexpired(given.expiry, now())
        _require_phone_for_code(submission, known)
        photos = [photo for raw in given.photos for photo in await self._kept(raw)]
        if len(photos) > PHOTOS_MAX:
            raise TooManyPhotos(most=PHOTOS_MAX)
        return CheckedCard(given, known, number, pin, tuple(photos))

    async def _kept(self, raw: bytes) -> tuple[AcceptedPhoto, ...]:
        """Cleans and keeps a photo, or each page of a PDF, before the transaction: one left over by a refusal is sealed and linked to no seller."""
        photos = await decoding.photos(raw)
        for photo in photos:
            await asyncio.to_thread(self._photos.write, photo.jpeg)
        return photos

    async def _written(
        self, session: AsyncSession, submission: Submission, request_hash: str, checked: Sequence[CheckedCard]
    ) -> SubmissionReceipt:
        row = submission_row(self._keyring, submission, request_hash)
        if not await claimed(session, row):
            return _required(await receipt_of(session, submission, request_hash))
        return SubmissionReceipt(row.id, await self._write_cards(session, row, submission, checked), repeated=False)

    async def _write_cards(
        self, session: AsyncSession, row: SubmissionRow, submission: Submission, checked: Sequence[CheckedCard]
    ) -> tuple[str, ...]:
        rows = [card_row(self._keyring, row.id, position, card) for position, card in enumerate(checked)]
        await insert_cards(session, rows)
        for written, card in zip(rows, checked, strict=True):
            session.add_all(photo_row(written.id, place, photo) for place, photo in enumerate(card.photos))
            await cards.record(session, written.id, _submitted(submission, row, card))
        return tuple(written.id for written in rows)


def _required(receipt: SubmissionReceipt | None) -> SubmissionReceipt:
    if receipt is None:  # Claimed by another transaction, whose row a conflict has shown us.
        raise TemporarilyUnavailable()
    return receipt


def _require_phone_for_code(submission: Submission, known: Brand) -> None:
    """The issuer sends its one-time code to a telephone; a partner names none but the payee's."""
    partner = submission.owner.startswith("partner:")
    if partner and known.card_type is CardType.SUPERMARKET and not PHONE.fullmatch(submission.payee_account):
        raise FieldInvalid(field="payee_account", why="phone_needed_for_code")


def _submitted(submission: Submission, row: SubmissionRow, card: CheckedCard) -> Change:
    facts = {"brand": card.brand.code, "channel": row.channel, "photos": str(len(card.photos))}
    facts["brands_version"] = catalogue_version()  # Number, face value and expiry were judged by it.
    if row.form_hash:
        facts["form_hash"] = row.form_hash
    return Change(Stage.INTAKE, WaitingFor.MACHINE, None, "intake.submitted", facts, actor=submission.owner)


def _unmoved(card: CardRow, what: str, facts: dict[str, str], actor: str) -> Change:
    """An entry in the story that leaves the card where it is: the workflow moves it when it has heard."""
    return Change(card.stage, card.waiting_for, card.until, what, facts, actor=actor)


def _items(number: str | None, pin: str | None, face_value: Money | None, expiry: date | None) -> set[str]:
    """What is being sent, by the names under which a reviewer can ask for it again; the face value is none of these."""
    sent = {AskedItem.NUMBER: number, AskedItem.PIN: pin, "face_value": face_value, AskedItem.EXPIRY: expiry}
    return {str(name) for name, value in sent.items() if value is not None}


async def _require_awaited(session: AsyncSession, card: CardRow, items: Collection[str]) -> None:
    """Refuses when nothing is awaited, and, while one item is awaited, everything but that item.

    Fields that are awaited are typed: a photo sent instead would stay unread.
    """
    if card.waiting_for is WaitingFor.SELLER_FIELDS and AskedItem.PHOTO not in items:
        return
    state = {"stage": card.stage.value, "waiting_for": card.waiting_for.value}
    if card.waiting_for is not WaitingFor.SELLER_ITEM:
        raise NotExpectedNow(**state)
    asked = await asked_item(session, card.id)
    if asked is None or set(items) != {asked.value}:
        raise NotExpectedNow(**state, asked_item=asked.value if asked else "")


def _to_buy(card: CardRow, owner: str, has_photos: bool, resume: Resume) -> CardToBuy:
    return CardToBuy(
        card_id=card.id,
        card_type=card.card_type,
        brand=card.brand,
        issuer=brand(card.brand).issuer,
        has_photos=has_photos,
        confirm_fields=card.confirm_fields,
        currency=card.currency,
        owner=owner,
        resume=resume,
        may_withdraw=True,
        edition=EDITION,
    )
