"""Photos of several cards that came as one card: one photo stays, each other photo becomes a card of its own."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.cards.latest_readings import latest_by_photo
from database.reads.cards.seller import shows_several_cards
from database.repositories import cards
from database.repositories.cards import Change
from database.sealed import fields_of, payee_of
from database.tables.cards import CardRow, PhotoRow, ReadingRow, SubmissionRow
from domain.cards.card import Stage, WaitingFor
from domain.cards.intake import Submission, SubmittedCard
from domain.cards.reading import SURE_OF_BRAND, FieldName, Reading, as_read, confidence_bp
from domain.errors.cards import DuplicateCard, NotExpectedNow
from domain.money import BASIS_POINTS_PER_ONE
from domain.rules.brands import brand, tidy_number
from domain.rules.plausible import is_plausible
from domain.sealing import KeyRing
from services.cards.readings_of_card import numbers_in, of_card
from services.cards.submission_rows import CheckedCard, card_row, request_hash_of, submission_row

SPLIT = "intake.photos_split"
_SURE_OF_BRAND_BP = round(SURE_OF_BRAND * BASIS_POINTS_PER_ONE)


async def split_photos(session: AsyncSession, keyring: KeyRing, card: CardRow, actor: str) -> tuple[str, ...]:
    """Makes a submission of its own for each photo but one of the card's own brand; returns the new cards' ids.

    What was read off the photo that stays is put on the card, where the seller checks it like any other reading.

    A second call finds nothing left to split and returns none. Refuses NotExpectedNow unless the seller is asked for
    the fields of a card whose photos show several.
    """
    photos = await _current(session, card.id)
    if card.waiting_for is WaitingFor.SELLER_FIELDS and len(photos) == 1:
        return ()
    if card.waiting_for is not WaitingFor.SELLER_FIELDS or not await shows_several_cards(session, card.id):
        raise NotExpectedNow(stage=card.stage.value, waiting_for=card.waiting_for.value)
    origin = await session.get_one(SubmissionRow, card.submission_id)
    brands = {photo.id: await _printed_brand(session, keyring, photo) for photo in photos}
    kept = next((photo for photo in photos if brands[photo.id] in (None, card.brand)), photos[0])
    others = [photo for photo in photos if photo is not kept]
    made = [await _card_of(session, keyring, card, origin, photo, brands[photo.id]) for photo in others]
    await _fill_in(session, keyring, card, kept)
    facts = {"cards": str(len(photos)), "made": ",".join(made)}
    await cards.record(session, card.id, Change(card.stage, card.waiting_for, card.until, SPLIT, facts, actor=actor))
    return tuple(made)


async def _card_of(
    session: AsyncSession, keyring: KeyRing, card: CardRow, origin: SubmissionRow, photo: PhotoRow, printed: str | None
) -> str:
    """The photo and its reading move to a new card, which is read and shown to the seller like any other."""
    known = brand(printed or card.brand)
    given = SubmittedCard(known.code, confirm_fields=True)
    submission = _submission(keyring, origin, photo, given)
    row = submission_row(keyring, submission, request_hash_of(keyring, submission))
    session.add(row)
    await session.flush()
    made = card_row(keyring, row.id, 0, CheckedCard(given, known, None, None, ()))
    session.add(made)
    await session.flush()
    await session.execute(update(PhotoRow).where(PhotoRow.id == photo.id).values(card_id=made.id, position=0))
    await session.execute(update(ReadingRow).where(ReadingRow.photo_id == photo.id).values(card_id=made.id))
    facts = {"brand": known.code, "channel": row.channel, "photos": "1", "split_from": card.id}
    entry = Change(Stage.INTAKE, WaitingFor.MACHINE, None, "intake.submitted", facts, actor=row.owner)
    await cards.record(session, made.id, entry)
    return made.id


def _submission(keyring: KeyRing, origin: SubmissionRow, photo: PhotoRow, given: SubmittedCard) -> Submission:
    """For the same seller and payee; its key is the photo's, so that a photo becomes one card however often it is asked."""
    account, name = payee_of(keyring, origin)
    return Submission(
        owner=origin.owner,
        idempotency_key=f"photo-{photo.id}",
        cards=(given,),
        payee_account=account,
        payee_name=name,
        payee_rail=origin.payee_rail,
        channel=origin.channel,
        locale=origin.locale,
        form_hash=origin.form_hash,
        intake_point=origin.intake_point,
    )


async def _current(session: AsyncSession, card_id: str) -> Sequence[PhotoRow]:
    chosen = select(PhotoRow).where(PhotoRow.card_id == card_id, PhotoRow.current).order_by(PhotoRow.position)
    return (await session.execute(chosen)).scalars().all()


async def _fill_in(session: AsyncSession, keyring: KeyRing, card: CardRow, photo: PhotoRow) -> None:
    """Puts on the card what it lacks and its own photo shows; a number that is live elsewhere is left to the seller."""
    known, lacking = brand(card.brand), _lacking(card)
    shown, on_card = await _shown(session, photo), cards.open_number(keyring, card)
    row = next(iter(of_card([shown], numbers_in(keyring, shown), known, on_card)), None)
    if row is None:  # Nothing was read, or several cards of which none is known to be this one.
        return
    fields = [as_read(kept, value) for _, value, kept in fields_of(keyring, row)]
    fitting = tuple(field for field in fields if field.name in lacking and is_plausible(known, field))
    reading = Reading(fitting, row.reader, row.duration_ms)
    number, pin, face = reading.field(FieldName.NUMBER), reading.field(FieldName.PIN), reading.face_value()
    with suppress(DuplicateCard):
        await cards.set_fields(
            session, keyring, card,
            number=None if number is None else tidy_number(number.value), pin=None if pin is None else pin.value,
            face_value_minor=None if face is None else face.amount_minor, expires_on=reading.expiry(),
        )  # fmt: skip
        taken = {field.name.value for field in fitting}
        row.fields = [{**one, "use": "taken"} if one["name"] in taken else one for one in row.fields]


def _lacking(card: CardRow) -> set[FieldName]:
    own = {
        FieldName.NUMBER: card.number_sealed,
        FieldName.PIN: card.pin_sealed,
        FieldName.FACE_VALUE: card.face_value_minor,
        FieldName.EXPIRY: card.expires_on,
    }
    return {name for name, value in own.items() if value is None}


async def _printed_brand(session: AsyncSession, keyring: KeyRing, photo: PhotoRow) -> str | None:
    """The brand that the photo shows for certain: cards sent together may be of several. None where it shows cards of several itself."""
    read = [one for row in await _shown(session, photo) for one in fields_of(keyring, row)]
    sure = {value for name, value, kept in read if name is FieldName.BRAND and confidence_bp(kept) >= _SURE_OF_BRAND_BP}
    return sure.pop() if len(sure) == 1 else None


async def _shown(session: AsyncSession, photo: PhotoRow) -> tuple[ReadingRow, ...]:
    """The readings of the latest look at the photo: one for each card that it shows."""
    chosen = select(ReadingRow).where(ReadingRow.photo_id == photo.id).order_by(ReadingRow.created_at, ReadingRow.id)
    return latest_by_photo((await session.execute(chosen)).scalars()).get(photo.id, ())
