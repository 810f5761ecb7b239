"""The form of a policy document as data: fields, tables of rows, and groups of rows that have tables of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from domain.policies.flaws import Flaw

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Choice:
    """One value that can be chosen."""

    value: str
    label: str
    chosen: bool


@dataclass(frozen=True)
class Field:
    """One value: `shape` is number, text, lines, flag, choice or several; `name` is that of the form's field."""

    name: str
    label: str
    shape: str
    place: str  # In the document, as flaws name it: rows have codes there and numbers in the form.
    value: str = ""
    unit: str = ""  # A key of words: what a number counts.
    choices: tuple[Choice, ...] = ()
    lowest: str = ""
    highest: str = ""
    reading: str = ""  # The number in a larger unit, e.g. `2 d`.

    def wrong(self, flaws: Iterable[Flaw]) -> tuple[Flaw, ...]:
        """Return those of the flaws that lie in this field."""
        return tuple(one for one in flaws if one.path == self.place or one.path.startswith(f"{self.place}["))


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
class Entry:
    """One row that has tables of its own: a form within the form. `place` is its own in the document, empty for a new one."""

    label: str
    place: str
    editor: Editor
    key: Field | None = None
    remove: str = ""
    order: Field | None = None

    def within(self, flaws: Iterable[Flaw]) -> tuple[Flaw, ...]:
        """Return those of the flaws that lie anywhere in this row."""
        return tuple(one for one in flaws if self.place and _lies_in(one.path, self.place))

    def of_none(self, flaws: Iterable[Flaw]) -> tuple[Flaw, ...]:
        """Return those of its flaws that no field shows: of the row as a whole, or of several values together."""
        fields = [*self.editor.every_field(), *([self.key] if self.key else [])]
        shown = {flaw for field in fields for flaw in field.wrong(flaws)}
        return tuple(one for one in self.within(flaws) if one not in shown)


@dataclass(frozen=True)
class Group:
    """Rows that have tables of their own, one below the other."""

    label: str
    entries: tuple[Entry, ...]
    count: str


@dataclass(frozen=True)
class Editor:
    """The form of one document, or of one row with tables."""

    fields: tuple[Field, ...]
    tables: tuple[Table, ...]
    groups: tuple[Group, ...] = ()

    def every_field(self) -> Iterable[Field]:
        """Yield all fields, also those inside tables and rows."""
        yield from self.fields
        for row in (row for table in self.tables for row in table.rows):
            yield from (*row.cells, *([row.key] if row.key else []), *([row.order] if row.order else []))
        for entry in (entry for group in self.groups for entry in group.entries):
            yield from (*([entry.key] if entry.key else []), *([entry.order] if entry.order else []))
            yield from entry.editor.every_field()


@dataclass(frozen=True)
class Spot:
    """Where a value is: in the form, and in the document."""

    name: Path = ()
    place: Path = ()

    def below(self, *parts: str | int) -> Spot:
        """Return the spot of a value further inside."""
        return Spot((*self.name, *parts), (*self.place, *parts))

    def row(self, number: int, key: str | int) -> Spot:
        """Return the spot of a row, which has its number in the form and may have a code in the document."""
        return Spot((*self.name, number), (*self.place, key))


def _lies_in(path: str, place: str) -> bool:
    return path.startswith(place) and path[len(place) : len(place) + 1] in ("", ".", "[")
