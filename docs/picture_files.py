"""Pictures as files: small ones, in the folder of the guides."""

from __future__ import annotations

import io
import sys

from PIL import Image

from bootstrap.settings import PROJECT_ROOT

PICTURES = PROJECT_ROOT / "docs" / "pictures"
BYTES_MAX = 120_000
LANGUAGES = {"zh": "zh_CN", "en": "en"}


def save(name: str, png: bytes) -> None:
    """Writes the picture and says how large it became."""
    file = PICTURES / name
    file.write_bytes(smaller(png))
    sys.stdout.write(f"{name}: {file.stat().st_size // 1000} kB\n")


def smaller(png: bytes) -> bytes:
    """The same picture in as many colours as keep it small; a photo on it is what counts."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for colours, dither in (
        (256, Image.Dither.FLOYDSTEINBERG),
        (128, Image.Dither.FLOYDSTEINBERG),
        (128, Image.Dither.NONE),
        (64, Image.Dither.NONE),
    ):
        out = io.BytesIO()
        picture.quantize(colours, dither=dither).save(out, "PNG", optimize=True)
        if out.tell() <= BYTES_MAX:
            break
    return out.getvalue()
