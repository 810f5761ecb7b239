"""Bytes of a mail as text: by the charset that they declare where it fits, else by what they look like. Never raises."""

from __future__ import annotations

import codecs
import re

from charset_normalizer import from_bytes

GUESSED_FROM_BYTES = 20_000  # So much of a text is looked at; the rest is in the same charset.
# Each covers itself and the smaller charsets that programs declare in its place.
_WIDER = {
    "gb2312": "gb18030", "gbk": "gb18030", "x-gbk": "gb18030", "cp936": "gb18030", "gb_2312-80": "gb18030",
    "big5": "big5hkscs", "iso-8859-1": "cp1252", "latin-1": "cp1252", "us-ascii": "ascii", "utf8": "utf-8",
    "shift_jis": "cp932", "ks_c_5601-1987": "cp949", "euc-kr": "cp949",
}  # fmt: skip
_CANDIDATES = ["utf_8", "gb18030", "big5hkscs", "cp932", "cp949", "cp1252", "cp1251", "cp1256", "cp1255", "utf_16"]
# GB 2312 keeps the 3,755 most used characters under these first bytes, its punctuation under A1 and A3.
_COMMON = re.compile(rb"[\xb0-\xd7\xa1\xa3][\xa1-\xfe]")
_COMMON_SHARE_MIN = 0.8
# What hides or turns other characters, and what a database or a page does not take; line ends and tabs stay.
_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ufeff\ufff9-\ufffb]")


def decoded(content: bytes, declared: str | None) -> str:
    """Return the text without control characters; a byte that fits no charset becomes the replacement character."""
    text = _strictly(content, declared)
    if text is None or (text.isascii() and "\x1b" not in text and not content.isascii()):
        text = _guessed(content)
    return readable(text)


def readable(text: str) -> str:
    """Return the text without control characters, and without those that turn the direction of what follows.

    Letters of right-to-left scripts and emoji stay as they are.
    """
    whole = text.encode("utf-8", "replace").decode()  # A half of a surrogate pair is no character.
    return _UNWANTED.sub("", whole.replace("\r\n", "\n").replace("\r", "\n"))


def _strictly(content: bytes, declared: str | None) -> str | None:
    """The text in the declared charset; None without one, for an unknown one, and where it does not fit."""
    name = (declared or "").strip().strip("\"'").casefold()
    if not name:
        return None
    try:
        codec = codecs.lookup(_WIDER.get(name, name))
        # A codec that makes bytes of bytes is no charset.
        return content.decode(codec.name) if getattr(codec, "_is_text_encoding", True) else None
    except (LookupError, ValueError):
        return None


def _guessed(content: bytes) -> str:
    if (text := _strictly(content, "utf-8")) is not None:
        return text
    if _is_common_chinese(content) and (text := _strictly(content, "gb18030")) is not None:
        return text
    best = from_bytes(content[:GUESSED_FROM_BYTES], cp_isolation=_CANDIDATES, enable_fallback=False).best()
    return content.decode(best.encoding if best else "utf-8", "replace")


def _is_common_chinese(content: bytes) -> bool:
    """A few words are too short for statistics: nearly all their high bytes must form common Chinese characters."""
    high = sum(1 for one in content if one >= 0x80)
    pairs = len(_COMMON.findall(content))
    return high > 0 and pairs * 2 >= high * _COMMON_SHARE_MIN
