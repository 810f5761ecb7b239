"""The difference between two versions of a policy as lines in one language."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.money import Money
from domain.policies.difference import ChangeKind, differences
from domain.policies.document import PolicyKind
from domain.policies.schema import Schema
from languages import translate
from reviewer_ui.policies.fields import FieldMaker, text_of
from web import words

SHOWN_CHARACTERS_MAX = 200


@dataclass(frozen=True)
class ChangeLine:
    """One change: what changed, how (a key of words), from what to what."""

    what: str
    kind: ChangeKind
    before: str
    after: str


def change_lines(
    kind: PolicyKind, before: Mapping[str, Any], after: Mapping[str, Any], locale: str
) -> tuple[ChangeLine, ...]:
    """Return what `after` says otherwise than `before`."""
    maker = FieldMaker(kind.code, locale)
    return tuple(
        ChangeLine(
            _named(maker, kind.schema, one.path), one.kind, _value(maker, one.schema, one.before, locale),
            _value(maker, one.schema, one.after, locale),
        )
        for one in differences(kind.schema, before, after)
    )  # fmt: skip


def name_of_place(kind: PolicyKind, place: str, locale: str) -> str:
    """Return the names on the way to a place of a document such as `brands[2].names.en`."""
    path = [int(part[1:-1]) if part.startswith("[") else part for part in re.findall(r"\[\d+\]|[^.\[\]]+", place)]
    return _named(FieldMaker(kind.code, locale), kind.schema, path)


def _named(maker: FieldMaker, schema: Schema, path: Sequence[str | int]) -> str:
    """The names of the places on the way to the value."""
    names: list[str] = []
    for part in path:
        if schema.get("type") == "object":
            names.append(maker.name_of(schema, str(part)))
            schema = schema.get("properties", {}).get(part) or schema.get("additionalProperties") or {}
        else:
            names.append(f"#{part + 1}" if isinstance(part, int) else str(part))
            schema = schema.get("items", {})
    return " · ".join(names)


def _value(maker: FieldMaker, schema: Schema, value: Any, locale: str) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return translate("console.four_eyes.yes" if value else "console.four_eyes.no", locale)
    if isinstance(value, int):
        return _number(schema, value, locale)
    if isinstance(value, str):
        return maker.choice_of(schema, value)
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return translate("console.comma", locale).join(maker.choice_of(schema.get("items", {}), one) for one in value)
    written = json.dumps(value, ensure_ascii=False, sort_keys=True)
    return written if len(written) <= SHOWN_CHARACTERS_MAX else f"{written[:SHOWN_CHARACTERS_MAX]}…"


def _number(schema: Schema, value: int, locale: str) -> str:
    unit = str(schema.get("unit", ""))
    if unit == "minor":
        return words.money(Money(value))
    if unit == "bp":
        return f"{text_of(schema, value)} %"
    return f"{value} {translate(f'policy_unit.{unit}', locale)}" if unit else str(value)
