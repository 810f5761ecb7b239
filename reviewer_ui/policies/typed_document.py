"""A policy document from what was typed into its form. Nothing is judged here but text that is no number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from domain.policies.flaws import DocumentWrong, Flaw, FlawKind, place
from domain.policies.schema import Schema
from reviewer_ui.policies.editor import Spot
from reviewer_ui.policies.fields import is_rows, item_of, shape_of, text_of, value_schema

ROWS_MAX = 600
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_HUNDREDTHS = re.compile(r"(-?)([0-9]{1,13})(?:\.([0-9]{1,2}))?")


class Form(Protocol):
    """A form whose fields may come several times."""

    def get(self, key: str, /) -> Any:
        """Return the last value of a field, None where it was not sent."""

    def getlist(self, key: str, /) -> list[Any]:
        """Return every value of a field."""


@dataclass(frozen=True)
class TypedDocument:
    """The document of a form, in which text that is no number stays as it was typed, and the places of such text."""

    document: dict[str, Any]
    flaws: tuple[Flaw, ...]

    def without_flaws(self) -> dict[str, Any]:
        """Return the document. Raises DocumentWrong with the place of every text that is no number."""
        if self.flaws:
            raise DocumentWrong(self.flaws)
        return self.document


def typed_document(schema: Schema, form: Form) -> TypedDocument:
    """Return what a form says."""
    reader = _Reader(form)
    return TypedDocument(reader.fields(schema, Spot()), tuple(reader.flaws))


class _Reader:
    """Reads one form, collecting flaws."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self.flaws: list[Flaw] = []

    def fields(self, schema: Schema, at: Spot) -> dict[str, Any]:
        return {name: self.value(inner, at.below(name)) for name, inner in schema["properties"].items()}

    def value(self, schema: Schema, at: Spot) -> Any:
        if is_rows(schema):
            return self._list(schema, at) if schema["type"] == "array" else self._codes(schema, at)
        if schema["type"] == "object":
            return self.fields(schema, at)
        return self._leaf(schema, at)

    def _leaf(self, schema: Schema, at: Spot) -> Any:
        shape, name = shape_of(schema), place(at.name)
        if shape == "flag":
            return self._text(name) == "yes"
        if shape == "several":
            return [str(one) for one in self._form.getlist(name)]
        if shape == "lines":
            lines = [line.strip() for line in self._text(name).splitlines() if line.strip()]
            whole = item_of(schema)["type"] == "integer"
            return [self._number(item_of(schema), line, at) for line in lines] if whole else lines
        typed = self._text(name)
        if not typed and not isinstance(schema["type"], str):
            return None
        if shape == "number":
            return schema["default"] if not typed and "default" in schema else self._number(schema, typed, at)
        return typed

    def _list(self, schema: Schema, at: Spot) -> list[Any]:
        """The rows that are kept, in their order: those not removed, and new ones with something in them."""
        inner = value_schema(schema)
        kept = [index for index in self._kept(at) if self._has_something(inner, at.below(index))]
        kept.sort(key=lambda index: self._order(index, self._text(f"{place((*at.name, index))}.order")))
        return [self.value(inner, at.row(index, number)) for number, index in enumerate(kept)]

    def _codes(self, schema: Schema, at: Spot) -> dict[str, Any]:
        """Values by code. Of two rows with one code, the second keeps its place under that code and a space."""
        inner, made = value_schema(schema), dict[str, Any]()
        for index in self._kept(at):
            code = self._text(f"{place((*at.name, index))}.key")
            if not code and not self._has_something(inner, at.below(index)):
                continue
            kind = FlawKind.TWICE if code in made else FlawKind.MISSING
            wrong = not code or code in made
            while code in made:
                code += " "
            spot = at.row(index, code)
            self.flaws += [Flaw(place(spot.place), kind)] if wrong else []
            made[code] = self.value(inner, spot)
        return made

    def _kept(self, at: Spot) -> Iterator[int]:
        typed = self._text(f"{place(at.name)}.rows")
        count = min(int(typed), ROWS_MAX) if re.fullmatch("[0-9]{1,4}", typed) else 0
        return (index for index in range(count) if not self._text(f"{place((*at.name, index))}.remove"))

    def _order(self, index: int, typed: str) -> tuple[float, int]:
        """The place that was typed for a row; a new row without one comes last."""
        return (float(typed) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", typed) else ROWS_MAX * 10.0, index)

    def _has_something(self, inner: Schema, at: Spot) -> bool:
        """Whether a row says more than an empty one: what it is offered with does not count."""
        if is_rows(inner):
            below = value_schema(inner)
            return any(
                self._text(f"{place((*at.name, index))}.key") or self._has_something(below, at.below(index))
                for index in self._kept(at)
            )
        if inner["type"] == "object":
            return any(self._has_something(one, at.below(name)) for name, one in inner["properties"].items())
        if shape_of(inner) == "choice" and ("enum" in inner or "default" in inner):
            return False
        typed = self._text(place(at.name))
        return bool(typed) and typed != text_of(inner, inner.get("default"))

    def _text(self, name: str) -> str:
        given = self._form.get(name)
        return given.strip() if isinstance(given, str) else ""

    def _number(self, schema: Schema, typed: str, at: Spot) -> int | str:
        if schema.get("unit") in ("minor", "bp"):
            found = _HUNDREDTHS.fullmatch(typed)
            if found:
                number = int(found[2]) * 100 + int((found[3] or "").ljust(2, "0"))
                return -number if found[1] else number
        elif _WHOLE.fullmatch(typed):
            return int(typed)
        self.flaws.append(Flaw(place(at.place), FlawKind.NOT_A_NUMBER if typed else FlawKind.MISSING))
        return typed
