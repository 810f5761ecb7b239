"""What a decoder trips over although every pixel is there: taken out or put right before the picture is decoded. Pure bytes."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_END = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
EXIF_BYTES_MAX = 65_536  # What a JPEG could hold; only the direction of the photo is read from it.
END_OF_IMAGE = b"\xff\xd9"
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})  # Markers without a length.
_SEQUENTIAL = frozenset({0xC0, 0xC1})  # Huffman coded, all of a pixel in one scan.
_SCAN = 0xDA
# What stands behind the cut: bits of a missing pixel would be read from here, and each tail would give another picture.
_TAILS = tuple(bytes([filler]) * 64 + END_OF_IMAGE for filler in (0x00, 0x55, 0xAA))


@dataclass(frozen=True)
class _Scan:
    """The first scan of a JPEG: whether it alone holds all of every pixel, and where its data begin."""

    whole: bool
    begins: int


def without_extras(png: bytes) -> bytes:
    """Return the PNG with the chunks that make its pixels, transparency and direction, without profiles, text and the like.

    A chunk that makes pixels stays as it is, damaged or not: the decoder judges it.
    """
    kept = [PNG_START]
    for kind, data, chunk, sound in _chunks(png):
        makes_pixels = kind[:1].isupper() or kind == b"tRNS"
        if makes_pixels or (kind == b"eXIf" and sound and len(data) <= EXIF_BYTES_MAX):
            kept.append(chunk)
        if kind == b"IEND":
            return b"".join(kept)
    return b"".join([*kept, PNG_END])


def ends_of(jpeg: bytes) -> tuple[bytes, ...]:
    """Return the ends that the JPEG lacks, each of which must give the same picture; none for one that has its end.

    Only where one sequential scan holds all of every pixel can the pictures show that nothing is missing.
    """
    scan = _first_scan(jpeg)
    if scan is None or not scan.whole or END_OF_IMAGE in jpeg[scan.begins :]:
        return ()
    return _TAILS


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes, bytes, bool]]:
    """Each chunk's kind, data, whole bytes, and whether its checksum holds; the last one may be cut off."""
    place = len(PNG_START)
    while place + 8 <= len(png):
        (length,) = struct.unpack_from(">I", png, place)
        kind, ends = png[place + 4 : place + 8], place + 12 + length
        checked = png[place + 4 : ends - 4]
        yield kind, checked[4:], png[place:ends], png[ends - 4 : ends] == struct.pack(">I", zlib.crc32(checked))
        place = ends


def _first_scan(jpeg: bytes) -> _Scan | None:
    """Walks the segments up to the first scan; None when they are broken before it."""
    place, components, sequential = 2, 0, False
    while place + 4 <= len(jpeg) and jpeg[place] == 0xFF:
        marker = jpeg[place + 1]
        if marker == 0xFF or marker in _BARE_MARKERS:
            place += 1 if marker == 0xFF else 2
            continue
        begins = place + 2 + int.from_bytes(jpeg[place + 2 : place + 4], "big")
        if marker in _SEQUENTIAL and place + 9 < len(jpeg):
            components, sequential = jpeg[place + 9], True
        if marker == _SCAN and place + 4 < len(jpeg):
            return _Scan(sequential and jpeg[place + 4] == components, begins)
        place = begins
    return None
