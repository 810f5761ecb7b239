"""Every engine that is installed here keeps the same promises, so that the reader works over any of them."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont

from bootstrap.card_reader import engine_name, load_engine, models_of
from bootstrap.settings import Settings
from domain.cards.reading import FieldName
from domain.rules.brands import catalogue
from ocr.choices import EngineChoice
from ocr.identity import weights_hash
from ocr.photo_reader import NamedEngine, PhotoReader
from ocr.tesseract import TesseractEngine, TesseractMissing, tesseract_name
from ocr.weights import WeightsMissing

NUMBER = "4906 3817 2250"
INSTALLED = [EngineChoice.SMALL, EngineChoice.RAPID] + [EngineChoice.TESSERACT] * bool(shutil.which("tesseract"))
pytestmark = [pytest.mark.xdist_group("ocr_engine"), pytest.mark.timeout(120)]


def chosen(settings: Settings, engine: EngineChoice) -> Settings:
    return settings.model_copy(update={"reader_engine": engine})


@pytest.fixture(scope="module", params=INSTALLED, ids=str)
def engine(request: pytest.FixtureRequest, settings: Settings) -> NamedEngine:
    return load_engine(chosen(settings, request.param))


@pytest.fixture(scope="module")
def card() -> Image.Image:
    picture = Image.new("RGB", (900, 420), "white")
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(44)
    pen.text((60, 60), "GIFT CARD", "black", font)
    pen.text((60, 240), NUMBER, "black", font)
    return picture


def digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def test_an_engine_finds_the_lines_of_a_picture_where_they_are(engine: NamedEngine, card: Image.Image) -> None:
    lines = engine.lines_in(card)
    (number,) = [line for line in lines if digits(line.text) == digits(NUMBER)]
    assert 0.5 < number.confidence <= 1
    assert len(number.corners) == 4
    assert 40 <= number.box.x <= 80
    assert 220 <= number.box.y <= number.box.bottom <= 320
    assert engine.lines_in(Image.new("RGB", (300, 200), "white")) == []


def test_an_engine_recognises_strips_one_by_one_and_in_order(engine: NamedEngine, card: Image.Image) -> None:
    title, number = card.crop((50, 50, 360, 130)), card.crop((50, 230, 440, 310))
    lines = engine.recognised([title, number, Image.new("RGB", (200, 48), "white"), title])
    assert [re.sub(r"\W", "", line.text).upper() for line in (lines[0], lines[3])] == ["GIFTCARD"] * 2
    assert digits(lines[1].text) == digits(NUMBER)
    assert digits(lines[2].text) == ""
    assert lines[1].box.width == number.width


def test_an_engine_names_itself_with_version_and_weights(
    engine: NamedEngine, settings: Settings, request: pytest.FixtureRequest
) -> None:
    assert re.fullmatch(
        r"(paddleocr|rapidocr|tesseract) \d+\.\d+\S*( PP-OCRv6 small at 800)?, weights [0-9a-f]{12}", engine.name
    )
    choice = request.node.callspec.params["engine"]
    assert engine_name(chosen(settings, choice)) == engine.name  # The same without loading a model.


@pytest.mark.skipif(not shutil.which("tesseract"), reason="Tesseract is not installed")
def test_a_picture_that_tesseract_does_not_end_has_no_lines(
    card: Image.Image, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = TesseractEngine(1)
    monkeypatch.setattr("ocr.tesseract.SECONDS_MAX", 0.001)
    assert engine.lines_in(card) == []
    assert "stopped" in caplog.text


def test_a_reading_names_the_engine_that_made_it(engine: NamedEngine, card: Image.Image) -> None:
    raw = io.BytesIO()
    card.save(raw, "JPEG", quality=92)
    (reading,) = PhotoReader(engine, catalogue(), engine.name, None).read(raw.getvalue(), "jd")
    assert reading.reader == engine.name
    assert all(field.name in FieldName for field in reading.fields)


def test_weights_are_known_by_their_content_alone(tmp_path: Path) -> None:
    one, other = tmp_path / "a.onnx", tmp_path / "b.onnx"
    one.write_bytes(b"1")
    other.write_bytes(b"2")
    known = weights_hash([one, other])
    assert weights_hash([other, one]) == known
    other.write_bytes(b"3")
    assert weights_hash([one, other]) != known


@pytest.mark.parametrize("size", ["tiny", "medium"])
def test_weights_that_are_nowhere_are_named_without_loading_anything(
    settings: Settings, tmp_path: Path, size: str
) -> None:
    wanted = settings.model_copy(update={"reader_engine": EngineChoice(f"pp-ocrv6-{size}"), "home": tmp_path})
    assert models_of(wanted.reader_engine).size == size
    with pytest.raises(WeightsMissing, match=f"PP-OCRv6 {size} are not laid out yet"):
        engine_name(wanted)


def test_a_missing_tesseract_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(TesseractMissing, match="tesseract-ocr"):
        tesseract_name()
