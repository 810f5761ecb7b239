"""What a decoded barcode or QR code says about a card's number: its symbology and its content are judged first. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote

from domain.cards.reading import Box
from domain.rules.brand_document import Check
from domain.rules.brands import Brand, tidy_number

# Codes of goods, medicines, films and supplements: they name an article, never one card.
_ARTICLE_SYMBOLOGIES = frozenset({"EANUPC", "DataBar", "PZN", "Code32", "DXFilmEdge"})
_ARTICLE_FORMATS = frozenset({"EAN13", "EAN8", "EAN5", "EAN2", "UPCA", "UPCE", "ISBN", "ITF14", "PZN", "Code32"})
_GS1_IDENTIFIERS = frozenset({"]C1", "]e0", "]e1", "]e2", "]d2", "]Q3", "]J1"})
_ARTICLE_DIGITS = frozenset({8, 12, 13, 14})  # Lengths of a GS1 article number (GTIN).
_ACTION = re.compile(
    r"(?:tel|callto|facetime|sip|sms|smsto|mms|mmsto|mailto|matmsg|mecard|bizcard|geo|wifi|begin|market|otpauth)\s*:",
    re.I,
)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.\-]*:|[^\s/]+\.[^\s/]+/", re.I)
_ELEMENT = re.compile(r"\(\d{2,4}\)")  # How GS1 element strings are printed: `(01)09506000134352`.
_CODABAR_ENDS = re.compile(r"[A-DTNE*](.+)[A-DTNE*]", re.I)


@dataclass(frozen=True)
class Barcode:
    """One code as decoded, with its place in pixels of the picture it was found in.

    `format_name`, `symbology` and `content_type` are named as the decoder names them; `identifier` is the symbology
    identifier of ISO/IEC 15424 (`]I1`).
    """

    text: str
    box: Box
    format_name: str = ""
    symbology: str = ""
    identifier: str = ""
    content_type: str = "Text"


@dataclass(frozen=True)
class Coded:
    """A number that a code may hold; `supported` when its check digit holds and a parameter of the brand's names it.

    `usual`: it stands alone in a symbology of the brand and its check digit holds. A foreign number can do that too: it
    needs the print, or a person, beside it.
    """

    number: str
    box: Box
    supported: bool = False
    usual: bool = False


def numbers_in(code: Barcode, brand: Brand) -> tuple[Coded, ...]:
    """Return the numbers of the brand that the code may hold; none for articles, addresses of other things, and actions."""
    if _is_article(code):
        return ()
    text = unicodedata.normalize("NFKC", code.text).strip()
    if _ACTION.match(text) or _ELEMENT.match(text):
        return ()
    named = tuple(dict.fromkeys(_valid(_named(text, brand), brand)))
    if named:
        checked = brand.check is not Check.NONE and len(named) == 1
        return tuple(Coded(number, code.box, supported=checked) for number in named)
    if _ADDRESS.match(text) or "=" in text:
        return ()
    return _written(code, text, brand)


def _written(code: Barcode, text: str, brand: Brand) -> tuple[Coded, ...]:
    """The number that is the whole text, else the words of the text that could be one."""
    whole = tuple(_valid((_bare(code, text),), brand))
    if whole:
        usual = code.symbology in brand.code_symbologies and not _is_article_number(whole[0])
        return (Coded(whole[0], code.box, usual=usual and brand.check is not Check.NONE),)
    words = dict.fromkeys(_valid(re.split(r"[\s,;|]+", text), brand))
    return tuple(Coded(number, code.box) for number in words)


def _named(text: str, brand: Brand) -> Iterator[str]:
    """The values of the parameters by which the brand's own codes name a card's number."""
    names = "|".join(map(re.escape, brand.code_parameters))
    pairs = re.finditer(rf"(?:^|[?&;#,\s{{\"'])(?:{names})[\"']?\s*[=:]\s*[\"']?([^&;#,\s\"'}}]+)", text, re.I)
    return (unquote(pair[1]) for pair in pairs)


def _bare(code: Barcode, text: str) -> str:
    ends = _CODABAR_ENDS.fullmatch(text) if code.symbology == "Codabar" else None
    return unquote(ends[1] if ends else text)


def _valid(written: Iterable[str], brand: Brand) -> Iterator[str]:
    return (number for one in written if brand.is_valid(number := tidy_number(one)))


def _is_article(code: Barcode) -> bool:
    """Whether the symbology or the content says: goods of a shop, or bytes that are no text."""
    if code.symbology in _ARTICLE_SYMBOLOGIES or code.format_name in _ARTICLE_FORMATS:
        return True
    if code.content_type != "Text" or code.identifier in _GS1_IDENTIFIERS:
        return True
    return _is_article_number(code.text) and (code.symbology == "ITF" or code.text.startswith("01"))


def _is_article_number(text: str) -> bool:
    """Whether digits are an article number whose check digit holds, alone or behind the application identifier 01."""
    digits = text[2:] if len(text) == 16 and text.startswith("01") else text
    if not digits.isascii() or not digits.isdigit() or len(digits) not in _ARTICLE_DIGITS:
        return False
    weighted = (int(digit) * (1 if place % 2 == 0 else 3) for place, digit in enumerate(reversed(digits)))
    return sum(weighted) % 10 == 0
