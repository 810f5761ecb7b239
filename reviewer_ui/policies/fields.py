"""A policy document as form fields, made from its schema: single fields, tables of rows, and groups of rows with tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from domain.policies.flaws import place
from domain.policies.schema import Schema
from languages import has, translate
from reviewer_ui.policies.editor import Choice, Editor, Entry, Field, Group, Row, Spot, Table
from reviewer_ui.policies.offers import Offers, People
from reviewer_ui.policies.readings import reading_of
from web.words import Audience, worded_for

NEW_ROWS = 3  # Empty rows at the end of a table that people add to.
NEW_ENTRIES = 1
_HUNDREDTHS = frozenset({"minor", "bp"})


class FieldMaker:
    """Makes the form of a kind's documents in one language."""

    def __init__(self, kind: str, locale: str, people: People | None = None) -> None:
        self._kind = kind
        self.locale = locale
        self._people = people or People()
        self._offers = Offers(locale, self._people, {})

    def editor(self, schema: Schema, document: Mapping[str, Any]) -> Editor:
        """Return the form of a document, which may have flaws: a value that does not fit is shown as it is."""
        given = document if isinstance(document, Mapping) else {}
        self._offers = Offers(self.locale, self._people, given)
        return self._editor(schema, given, Spot())

    def name_of(self, schema: Schema, key: str) -> str:
        """Return what a field is called: by the catalogue that the schema names, else by the kind's own words."""
        return self._word(f"{schema['names']}.{key}" if schema.get("names") else f"policy.{self._kind}.{key}", key)

    def choice_of(self, schema: Schema, value: str) -> str:
        """Return what a chosen value is called."""
        if schema.get("offers"):
            return self._offers.named(schema["offers"], value)
        if not value:
            return translate("console.policies.any", self.locale)
        return self._word(f"{schema['names']}.{value}", value) if schema.get("names") else value

    def _word(self, key: str, otherwise: str) -> str:
        return worded_for(key, self.locale, Audience.STAFF) if has(key, self.locale) else otherwise

    def _editor(self, schema: Schema, given: Mapping[str, Any], at: Spot) -> Editor:
        fields: list[Field] = []
        tables: list[Table] = []
        groups: list[Group] = []
        for name, inner in schema["properties"].items():
            value, label, spot = given.get(name), self.name_of(schema, name), at.below(name)
            if is_rows(inner) and has_rows(value_schema(inner)):
                groups.append(self._group(inner, value, spot, label))
            elif is_rows(inner) or (is_table(inner) and not at.name):
                tables.append(self._table(inner, value, spot, label))
            elif inner["type"] == "object":
                fields += self._cells(inner, value, spot, f"{label} · ")
            else:
                fields.append(self._field(inner, value, spot, label))
        return Editor(tuple(fields), tuple(tables), tuple(groups))

    def _group(self, schema: Schema, value: Any, at: Spot, label: str) -> Group:
        keyed, inner = schema["type"] == "object", value_schema(schema)
        entries = []
        for index, (key, one) in enumerate(_entries(schema, value, NEW_ENTRIES)):
            spot, new = at.row(index, key), one is None
            named = str(one.get(schema.get("row_key", ""), "")) if isinstance(one, Mapping) else ""
            entries.append(
                Entry(
                    "" if new else str(key) if keyed else named, "" if new else place(spot.place),
                    self._editor(inner, one if isinstance(one, Mapping) else {}, spot),
                    self._key(spot, translate("console.policies.code", self.locale), "" if new else str(key)) if keyed else None,
                    "" if new else f"{place(spot.name)}.remove",
                    self._order(spot, "" if new else str(index + 1)) if schema.get("ordered") else None,
                )
            )  # fmt: skip
        return Group(label, tuple(entries), f"{place(at.name)}.rows")

    def _key(self, at: Spot, label: str, code: str) -> Field:
        return Field(f"{place(at.name)}.key", label, "text", place(at.place), code)

    def _order(self, at: Spot, number: str) -> Field:
        name = f"{place(at.name)}.order"
        return Field(name, translate("console.policies.order", self.locale), "number", name, number)

    def _table(self, schema: Schema, value: Any, at: Spot, label: str) -> Table:
        inner = value_schema(schema)
        columns = self._columns(inner)
        if not is_rows(schema):
            given = value if isinstance(value, Mapping) else {}
            fixed = schema["properties"]
            return Table(label, columns, tuple(
                Row(self.name_of(schema, key), self._cells(inner, given.get(key), at.below(key))) for key in fixed
            ))  # fmt: skip
        keyed, ordered, rows = schema["type"] == "object", bool(schema.get("ordered")), []
        for index, (key, one) in enumerate(_entries(schema, value, NEW_ROWS)):
            spot, new = at.row(index, key), one is None
            rows.append(
                Row(
                    self.name_of(schema, str(key)) if keyed and not new else "", self._cells(inner, one, spot),
                    self._key(spot, label, "" if new else str(key)) if keyed else None,
                    "" if new else f"{place(spot.name)}.remove",
                    self._order(spot, "" if new else str(index + 1)) if ordered else None,
                )
            )  # fmt: skip
        return Table(label, columns, tuple(rows), f"{place(at.name)}.rows", keyed, ordered)

    def _columns(self, inner: Schema) -> tuple[str, ...]:
        if inner["type"] != "object":
            return (translate("console.policies.value", self.locale),)
        return tuple(label for label, _, _ in self._leaves(inner))

    def _cells(self, inner: Schema, value: Any, at: Spot, before: str = "") -> tuple[Field, ...]:
        """Return the fields of a row, or of an object whose name `before` prefixes each."""
        if inner["type"] != "object":
            return (self._field(inner, value, at, translate("console.policies.value", self.locale)),)
        return tuple(
            self._field(leaf, inside(value, below), at.below(*below), f"{before}{label}")
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

    def _field(self, schema: Schema, value: Any, at: Spot, label: str) -> Field:
        shape, unit = shape_of(schema), str(schema.get("unit", ""))
        if value is None and "default" in schema:
            value = schema["default"]
        lowest, highest = (
            text_of(schema, schema[bound]) if shape == "number" and bound in schema else "" for bound in ("minimum", "maximum")
        )  # fmt: skip
        return Field(
            place(at.name), label, shape, place(at.place), text_of(schema, value), f"policy_unit.{unit}" if unit else "",
            self._choices(schema, value), lowest, highest, reading_of(unit, value, self.locale),
        )  # fmt: skip

    def _choices(self, schema: Schema, value: Any) -> tuple[Choice, ...]:
        """What can be chosen, and what is chosen although it is not among it."""
        member, several = item_of(schema), schema["type"] == "array"
        if "enum" in member:
            values: list[tuple[str, str]] = [(one, self.choice_of(member, one)) for one in member["enum"]]
        elif "offers" in member:
            values = list(self._offers.of(member["offers"]))
        else:
            return ()
        chosen = [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, str) and one]
        values += [(one, self.choice_of(member, one)) for one in chosen if one not in dict(values)]
        if "offers" in member and not several and ("null" in schema["type"] or not chosen):
            values.insert(0, ("", translate(member["empty"], self.locale)))
        return tuple(Choice(one, named, one in chosen or (one == value == "")) for one, named in values)


def _entries(schema: Schema, value: Any, new: int) -> list[tuple[str | int, Any]]:
    """The rows with their codes, or numbers where they have none, and the empty ones for new values."""
    if schema["type"] == "array":
        given: list[tuple[str | int, Any]] = list(enumerate(value)) if isinstance(value, list) else []
    else:
        given = list(value.items()) if isinstance(value, Mapping) else []
    return [*given, *((len(given) + number, None) for number in range(new))]


def is_rows(schema: Schema) -> bool:
    """Return whether a value is rows that people add and remove: a list of objects, or values by a code."""
    if schema["type"] == "array":
        return bool(item_of(schema).get("type") == "object")
    return bool(schema["type"] == "object" and "properties" not in schema)


def has_rows(schema: Schema) -> bool:
    """Return whether a row has rows of its own."""
    return any(is_rows(inner) for inner in schema.get("properties", {}).values())


def is_table(schema: Schema) -> bool:
    """Return whether a value of the document is shown as a table rather than as a field."""
    return schema["type"] == "object" or (schema["type"] == "array" and item_of(schema).get("type") == "object")


def value_schema(schema: Schema) -> Schema:
    """Return what each row of a table is like; all fixed fields of an object that is a table are alike."""
    if schema["type"] == "array":
        return item_of(schema)
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
        "array": lambda: "several" if _is_chosen(item_of(schema)) else "lines",
    }
    kind = schema["type"] if isinstance(schema["type"], str) else schema["type"][0]
    return kinds.get(kind, lambda: "choice" if _is_chosen(schema) else "text")()


def _is_chosen(schema: Schema) -> bool:
    return "enum" in schema or "offers" in schema


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
