"""What each process of a reader pool loads, imported once by the process that they are forked from: three seconds of a processor."""

from __future__ import annotations

from importlib import import_module

from bootstrap.loading import loading

with loading():
    for name in ("bootstrap.card_reader", "domain.rules.brands", "ocr.engine", "ocr.photo_reader"):
        import_module(name)
