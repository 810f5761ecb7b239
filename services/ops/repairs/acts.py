"""What an act of a repair is given and what it answers. The acts themselves speak with Temporal and are registered above."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from domain.ops.candidates import Candidate
from domain.ops.repairs import Proof, RepairKind


@dataclass(frozen=True)
class ItemAct:
    """One run that a repair acts on. `tried`: an earlier attempt was interrupted, so the act looks before it acts again."""

    repair_id: str
    place: int
    kind: RepairKind
    workflow_id: str
    subject: str  # The id of the card.
    step: str  # The step that was pending; empty where none was.
    options: Mapping[str, Any]
    candidate: Candidate  # What our rows say at this moment.
    tried: bool
    reason_code: str
    by: str  # Who submitted it.
    agreed_by: str  # The second person; empty where none was needed.

    @property
    def key(self) -> str:
        """Name this act of this repair on this run, for what must do it once only."""
        return f"repair-{self.repair_id}-{self.place}"


class RunEnded(Exception):
    """The run has ended before anything was done to it."""


class AlreadyCured(Exception):
    """The act is no longer needed: its effect came automatically, or by the interrupted attempt."""


class NotOffered(Exception):
    """The server does not offer the call that the act needs; `call` names it."""

    def __init__(self, call: str) -> None:
        super().__init__(call)
        self.call = call


class Declined(Exception):
    """The server declined the call for this run; `word` is its status."""

    def __init__(self, word: str) -> None:
        super().__init__(word)
        self.word = word


@dataclass(frozen=True)
class LookedAt:
    """An item that was acted on and is not proven yet."""

    place: int
    workflow_id: str
    step: str
    proof: Proof


# Returns facts for the item. Raises RunEnded, AlreadyCured, NotOffered, Declined, a Refusal for what cannot be done to this
# run, and TemporarilyUnavailable where that is unknown: it is checked and tried again.
Act = Callable[[ItemAct], Awaitable[Mapping[str, str]]]
# Whether an item is proven (True) or failed again (False), by Temporal's own account; None where it cannot say yet.
Look = Callable[[LookedAt], Awaitable[bool | None]]
