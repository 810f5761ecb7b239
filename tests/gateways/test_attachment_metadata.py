"""A picture kept with a card tells nothing besides itself: no place, no device, no comment, and nothing behind its end."""

from __future__ import annotations

import io
import random
import zlib
from hashlib import sha256

import pytest
from PIL import Image, PngImagePlugin

from domain.errors.files import AttachmentUnsupported, PhotoTooManyPixels
from gateways.attachments import accept
from tests.gateways.drawn import card, encoded

SECRET = b"31.2304N 121.4737E, camera 7741"
PAGE = b"<html><script>alert(1)</script>"


def telling(kind: str) -> bytes:
    """A picture with the place in EXIF, XMP and comments, and a page behind its end."""
    exif = Image.Exif()
    exif[0x010F] = SECRET.decode()
    exif[0x0112] = 6
    more: dict[str, object] = {"exif": exif.tobytes()}
    if kind == "PNG":
        words = PngImagePlugin.PngInfo()
        words.add_text("Comment", SECRET.decode())
        words.add_itxt("XML:com.adobe.xmp", SECRET.decode(), zip=False)
        more["pnginfo"] = words
    else:
        more |= {"xmp": SECRET, "comment": SECRET}
    if kind == "JPEG":
        more |= {"progressive": True}
    return encoded(card(), kind, **more) + PAGE


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_leaves_its_metadata_at_the_door_and_stays_the_same_picture(kind: str) -> None:
    sent = telling(kind)
    assert SECRET in sent
    kept = accept("holiday", sent)
    assert (SECRET in kept.content, PAGE in kept.content) == (False, False)
    assert kept.sha256 == sha256(kept.content).hexdigest()
    before, after = Image.open(io.BytesIO(sent)), Image.open(io.BytesIO(kept.content))
    assert (after.tobytes(), after.mode) == (before.tobytes(), before.mode)
    assert [one for one in ("xmp", "comment", "Comment", "XML:com.adobe.xmp") if one in after.info] == []
    assert dict(after.getexif()) == ({0x0112: 6} if kind == "JPEG" else {})
    assert accept("again", kept.content).content == kept.content


def test_a_colour_profile_stays_because_the_picture_would_look_different() -> None:
    kept = accept("a.jpg", encoded(card(), "JPEG", icc_profile=b"profile" * 20))
    assert Image.open(io.BytesIO(kept.content)).info["icc_profile"] == b"profile" * 20


def test_a_flood_of_pixels_is_refused_by_its_header_alone() -> None:
    head = b"IHDR" + (50_000).to_bytes(4, "big") * 2 + b"\x08\x02\0\0\0"
    bomb = b"\x89PNG\r\n\x1a\n" + (13).to_bytes(4, "big") + head + zlib.crc32(head).to_bytes(4, "big")
    with pytest.raises(PhotoTooManyPixels):
        accept("small.png", bomb + encoded(card(), "PNG")[33:])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_broken_attachment_is_refused_or_taken_and_never_an_error(kind: str) -> None:
    chance, sent, refused = random.Random(20261123), telling(kind), 0
    for _ in range(300):
        broken = bytearray(sent[: chance.randrange(12, len(sent))])
        for _ in range(chance.randrange(6)):
            broken[chance.randrange(12, len(broken) + 1) - 1] = chance.randrange(256)
        try:
            assert SECRET not in accept("x", bytes(broken)).content
        except (AttachmentUnsupported, PhotoTooManyPixels):
            refused += 1
    assert refused
