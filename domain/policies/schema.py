"""JSON Schema for policy documents: short builders, and a document's flaws by the schema.

Keywords of our own extend the standard ones, for editors and for differences in words: `unit` says what a number
counts (minor, bp, s, ms, min, days), `names` which catalogue of words names an object's keys or a list's members, `row_key`
which field of a list's rows tells them apart, `ordered` that their order counts all the same, `offers` where the values come
from that a person chooses from, and `empty` what no choice is called. The standard `default` is what a document that lacks the field is read with.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any

from domain.policies.flaws import Flaw, FlawKind, place

Schema = Mapping[str, Any]
MINOR_MAX = 10**12
CODE = "^[a-z0-9][a-z0-9-]{0,39}$"
_OF_TYPE = {
    "object": FlawKind.NOT_AN_OBJECT, "array": FlawKind.NOT_A_LIST, "integer": FlawKind.NOT_A_NUMBER,
    "string": FlawKind.NOT_TEXT, "boolean": FlawKind.NOT_YES_OR_NO,
}  # fmt: skip
_OF_KEYWORD = {
    "Enum": FlawKind.NOT_KNOWN, "Constant": FlawKind.NOT_KNOWN, "UniqueItems": FlawKind.TWICE, "Pattern": FlawKind.WRONG_FORM,
}  # fmt: skip


def whole(least: int, most: int, unit: str = "") -> Schema:
    """Describe a whole number from `least` to `most`."""
    return {"type": "integer", "minimum": least, "maximum": most, "unit": unit}


def money(least: int = 0) -> Schema:
    """Describe an amount in CNY minor units."""
    return whole(least, MINOR_MAX, "minor")


def basis_points(most: int = 10_000, least: int = 0) -> Schema:
    """Describe a share in basis points."""
    return whole(least, most, "bp")


def text(longest: int = 80, pattern: str | None = None, *, empty: bool = False) -> Schema:
    """Describe a line of text."""
    made: dict[str, Any] = {"type": "string", "minLength": 0 if empty else 1, "maxLength": longest}
    return made if pattern is None else made | {"pattern": pattern}


def yes_or_no() -> Schema:
    """True or false."""
    return {"type": "boolean"}


def one_of(kind: type[StrEnum], names: str) -> Schema:
    """Describe a member of an enum."""
    return {"type": "string", "enum": [member.value for member in kind], "names": names}


def offered(source: str, empty: str = "console.policies.choose") -> Schema:
    """Describe a value out of those that `source` offers, which the kind's further rules judge; `empty` are the words of no choice."""
    return {"type": "string", "minLength": 1, "maxLength": 80, "offers": source, "empty": empty}


def optional(schema: Schema) -> Schema:
    """Describe a value that may be missing."""
    return {**schema, "type": [schema["type"], "null"], "default": None}


def several(member: Schema, most: int = 200) -> Schema:
    """Describe a list of different values."""
    return {"type": "array", "items": member, "uniqueItems": True, "maxItems": most}


def record(names: str = "", optional: Iterable[str] = (), /, **fields: Schema) -> Schema:
    """Describe an object with these fields, all needed but the optional ones; `names` is the catalogue that names them."""
    needed = [field for field in fields if field not in set(optional)]
    return {
        "type": "object", "properties": fields, "required": needed, "additionalProperties": False, "names": names,
    }  # fmt: skip


def by_code(value: Schema, names: str = "", most: int = 500) -> Schema:
    """Describe an object whose keys are codes that people choose."""
    return {
        "type": "object", "propertyNames": {"pattern": CODE}, "additionalProperties": value, "maxProperties": most,
        "names": names,
    }  # fmt: skip


def rows(row: Schema, row_key: str = "", most: int = 500, *, ordered: bool = False) -> Schema:
    """Describe a list of objects; `row_key` is the field that tells them apart, empty where their order does."""
    return {
        "type": "array", "items": row, "minItems": 1, "maxItems": most, "row_key": row_key,
        "ordered": ordered or not row_key,
    }  # fmt: skip


def with_default(schema: Schema, value: Any) -> Schema:
    """Describe a field that documents of older releases lack: they are read with this value."""
    return {**schema, "default": value}


def completed(schema: Schema, document: Any) -> Any:
    """Return the document with the defaults of the fields that it lacks, at every depth; what does not fit stays as it is."""
    if isinstance(document, Mapping) and "properties" in schema:
        fields: Mapping[str, Schema] = schema["properties"]
        missing = {name: one["default"] for name, one in fields.items() if "default" in one and name not in document}
        given = {name: completed(fields.get(name, {}), value) for name, value in document.items()}
        return given | missing
    if isinstance(document, Mapping) and "additionalProperties" in schema:
        return {name: completed(schema["additionalProperties"] or {}, value) for name, value in document.items()}
    if isinstance(document, list) and "items" in schema:
        return [completed(schema["items"], value) for value in document]
    return document


def flaws_of(schema: Schema, document: object) -> Iterator[Flaw]:
    """Yield every flaw of the document by its schema, with its place."""
    for error in _validator(json.dumps(schema)).iter_errors(document):
        yield from _flaws(error, schema)
    yield from _unstorable(document, ())


def _unstorable(value: object, path: tuple[str | int, ...]) -> Iterator[Flaw]:
    """What a schema lets pass and money or a database cannot take: 3.0 for a whole number, characters that are no text."""
    if isinstance(value, float):
        yield Flaw(place(path), FlawKind.NOT_A_NUMBER)
    elif isinstance(value, str) and not value.isprintable():
        yield Flaw(place(path), FlawKind.WRONG_FORM)
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _unstorable(inner, (*path, str(key)))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unstorable(inner, (*path, index))


@lru_cache(maxsize=32)
def _validator(schema: str) -> Any:
    import jsonschema_rs  # Only who checks a document needs it: most processes start without.

    return jsonschema_rs.Draft202012Validator(json.loads(schema))


def _flaws(error: Any, schema: Schema) -> Iterator[Flaw]:
    """The flaws of one error of the validator: it names the object where a field is missing or unknown, we name the field."""
    path, said = tuple(error.instance_path), type(error.kind).__name__
    if said == "Required":
        yield Flaw(place((*path, str(error.kind.property))), FlawKind.MISSING)
    elif said == "AdditionalProperties":
        yield from (Flaw(place((*path, str(field))), FlawKind.NOT_KNOWN) for field in error.kind.unexpected)
    elif said == "PropertyNames":
        yield Flaw(place((*path, str(error.kind.error.instance))), FlawKind.NOT_A_CODE)
    elif said == "Type":
        yield Flaw(place(path), _wrong_type(schema, error.schema_path))
    else:
        yield Flaw(place(path), _OF_KEYWORD.get(said, FlawKind.OUT_OF_RANGE))


def _wrong_type(schema: Schema, schema_path: Iterable[str | int]) -> FlawKind:
    wanted: Any = schema
    for part in schema_path:
        wanted = wanted[part]
    first = wanted if isinstance(wanted, str) else wanted[0]
    return _OF_TYPE[first]
