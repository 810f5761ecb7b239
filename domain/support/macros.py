"""Macros: several acts on a ticket that are previewed together and done in one transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

NOTE_MAX = 2_000


class AfterMacro(StrEnum):
    """What the ticket waits for once the macro is done; with a reply, once that has left."""

    OPEN = "open"
    WAIT = "wait"
    SOLVE = "solve"


@dataclass(frozen=True)
class MacroSteps:
    """The acts of a macro in the order in which they are done; empty ones are left out."""

    category: str = ""
    cause: str = ""
    priority: str = ""
    template_id: str = ""  # The reply, in the customer's language.
    after: str = AfterMacro.OPEN.value
    solution: str = ""  # Where `after` solves.
    note: str = ""  # An internal note.
    assign_to: str = ""  # person.id
    escalate: str = ""  # The reason for which the leads get it.

    @property
    def empty(self) -> bool:
        """Whether nothing would be done."""
        return (
            not any(value for name, value in self.kept().items() if name != "after") and self.after == AfterMacro.OPEN
        )

    def kept(self) -> dict[str, str]:
        """Return the acts that are not empty, for the row."""
        return {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name)}

    @classmethod
    def of(cls, kept: Mapping[str, Any]) -> MacroSteps:
        """Return the inverse of `kept`; other names are passed over."""
        return cls(**{one.name: str(kept[one.name]) for one in fields(cls) if one.name in kept})
