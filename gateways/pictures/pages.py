"""A file of pictures: a photograph, or a PDF whose pages are drawn as photographs. PDFium draws; it runs no script.

What a page may hold cannot be judged beforehand, so that this is done only in the child process with limits.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium
from PIL import Image

from domain.errors.files import (
    FileTooDemanding,
    PdfEncrypted,
    PdfScripted,
    PdfTooManyPages,
    PhotoTooManyPixels,
    PhotoUnreadable,
)
from gateways.pictures.accept import (
    ASPECT_MAX,
    SIDE_STORED_MAX,
    AcceptedPhoto,
    accept,
    as_photo,
    format_of,
    require_size,
)

PAGES_MAX = 6
OPENED_BYTES_MAX = 16 * 1024 * 1024  # Of packed objects that are looked through for scripts.
HEAD_BYTES = 2048  # Before a stream, in which its dictionary is looked for.
_STREAM = re.compile(rb"stream\r?\n(.*?)endstream", re.S)
_HEX = re.compile(rb"#([0-9A-Fa-f]{2})")
# What runs something or sends something when a reader opens the file, as the name of an entry or of an action.
_SCRIPT = re.compile(rb"/(?:JS|JavaScript|Launch|SubmitForm|ImportData|XFA|RichMedia)(?=[\s()<>\[\]{}/%]|$)")


def photos_in(raw: bytes) -> tuple[AcceptedPhoto, ...]:
    """Return the photo, or those of each page of a PDF that is not blank.

    Refuses as `accept` does; a PDF with PdfEncrypted, PdfScripted, PdfTooManyPages, PhotoTooManyPixels or PhotoUnreadable.
    """
    if format_of(raw) != "pdf":
        return (accept(raw),)
    require_size(raw)
    if any(_SCRIPT.search(part) for part in _readable(raw)):
        raise PdfScripted()
    digest = hashlib.sha256(raw).hexdigest()
    drawn = list(_drawn(raw))
    printed = [page for page in drawn if not _is_blank(page)]
    return tuple(as_photo(page, digest) for page in printed or drawn[:1])


def _drawn(raw: bytes) -> Iterator[Image.Image]:
    """Each page, its longer side as long as a stored photo's."""
    document = _opened(raw)
    try:
        if pdfium.FPDF_GetSecurityHandlerRevision(document.raw) != -1:
            raise PdfEncrypted()
        if pdfium.FPDFDoc_GetJavaScriptActionCount(document.raw) > 0:
            raise PdfScripted()
        if not len(document):
            raise PhotoUnreadable(format="pdf")
        if len(document) > PAGES_MAX:
            raise PdfTooManyPages(most=PAGES_MAX)
        for number in range(len(document)):
            yield _page(document, number)
    except pypdfium2.PdfiumError as broken:
        raise PhotoUnreadable(format="pdf") from broken
    finally:
        document.close()


def _opened(raw: bytes) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(raw)
    except pypdfium2.PdfiumError as wrong:
        if wrong.err_code in (pdfium.FPDF_ERR_PASSWORD, pdfium.FPDF_ERR_SECURITY):
            raise PdfEncrypted() from wrong
        raise PhotoUnreadable(format="pdf") from wrong


def _page(document: pypdfium2.PdfDocument, number: int) -> Image.Image:
    page = document[number]
    try:
        width, height = page.get_size()
        if min(width, height) <= 0:
            raise PhotoUnreadable(format="pdf")
        if max(width, height) > ASPECT_MAX * min(width, height):
            raise PhotoTooManyPixels(width=round(width), height=round(height), pixels_max=SIDE_STORED_MAX**2)
        drawn = page.render(scale=SIDE_STORED_MAX / max(width, height), may_draw_forms=False)
        picture: Image.Image = drawn.to_pil().convert("RGB")
        drawn.close()
    finally:
        page.close()
    picture.thumbnail((SIDE_STORED_MAX, SIDE_STORED_MAX))  # Sizes are rounded up.
    return picture


def _is_blank(page: Image.Image) -> bool:
    low, high = page.convert("L").getextrema()
    return low == high


def _readable(raw: bytes) -> Iterator[bytes]:
    """What names of the file can stand in: all but its streams, and its streams of packed objects, names written plainly."""
    yield _plain(_STREAM.sub(b"stream endstream", raw))
    left = OPENED_BYTES_MAX
    for stream in _STREAM.finditer(raw):
        if b"/ObjStm" in _plain(raw[max(0, stream.start() - HEAD_BYTES) : stream.start()].rpartition(b" obj")[2]):
            opened = _inflated(stream[1], left)
            left -= len(opened)
            if left <= 0:
                raise FileTooDemanding()
            yield _plain(opened)


def _inflated(packed: bytes, most: int) -> bytes:
    """As much of it as can be unpacked; a broken one is PDFium's to judge."""
    try:
        return zlib.decompressobj().decompress(packed, most)
    except zlib.error:
        return b""


def _plain(names: bytes) -> bytes:
    """Names may be written with `#` and two hex digits for any character."""
    return _HEX.sub(lambda found: bytes([int(found[1], 16)]), names)
