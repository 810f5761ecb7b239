"""Reads the catalogues at first use. Keys are the message ids; values are in braces, as in `{amount}`."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from pathlib import Path
from string import Formatter

from babel import Locale
from babel.messages.pofile import read_po

LOCALES = ("zh_CN", "en")
DEFAULT_LOCALE = "zh_CN"
_FOLDER = Path(__file__).with_name("locale")
_log = logging.getLogger(__name__)


class _Values(dict[str, object]):
    """Show a dash for a value that a sentence names and that is missing: half a sentence is better than no page."""

    def __missing__(self, name: str) -> str:
        return "–"


def translate(key: str, locale: str = DEFAULT_LOCALE, values: Mapping[str, object] | None = None) -> str:
    """Return the sentence of `key` with its values put in. `count` chooses between singular and plural.

    The values come as one mapping, so that a value may have any name, also `key` or `locale`. Of a value in both languages,
    by locale, the one of this language is put in.

    An unknown locale reads Chinese. A key without words gives the key itself and a warning in the log.
    """
    forms = _texts(locale if locale in LOCALES else DEFAULT_LOCALE).get(key)
    if forms is None:
        _log.warning("no words for %s in %s", key, locale)
        return key
    given = {name: one.get(locale, one) if isinstance(one, Mapping) else one for name, one in (values or {}).items()}
    text = _chosen(forms, locale, given.get("count"))
    return text.format_map(_Values(given)) if "{" in text or "}" in text else text


def needs(key: str, locale: str = DEFAULT_LOCALE) -> frozenset[str]:
    """Return the names of the values that the sentence of `key` puts in."""
    forms = _texts(locale if locale in LOCALES else DEFAULT_LOCALE).get(key, ())
    return frozenset(name for form in forms for _, name, _, _ in Formatter().parse(form) if name)


def label(member: StrEnum, locale: str = DEFAULT_LOCALE) -> str:
    """Return what an enum's member is called: the words of `<enum>.<value>`, e.g. `waiting_for.reviewer`."""
    return translate(label_key(member), locale)


def label_key(member: StrEnum) -> str:
    """`WaitingFor.REVIEWER` → `waiting_for.reviewer`"""
    return f"{re.sub('(?<!^)(?=[A-Z])', '_', type(member).__name__).lower()}.{member.value}"


def has(key: str, locale: str = DEFAULT_LOCALE) -> bool:
    """Return whether the catalogue has words for `key`."""
    return key in _texts(locale)


def keys(locale: str, domain: str | None = None) -> frozenset[str]:
    """All keys of a locale, or of one of its files (`messages`, `console`)."""
    if domain is None:
        return frozenset(_texts(locale))
    return frozenset(_file(_FOLDER / locale / "LC_MESSAGES" / f"{domain}.po", locale))


@cache
def _texts(locale: str) -> Mapping[str, tuple[str, ...]]:
    merged: dict[str, tuple[str, ...]] = {}
    for path in sorted((_FOLDER / locale / "LC_MESSAGES").glob("*.po")):
        merged |= _file(path, locale)
    return merged


def _file(path: Path, locale: str) -> dict[str, tuple[str, ...]]:
    with path.open("rb") as file:
        catalogue = read_po(file, locale=locale, abort_invalid=True)
    return {_key(message.id): _forms(message.string) for message in catalogue if message.id and message.string}


def _key(identifier: str | list[str] | tuple[str, ...]) -> str:
    return identifier if isinstance(identifier, str) else identifier[0]


def _forms(text: str | list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def _chosen(forms: tuple[str, ...], locale: str, count: object) -> str:
    if len(forms) == 1 or not isinstance(count, int):
        return forms[-1]
    return forms[0] if Locale.parse(locale).plural_form(count) == "one" else forms[-1]
