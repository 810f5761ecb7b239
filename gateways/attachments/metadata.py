"""Takes out of a picture what it tells besides itself: place, time, device, comments, previews, and whatever follows its end.

The picture itself is not touched: its compressed bytes leave as they came.
"""

from __future__ import annotations

import io
import re
import struct
import warnings
from collections.abc import Callable, Iterator

from PIL.Image import DecompressionBombError

from domain.errors.files import AttachmentUnsupported, PhotoTooManyPixels
from gateways.pictures.accept import BROKEN, DECODERS, PIXELS_MAX

_SOI, _EOI, _SOS, _APP0, _APP1, _APP2, _ADOBE = 0xD8, 0xD9, 0xDA, 0xE0, 0xE1, 0xE2, 0xEE
# Quantisation, frame, Huffman and arithmetic tables, restart interval, scans: what a decoder needs and nothing else.
_JPEG_KEPT = frozenset({*range(0xC0, 0xD0), _SOS, 0xDB, 0xDC, 0xDD, _ADOBE})
_JFIF_CHARACTERS = 12  # Before the two bytes that say how large a preview follows.
_SCAN_ENDS = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]")
_PNG_START = 8
_PNG_KEPT = frozenset(
    {b"IHDR", b"PLTE", b"IDAT", b"IEND", b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"pHYs", b"bKGD"}
)
_WEBP_START = 12
_WEBP_KEPT = frozenset({b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ICCP", b"ANIM", b"ANMF"})
_WEBP_TELLS = 0x08 | 0x04  # The bits of VP8X that announce EXIF and XMP.
_ORIENTATION, _UPRIGHT, _TURNS = 0x0112, 1, range(1, 9)


def bare(kind: str, content: bytes) -> bytes:
    """Return the picture (`kind` is jpeg, png or webp) without metadata; only a JPEG's orientation is kept.

    Refuses AttachmentUnsupported for what cannot be taken apart, and PhotoTooManyPixels for a flood of pixels.
    """
    try:
        turned = _judged(kind, content)
        kept = b"".join(_PARTS[kind](content))
        _judged(kind, kept)
    except DecompressionBombError:  # The WebP plugin judges the header before we can.
        raise PhotoTooManyPixels(pixels_max=PIXELS_MAX) from None
    except BROKEN:
        raise AttachmentUnsupported(format=kind) from None
    return _with_turn(kept, turned) if kind == "jpeg" and turned != _UPRIGHT else kept


def _judged(kind: str, content: bytes) -> int:
    """Return the orientation, from the header alone: no pixel is decoded."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # A block that contradicts itself: of all it says one number is wanted.
        opened = DECODERS[kind](io.BytesIO(content))
        if opened.width * opened.height > PIXELS_MAX:
            raise PhotoTooManyPixels(width=opened.width, height=opened.height, pixels_max=PIXELS_MAX)
        # The reader of PNG would decode the whole picture to look for it.
        turned = opened.getexif().get(_ORIENTATION, _UPRIGHT) if kind == "jpeg" else _UPRIGHT
    return turned if turned in _TURNS else _UPRIGHT


def _jpeg(content: bytes) -> Iterator[bytes]:
    place = 2
    yield content[:place]
    while True:
        while content[place + 1] == 0xFF:  # Any number of these may stand before a marker.
            place += 1
        marker = content[place + 1]
        if content[place] != 0xFF or marker == _EOI:
            break
        (size,) = struct.unpack_from(">H", content, place + 2)
        end = place + 2 + size
        if marker == _SOS:
            end = _end_of_scan(content, end)
        yield _jpeg_part(marker, content[place:end])
        place = end
    yield bytes((0xFF, _EOI))


def _jpeg_part(marker: int, part: bytes) -> bytes:
    if marker == _APP0 and part[4:9] == b"JFIF\0":
        return struct.pack(">BBH", 0xFF, _APP0, 16) + part[4 : 4 + _JFIF_CHARACTERS] + b"\0\0"
    profile = marker == _APP2 and part[4:16] == b"ICC_PROFILE\0"
    return part if marker in _JPEG_KEPT or profile else b""


def _end_of_scan(content: bytes, start: int) -> int:
    found = _SCAN_ENDS.search(content, start)
    if found is None:
        raise EOFError
    return found.start()


def _png(content: bytes) -> Iterator[bytes]:
    place = _PNG_START
    yield content[:place]
    while True:
        size, name = struct.unpack_from(">I4s", content, place)
        end = place + 12 + size
        if end > len(content):
            raise EOFError
        if name in _PNG_KEPT:
            yield content[place:end]
        if name == b"IEND":
            return
        place = end


def _webp(content: bytes) -> Iterator[bytes]:
    body = b"".join(_webp_chunks(content))
    yield b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def _webp_chunks(content: bytes) -> Iterator[bytes]:
    (size,) = struct.unpack_from("<I", content, 4)
    place, whole = _WEBP_START, min(len(content), size + 8)
    while place + 8 <= whole:
        name, size = struct.unpack_from("<4sI", content, place)
        end = place + 8 + size + size % 2
        chunk = content[place:end]
        if name == b"VP8X":
            chunk = chunk[:8] + bytes((chunk[8] & ~_WEBP_TELLS,)) + chunk[9:]
        if name in _WEBP_KEPT:
            yield chunk
        place = end


def _with_turn(jpeg: bytes, turned: int) -> bytes:
    """Return the JPEG with an EXIF block that contains its orientation and nothing else."""
    block = b"Exif\0\0MM\0*" + struct.pack(">IHHHIHHI", 8, 1, _ORIENTATION, 3, 1, turned, 0, 0)
    return jpeg[:2] + struct.pack(">BBH", 0xFF, _APP1, len(block) + 2) + block + jpeg[2:]


_PARTS: dict[str, Callable[[bytes], Iterator[bytes]]] = {"jpeg": _jpeg, "png": _png, "webp": _webp}
