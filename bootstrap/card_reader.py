"""The reader of card photos over the engine that the settings choose."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from bootstrap.loading import loading
from bootstrap.settings import Settings
from bootstrap.telemetry import logs
from ocr.choices import EngineChoice

if TYPE_CHECKING:
    from domain.rules.brands import Brand
    from ocr.engine import PaddleEngine
    from ocr.photo_reader import NamedEngine, PhotoReader
    from ocr.pool import ReaderPool
    from ocr.weights import Models

THREADS = 2  # Of an engine that has the machine to itself, as in `cardloop read`.
ALONE_MAX = 4  # Processes of one thread.
LOADED = "bootstrap.loaded_reader"  # For the engines below.
SIZES = {EngineChoice.SMALL: "small", EngineChoice.TINY: "tiny", EngineChoice.MEDIUM: "medium"}


def reader_pool(settings: Settings) -> ReaderPool:
    """Start the processes that read photos at once, and wait until each has loaded its engine. Raises RuntimeError when one cannot."""
    from ocr.pool import ReaderPool

    processes, threads = pool_of(settings)
    return ReaderPool(partial(pooled_reader, settings, threads), processes, _loads(settings))


def shadow_pool(settings: Settings) -> ReaderPool | None:
    """Start the process of the second reader, which decides nothing; None where none is set. Raises RuntimeError when it cannot."""
    if settings.reader_shadow_engine is None:
        return None
    from ocr.pool import ReaderPool

    chosen = settings.model_copy(update={"reader_engine": settings.reader_shadow_engine})
    return ReaderPool(partial(pooled_reader, chosen, 1), 1, _loads(chosen))


def _loads(settings: Settings) -> tuple[str, ...]:
    return (LOADED,) if settings.reader_engine in SIZES else ()


def pool_of(settings: Settings) -> tuple[int, int]:
    """Return how many processes read, and with how many threads each, see docs/reading.md.

    One process of one thread for each processor is quickest; beyond four, two processors share one, which halves the memory.
    """
    cores = len(os.sched_getaffinity(0))
    processes = settings.readings_at_once or max(min(cores, ALONE_MAX), cores // THREADS)
    return processes, max(1, min(THREADS, cores // processes))


def pooled_reader(settings: Settings, threads: int = THREADS) -> PhotoReader:
    """Load the reader of a process of the pool, whose words go to the worker's log as lines of its own form. See `card_reader`."""
    logs.configure(settings, "worker-reading")
    with loading():
        return card_reader(settings, threads)


def card_reader(settings: Settings, threads: int = THREADS) -> PhotoReader:
    """Load the engine and return the reader over it; about 1.5 s and 570 MB with PP-OCRv6 small.

    `threads` of the processor serve one look. Raises WeightsMissing, TesseractMissing, CalibrationUnreadable or OSError.
    """
    from domain.rules.brands import LiveCatalogue

    return reader_over(load_engine(settings, threads), LiveCatalogue(), settings)


def reader_over(engine: NamedEngine, brands: Mapping[str, Brand], settings: Settings) -> PhotoReader:
    """Return the reader over a loaded engine, with the curves that were fitted to it."""
    from ocr.calibration import curves_of
    from ocr.photo_reader import PhotoReader  # Not for a process that only asks for help.

    return PhotoReader(engine, brands, engine.name, curves_of(engine.name, settings.reader_calibrations))


def load_engine(settings: Settings, threads: int = THREADS) -> NamedEngine:
    """Load the engine that the settings choose. Raises WeightsMissing or TesseractMissing.

    Its packages come with loggers that print in colours; they are adopted before the first model is announced.
    """
    if settings.reader_engine is EngineChoice.RAPID:
        from ocr.rapid import RapidEngine

        logs.adopt_libraries()
        return RapidEngine(threads)
    if settings.reader_engine is EngineChoice.TESSERACT:
        from ocr.tesseract import TesseractEngine

        return TesseractEngine(threads)
    from ocr.engine import PaddleEngine  # 570 MB that no other process needs.

    logs.adopt_libraries()
    return PaddleEngine(settings.ocr_models_dir, threads, models_of(settings.reader_engine), settings.reader_weights)


def bare_engine(settings: Settings, threads: int = THREADS) -> PaddleEngine:
    """Load the default engine with PaddleOCR's own settings, for comparison. Raises WeightsMissing."""
    from ocr.engine import PaddleEngine

    logs.adopt_libraries()
    return PaddleEngine(settings.ocr_models_dir, threads, found_at=None)


def engine_name(settings: Settings) -> str:
    """Return what a reading of the chosen engine names, without loading its models.

    Raises WeightsMissing, TesseractMissing, or ImportError where the reader's own packages are not installed.
    """
    if settings.reader_engine is EngineChoice.RAPID:
        from ocr.rapid import rapid_name

        return rapid_name()
    if settings.reader_engine is EngineChoice.TESSERACT:
        from ocr.tesseract import tesseract_name

        return tesseract_name()
    from ocr.weights import folder_of, paddle_name

    models = models_of(settings.reader_engine)
    return paddle_name(models, folder_of(settings.ocr_models_dir, models, settings.reader_weights))


def models_of(choice: EngineChoice) -> Models:
    """Return the models of a choice that runs in PaddleOCR. Raises KeyError for another."""
    from ocr.weights import Models

    return Models(SIZES[choice])
