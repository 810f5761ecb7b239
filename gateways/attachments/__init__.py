"""Files that people keep with a card: only a few kinds are taken, and each is judged by its bytes, never by its name."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from hashlib import sha256

from domain.errors.files import AttachmentTooLarge, AttachmentUnsupported
from gateways.attachments.metadata import bare
from gateways.pictures.accept import DECODERS, format_of

BYTES_MAX = 10 * 1024 * 1024
NAME_CHARACTERS_MAX = 120
TEXT = "text/plain"
MEDIA_TYPES = {"pdf": "application/pdf", "jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}
_ENDINGS = {
    "application/pdf": (".pdf",), "image/jpeg": (".jpg", ".jpeg"), "image/png": (".png",), "image/webp": (".webp",),
    TEXT: (".txt", ".csv", ".log", ".md", ".eml"),
}  # fmt: skip
# Markup that a browser would run or draw if it took a text for a page, anywhere in the text.
_MARKUP = re.compile(
    rb"<\s*(?:!doctype|\?xml|html|head|body|script|svg|iframe|object|embed|math|style|link|meta)\b", re.I
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f]")


@dataclass(frozen=True)
class Attachment:
    """A file that is taken: its tidied name, its media type by its bytes, and the SHA-256 (hex) of what is kept."""

    name: str
    media_type: str
    sha256: str
    content: bytes = field(repr=False)


def accept(name: str, content: bytes) -> Attachment:
    """Return the file as it is kept: a picture without place, time, device and other metadata.

    Refuses AttachmentTooLarge over 10 MB, PhotoTooManyPixels, and AttachmentUnsupported for an empty or broken one and for
    whatever is no PDF, JPEG, PNG, WebP or plain text, pages and drawings that a browser could run among them."""
    if len(content) > BYTES_MAX:
        raise AttachmentTooLarge(bytes_max=BYTES_MAX)
    media_type = _media_type(content)
    kind = format_of(content)
    kept = bare(kind, content) if kind in DECODERS else content
    return Attachment(_tidy(name, media_type), media_type, sha256(kept).hexdigest(), kept)


def _media_type(content: bytes) -> str:
    kind = format_of(content) if content else "empty"
    if kind in MEDIA_TYPES:
        return MEDIA_TYPES[kind]
    if kind != "unknown" or not _is_plain_text(content):
        raise AttachmentUnsupported(format=kind)
    return TEXT


def _is_plain_text(content: bytes) -> bool:
    """UTF-8 without control characters and without a tag of a page."""
    try:
        written = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return False
    return not _CONTROL.search(written) and not _MARKUP.search(content)


def _tidy(name: str, media_type: str) -> str:
    """The last part of the name without characters that hide or turn it, ending as its type does."""
    last = re.split(r"[/\\]", name)[-1]
    shown = "".join(one for one in last if not unicodedata.category(one).startswith("C")).strip(" .")
    stem = shown[-NAME_CHARACTERS_MAX:] or "file"
    endings = _ENDINGS[media_type]
    return stem if stem.lower().endswith(endings) else stem + endings[0]
