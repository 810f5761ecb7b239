"""The difference between two versions of a policy as lines in one language."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from domain.money import Money
from domain.policies.difference import ChangeKind, differences
from domain.policies.document import PolicyKind
from domain.policies.schema import Schema
from languages import translate
from reviewer_ui.policies.fields import FieldMaker, text_of
from reviewer_ui.policies.readings import reading_of
from web import words

SHOWN_CHARACTERS_MAX = 300


@dataclass(frozen=True)
class ChangeLine:
    """One change: what changed, how (a key of words), from what to what."""

    what: str
    kind: ChangeKind
    before: str
    after: str


def change_lines(
    kind: PolicyKind, maker: FieldMaker, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[ChangeLine, ...]:
    """Return what `after` says otherwise than `before`, in the words of the form's maker."""
    return tuple(
        ChangeLine(
            _named(maker, kind.schema, one.path), one.kind, _value(maker, one.schema, one.before),
            _value(maker, one.schema, one.after),
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


def _value(maker: FieldMaker, schema: Schema, value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return translate("console.four_eyes.yes" if value else "console.four_eyes.no", maker.locale)
    if isinstance(value, int):
        return _number(schema, value, maker.locale)
    if isinstance(value, str):
        return maker.choice_of(schema, value)
    if isinstance(value, list):
        return _short(maker, [_value(maker, schema.get("items", {}), one) for one in value])
    return _short(maker, [*_parts(maker, schema, value)])


def _parts(maker: FieldMaker, schema: Schema, values: Mapping[str, Any]) -> Iterator[str]:
    """`Name: value` for each value of an object that says something."""
    colon = translate("console.colon", maker.locale)
    for name, value in values.items():
        inner = schema.get("properties", {}).get(name) or schema.get("additionalProperties") or {}
        if value not in (None, [], {}) and value != inner.get("default"):
            yield f"{maker.name_of(schema, name)}{colon}{_value(maker, inner, value)}"


def _short(maker: FieldMaker, parts: list[str]) -> str:
    joined = translate("console.comma", maker.locale).join(parts) or "–"
    return joined if len(joined) <= SHOWN_CHARACTERS_MAX else f"{joined[:SHOWN_CHARACTERS_MAX]}…"


def _number(schema: Schema, value: int, locale: str) -> str:
    unit = str(schema.get("unit", ""))
    if unit == "minor":
        return words.money(Money(value))
    if unit == "bp":
        return f"{text_of(schema, value)} %"
    if not unit:
        return str(value)
    written, reading = f"{value} {translate(f'policy_unit.{unit}', locale)}", reading_of(unit, value, locale)
    return f"{written} (= {reading})" if reading else written
