"""Draws every photo of cards.json again: `python -m samples.make [PHOTO ...]`. The same fonts give the same bytes."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

from PIL import Image

from domain.rules.brands import Brand
from samples.faces import face
from samples.scene import photograph

HERE = Path(__file__).parent
BYTES_MAX = 150_000


def described() -> dict[str, Any]:
    """cards.json: `photo_size` and `cards`, each with what is printed on it and what the demo expects of it."""
    loaded: dict[str, Any] = json.loads((HERE / "cards.json").read_text(encoding="utf-8"))
    return loaded


def drawn(card: dict[str, Any], size: tuple[int, int], known: Brand | None = None) -> Image.Image:
    """The photo of one card, RGB; `known` is its brand where that is not the built-in one."""
    return photograph(face(card, known) if card["brand"] else None, card["scene"], size)


def compressed(photo: Image.Image) -> bytes:
    """JPEG bytes of at most 150 kB, in the best quality that fits."""
    for quality in range(86, 30, -4):
        out = io.BytesIO()
        photo.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= BYTES_MAX:
            return out.getvalue()
    raise ValueError("the picture does not fit into 150 kB at any decent quality")


def main(wanted: list[str]) -> None:
    """Writes the named photos, or all."""
    book = described()
    width, height = book["photo_size"]
    for card in book["cards"]:
        if not wanted or card["photo"] in wanted:
            jpeg = compressed(drawn(card, (width, height)))
            (HERE / "photos" / card["photo"]).write_bytes(jpeg)
            print(f"{card['photo']}: {len(jpeg) // 1000} kB")


if __name__ == "__main__":
    main(sys.argv[1:])
