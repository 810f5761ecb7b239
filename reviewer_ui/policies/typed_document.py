"""A policy document from what was typed into its form. Nothing is judged here but text that is no number."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol

from domain.policies.flaws import DocumentWrong, Flaw, FlawKind, place
from domain.policies.schema import Schema
from reviewer_ui.policies.fields import Editor, Field, Path, is_table, item_of, shape_of, value_schema

ROWS_MAX = 600
_WHOLE = re.compile(r"-?[0-9]{1,15}")
_HUNDREDTHS = re.compile(r"(-?)([0-9]{1,13})(?:\.([0-9]{1,2}))?")


class Form(Protocol):
    """A form whose fields may come several times."""

    def get(self, key: str, /) -> Any:
        """Return the last value of a field, None where it was not sent."""

    def getlist(self, key: str, /) -> list[Any]:
        """Return every value of a field."""


def typed_document(schema: Schema, form: Form) -> dict[str, Any]:
    """Return the document. Raises DocumentWrong with the place of every text that is no number."""
    reader = _Reader(form)
    made = {
        name: reader.table(inner, (name,)) if is_table(inner) else reader.value(inner, (name,))
        for name, inner in schema["properties"].items()
    }
    if reader.flaws:
        raise DocumentWrong(reader.flaws)
    return made


class _Reader:
    """Reads one form, collecting flaws."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self.flaws: list[Flaw] = []

    def table(self, schema: Schema, path: Path) -> Any:
        if schema["type"] == "array":
            return [self._row(schema["items"], (*path, index)) for index in self._rows(schema["items"], path)]
        inner = value_schema(schema)
        if "properties" in schema:
            return {key: self._row(inner, (*path, key)) for key in schema["properties"]}
        return self._codes(inner, path)

    def value(self, schema: Schema, path: Path) -> Any:
        shape, name = shape_of(schema), place(path)
        if shape == "flag":
            return self._text(name) == "yes"
        if shape == "several":
            return [str(one) for one in self._form.getlist(name)]
        if shape == "lines":
            lines = [line.strip() for line in self._text(name).splitlines() if line.strip()]
            whole = item_of(schema)["type"] == "integer"
            return [self._number(item_of(schema), line, name) for line in lines] if whole else lines
        if shape == "number":
            return self._number(schema, self._text(name), name)
        typed = self._text(name)
        return None if not typed and not isinstance(schema["type"], str) else typed

    def _codes(self, inner: Schema, path: Path) -> dict[str, Any]:
        made: dict[str, Any] = {}
        for index in range(self._count(path)):
            place_of_row = place((*path, index))
            code = self._text(f"{place_of_row}.key")
            if not code or self._text(f"{place_of_row}.remove"):
                continue
            if code in made:
                self.flaws.append(Flaw(f"{place(path)}.{code}", FlawKind.TWICE))
            made[code] = self._row(inner, (*path, index))
        return made

    def _rows(self, inner: Schema, path: Path) -> list[int]:
        """The rows that are kept: those not removed, and new ones with something in them."""
        kept = [index for index in range(self._count(path)) if not self._text(f"{place((*path, index))}.remove")]
        return sorted(
            (index for index in kept if self._has_something(inner, (*path, index))),
            key=lambda index: self._order(index, self._text(f"{place((*path, index))}.order")),
        )

    def _order(self, index: int, typed: str) -> tuple[float, int]:
        """The place that was typed for a row; a new row without one comes last."""
        return (float(typed) if re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,3})?", typed) else ROWS_MAX * 10.0, index)

    def _row(self, inner: Schema, path: Path) -> Any:
        if inner["type"] != "object":
            return self.value(inner, path)
        fields: Mapping[str, Schema] = inner["properties"]
        return {
            name: self._row(one, (*path, name)) if one["type"] == "object" else self.value(one, (*path, name))
            for name, one in fields.items()
        }

    def _has_something(self, inner: Schema, path: Path) -> bool:
        if inner["type"] == "object":
            return any(self._has_something(one, (*path, name)) for name, one in inner["properties"].items())
        # A choice always has a value: alone it does not make a row.
        return shape_of(inner) != "choice" and bool(self._text(place(path)))

    def _count(self, path: Path) -> int:
        typed = self._text(f"{place(path)}.rows")
        return min(int(typed), ROWS_MAX) if re.fullmatch("[0-9]{1,4}", typed) else 0

    def _text(self, name: str) -> str:
        given = self._form.get(name)
        return given.strip() if isinstance(given, str) else ""

    def _number(self, schema: Schema, typed: str, name: str) -> int:
        if schema.get("unit") in ("minor", "bp"):
            found = _HUNDREDTHS.fullmatch(typed)
            if found:
                number = int(found[2]) * 100 + int((found[3] or "").ljust(2, "0"))
                return -number if found[1] else number
        elif _WHOLE.fullmatch(typed):
            return int(typed)
        self.flaws.append(Flaw(name, FlawKind.NOT_A_NUMBER if typed else FlawKind.MISSING))
        return 0


def with_typed(editor: Editor, form: Form) -> Editor:
    """Return the form with what was typed into it, also where that is no document."""
    return Editor(
        tuple(_typed(field, form) for field in editor.fields),
        tuple(
            replace(table, rows=tuple(replace(row, cells=tuple(_typed(cell, form) for cell in row.cells), key=row.key and _typed(row.key, form)) for row in table.rows))
            for table in editor.tables
        ),
    )  # fmt: skip


def _typed(field: Field, form: Form) -> Field:
    given = [str(one) for one in form.getlist(field.name)]
    choices = tuple(replace(choice, chosen=choice.value in given) for choice in field.choices)
    return replace(field, value=given[0] if given else "", choices=choices)
