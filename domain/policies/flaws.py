"""What can be wrong with a policy document, each mistake with its place, e.g. `most_minor.payee.hour`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class FlawKind(StrEnum):
    """What is wrong with a place of the document."""

    MISSING = "missing"
    NOT_KNOWN = "not_known"  # A field or a choice that does not exist.
    NOT_AN_OBJECT = "not_an_object"
    NOT_A_LIST = "not_a_list"
    NOT_A_NUMBER = "not_a_number"  # Or not a whole one.
    NOT_TEXT = "not_text"
    NOT_YES_OR_NO = "not_yes_or_no"
    OUT_OF_RANGE = "out_of_range"
    NOT_A_CODE = "not_a_code"
    WRONG_FORM = "wrong_form"  # Text that does not have the form that the place asks for.
    NOT_A_ZONE = "not_a_zone"
    NOT_A_SHIFT = "not_a_shift"  # `09:00-12:00`, within one day.
    OVERLAPS = "overlaps"
    NOT_A_DATE = "not_a_date"
    NEVER_OPEN = "never_open"
    TWICE = "twice"
    NOT_LAST = "not_last"  # The last policy must match every task, and none before it may.
    CONTRADICTS = "contradicts"  # It does not fit another value of the document.
    IN_USE = "in_use"  # It was removed, but cards refer to it.
    UNCHANGED = "unchanged"  # The document is the one in force.
    NOT_JSON = "not_json"
    HIDDEN = "hidden"  # A row that never counts: one above it always fits first.
    NOT_FOR_ALL = "not_for_all"  # The last row must fit everything.
    NOT_WHOLE = "not_whole"  # Parts that do not sum to 100 %.


@dataclass(frozen=True)
class Flaw:
    """One mistake and its place."""

    path: str
    kind: FlawKind


class DocumentWrong(ValueError):
    """The document cannot be used; `flaws` names every place."""

    def __init__(self, flaws: Iterable[Flaw]) -> None:
        self.flaws = tuple(flaws)
        super().__init__("; ".join(f"{flaw.path}: {flaw.kind}" for flaw in self.flaws))


def place(path: Iterable[str | int]) -> str:
    """Return `chain[0].minutes` for ("chain", 0, "minutes"), and `$` for the document itself."""
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return written.removeprefix(".") or "$"
