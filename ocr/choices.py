"""Which engines can find and recognise print, by the names that the setting takes; loads none of them."""

from __future__ import annotations

from enum import StrEnum


class EngineChoice(StrEnum):
    """An engine behind the reader. The PP-OCRv6 ones run in PaddleOCR and differ in the size of their models."""

    SMALL = "pp-ocrv6-small"
    TINY = "pp-ocrv6-tiny"
    MEDIUM = "pp-ocrv6-medium"
    RAPID = "rapidocr"
    TESSERACT = "tesseract"
