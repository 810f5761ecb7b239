"""Photos of odd encodings: taken when every pixel is there, with their print readable, and refused otherwise."""

from __future__ import annotations

import io
import struct
import zlib

import numpy
import pytest
from PIL import Image, ImageDraw, PngImagePlugin

from domain.errors.files import PhotoUnreadable
from gateways.pictures.accept import accept
from gateways.pictures.salvaging import ends_of
from tests.gateways.drawn import card, encoded

SIZE = (400, 240)


def chunk(kind: bytes, data: bytes, *, sound: bool = True) -> bytes:
    checksum = zlib.crc32(kind + data) ^ (0 if sound else 1)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def with_chunk(png: bytes, extra: bytes, before: bytes = b"IDAT") -> bytes:
    place = png.index(before) - 4
    return png[:place] + extra + png[place:]


def pixels(jpeg: bytes) -> numpy.ndarray:
    with Image.open(io.BytesIO(jpeg)) as picture:
        return numpy.asarray(picture.convert("L")).astype(int)


def printed(ink: int, mode: str = "L", ground: int = 0) -> Image.Image:
    """A bar of print on nothing."""
    picture = Image.new(mode, SIZE, ground)
    ImageDraw.Draw(picture).rectangle((100, 80, 300, 160), fill=ink)
    return picture


def contrast(jpeg: bytes) -> int:
    """Grey levels between the print's middle and its ground."""
    seen = pixels(jpeg)
    return abs(int(seen[120, 200]) - int(seen[20, 20]))


@pytest.mark.parametrize(
    "extra",
    [
        chunk(b"iCCP", b"name\0\0" + b"no profile"),
        chunk(b"iCCP", b"name\0\0" + zlib.compress(b"\0" * 3_000_000)),
        chunk(b"zTXt", b"Comment\0\0" + zlib.compress(b"x" * 3_000_000)),
        chunk(b"iTXt", b"Comment\0\1\0\0\0" + zlib.compress(b"x" * 3_000_000)),
        chunk(b"tEXt", b"Comment\0hello", sound=False),
        chunk(b"gAMA", b"", sound=False),
        chunk(b"pHYs", b"\0"),
        chunk(b"eXIf", b"damaged beyond reading"),
        chunk(b"acTL", b"\0\0\0\2\0\0\0\0"),
    ],
    ids=["profile", "large profile", "text", "international", "checksum", "gamma", "density", "exif", "animation"],
)
def test_a_damaged_or_large_extra_of_a_png_costs_no_photo(extra: bytes) -> None:
    sound = encoded(card(), "PNG")
    assert accept(with_chunk(sound, extra)).jpeg == accept(sound).jpeg
    assert accept(with_chunk(sound, extra, before=b"IEND")).jpeg == accept(sound).jpeg


def test_a_png_without_its_end_mark_or_with_bytes_behind_it_is_whole() -> None:
    sound = encoded(card(), "PNG")
    assert accept(sound[:-12]).jpeg == accept(sound).jpeg
    assert accept(sound + b"appended by a camera").jpeg == accept(sound).jpeg


def test_damage_inside_the_pixels_of_a_png_is_refused() -> None:
    sound = encoded(card(), "PNG")
    place = sound.index(b"IDAT")
    (length,) = struct.unpack_from(">I", sound, place - 4)
    for broken in (sound[: place + 4] + b"\0\0\0" + sound[place + 7 :], sound[: place + 4 + length // 2]):
        with pytest.raises(PhotoUnreadable):
            accept(broken)


def test_a_png_keeps_its_direction() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    photo = accept(encoded(card(), "PNG", exif=exif))
    assert (photo.width, photo.height) == (400, 640)


def noisy(mode: str = "RGB") -> Image.Image:
    return Image.effect_noise((320, 200), 60).convert(mode)


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("cut", [1, 2])
def test_a_jpeg_without_its_end_marker_is_taken_whole(mode: str, cut: int) -> None:
    sound = encoded(noisy(mode), "JPEG")
    assert accept(sound[:-cut]).jpeg == accept(sound).jpeg


@pytest.mark.parametrize("lost", [12, 40, 400, 4_000])
def test_a_jpeg_without_its_last_pixels_is_refused(lost: int) -> None:
    sound = encoded(noisy(), "JPEG")
    with pytest.raises(PhotoUnreadable):
        accept(sound[:-lost])


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("cut", [1, 2])
def test_a_progressive_jpeg_without_its_end_marker_is_taken_whole(mode: str, cut: int) -> None:
    sound = encoded(noisy(mode), "JPEG", progressive=True)
    assert accept(sound[:-cut]).jpeg == accept(sound).jpeg


@pytest.mark.parametrize("lost", [12, 40, 400])
def test_a_progressive_jpeg_without_its_last_bits_is_refused(lost: int) -> None:
    sound = encoded(noisy(), "JPEG", progressive=True)
    with pytest.raises(PhotoUnreadable):
        accept(sound[:-lost])


def test_a_progressive_jpeg_without_its_last_scan_is_refused() -> None:
    """Every scan but the last is there to its last byte, and the picture would look whole."""
    sound = encoded(noisy(), "JPEG", progressive=True)
    cut = sound[: sound.rindex(b"\xff\xda")]
    assert ends_of(cut) == ()
    with pytest.raises(PhotoUnreadable):
        accept(cut)


def test_a_jpeg_with_a_damaged_exif_is_taken_as_it_lies() -> None:
    exif = b"Exif\0\0damaged beyond reading"
    sound = encoded(card(), "JPEG")
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    assert accept(sound[:2] + segment + sound[2:]).jpeg == accept(sound).jpeg


@pytest.mark.parametrize(("ground", "ink"), [(60_000, 5_000), (4_000, 300), (200, 20), (20_000, 12_000)])
def test_sixteen_bit_grey_keeps_its_print(ground: int, ink: int) -> None:
    picture = printed(ink, "I;16", ground)
    assert contrast(accept(encoded(picture, "PNG")).jpeg) > 200


def deep(values: numpy.ndarray) -> bytes:
    """A PNG of 16 bits a channel: grey with its opacity (two channels), colours (three), or both (four)."""
    height, width, channels = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    head = struct.pack(">IIBBBBB", width, height, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    parts = (chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize(("ground", "ink"), [(60_000, 5_000), (4_000, 300), (200, 20), (20_000, 12_000)])
def test_sixteen_bit_colour_keeps_its_print(ground: int, ink: int, channels: int) -> None:
    values = numpy.full((*reversed(SIZE), channels), ground, numpy.uint16)
    values[80:160, 100:300, :3] = ink
    values[..., 3:] = 65_535
    assert contrast(accept(deep(values)).jpeg) > 200


@pytest.mark.parametrize(("ground", "ink"), [(60_000, 5_000), (4_000, 300), (200, 20), (20_000, 12_000)])
@pytest.mark.parametrize("clear", [0, 65_535])
@pytest.mark.parametrize("channels", [2, 4])
def test_sixteen_bits_with_opacity_keep_their_print(ground: int, ink: int, clear: int, channels: int) -> None:
    """Whatever level a pixel that nobody sees has, it does not count for the levels of the print."""
    values = numpy.full((*reversed(SIZE), channels), ground, numpy.uint16)
    values[..., -1] = 65_535
    values[80:160, 100:300, :-1] = ink
    values[200:, :, :-1], values[200:, :, -1] = clear, 0
    assert contrast(accept(deep(values)).jpeg) > 200


def test_sixteen_bit_grey_on_nothing_stays_readable() -> None:
    values = numpy.zeros((*reversed(SIZE), 2), numpy.uint16)
    values[80:160, 100:300] = (300, 65_535)
    assert contrast(accept(deep(values)).jpeg) > 60


def test_sixteen_bit_grey_with_opacity_is_turned_as_its_exif_says() -> None:
    values = numpy.full((*reversed(SIZE), 2), 65_535, numpy.uint16)
    exif = Image.Exif()
    exif[274] = 6
    raw = with_chunk(deep(values), chunk(b"eXIf", exif.tobytes().removeprefix(b"Exif\0\0")))
    photo = accept(raw)
    assert (photo.width, photo.height) == tuple(reversed(SIZE))


def test_sixteen_bit_colours_are_stretched_alike() -> None:
    values = numpy.full((*reversed(SIZE), 3), (4_000, 2_000, 0), numpy.uint16)
    values[:, :200] = (0, 0, 4_000)
    with Image.open(io.BytesIO(accept(deep(values)).jpeg)) as picture:
        seen = numpy.asarray(picture.convert("RGB"))
    assert numpy.allclose(seen[120, 100], (0, 0, 255), atol=6)
    assert numpy.allclose(seen[120, 300], (255, 128, 0), atol=6)


def test_a_transparent_colour_of_sixteen_bits_is_left_out_of_the_print() -> None:
    values = numpy.full((*reversed(SIZE), 3), 1_000, numpy.uint16)
    values[80:160, 100:300] = 1_400
    raw = with_chunk(deep(values), chunk(b"tRNS", struct.pack(">HHH", 1_000, 1_000, 1_000)))
    assert contrast(accept(raw).jpeg) > 100


def test_a_large_sixteen_bit_photo_is_taken() -> None:
    levels = numpy.tile(numpy.arange(3_000, dtype=numpy.uint16), (1_000, 1))
    photo = accept(encoded(Image.fromarray(levels), "PNG"))
    assert (photo.width, photo.height) == (2400, 800)
    assert int(pixels(photo.jpeg).max()) - int(pixels(photo.jpeg).min()) > 240


def test_sixteen_bit_grey_with_a_transparent_level_keeps_its_print() -> None:
    picture = printed(65_535, "I;16", 1_000)
    info = PngImagePlugin.PngInfo()
    raw = encoded(picture, "PNG", pnginfo=info)
    assert contrast(accept(with_chunk(raw, chunk(b"tRNS", struct.pack(">H", 1_000)))).jpeg) > 100


@pytest.mark.parametrize("ink", [0, 70, 128, 190, 255])
@pytest.mark.parametrize("mode", ["LA", "RGBA", "P"])
def test_print_on_nothing_stays_readable_whatever_its_brightness(ink: int, mode: str) -> None:
    opacity = printed(255)
    picture = Image.merge("LA", (Image.new("L", SIZE, ink), opacity))
    if mode == "P":
        palette = printed(1, "P")
        palette.putpalette([ink ^ 1, ink, ink, ink, ink, ink])
        raw = encoded(palette, "PNG", transparency=0)
    else:
        raw = encoded(picture.convert(mode), "PNG")
    assert contrast(accept(raw).jpeg) > 60
