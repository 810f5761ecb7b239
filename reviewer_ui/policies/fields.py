"""A policy document as form fields, made from its schema: single fields, groups of them, and tables of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.policies.flaws import place
from domain.policies.schema import Schema
from languages import has, translate

NEW_ROWS = 3  # Empty rows at the end of a table that people add to.
Path = tuple[str | int, ...]
_HUNDREDTHS = frozenset({"minor", "bp"})


@dataclass(frozen=True)
class Choice:
    """One value that can be chosen."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True)
class Field:
    """One value: `shape` is number, text, lines, flag or choices; `name` is its place in the document."""

    name: str
    label: str
    shape: str
    value: str = ""
    unit: str = ""  # A key of words: what a number counts.
    choices: tuple[Choice, ...] = ()
    lowest: str = ""
    highest: str = ""


@dataclass(frozen=True)
class Row:
    """One row of a table. `key` is the field of a code that people choose; None where rows are fixed or tell themselves apart."""

    label: str
    cells: tuple[Field, ...]
    key: Field | None = None
    remove: str = ""  # The name of the checkbox that removes the row.
    order: Field | None = None  # Where the order of the rows counts: the row's place, 2.5 goes between 2 and 3.


@dataclass(frozen=True)
class Table:
    """Values in rows and columns. `count` is the name of the hidden field with the number of rows, empty for fixed rows."""

    label: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    count: str = ""
    keyed: bool = False
    ordered: bool = False


@dataclass(frozen=True)
class Editor:
    """The form of one document."""

    fields: tuple[Field, ...]
    tables: tuple[Table, ...]


class FieldMaker:
    """Makes the form of a kind's documents in one language."""

    def __init__(self, kind: str, locale: str) -> None:
        self._kind = kind
        self._locale = locale

    def editor(self, schema: Schema, document: Mapping[str, Any]) -> Editor:
        """Return the form of a document, which may have flaws: a value that does not fit is shown as it is."""
        fields, tables = [], []
        for name, inner in schema["properties"].items():
            value = document.get(name) if isinstance(document, Mapping) else None
            if is_table(inner):
                tables.append(self._table(inner, value, (name,)))
            else:
                fields.append(self._field(inner, value, (name,), self.name_of(schema, name)))
        return Editor(tuple(fields), tuple(tables))

    def name_of(self, schema: Schema, key: str) -> str:
        """Return what a field is called: by the catalogue that the schema names, else by the kind's own words."""
        return self._word(f"{schema['names']}.{key}" if schema.get("names") else f"policy.{self._kind}.{key}", key)

    def choice_of(self, schema: Schema, value: str) -> str:
        """Return what a chosen value is called."""
        if not value:
            return translate("console.policies.any", self._locale)
        return self._word(f"{schema['names']}.{value}", value) if schema.get("names") else value

    def _word(self, key: str, otherwise: str) -> str:
        return translate(key, self._locale) if has(key, self._locale) else otherwise

    def _order(self, path: Path, number: str) -> Field:
        return Field(f"{place(path)}.order", translate("console.policies.order", self._locale), "number", number)

    def _table(self, schema: Schema, value: Any, path: Path) -> Table:
        label = self._word(f"policy.{self._kind}.{path[-1]}", str(path[-1]))
        if schema["type"] == "array":
            return self._list(schema, value if isinstance(value, list) else [], path, label)
        given = value if isinstance(value, Mapping) else {}
        inner = value_schema(schema)
        columns = self._columns(inner)
        if "properties" in schema:
            rows = tuple(
                Row(self.name_of(schema, key), self._cells(inner, given.get(key), (*path, key)))
                for key in schema["properties"]
            )
            return Table(label, columns, rows)
        return self._codes(schema, inner, given, path, label)

    def _codes(self, schema: Schema, inner: Schema, given: Mapping[str, Any], path: Path, label: str) -> Table:
        """A table whose rows have codes that people choose."""
        entries = [*given.items(), *[("", None)] * NEW_ROWS]
        name = place(path)
        rows = tuple(
            Row(
                self.name_of(schema, code) if code else "", self._cells(inner, value, (*path, index)),
                Field(f"{name}[{index}].key", label, "text", code), f"{name}[{index}].remove" if code else "",
            )
            for index, (code, value) in enumerate(entries)
        )  # fmt: skip
        return Table(label, self._columns(inner), rows, f"{name}.rows", keyed=True)

    def _list(self, schema: Schema, given: list[Any], path: Path, label: str) -> Table:
        """A table of rows that people add, remove and, where no field tells them apart, put in order."""
        inner, ordered = schema["items"], not schema["row_key"]
        entries, name = [*given, *[None] * NEW_ROWS], place(path)
        rows = tuple(
            Row(
                "", self._cells(inner, value, (*path, index)), None, "" if value is None else f"{name}[{index}].remove",
                self._order((*path, index), "" if value is None else str(index + 1)) if ordered else None,
            )
            for index, value in enumerate(entries)
        )  # fmt: skip
        return Table(label, self._columns(inner), rows, f"{name}.rows", ordered=ordered)

    def _columns(self, inner: Schema) -> tuple[str, ...]:
        if inner["type"] != "object":
            return (translate("console.policies.value", self._locale),)
        return tuple(label for label, _, _ in self._leaves(inner))

    def _cells(self, inner: Schema, value: Any, path: Path) -> tuple[Field, ...]:
        if inner["type"] != "object":
            return (self._field(inner, value, path, translate("console.policies.value", self._locale)),)
        return tuple(
            self._field(leaf, inside(value, below), (*path, *below), label)
            for label, leaf, below in self._leaves(inner)
        )

    def _leaves(self, schema: Schema) -> list[tuple[str, Schema, tuple[str, ...]]]:
        """The values of a row with their names; an object within a row gives a column for each of its own."""
        found: list[tuple[str, Schema, tuple[str, ...]]] = []
        for name, inner in schema["properties"].items():
            label = self.name_of(schema, name)
            if inner["type"] == "object":
                found += [(f"{label} · {deep}", leaf, (name, *below)) for deep, leaf, below in self._leaves(inner)]
            else:
                found.append((label, inner, (name,)))
        return found

    def _field(self, schema: Schema, value: Any, path: Path, label: str) -> Field:
        name, shape = place(path), shape_of(schema)
        chosen = set(value) if isinstance(value, list) else {value}
        choices = tuple(
            Choice(one, self.choice_of(item_of(schema), one), one in chosen) for one in item_of(schema).get("enum", ())
        )
        unit = str(schema.get("unit", ""))
        bounds: list[str] = [
            text_of(schema, schema[bound]) if shape == "number" and bound in schema else "" for bound in ("minimum", "maximum")
        ]  # fmt: skip
        return Field(
            name, label, shape, text_of(schema, value), f"policy_unit.{unit}" if unit else "", choices, *bounds
        )


def is_table(schema: Schema) -> bool:
    """Return whether a value of the document is shown as a table rather than as a field."""
    return schema["type"] == "object" or (schema["type"] == "array" and item_of(schema).get("type") == "object")


def value_schema(schema: Schema) -> Schema:
    """Return what each value of an object is like; all fixed fields of a table are alike."""
    fixed: Mapping[str, Schema] = schema.get("properties", {})
    return next(iter(fixed.values())) if fixed else schema["additionalProperties"]


def item_of(schema: Schema) -> Schema:
    """Return the schema of a list's members, or the schema itself where it is no list."""
    items: Schema = schema.get("items", schema)
    return items


def shape_of(schema: Schema) -> str:
    """Return which kind of form field a value needs."""
    kinds: Mapping[str, Callable[[], str]] = {
        "boolean": lambda: "flag",
        "integer": lambda: "number",
        "array": lambda: "several" if "enum" in item_of(schema) else "lines",
    }
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    return kinds.get(kind, lambda: "choice" if "enum" in schema else "text")()


def text_of(schema: Schema, value: Any) -> str:
    """Return a value as a person types it: money in units, shares in percent, lists with one entry per line."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    if isinstance(value, int) and schema.get("unit") in _HUNDREDTHS:
        sign = "-" if value < 0 else ""
        return f"{sign}{abs(value) // 100}.{abs(value) % 100:02d}"
    if isinstance(value, list):
        return "\n".join(text_of(item_of(schema), one) for one in value)
    return str(value)


def inside(value: Any, path: tuple[str, ...]) -> Any:
    """Return what lies at a path of nested objects, None where it does not lead."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value
