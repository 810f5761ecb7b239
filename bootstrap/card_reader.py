"""The reader of card photos, for programs that read one photo and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bootstrap.settings import Settings

if TYPE_CHECKING:
    from ocr.photo_reader import PhotoReader


def card_reader(settings: Settings) -> PhotoReader:
    """Load the engine and return the reader over it; about 1.5 s and 570 MB."""
    from ocr.engine import build_reader  # Not for a process that only asks for help.

    return build_reader(settings.ocr_models_dir)
