"""Real photographs with labels, as a person or `cardloop labels export` puts them into a folder (services.quality.labelled_folder).

A file that a person put there comes in by the same door as an upload: turned as its EXIF says, reduced, encoded again, or refused.
"""

from __future__ import annotations

import asyncio
import csv
import hmac
from dataclasses import dataclass, field
from pathlib import Path

from domain.cards.reading import FieldName
from domain.errors.base import Refusal
from gateways import decoding
from languages import translate
from services.quality.labelled_folder import COLUMNS, SEALED, TABLE, hashed, photo_in, rows_of
from services.quality.labelled_folder import LabelsUnreadable as LabelsUnreadable
from services.quality.labelled_folder import key_of as key_of
from services.quality.labelled_folder import new_key as new_key


@dataclass(frozen=True)
class Hashed:
    """What is printed on a real card: its number and PIN as keyed hashes. Empty fields are not compared."""

    brand: str
    number_hash: str
    pin_hash: str
    face_value: str
    expiry: str
    key: bytes = field(repr=False)

    def has(self, name: FieldName) -> bool:
        """Return whether the card carries this secret."""
        return bool(self.pin_hash if name is FieldName.PIN else self.number_hash)

    def is_printed(self, name: FieldName, value: str) -> bool:
        """Return whether the value is the printed one."""
        wanted = self.pin_hash if name is FieldName.PIN else self.number_hash
        return hmac.compare_digest(wanted, hashed(self.key, value))


@dataclass(frozen=True)
class RealPhoto:
    """A photograph of the folder with its label."""

    name: str
    condition: str
    printed: Hashed
    jpeg: bytes = field(repr=False)


def labelled(
    folder: Path,
    key: bytes,
    photo: str,
    condition: str,
    brand: str,
    number: str,
    pin: str,
    face_value: str,
    expiry: str,
) -> None:
    """Add a photo's label to the folder's table. Raises LabelsUnreadable for a photo that is not there or has a label."""
    if not (folder / photo).is_file():
        raise LabelsUnreadable(f"there is no photo {photo}")
    table = folder / TABLE
    fresh = not table.is_file()
    if not fresh and photo in {row["photo"] for row in rows_of(folder)}:
        raise LabelsUnreadable(f"{photo} has a label")
    with table.open("a", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        if fresh:
            rows.writerow(COLUMNS)
        rows.writerow(
            [photo, condition, brand, hashed(key, number), hashed(key, pin) if pin else "", face_value, expiry]
        )


@dataclass(frozen=True)
class Folder:
    """The labelled photos of a folder, and of each file that the product would refuse, why, by its name."""

    photos: tuple[RealPhoto, ...]
    refused: dict[str, str]


def real_photos(folder: Path, key: bytes) -> Folder:
    """Take the labelled photos of a folder, opened where they are sealed. Raises LabelsUnreadable with the line at fault."""
    photos: list[RealPhoto] = []
    refused: dict[str, str] = {}
    for number, row in enumerate(rows_of(folder), start=2):
        name = row["photo"]
        try:
            content = photo_in(folder, key, name)
        except LabelsUnreadable as problem:
            raise LabelsUnreadable(f"line {number}: {problem}") from None
        try:
            pages = _as_stored(name, content)
        except Refusal as refusal:
            refused[name] = translate(f"error.{refusal.code}", "en", refusal.data)
            continue
        if len(pages) > 1:
            refused[name] = f"Its label cannot say which of {len(pages)} pages it means: save that one as a photo."
            continue
        printed = Hashed(row["brand"], row["number_hash"], row["pin_hash"], row["face_value"], row["expiry"], key)
        photos.append(RealPhoto(name, row["condition"] or "unsorted", printed, pages[0]))
    return Folder(tuple(photos), refused)


def _as_stored(name: str, content: bytes) -> list[bytes]:
    """The photo, or the pages of a PDF, as the product stores them; what was exported sealed is that already. Raises a Refusal."""
    return [content] if name.endswith(SEALED) else [page.jpeg for page in asyncio.run(decoding.photos(content))]
