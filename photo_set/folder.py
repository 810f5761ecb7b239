"""Real photographs with labels: a folder, a table `labels.csv`, and numbers kept as keyed hashes only.

The key is a file outside the folder (`new_key`), so that the folder alone does not tell a number of sixteen digits by trying them all.
"""

from __future__ import annotations

import csv
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from domain.cards.reading import FieldName

TABLE = "labels.csv"
COLUMNS = ("photo", "condition", "brand", "number_hash", "pin_hash", "face_value", "expiry")
KEY_BYTES = 32


class LabelsUnreadable(ValueError):
    """The table or the key is missing or malformed; the message says which line and what is wrong with it."""


@dataclass(frozen=True)
class Hashed:
    """What is printed on a real card: its number and PIN as keyed hashes. Empty face value and expiry are not compared."""

    brand: str
    number_hash: str
    pin_hash: str
    face_value: str
    expiry: str
    key: bytes = field(repr=False)

    def has(self, name: FieldName) -> bool:
        """Return whether the card carries this secret."""
        return bool(self.pin_hash) if name is FieldName.PIN else True

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
    if table.is_file() and photo in {row["photo"] for row in _rows(table)}:
        raise LabelsUnreadable(f"{photo} has a label")
    fresh = not table.is_file()
    with table.open("a", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        if fresh:
            rows.writerow(COLUMNS)
        rows.writerow(
            [photo, condition, brand, hashed(key, number), hashed(key, pin) if pin else "", face_value, expiry]
        )


def real_photos(folder: Path, key: bytes) -> Iterator[RealPhoto]:
    """Yield the labelled photos of a folder. Raises LabelsUnreadable with the line at fault."""
    table = folder / TABLE
    if not table.is_file():
        raise LabelsUnreadable(f"{folder.name} has no {TABLE}")
    for number, row in enumerate(_rows(table), start=2):
        path = folder / row["photo"]
        if path.parent != folder or not path.is_file():
            raise LabelsUnreadable(f"line {number}: there is no photo {row['photo']}")
        printed = Hashed(row["brand"], row["number_hash"], row["pin_hash"], row["face_value"], row["expiry"], key)
        yield RealPhoto(row["photo"], row["condition"] or "unsorted", printed, path.read_bytes())


def _rows(table: Path) -> list[dict[str, str]]:
    with table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    if rows and tuple(rows[0]) != COLUMNS:
        raise LabelsUnreadable(f"{table.name} needs the columns {', '.join(COLUMNS)}")
    return rows
