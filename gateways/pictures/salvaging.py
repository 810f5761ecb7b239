"""What a decoder trips over although every pixel is there: taken out or put right before the picture is decoded. Pure bytes."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator

PNG_START = b"\x89PNG\r\n\x1a\n"
PNG_END = struct.pack(">I", 0) + b"IEND" + struct.pack(">I", zlib.crc32(b"IEND"))
EXIF_BYTES_MAX = 65_536  # What a JPEG could hold; only the direction of the photo is read from it.
END_OF_IMAGE = b"\xff\xd9"
_BARE_MARKERS = frozenset({0x01, *range(0xD0, 0xD9)})  # Markers without a length.
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # Huffman coded: sequential, or progressive in scans that add bits.
_COEFFICIENTS = frozenset(range(64))  # Of a block of 8 × 8 pixels.
_END = 0xD9
_SCAN = 0xDA
_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")  # In the data of a scan: neither a stuffed byte nor a restart.
# Bytes after the cut: bits of a missing pixel would be read from here, and each tail would give another picture.
_TAILS = tuple(bytes([filler]) * 64 + END_OF_IMAGE for filler in (0x00, 0x55, 0xAA))


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

    Only where the scans that begin hold all bits of every pixel can the pictures show that nothing is missing.
    """
    return _TAILS if _only_end_is_missing(jpeg) else ()


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes, bytes, bool]]:
    """Each chunk's kind, data, whole bytes, and whether its checksum holds; the last one may be cut off."""
    place = len(PNG_START)
    while place + 8 <= len(png):
        (length,) = struct.unpack_from(">I", png, place)
        kind, ends = png[place + 4 : place + 8], place + 12 + length
        checked = png[place + 4 : ends - 4]
        yield kind, checked[4:], png[place:ends], png[ends - 4 : ends] == struct.pack(">I", zlib.crc32(checked))
        place = ends


def _only_end_is_missing(jpeg: bytes) -> bool:
    """Whether the end marker is missing and the scans together name every coefficient of every component to its last bit."""
    missing: dict[int, set[int]] = {}
    for marker, body in _segments(jpeg):
        if marker == _END:
            return False
        if marker in _FRAMES and len(body) > 5:
            missing = {component: set(_COEFFICIENTS) for component in body[6::3][: body[5]]}
        if marker == _SCAN:
            _take_scan(missing, body)
    return bool(missing) and not any(missing.values())


def _take_scan(missing: dict[int, set[int]], body: bytes) -> None:
    """Strikes out the coefficients that the scan brings to their last bit, by its header."""
    components, reach = body[1 : 1 + 2 * body[0] : 2] if body else b"", body[1 + 2 * body[0] :] if body else b""
    if len(reach) < 3 or reach[2] & 0x0F:  # Bits below the scan's are still to come.
        return
    for component in components:
        missing.get(component, set()).difference_update(range(reach[0], reach[1] + 1))


def _segments(jpeg: bytes) -> Iterator[tuple[int, bytes]]:
    """Each marker with the body of its segment, across the data of scans, up to the end of the file or its first nonsense."""
    place = 2
    while place + 2 <= len(jpeg) and jpeg[place] == 0xFF:
        marker = jpeg[place + 1]
        if marker == 0xFF or marker in _BARE_MARKERS or marker == _END:
            yield marker, b""
            place += 1 if marker == 0xFF else 2
            continue
        length = max(2, int.from_bytes(jpeg[place + 2 : place + 4], "big"))
        yield marker, jpeg[place + 4 : place + 2 + length]
        place += 2 + length
        if marker == _SCAN:
            behind = _MARKER.search(jpeg, place)
            place = behind.start() if behind else len(jpeg)
