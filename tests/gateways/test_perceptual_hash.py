"""One card photographed once looks the same however the file was treated; two cards do not."""

from __future__ import annotations

import io
import itertools
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance

from gateways.pictures.accept import accept
from gateways.pictures.perceptual_hash import BITS, perceptual_hash, perceptual_hash_of_jpeg

PHOTOS = Path(__file__).parents[2] / "samples" / "photos"
ALIKE_MAX = 5


def distance(one: int, other: int) -> int:
    """In how many of the 64 bits two looks differ."""
    return ((one ^ other) & ((1 << BITS) - 1)).bit_count()


def _look(name: str) -> int:
    look = accept((PHOTOS / name).read_bytes()).look
    assert look is not None
    return look


@pytest.mark.parametrize("name", ["jd-500.jpg", "starbucks-300.jpg", "hualian-500.jpg", "carrefour-500.jpg"])
def test_a_smaller_darker_worse_copy_still_looks_alike(name: str) -> None:
    with Image.open(PHOTOS / name) as opened:
        photo = opened.convert("RGB")
    copy = ImageEnhance.Brightness(photo).enhance(0.85).resize((photo.width * 2 // 3, photo.height * 2 // 3))
    kept = io.BytesIO()
    copy.save(kept, "JPEG", quality=45)
    worse = perceptual_hash_of_jpeg(kept.getvalue())
    assert worse is not None
    assert distance(_look(name), worse) <= ALIKE_MAX


def test_the_sample_cards_all_look_different() -> None:
    looks = {path.name: _look(path.name) for path in sorted(PHOTOS.glob("*.jpg"))}
    assert len(looks) > 10
    pairs = itertools.combinations(looks.items(), 2)
    assert [(one[0], two[0]) for one, two in pairs if distance(one[1], two[1]) <= ALIKE_MAX] == []


def test_a_look_fits_a_signed_column_and_its_distance_counts_the_sign_too() -> None:
    looks = [_look(path.name) for path in PHOTOS.glob("*.jpg")]
    assert all(-(2**63) <= look < 2**63 for look in looks)
    assert min(looks) < 0 < max(looks)
    assert distance(-1, 0) == 64
    assert distance(-(2**63), 0) == 1


@pytest.mark.parametrize("shade", ["white", "black", "#404040"])
def test_a_plain_picture_has_no_look_because_it_would_be_like_every_other(shade: str) -> None:
    assert perceptual_hash(Image.new("RGB", (640, 400), shade)) is None
