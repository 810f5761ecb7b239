"""Readers for the pool's tests: what they do is written in the photo."""

from __future__ import annotations

import os
import time
from importlib import import_module

from domain.cards.reading import Reading
from domain.policies.book import BOOK


class ObedientReader:
    """Names its process as the reader, and the published kinds of policies that it knows."""

    def __init__(self) -> None:
        self.is_warm = False

    def warm_up(self) -> None:
        self.is_warm = True

    def read(self, photo: bytes, brand_hint: str | None) -> tuple[Reading, ...]:
        if photo == b"die":
            os._exit(1)
        if photo == b"broken":
            raise OSError("cut off")
        assert self.is_warm
        time.sleep({b"hang": 60.0, b"slow": 0.5}.get(photo, 0.0))
        return (Reading((), f"{os.getpid()} {brand_hint} {sorted(BOOK.counts())}", 0),)


def built() -> ObedientReader:
    return ObedientReader()


def not_built() -> ObedientReader:
    raise FileNotFoundError("no weights")


def built_with_what_is_loaded() -> ObedientReader:
    import_module("tests.ocr.loaded_once")  # Loaded before the process was forked; else it would say so once more.
    return ObedientReader()
