"""The door for photographs: a file is taken only if it decodes as a reasonable picture, and leaves here as a clean JPEG."""

from __future__ import annotations

import hashlib
import io
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

from PIL import Image, ImageOps
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.WebPImagePlugin import WebPImageFile

from domain.errors.files import PhotoEmpty, PhotoFormatUnsupported, PhotoTooLarge, PhotoTooManyPixels, PhotoUnreadable
from gateways.pictures.ground import in_levels, of_both_bytes, of_grey_bytes, on_ground
from gateways.pictures.perceptual_hash import perceptual_hash
from gateways.pictures.salvaging import ends_of, without_extras

BYTES_MAX = 12 * 1024 * 1024
PIXELS_MAX = 40_000_000
ASPECT_MAX = 12  # A card is 1.6 : 1, a panorama 4 : 1; beyond this it is an attack on memory or a strip.
SIDE_STORED_MAX = 2400
JPEG_QUALITY = 88

# A plugin is called itself, not Image.open: the pixel limit is ours and known before a single pixel is decoded.
DECODERS: dict[str, Callable[[io.BytesIO], ImageFile]] = {
    "jpeg": JpegImageFile,
    "png": PngImageFile,
    "webp": WebPImageFile,
}
# Samples of 16 bits, the high byte first, are read by their high byte; read as if the low byte came first, by their low one.
LOWER = {"RGB;16B": "RGB;16L", "RGBA;16B": "RGBA;16L"}
# Grey with its opacity in 16 bits each: four bytes a pixel, which read as four channels are all there.
GREY_WITH_OPACITY = "LA;16B"
# What Pillow's decoders raise for broken input, by its own source; anything else is our bug and must be seen.
BROKEN = (OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, struct.error, zlib.error)
_HEIF_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1")


@dataclass(frozen=True)
class AcceptedPhoto:
    """A cleaned photo: JPEG bytes upright and without metadata, its size in pixels, and both SHA-256 digests (hex)."""

    jpeg: bytes = field(repr=False)
    upload_sha256: str
    stored_sha256: str
    width: int
    height: int
    look: int | None = None  # See `gateways.pictures.perceptual_hash`.


def accept(raw: bytes) -> AcceptedPhoto:
    """Decode the uploaded bytes to a clean photo. Refuses with PhotoEmpty, PhotoTooLarge, PhotoFormatUnsupported,
    PhotoTooManyPixels or PhotoUnreadable."""
    require_size(raw)
    return as_photo(_upright(raw), hashlib.sha256(raw).hexdigest())


def require_size(raw: bytes) -> None:
    """Refuse PhotoEmpty and PhotoTooLarge."""
    if not raw:
        raise PhotoEmpty()
    if len(raw) > BYTES_MAX:
        raise PhotoTooLarge(bytes_max=BYTES_MAX, bytes_sent=len(raw))


def as_photo(picture: Image.Image, upload_sha256: str) -> AcceptedPhoto:
    """Encode an RGB picture that came in the upload of that digest (hex)."""
    jpeg = to_jpeg(picture)
    return AcceptedPhoto(
        jpeg=jpeg,
        upload_sha256=upload_sha256,
        stored_sha256=hashlib.sha256(jpeg).hexdigest(),
        width=picture.width,
        height=picture.height,
        look=perceptual_hash(picture),
    )


def to_jpeg(picture: Image.Image, quality: int = JPEG_QUALITY) -> bytes:
    """Encode an RGB picture as JPEG bytes without any metadata."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality, optimize=True, exif=b"", icc_profile=None)
    return out.getvalue()


def format_of(raw: bytes) -> str:
    """Recognize the file by its first bytes: jpeg, png, webp, heic, avif, gif, svg, pdf, tiff, bmp or unknown."""
    if raw[4:8] == b"ftyp":
        return "heic" if raw[8:12] in _HEIF_BRANDS else "avif" if raw[8:12] == b"avif" else "video"
    if raw[:4] == b"RIFF" and raw[8:12] == b"WEBP":
        return "webp"
    starts = {b"\xff\xd8\xff": "jpeg", b"\x89PNG\r\n\x1a\n": "png", b"GIF8": "gif", b"%PDF": "pdf", b"BM": "bmp"}
    starts |= {b"II*\x00": "tiff", b"MM\x00*": "tiff"}
    known = next((name for start, name in starts.items() if raw.startswith(start)), None)
    return known or ("svg" if b"<svg" in raw[:1024].lower() else "unknown")


def _upright(raw: bytes) -> Image.Image:
    """Decoded, turned as its EXIF says, flattened to RGB, no side over the stored maximum."""
    kind = format_of(raw)
    if kind not in DECODERS:
        raise PhotoFormatUnsupported(format=kind, send="jpeg")
    try:
        return _decoded(kind, raw)
    except Image.DecompressionBombError as flood:  # The WebP plugin judges the header before we can.
        raise PhotoTooManyPixels(pixels_max=PIXELS_MAX) from flood
    except BROKEN as broken:
        raise PhotoUnreadable(format=kind) from broken


def _decoded(kind: str, raw: bytes) -> Image.Image:
    """The cleaned picture of what decodes whole. Raises one of BROKEN for all else."""
    if kind == "jpeg" and (ends := ends_of(raw)):
        pictures = [_cleaned(_opened(kind, raw.rstrip(b"\xff") + end)) for end in ends]
        if any(picture.tobytes() != pictures[0].tobytes() for picture in pictures[1:]):
            raise OSError("cut off")
        return pictures[0]
    if kind == "png":
        bare = without_extras(raw)
        opened = _opened(kind, bare)
        return _flattened(_of_sixteen_bits(opened, bare) or _loaded(opened))
    return _cleaned(_opened(kind, raw))


def _of_sixteen_bits(opened: ImageFile, png: bytes) -> Image.Image | None:
    """A PNG of 16 bits in several channels with the lower bytes, which the decoder drops; None for any other PNG."""
    samples = str(opened.tile[0].args) if opened.tile else ""
    if samples == GREY_WITH_OPACITY:
        return of_grey_bytes(_read_as("RGBA", png))
    if samples in LOWER:
        return of_both_bytes(_loaded(opened), _read_as(LOWER[samples], png))
    return None


def _read_as(samples: str, png: bytes) -> Image.Image:
    opened = _opened("png", png)
    opened.tile = [opened.tile[0]._replace(args=samples)]
    return _loaded(opened)


def _loaded(opened: ImageFile) -> Image.Image:
    opened.load()
    return opened


def _opened(kind: str, raw: bytes) -> ImageFile:
    opened = DECODERS[kind](io.BytesIO(raw))
    _refuse_floods(opened)
    return opened


def _refuse_floods(opened: ImageFile) -> None:
    """Judges by the header, before a pixel is decoded."""
    width, height = opened.size
    if width * height > PIXELS_MAX or max(width, height) > ASPECT_MAX * max(1, min(width, height)):
        raise PhotoTooManyPixels(width=width, height=height, pixels_max=PIXELS_MAX)


def _cleaned(opened: ImageFile) -> Image.Image:
    opened.draft("RGB", (SIDE_STORED_MAX, SIDE_STORED_MAX))
    return _flattened(_loaded(opened))


def _flattened(decoded: Image.Image) -> Image.Image:
    picture = in_levels(_turned(decoded))
    picture.thumbnail((SIDE_STORED_MAX, SIDE_STORED_MAX), Image.Resampling.LANCZOS)
    return on_ground(picture)


def _turned(opened: Image.Image) -> Image.Image:
    """Upright as its EXIF says; as it lies where the EXIF is damaged, for the pixels are there."""
    try:
        return ImageOps.exif_transpose(opened)
    except BROKEN:
        return opened
