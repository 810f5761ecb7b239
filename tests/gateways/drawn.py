"""Photographs drawn for a test: a white card with one red corner, so that a turn shows."""

from __future__ import annotations

import io

from PIL import Image, ImageDraw

RED, WHITE = (200, 30, 30), (255, 255, 255)


def encoded(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    out = io.BytesIO()
    picture.save(out, kind, **options)
    return out.getvalue()


def card(size: tuple[int, int] = (640, 400), mode: str = "RGB") -> Image.Image:
    """White with a red upper left quarter."""
    picture = Image.new("RGB", size, WHITE)
    ImageDraw.Draw(picture).rectangle((0, 0, size[0] // 2, size[1] // 2), fill=RED)
    return picture.convert(mode)
