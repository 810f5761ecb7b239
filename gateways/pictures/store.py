"""Where photographs are kept: sealed files named by their content, because a photo shows number and PIN together."""

from __future__ import annotations

import hashlib
import io
import os
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from PIL import Image

from domain.cards.reading import Box
from gateways.pictures.accept import to_jpeg

THUMBNAIL_SIDE_MAX = 320
CROP_MARGIN = 0.35  # Of the field's height, on each side: a reviewer needs to see the edge of the print.

Transform = Callable[[bytes], bytes]


class PhotoMissing(LookupError):
    """No photo of that digest is kept here."""


class PhotoDamaged(ValueError):
    """The kept photo does not have the content its name says."""


class PhotoStore:
    """Photos below `root`, each named by the SHA-256 (hex) of its JPEG bytes and kept as `seal(jpeg)`.

    `unseal` reverses `seal`. Nothing below `root` is ever served as a file.
    """

    def __init__(self, root: Path, seal: Transform, unseal: Transform) -> None:
        self._root = root
        self._seal = seal
        self._unseal = unseal

    def write(self, jpeg: bytes) -> str:
        """Keeps the photo and returns its digest; a photo already kept is left alone. Raises OSError."""
        digest = hashlib.sha256(jpeg).hexdigest()
        path = self._path(digest)
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            _write_whole(path, self._seal(jpeg))
        return digest

    def read(self, digest: str) -> bytes:
        """Read the JPEG bytes. Raises PhotoMissing, PhotoDamaged, or whatever `unseal` raises for a foreign seal."""
        try:
            sealed = self._path(digest).read_bytes()
        except FileNotFoundError as error:
            raise PhotoMissing(digest) from error
        jpeg = self._unseal(sealed)
        if hashlib.sha256(jpeg).hexdigest() != digest:
            raise PhotoDamaged(digest)
        return jpeg

    def erase(self, digest: str) -> None:
        """Forgets the photo (a person's right to erasure); no error when it is gone already."""
        self._path(digest).unlink(missing_ok=True)

    def crop(self, digest: str, box: Box) -> bytes:
        """Cut out the field at `box` with a margin, as JPEG bytes. Raises as `read`."""
        with Image.open(io.BytesIO(self.read(digest))) as photo:
            return to_jpeg(photo.crop(_with_margin(box, photo.width, photo.height)))

    def covered(self, digest: str, boxes: Sequence[Box]) -> bytes:
        """Draw the whole photo with these places black, each a little beyond its edge, as JPEG bytes. Raises as `read`."""
        if not boxes:
            return self.read(digest)
        with Image.open(io.BytesIO(self.read(digest))) as photo:
            shown = photo.convert("RGB")
            for box in boxes:
                left, upper, right, lower = _with_margin(box, shown.width, shown.height)
                shown.paste((0, 0, 0), (left, upper, right, lower))
            return to_jpeg(shown)

    def thumbnail(self, digest: str, side_max: int = THUMBNAIL_SIDE_MAX) -> bytes:
        """Scale the whole photo down, no side over `side_max` pixels, to JPEG bytes. Raises as `read`."""
        with Image.open(io.BytesIO(self.read(digest))) as photo:
            photo.draft("RGB", (side_max, side_max))
            photo.thumbnail((side_max, side_max))
            return to_jpeg(photo)

    def _path(self, digest: str) -> Path:
        if not re.fullmatch(r"[0-9a-f]{64}", digest):
            raise PhotoMissing("not a photo's digest")
        return self._root / digest[:2] / f"{digest}.sealed"


def _with_margin(box: Box, width: int, height: int) -> tuple[int, int, int, int]:
    """Left, upper, right, lower: inside the photo and at least one pixel wide and high."""
    margin = round(box.height * CROP_MARGIN)
    left = min(max(0, box.x - margin), width - 1)
    upper = min(max(0, box.y - margin), height - 1)
    return left, upper, max(left + 1, min(width, box.right + margin)), max(upper + 1, min(height, box.bottom + margin))


def _write_whole(path: Path, content: bytes) -> None:
    """Either the whole file appears under its name or nothing does, also when the machine stops half-way."""
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=".partial-")  # Created readable by its owner only.
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
