"""Read one card photo at the command line: what was found, how sure the reader is, and why."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from bootstrap.settings import Settings
from bootstrap.words import Problem, say
from domain.cards.reading import SECRET_FIELDS, SURE, FieldName

if TYPE_CHECKING:
    from PIL import Image

    from domain.cards.reading import ReadField, Reading
    from ocr.photo_reader import PhotoReader, Seen

PART = 4  # So many characters of a value in a row, or fewer where the line has no more, are a part of it.
LABEL_PX_MIN = 12  # Height of the words on an annotated photo.
DIGITS_SHOWN_MAX = 4  # A line with so many digits could hold a number or a PIN.


def read(
    photo: Annotated[Path, typer.Argument(help="A JPEG, PNG, WebP or PDF file.", exists=True, dir_okay=False)],
    brand: Annotated[
        str | None, typer.Option("--brand", help="Code of the brand, as a seller would choose it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    explain: Annotated[
        bool, typer.Option("--explain", help="Also the looks taken, the lines found, doubts and reasons.")
    ] = False,
    annotate: Annotated[
        Path | None,
        typer.Option("--annotate", help="Write the photo with the places of the fields as PNG.", dir_okay=False),
    ] = None,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show number and PIN; they are masked otherwise.")] = False,
) -> None:
    """Read a card's photo with this installation's reader. / 识别一张卡片照片"""
    from domain.errors.base import Refusal
    from domain.rules.brands import catalogue
    from gateways import decoding

    if brand is not None and brand not in catalogue():
        raise typer.BadParameter(
            say(f"没有品牌 {brand}；现有：", f"there is no brand {brand}; there are: ") + ", ".join(catalogue())
        )
    if annotate is not None and annotate.resolve() == photo.resolve():
        raise typer.BadParameter(say("--annotate 不能覆盖照片本身", "--annotate would overwrite the photo itself"))
    try:
        pages = asyncio.run(decoding.photos(_content(photo)))
    except Refusal as refused:
        from languages import translate

        typer.echo(translate(f"error.{refused.code}", say("zh_CN", "en"), refused.data), err=True)
        raise typer.Exit(1) from None
    with Console(stderr=True).status(say("正在识别…", "Reading …")):
        reader = _reader(Settings())
        read = [(page.jpeg, *reader.read_and_explain(page.jpeg, brand)) for page in pages]
    secrets = [
        one.value
        for _, readings, _ in read
        for reading in readings
        for one in reading.fields
        if one.name in SECRET_FIELDS
    ]
    shown = [
        _as_data(reading, seen if explain else None, secrets, reveal=reveal)
        for _, readings, seen in read
        for reading in readings
    ]
    typer.echo(json.dumps(shown, ensure_ascii=False, indent=2) if as_json else "\n\n".join(map(_as_text, shown)))
    if annotate is not None:
        jpeg, readings, _ = max(read, key=lambda one: len(one[1][0].fields))  # Of a PDF the page that says most.
        _write(_annotated(jpeg, readings), annotate)
    if all(reading.is_empty for _, readings, _ in read for reading in readings):
        print(say("照片中没有识别到卡片。", "No card was found in the photo."), file=sys.stderr)
        raise typer.Exit(1)


def _content(photo: Path) -> bytes:
    """The file's bytes, of one that is too large only so many that the door refuses it. Raises Problem."""
    from gateways.pictures.accept import BYTES_MAX

    try:
        with photo.open("rb") as file:
            return file.read(BYTES_MAX + 1)
    except OSError as problem:
        why = problem.strerror or str(problem)
        raise Problem(f"无法读取 {photo}：{why}。", f"{photo} cannot be read: {why}.") from None


def _reader(settings: Settings) -> PhotoReader:
    """This installation's reader. Raises Problem, which names the file that is missing or broken."""
    from bootstrap.card_reader import card_reader
    from ocr.calibration import CalibrationUnreadable
    from ocr.tesseract import TesseractMissing
    from ocr.weights import WeightsMissing

    try:
        return card_reader(settings)
    except CalibrationUnreadable as problem:
        raise Problem(
            f"校准文件无法读取：{problem}。请用 python -m photo_set calibrate --out FILE 重新生成、移走该文件，或更改 CARDLOOP_READER_CALIBRATIONS。",
            f"The calibration cannot be read: {problem}. Write it again (python -m photo_set calibrate --out FILE), take it away, "
            "or set CARDLOOP_READER_CALIBRATIONS to another folder.",
        ) from None
    except (WeightsMissing, TesseractMissing, OSError) as problem:
        engine = settings.reader_engine
        raise Problem(
            f"识别引擎 {engine} 不可用：{problem}。", f"The engine {engine} cannot be used: {problem}."
        ) from None


def _write(picture: Image.Image, path: Path) -> None:
    try:
        picture.save(path, "PNG")
    except OSError as problem:
        why = problem.strerror or str(problem)
        typer.echo(say(f"无法写入 {path}：{why}。", f"{path} cannot be written: {why}."), err=True)
        raise typer.Exit(1) from None


def _as_data(reading: Reading, seen: Seen | None, secrets: Sequence[str], *, reveal: bool) -> dict[str, Any]:
    data: dict[str, Any] = {
        "reader": reading.reader, "duration_ms": reading.duration_ms,
        "fields": [_field(one, reveal=reveal) for one in reading.fields],
    }  # fmt: skip
    if seen is not None:
        data["looks"] = list(seen.looks)
        data["lines"] = [
            {"text": line.text if reveal else _masked(line.text, secrets), "score": round(line.confidence, 4)}
            for line in seen.lines
        ]
    return data


def _field(read: ReadField, *, reveal: bool) -> dict[str, Any]:
    secret = read.name in SECRET_FIELDS and not reveal
    box = read.box
    return {
        "name": read.name.value,
        "value": "•" * (len(read.value) - 4) + read.value[-4:] if secret and len(read.value) > 8 else "••••" if secret else read.value,
        "confidence": round(read.confidence, 4), "sure": read.confidence >= SURE, "source": read.source.value,
        "reasons": [reason.value for reason in read.reasons],
        "doubts": [{"place": one.place} if secret else {"place": one.place, "characters": one.characters} for one in read.doubts],
        "box": None if box is None else [box.x, box.y, box.width, box.height],
    }  # fmt: skip


def _masked(text: str, secrets: Sequence[str]) -> str:
    """Print that could be a number, or a part of one that was read, without its characters."""
    plain = re.sub("[^0-9A-Z]", "", text.upper())
    parts = [plain[start : start + PART] for start in range(max(1, len(plain) - PART + 1))]
    is_secret = any(part and part in value for part in parts for value in secrets)
    hidden = is_secret or sum(map(str.isdigit, text)) >= DIGITS_SHOWN_MAX
    return re.sub("[0-9A-Za-z]", "•", text) if hidden else text


def _as_text(shown: dict[str, Any]) -> str:
    lines = [f"{shown['reader']}, {shown['duration_ms']} ms"]
    for one in shown["fields"]:
        notes = [
            *one["reasons"],
            *(f"{doubt['place']}: {' / '.join(doubt.get('characters', '?'))}" for doubt in one["doubts"]),
        ]
        mark = "✓" if one["sure"] else "?"
        lines.append(f"{mark} {one['name']:<10} {one['value']}  {one['confidence']:.3f}  {', '.join(notes)}".rstrip())
    for look in shown.get("looks", ()):
        lines.append(f"  look: {look}")
    for line in shown.get("lines", ()):
        lines.append(f"  line: {line['score']:.3f}  {line['text']}")
    return "\n".join(lines)


def _annotated(jpeg: bytes, readings: Sequence[Reading]) -> Image.Image:
    from PIL import ImageDraw, ImageFont

    from ocr.preprocess import opened

    picture = opened(jpeg)
    pen, height = ImageDraw.Draw(picture), max(LABEL_PX_MIN, min(picture.size) // 45)
    shown = [(number, read) for number, reading in enumerate(readings, 1) for read in reading.fields]
    for number, read in shown:
        if (box := read.box) is None:
            continue
        colour = "#1a9c4b" if read.confidence >= SURE else "#d9480f"
        label = f"{number}: " * (len(readings) > 1) + f"{read.name.value} {read.confidence:.2f}"
        below = read.name in (FieldName.FACE_VALUE, FieldName.EXPIRY)  # Above them another field is near.
        right = picture.width - round(pen.textlength(label, ImageFont.load_default(height)))
        at = (min(box.x, right), box.bottom + 8 if below else max(height, box.y - 8))
        anchor, rim = "lt" if below else "ls", height // 6
        pen.text(at, label, colour, anchor=anchor, font_size=height, stroke_width=rim, stroke_fill="white")
        pen.rectangle((box.x - 3, box.y - 3, box.right + 3, box.bottom + 3), outline=colour, width=4)
    return picture
