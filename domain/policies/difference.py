"""What one document says otherwise than another, value by value."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from domain.policies.schema import Schema

Path = tuple[str | int, ...]


class ChangeKind(StrEnum):
    """What happened to a value."""

    CHANGED = "changed"
    ADDED = "added"
    REMOVED = "removed"
    ORDER = "order"  # Rows are in another order.


@dataclass(frozen=True)
class Difference:
    """One changed value. `schema` describes the value; None on the side that has none."""

    path: Path
    kind: ChangeKind
    before: Any
    after: Any
    schema: Schema


def differences(schema: Schema, before: Any, after: Any, path: Path = ()) -> Iterator[Difference]:
    """Yield every difference between two documents that fit the schema, in the schema's order.

    Lists of values are compared as sets. Rows are distinguished by the schema's `row_key`, else by their place.
    """
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _of_fields(schema, before, after, path)
    elif isinstance(before, list) and isinstance(after, list):
        yield from _of_lists(schema, before, after, path)
    elif before != after:
        yield Difference(path, ChangeKind.CHANGED, before, after, schema)


def _of_fields(schema: Schema, before: Mapping[str, Any], after: Mapping[str, Any], path: Path) -> Iterator[Difference]:
    known = list(schema.get("properties", {}))
    for name in dict.fromkeys([*known, *before, *after]):
        inner: Schema = schema.get("properties", {}).get(name) or schema.get("additionalProperties") or {}
        yield from _of_one(inner, name in before, before.get(name), name in after, after.get(name), (*path, name))


def _of_one(
    schema: Schema, had: bool, before: Any, has: bool, after: Any, path: Path
) -> Iterator[Difference]:  # fmt: skip
    if had and has:
        yield from differences(schema, before, after, path)
    elif has:
        yield Difference(path, ChangeKind.ADDED, None, after, schema)
    elif had:
        yield Difference(path, ChangeKind.REMOVED, before, None, schema)


def _of_lists(schema: Schema, before: list[Any], after: list[Any], path: Path) -> Iterator[Difference]:
    row: Schema = schema.get("items", {})
    if row.get("type") == "object":
        old, new = _rows(schema, before), _rows(schema, after)
        for key in dict.fromkeys([*old, *new]):
            yield from _of_one(row, key in old, old.get(key), key in new, new.get(key), (*path, key))
        yield from _of_order(schema, list(old), list(new), path)
    elif schema.get("uniqueItems"):
        yield from (Difference(path, ChangeKind.REMOVED, one, None, row) for one in before if one not in after)
        yield from (Difference(path, ChangeKind.ADDED, None, one, row) for one in after if one not in before)
    elif before != after:
        yield Difference(path, ChangeKind.CHANGED, before, after, schema)


def _of_order(schema: Schema, old: list[str | int], new: list[str | int], path: Path) -> Iterator[Difference]:
    """The order of rows that have names of their own, where it counts; rows that only one side has do not."""
    before, after = [key for key in old if key in new], [key for key in new if key in old]
    if schema.get("ordered") and before != after:
        yield Difference(path, ChangeKind.ORDER, before, after, {})


def _rows(schema: Schema, rows: list[Any]) -> dict[str | int, Any]:
    key = schema.get("row_key")
    return {str(row[key]) if key else index: row for index, row in enumerate(rows)}
