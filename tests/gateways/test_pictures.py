"""Which files are taken as photos, and what is left of them."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from domain.errors.base import Refusal
from domain.errors.files import PhotoEmpty, PhotoFormatUnsupported, PhotoTooLarge, PhotoTooManyPixels, PhotoUnreadable
from gateways.pictures import accept as door
from gateways.pictures.accept import accept, format_of
from tests.gateways.drawn import RED, WHITE, card, encoded

ORIENTATION, GPS, RIGHT_TOP = 0x0112, 0x8825, 6


def png_header(width: int, height: int) -> bytes:
    """A PNG of some hundred bytes that says it is huge: what a pixel flood looks like."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


def is_red(jpeg: bytes, x: int, y: int) -> bool:
    with Image.open(io.BytesIO(jpeg)) as picture:
        red, green, _ = picture.getpixel((x, y))  # type: ignore[misc]
    return red > 150 and green < 90


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_the_three_formats_become_a_clean_jpeg(kind: str) -> None:
    raw = encoded(card(), kind)
    photo = accept(raw)
    assert (photo.width, photo.height) == (640, 400)
    assert photo.upload_sha256 == hashlib.sha256(raw).hexdigest()
    assert photo.stored_sha256 == hashlib.sha256(photo.jpeg).hexdigest()
    assert format_of(photo.jpeg) == "jpeg"
    assert is_red(photo.jpeg, 50, 50)


@pytest.mark.parametrize("mode", ["L", "P", "RGBA", "LA", "CMYK", "1", "I;16"])
def test_every_pixel_mode_becomes_rgb(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    grey = card(mode="L")
    raw = encoded(Image.new("I;16", grey.size, 40_000) if mode == "I;16" else card(mode=mode), kind)
    with Image.open(io.BytesIO(accept(raw).jpeg)) as stored:
        assert stored.mode == "RGB"


def test_transparent_parts_become_white_paper() -> None:
    photo = accept(encoded(Image.new("RGBA", (60, 60), (0, 0, 0, 0)), "PNG"))
    with Image.open(io.BytesIO(photo.jpeg)) as stored:
        assert stored.getpixel((30, 30)) == WHITE


def test_a_phone_photo_is_turned_upright_and_loses_its_place_and_camera() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = RIGHT_TOP
    exif[GPS] = {1: "N", 2: (31.0, 13.0, 49.0)}
    exif[0x0110] = "SecretPhone 9"
    photo = accept(encoded(card(), exif=exif))
    assert (photo.width, photo.height) == (400, 640)
    assert is_red(photo.jpeg, 390, 10)
    assert not is_red(photo.jpeg, 10, 10)
    assert b"SecretPhone" not in photo.jpeg
    assert b"Exif" not in photo.jpeg


def test_a_large_photo_is_kept_at_2400_pixels() -> None:
    photo = accept(encoded(Image.new("RGB", (4000, 3000), RED)))
    assert (photo.width, photo.height) == (2400, 1800)


def test_no_bytes_and_too_many_bytes_are_refused() -> None:
    with pytest.raises(PhotoEmpty):
        accept(b"")
    with pytest.raises(PhotoTooLarge) as refused:
        accept(encoded(card()) + b"\0" * door.BYTES_MAX)
    assert refused.value.http_status == 413


@pytest.mark.parametrize(("width", "height"), [(30_000, 30_000), (7000, 7000), (60_000, 20), (20, 60_000)])
def test_a_pixel_flood_is_refused_by_its_header(width: int, height: int) -> None:
    with pytest.raises(PhotoTooManyPixels):
        accept(png_header(width, height))


@pytest.mark.parametrize(("width", "height"), [(16_383, 16_383), (16_383, 12_000)])
def test_a_webp_flood_is_refused_alike(width: int, height: int) -> None:
    """A small picture whose container claims a canvas of these pixels: 24 bits each, less one, after the chunk's flags."""
    small = encoded(card(), "WEBP")[12:]
    canvas = b"VP8X" + (10).to_bytes(4, "little") + bytes(4)
    canvas += (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    chunks = b"WEBP" + canvas + small
    with pytest.raises(PhotoTooManyPixels):
        accept(b"RIFF" + len(chunks).to_bytes(4, "little") + chunks)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "heic"),
        (b"\0\0\0\x18ftypavif\0\0\0\0", "avif"),
        (b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "svg"),
        (encoded(card(), "GIF"), "gif"),
        (encoded(card(), "BMP"), "bmp"),
        (encoded(card(), "TIFF"), "tiff"),
        (b"%PDF-1.7", "pdf"),
        (b"hello", "unknown"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_other_formats_are_refused_by_name(raw: bytes, kind: str) -> None:
    with pytest.raises(PhotoFormatUnsupported) as refused:
        accept(raw)
    assert refused.value.data["format"] == kind
    assert refused.value.data["send"] == "jpeg"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("kept", [0.2, 0.5, 0.9])
def test_a_file_cut_off_is_unreadable(kind: str, kept: float) -> None:
    noisy = Image.effect_noise((320, 200), 60).convert("RGB")
    raw = encoded(noisy, kind)
    with pytest.raises(PhotoUnreadable):
        accept(raw[: int(len(raw) * kept)])


def test_a_name_or_first_bytes_alone_make_no_photo() -> None:
    with pytest.raises(PhotoUnreadable):
        accept(b"\xff\xd8\xff\xe0" + b"not a picture" * 20)


@given(st.binary(max_size=400), st.sampled_from(["JPEG", "PNG", "WEBP"]), st.integers(12, 300))
def test_damage_anywhere_is_a_refusal_or_a_photo_never_an_accident(noise: bytes, kind: str, place: int) -> None:
    raw = encoded(card((64, 40)), kind)
    with suppress(Refusal):
        assert format_of(accept(raw[:place] + noise + raw[place + len(noise) :]).jpeg) == "jpeg"
