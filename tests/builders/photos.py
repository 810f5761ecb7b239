"""Photos as a seller submits them."""

from __future__ import annotations

import io

from PIL import Image


def a_photo(colour: str = "white") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (640, 400), colour).save(out, "JPEG")
    return out.getvalue()
