"""A folder of labelled photos: a table `labels.csv` with keyed hashes of numbers and PINs, and the photos, sealed or open.

The key is a file outside the folder: the folder alone neither shows a photo that is sealed nor tells a number of sixteen digits
by trying them all. `python -m photo_set folder` measures the reader by such a folder.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import os
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards
from database.tables.cards import CardRow, PhotoRow
from database.tables.people import PersonRow
from database.tables.quality import ReadingLabelRow
from domain.cards.reading import FieldName, money_text
from domain.money import Money
from domain.people.roles import Permission, Role, permissions_of
from domain.quality.reading_figures import CODE, PLAIN
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoMissing, PhotoStore

TABLE = "labels.csv"
COLUMNS = ("photo", "condition", "brand", "number_hash", "pin_hash", "face_value", "expiry")
KEY_BYTES, NONCE_BYTES = 32, 12
OPEN, SEALED = ".jpg", ".sealed"


class LabelsUnreadable(ValueError):
    """The table, a photo or the key is missing or malformed; the message says which line and what is wrong with it."""


@dataclass(frozen=True)
class LabelledCard:
    """A photo with what is printed in it: secret. Empty fields are not in the photo, or not known."""

    photo_id: str
    condition: str
    brand: str
    number: str = field(repr=False)
    pin: str = field(repr=False)
    face_value: str = field(repr=False)
    expiry: str
    jpeg: bytes = field(repr=False)


def new_key(path: Path) -> None:
    """Write a new key that only its owner can read. Raises FileExistsError."""
    opened = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(opened, "wb") as file:
        file.write(secrets.token_bytes(KEY_BYTES))


def key_of(path: Path) -> bytes:
    """Return the key of a file that `new_key` wrote. Raises LabelsUnreadable."""
    if not path.is_file() or len(key := path.read_bytes()) != KEY_BYTES:
        raise LabelsUnreadable(f"{path.name} is no key of {KEY_BYTES} bytes")
    return key


def hashed(key: bytes, value: str) -> str:
    """Return the keyed hash of a number or PIN as it is compared: without spaces and dashes, in capitals."""
    plain = "".join(one for one in value.upper() if one.isalnum())
    return hmac.new(key, plain.encode(), hashlib.sha256).hexdigest()


def sealed_photo(key: bytes, name: str, jpeg: bytes) -> bytes:
    """Seal a photo for its file in the folder (AES-256-GCM under a key made from the folder's)."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    return nonce + AESGCM(_photo_key(key)).encrypt(nonce, jpeg, name.encode())


def photo_in(folder: Path, key: bytes, name: str) -> bytes:
    """Return a photo of the folder, opened where it is sealed. Raises LabelsUnreadable for one that is not there or of another key."""
    path = folder / name
    if path.parent != folder or not path.is_file():
        raise LabelsUnreadable(f"there is no photo {name}")
    kept = path.read_bytes()
    if path.suffix != SEALED:
        return kept
    try:
        return AESGCM(_photo_key(key)).decrypt(kept[:NONCE_BYTES], kept[NONCE_BYTES:], name.encode())
    except (InvalidTag, ValueError):
        raise LabelsUnreadable(f"{name} is sealed with another key") from None


def written(folder: Path, key: bytes, rows: Iterable[LabelledCard], *, open_photos: bool) -> int:
    """Add labelled photos to the folder's table and their files beside it; return how many."""
    table, many = folder / TABLE, 0
    fresh = not table.exists()
    with table.open("a", encoding="utf-8", newline="") as file:
        lines = csv.writer(file)
        if fresh:
            lines.writerow(COLUMNS)
        for one in rows:
            name = one.photo_id + (OPEN if open_photos else SEALED)
            content = one.jpeg if open_photos else sealed_photo(key, name, one.jpeg)
            _write_private(folder / name, content)
            secret = [hashed(key, value) if value else "" for value in (one.number, one.pin)]
            lines.writerow([name, one.condition, one.brand, *secret, one.face_value, one.expiry])
            many += 1
    return many


async def photos_labelled(session: AsyncSession, until: datetime) -> int:
    """Return how many photos have labels that were made until then."""
    counted = select(func.count(ReadingLabelRow.photo_id.distinct())).where(ReadingLabelRow.at <= until)
    return await session.scalar(counted) or 0


async def labelled_cards(
    session: AsyncSession, keyring: KeyRing, photos: PhotoStore, until: datetime
) -> AsyncIterator[LabelledCard]:
    """Yield the labelled photos until then, with what their cards are known to say. Raises SealBroken.

    What was erased stays away: a photo that is gone, or whose card no longer has a number. Where a card has several photos, only
    fields that were read in this one count as printed in it.
    """
    label, photo = ReadingLabelRow, PhotoRow
    fields = func.array_agg(label.field)
    condition = func.min(label.condition).filter(label.field == FieldName.NUMBER)
    of_photo = select(label.photo_id, fields.label("fields"), condition.label("condition")).where(label.at <= until)
    grouped = of_photo.group_by(label.photo_id).subquery()
    wanted = select(photo, CardRow, grouped.c.fields, grouped.c.condition).join(grouped, grouped.c.photo_id == photo.id)
    wanted = wanted.join(CardRow, CardRow.id == photo.card_id)
    kept = wanted.where(photo.erased_at.is_(None), CardRow.number_sealed.is_not(None)).order_by(photo.id)
    rows = (await session.execute(kept)).all()
    for row, card, names, hard in rows:
        try:
            jpeg = photos.read(row.stored_sha256)
        except PhotoMissing:
            continue
        alone = await session.scalar(select(func.count()).where(photo.card_id == card.id, photo.current)) == 1
        yield _labelled(keyring, row.id, card, None if alone else set(names), hard or "", jpeg)


async def exporter(session: AsyncSession, email: str) -> str | None:
    """Return the id of the person with this address if they may export labels; None else."""
    found = await session.execute(select(PersonRow).where(PersonRow.email == email.strip().lower(), PersonRow.active))
    person = found.scalar_one_or_none()
    if person is None:
        return None
    may = Permission.EXPORT_LABELS in permissions_of(Role(one) for one in person.roles)
    return person.id if may else None


def _labelled(
    keyring: KeyRing, photo_id: str, card: CardRow, names: set[str] | None, hard: str, jpeg: bytes
) -> LabelledCard:
    def known(name: FieldName, value: str | None) -> str:
        return value or "" if names is None or name in names else ""

    face = None if card.face_value_minor is None else money_text(Money(card.face_value_minor, card.currency))
    return LabelledCard(
        photo_id, "" if hard in (PLAIN, CODE) else hard, card.brand,
        known(FieldName.NUMBER, cards.open_number(keyring, card)), known(FieldName.PIN, cards.open_pin(keyring, card)),
        known(FieldName.FACE_VALUE, face),
        known(FieldName.EXPIRY, card.expires_on.isoformat() if card.expires_on else None), jpeg,
    )  # fmt: skip


def rows_of(folder: Path) -> Sequence[dict[str, str]]:
    """Return the lines of the folder's table. Raises LabelsUnreadable."""
    table = folder / TABLE
    if not table.is_file():
        raise LabelsUnreadable(f"{folder.name} has no {TABLE}")
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if rows and tuple(rows[0]) != COLUMNS:
        raise LabelsUnreadable(f"{table.name} needs the columns {', '.join(COLUMNS)}")
    return rows


def _photo_key(key: bytes) -> bytes:
    return hmac.new(key, b"photos", hashlib.sha256).digest()


def _write_private(path: Path, content: bytes) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
