"""The pages of a PDF come in as photographs; one that hides, runs or swells is refused by name."""

from __future__ import annotations

import io
import zlib
from pathlib import Path

import pypdfium2
import pytest
import typst
from PIL import Image

from domain.errors.base import Refusal
from domain.errors.files import (
    FileTooDemanding,
    PdfEncrypted,
    PdfScripted,
    PdfTooManyPages,
    PhotoTooManyPixels,
    PhotoUnreadable,
)
from gateways import decoding
from gateways.pictures import pages
from gateways.pictures.accept import accept
from gateways.pictures.pages import PAGES_MAX, photos_in
from tests.gateways.drawn import card, encoded

SIZE = "#set page(width: 85.6mm, height: 54mm)\n"


def written(tmp_path: Path, text: str) -> bytes:
    source = tmp_path / "card.typ"
    source.write_text(SIZE + text)
    return typst.compile(source)


def plain(*objects: bytes) -> bytes:
    """A PDF of these objects from number 3 on, the first its page, without a table of places: readers search for them."""
    parts = [b"<< /Type /Catalog /Pages 2 0 R >>", b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>", *objects]
    body = b"".join(b"%d 0 obj\n%b\nendobj\n" % (number, part) for number, part in enumerate(parts, 1))
    return b"%PDF-1.5\n" + body + b"trailer << /Root 1 0 R >>\n%%EOF\n"


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<< /Length %d %b >>\nstream\n%b\nendstream" % (len(content), entries, content)


PAGE = b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 240 150] /Contents 4 0 R >>"
BLACK = stream(b"0 0 0 rg 20 20 100 60 re f")


def test_every_page_that_is_not_blank_is_a_photo(tmp_path: Path) -> None:
    raw = written(tmp_path, "Gift card 1\n#pagebreak()\n#pagebreak()\nPIN 4821")
    first, second = photos_in(raw)
    assert first.upload_sha256 == second.upload_sha256
    assert first.stored_sha256 != second.stored_sha256
    assert (first.width, first.height) == (2400, 1515)
    drawn = Image.open(io.BytesIO(first.jpeg)).convert("L")
    assert sum(drawn.histogram()[:40]) > 0, "print"


def test_a_photo_that_is_no_pdf_is_taken_as_before() -> None:
    raw = encoded(card((300, 190)))
    assert photos_in(raw) == (accept(raw),)


def test_more_pages_than_are_read_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PdfTooManyPages) as refused:
        photos_in(written(tmp_path, "#pagebreak()\n".join(["x\n"] * (PAGES_MAX + 1))))
    assert refused.value.data == {"most": PAGES_MAX}


SCRIPTS = {
    "opens": PAGE[:-2] + b"/AA << /O << /S /JavaScript /JS (app.alert\\(1\\)) >> >> >>",
    "written oddly": PAGE[:-2] + b"/AA << /O << /S /J#61vaScript /J#53 (x) >> >> >>",
    "launches": PAGE[:-2] + b"/AA << /O << /S /Launch /F (calc.exe) >> >> >>",
    "sends itself": PAGE[:-2] + b"/AA << /O << /S /SubmitForm /F (x) >> >> >>",
}


@pytest.mark.parametrize("page", SCRIPTS.values(), ids=SCRIPTS)
def test_what_runs_something_is_refused(page: bytes) -> None:
    with pytest.raises(PdfScripted):
        photos_in(plain(page, BLACK))


def test_a_script_in_packed_objects_is_refused_and_the_like_in_a_text_is_not() -> None:
    packed = stream(
        zlib.compress(b"9 0 << /S /JavaScript /JS (x) >>"), b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode"
    )
    with pytest.raises(PdfScripted):
        photos_in(plain(PAGE, BLACK, packed))
    assert len(photos_in(plain(PAGE, stream(b"0 0 0 rg 20 20 100 60 re f % /JS (x)")))) == 1


def test_packed_objects_that_swell_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pages, "OPENED_BYTES_MAX", 100_000)
    swelling = stream(zlib.compress(b" " * 1_000_000), b"/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode")
    with pytest.raises(FileTooDemanding):
        photos_in(plain(PAGE, BLACK, swelling))


BAD: dict[str, tuple[bytes, type[Refusal]]] = {
    "broken": (b"%PDF-1.7\nnothing", PhotoUnreadable),
    "no pages": (b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog /Pages 2 0 R >>\nendobj\n2 0 obj\n<< /Type /Pages /Kids [] /Count 0 >>\nendobj\ntrailer << /Root 1 0 R >>\n", PhotoUnreadable),
    "a strip": (plain(PAGE.replace(b"240 150", b"9000 9"), BLACK), PhotoTooManyPixels),
    "encrypted": (
        plain(PAGE, BLACK).replace(
            b"/Root 1 0 R",
            b"/Root 1 0 R /ID [<00><00>] /Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <" + b"61" * 32 + b"> /U <" + b"62" * 32 + b"> >>",
        ),
        PdfEncrypted,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("raw", "refusal"), BAD.values(), ids=BAD)
def test_what_cannot_be_drawn_is_refused_by_name(raw: bytes, refusal: type[Refusal]) -> None:
    with pytest.raises(refusal):
        photos_in(raw)


async def test_a_page_that_unpacks_without_end_is_refused_by_the_child_and_the_next_file_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "SECONDS_MAX", 1.5)  # Its limits of memory and processor time end it later.
    once = zlib.compress(b"0 0 m 1 1 l S " * 4_000_000, 1)
    bomb = plain(PAGE, stream(once, b"/Filter /FlateDecode"))
    assert len(bomb) < 2_000_000
    with pytest.raises(FileTooDemanding):
        await decoding.photos(bomb)
    monkeypatch.undo()
    (page,) = await decoding.photos(written(tmp_path, "Gift card"))
    assert page.width == 2400


def test_pdfium_is_installed_without_a_script_engine() -> None:
    assert "V8" not in pypdfium2.PDFIUM_INFO.flags
