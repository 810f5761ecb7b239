"""Which engine reads photographs, and whether this machine has what it needs."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from bootstrap.card_reader import engine_name
from bootstrap.doctor.finding import Finding, attention, broken
from bootstrap.settings import Settings
from bootstrap.words import say
from ocr.choices import EngineChoice
from ocr.tesseract import TesseractMissing
from ocr.weights import WeightsMissing


def reader_named(settings: Settings) -> str:
    """Return the engine with version and weights; only its setting's name where this process could not load it."""
    if not reads_here(settings):
        return settings.reader_engine.value
    try:
        return engine_name(settings)
    except (WeightsMissing, TesseractMissing):
        return ""


def reader_findings(settings: Settings) -> Iterator[Finding]:
    """Yield an engine that is chosen and cannot be loaded, or whose scores were not measured. Silent where photos are read elsewhere."""
    if not reads_here(settings):
        return
    try:
        name = engine_name(settings)
    except (WeightsMissing, TesseractMissing) as missing:
        said = say(f"识别引擎 {settings.reader_engine} 不可用：{missing}。", f"The engine {settings.reader_engine} cannot be used: {missing}.")  # fmt: skip
        yield broken("reader_missing", said, "make setup (docs/reading.md)")
        return
    yield from _calibration_findings(name, settings)


def _calibration_findings(name: str, settings: Settings) -> Iterator[Finding]:
    from ocr.calibration import CalibrationUnreadable, curves_of  # With the reader's own packages.

    try:
        known = curves_of(name, settings.reader_calibrations) is not None
    except CalibrationUnreadable as problem:
        yield broken("reader_calibration_unreadable", say(f"校准文件无法读取：{problem}。", f"{problem}."), "CARDLOOP_READER_CALIBRATIONS=… (docs/reading.md)")  # fmt: skip
        return
    if not known:
        said = say(f"识别引擎 {name} 未经校准：它识别的内容都由人工核对。", f"The engine {name} is not calibrated: a person checks whatever it reads.")  # fmt: skip
        yield attention("reader_uncalibrated", said, "python -m photo_set calibrate --out … (docs/reading.md)")


def reads_here(settings: Settings) -> bool:
    """Return whether the reader's own packages are installed: the image of the web processes has none of them."""
    if settings.reader_engine is EngineChoice.TESSERACT:
        return True
    return find_spec("rapidocr" if settings.reader_engine is EngineChoice.RAPID else "paddleocr") is not None
