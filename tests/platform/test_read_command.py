"""`cardloop read` prints the reading of a photo, and shows neither number nor PIN unless one asks for them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageChops
from typer.testing import CliRunner, Result

from bootstrap import card_reader
from bootstrap.words import Problem
from cli.app import app
from domain.cards.reading import Box, Doubt, FieldName, ReadField, Reading, Reason
from ocr.lines import Line
from ocr.photo_reader import Seen
from ocr.weights import WeightsBroken

NUMBER, PIN, CODE = "2326955627995358", "879507", "NJQZPIWAKWHT9B"
SIZE = (600, 400)
BOX = Box(60, 200, 300, 40)
GREEN, ORANGE = (26, 156, 75), (217, 72, 15)
CARD = (
    ReadField(FieldName.BRAND, "walmart", 0.97, None),
    ReadField(FieldName.NUMBER, NUMBER, 0.95, BOX),
    ReadField(
        FieldName.PIN, PIN, 0.7, Box(60, 300, 120, 40), doubts=(Doubt(2, "78"),), reasons=(Reason.REPAIRED_UNCHECKED,)
    ),
)
OTHER = (ReadField(FieldName.NUMBER, CODE, 0.92, None),)
LINES = ("Walmart 沃尔玛", "2326 9556 2799 5358", "PIN 879507", "NJQZ-PIWAKW-HT9B", "HT9B", "KWH")

Run = Callable[..., Result]


class Prepared:
    """A reader that finds the same cards in every photo, and remembers what it was asked."""

    def __init__(self, *cards: tuple[ReadField, ...]) -> None:
        self.cards, self.asked = cards, list[tuple[tuple[int, int], str | None]]()

    def read_and_explain(self, photo: bytes, brand_hint: str | None) -> tuple[tuple[Reading, ...], Seen]:
        with Image.open(io.BytesIO(photo)) as picture:
            self.asked.append((picture.size, brand_hint))
        lines = tuple(Line(text, 0.9, BOX) for text in LINES)
        return tuple(Reading(one, "prepared 1", 12) for one in self.cards), Seen(("whole", "level"), lines)


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "card.jpg"
    Image.new("RGB", SIZE, "white").save(path)
    return path


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("LC_ALL", "C")

    def ran(reader: Prepared, *arguments: object) -> Result:
        monkeypatch.setattr(card_reader, "card_reader", lambda _settings: reader)
        return CliRunner().invoke(app, ["read", *map(str, arguments)])

    return ran


def test_reading_is_printed_with_number_and_pin_covered(run: Run, card: Path) -> None:
    reader = Prepared(CARD)
    said = run(reader, card, "--brand", "walmart")
    assert said.exit_code == 0, said.output
    assert reader.asked == [(SIZE, "walmart")]
    assert [line.split() for line in said.stdout.splitlines()] == [
        ["prepared", "1,", "12", "ms"],
        ["✓", "brand", "walmart", "0.970"],
        ["✓", "number", "••••••••••••5358", "0.950"],
        ["?", "pin", "••••", "0.700", "repaired_unchecked,", "2:", "?"],
    ]


def test_number_and_pin_are_shown_to_who_asks_for_them(run: Run, card: Path) -> None:
    said = run(Prepared(CARD), card, "--reveal", "--explain").stdout
    assert f"number     {NUMBER}" in said
    assert f"pin        {PIN}  0.700  repaired_unchecked, 2: 7 / 8" in said
    assert all(line in said for line in LINES)


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["text", "json"])
def test_an_explanation_covers_the_lines_of_numbers_and_pins_of_every_card(
    run: Run, card: Path, form: tuple[str, ...]
) -> None:
    said = run(Prepared(CARD, OTHER), card, "--explain", *form).stdout
    assert "whole" in said
    assert "level" in said
    assert "Walmart 沃尔玛" in said
    assert "•••• •••• •••• ••••" in said
    assert "••• ••••••" in said
    for secret in (PIN, NUMBER[:4], "NJQZ", "HT9B", "KWH", *LINES[1:]):
        assert secret not in said.replace("••HT9B", "")  # A number's last four are shown.


def test_json_has_each_card_with_its_fields_and_no_explanation_unasked(run: Run, card: Path) -> None:
    shown = json.loads(run(Prepared(CARD, OTHER), card, "--json").stdout)
    assert [one["reader"] for one in shown] == ["prepared 1"] * 2
    assert shown[0]["fields"][1:] == [
        {"name": "number", "value": "••••••••••••5358", "confidence": 0.95, "sure": True, "source": "ocr", "reasons": [],
         "doubts": [], "box": [60, 200, 300, 40]},
        {"name": "pin", "value": "••••", "confidence": 0.7, "sure": False, "source": "ocr", "reasons": ["repaired_unchecked"],
         "doubts": [{"place": 2}], "box": [60, 300, 120, 40]},
    ]  # fmt: skip
    assert "lines" not in shown[0]
    explained = json.loads(run(Prepared(CARD), card, "--json", "--explain", "--reveal").stdout)[0]
    assert explained["looks"] == ["whole", "level"]
    assert explained["lines"][1] == {"text": LINES[1], "score": 0.9}
    assert explained["fields"][2]["doubts"] == [{"place": 2, "characters": "78"}]


def test_annotated_photo_has_a_frame_around_each_field_in_the_colour_of_its_sureness(
    run: Run, card: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.png"
    assert run(Prepared(CARD), card, "--annotate", out).exit_code == 0
    with Image.open(out) as picture:
        assert (picture.format, picture.size) == ("PNG", SIZE)
        assert picture.getpixel((200, 198)) == GREEN
        assert picture.getpixel((120, 298)) == ORANGE
        assert picture.getpixel((500, 50)) == (255, 255, 255)


def test_words_on_an_annotated_photo_are_as_large_as_the_photo_asks_for(run: Run, tmp_path: Path) -> None:
    def words(height: int) -> int:
        """Rows above the number's frame in which something is written."""
        photo, out = tmp_path / "large.jpg", tmp_path / "out.png"
        Image.new("RGB", (max(1200, height), height), "gray").save(photo)
        assert run(Prepared(CARD[1:2]), photo, "--annotate", out).exit_code == 0
        with Image.open(out) as picture:
            above = picture.crop((BOX.x, 0, BOX.right, BOX.y - 8))
            plain = Image.new("RGB", above.size, above.getpixel((0, 0)))
            written = ImageChops.difference(above, plain).convert("L").point(lambda one: 255 * (one > 40)).getbbox()
        assert written is not None
        return written[3] - written[1]

    assert words(3200) > 3 * words(400)


def test_of_a_pdf_every_page_is_read_and_the_one_that_says_most_is_annotated(run: Run, tmp_path: Path) -> None:
    def page(height: int) -> Image.Image:
        drawn = Image.new("RGB", (SIZE[0], height), "white")
        drawn.paste("black", (0, 0, 300, 300))
        return drawn

    class Second(Prepared):
        def read_and_explain(self, photo: bytes, brand_hint: str | None) -> tuple[tuple[Reading, ...], Seen]:
            self.cards = (CARD if self.asked else CARD[:1],)
            return super().read_and_explain(photo, brand_hint)

    pdf, out, reader = tmp_path / "card.pdf", tmp_path / "out.png", Second()
    page(400).save(pdf, "PDF", save_all=True, append_images=[page(600)])
    said = run(reader, pdf, "--annotate", out)
    assert said.stdout.count("prepared 1, 12 ms") == 2
    (first, _), (second, _) = reader.asked
    assert first != second
    with Image.open(out) as picture:
        assert picture.size == second


def test_a_photo_without_a_card_says_so_and_ends_with_one(run: Run, card: Path) -> None:
    said = run(Prepared(()), card)
    assert said.exit_code == 1
    assert "No card was found in the photo." in said.stderr


def test_a_file_that_is_no_photo_is_refused_in_words_before_an_engine_is_loaded(run: Run, tmp_path: Path) -> None:
    letter, reader = tmp_path / "letter.jpg", Prepared(CARD)
    letter.write_text("Dear Sir or Madam")
    said = run(reader, letter)
    assert (said.exit_code, said.stdout, reader.asked) == (1, "", [])
    assert "This file format is not supported." in said.stderr
    assert "Traceback" not in said.output
    assert run(reader, tmp_path / "missing.jpg").exit_code == 2
    assert run(reader, tmp_path).exit_code == 2


def test_an_unknown_brand_is_refused_with_those_that_there_are(run: Run, card: Path) -> None:
    reader = Prepared(CARD)
    said = run(reader, card, "--brand", "nowhere")
    assert (said.exit_code, reader.asked) == (2, [])
    assert "walmart" in said.stderr


def test_unwritable_picture_is_reported_after_the_reading(run: Run, card: Path, tmp_path: Path) -> None:
    said = run(Prepared(CARD), card, "--annotate", tmp_path / "no" / "such" / "out.png")
    assert said.exit_code == 1
    assert "5358" in said.stdout
    assert "out.png cannot be written: No such file or directory." in said.stderr.replace("\n", " ")
    assert run(Prepared(CARD), card, "--annotate", tmp_path).exit_code == 2


def test_a_photo_is_never_overwritten_by_its_annotated_copy(run: Run, card: Path) -> None:
    before, reader = card.read_bytes(), Prepared(CARD)
    assert run(reader, card, "--annotate", card).exit_code == 2
    assert (card.read_bytes(), reader.asked) == (before, [])


def test_of_a_file_of_any_size_no_more_is_read_than_shows_that_it_is_too_large(run: Run, tmp_path: Path) -> None:
    huge = tmp_path / "huge.jpg"
    with huge.open("wb") as file:
        file.truncate(1 << 40)  # A terabyte without a block on the disk.
    said = run(Prepared(CARD), huge)
    assert said.exit_code == 1
    assert "too large" in said.stderr


@dataclass
class Measured:
    """An engine that is loaded and reads nothing."""

    name: str = "measured 1"


@pytest.mark.parametrize("place", ["broken.json", ""], ids=["a broken table", "no folder"])
def test_a_calibration_that_cannot_be_read_is_named_with_what_to_do(
    card: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    tables = tmp_path / "tables"
    if place:
        tables.mkdir()
        (tables / place).write_text('{"engine": ')
    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setenv("CARDLOOP_READER_CALIBRATIONS", str(tables))
    monkeypatch.setattr(card_reader, "load_engine", lambda _settings, _threads: Measured())
    problem = CliRunner().invoke(app, ["read", str(card)]).exception
    assert isinstance(problem, Problem)
    assert str(tables / place) in str(problem)
    assert "photo_set calibrate" in str(problem)


@pytest.mark.parametrize("problem", [WeightsBroken(Path("/models"), ValueError("half a file")), PermissionError("no")])
def test_an_engine_that_cannot_be_loaded_ends_with_one_sentence(
    card: Path, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    def load_engine(_settings: object, _threads: int) -> Measured:
        raise problem

    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setattr(card_reader, "load_engine", load_engine)
    said = CliRunner().invoke(app, ["read", str(card)]).exception
    assert isinstance(said, Problem)
    assert str(said) == f"The engine pp-ocrv6-small cannot be used: {problem}."


def test_a_photo_that_may_not_be_opened_ends_with_one_sentence(card: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(_path: Path, _mode: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setenv("LC_ALL", "C")
    monkeypatch.setattr(Path, "open", refused)  # The superuser may open any file.
    said = CliRunner().invoke(app, ["read", str(card)]).exception
    assert str(said) == f"{card} cannot be read: Permission denied."
