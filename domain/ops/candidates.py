"""One run as a repair judges it: what our rows say of its card, its pending step, its review task, its quote and its orders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from domain.cards.card import Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.finance.payout import PayoutState
from domain.ops.repairs import Excluded, Kept
from domain.ops.runs import RunKind, StepState


@dataclass(frozen=True)
class StepNow:
    """The pending step of a run, as `pending_step` knows it."""

    state: StepState
    name: str
    queue: str
    provider: str
    failures: int
    next_at: datetime | None


@dataclass(frozen=True)
class TaskNow:
    """The open review task of a card. `draft_by` and `leased_by` are people's ids."""

    id: str
    leased_by: str
    draft_by: tuple[str, ...]
    decision: str  # The decision that is made and not applied yet; empty where there is none.
    decided_by: str
    replan: bool  # Its workflow has not heard yet that its clock changed.


@dataclass(frozen=True)
class Candidate:
    """One run. Without a card (`known` is False) or for a run of another type, only the first four fields say anything."""

    workflow_id: str
    kind: RunKind | None
    subject: str
    known: bool
    stage: Stage = Stage.INTAKE
    waiting_for: WaitingFor = WaitingFor.MACHINE
    until: datetime | None = None
    ended: bool = False
    started: bool = True
    card_type: str = ""
    brand: str = ""
    value_minor: int = 0  # Money at stake, CNY minor units.
    has_photos: bool = False
    step: StepNow | None = None
    task: TaskNow | None = None
    approvals: int = 0  # Decisions that were applied to the card.
    quote_id: str = ""  # The newest.
    quote_state: QuoteState | None = None
    offered: bool = False
    orders: int = 0  # Payment orders that were written down.
    order_key: str = ""  # The newest.
    order_state: PayoutState | None = None
    outlet_request: str = ""  # The newest that was answered.
    outlet_confirmed: bool = False
    other_repair: str = ""  # The repair that has this run; empty where none has.

    def keeps(self) -> tuple[KeptWork, ...]:
        """Return what people have done on the card, which the repair leaves as it is."""
        found: list[KeptWork] = []
        if self.task is not None:
            found.append(KeptWork(Kept.TASK, {"task": self.task.id}))
            if self.task.decision:
                facts = {"decision": self.task.decision, "person": self.task.decided_by}
                found.append(KeptWork(Kept.DECISION, facts))
            found += [KeptWork(Kept.DRAFT, {"person": person}) for person in self.task.draft_by]
            if self.task.leased_by:
                found.append(KeptWork(Kept.LEASE, {"person": self.task.leased_by}))
        if self.approvals:
            found.append(KeptWork(Kept.APPROVAL, {"count": str(self.approvals)}))
        return tuple(found)


@dataclass(frozen=True)
class KeptWork:
    """One thing of a person's on the card; `facts` name the person, the task or the decision by their ids."""

    what: Kept
    facts: Mapping[str, str]


@dataclass(frozen=True)
class LeftOut:
    """The run is left out, and why."""

    why: Excluded
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Foreseen:
    """What the repair would change: `what` is a key of words under `repair.foreseen`, `facts` its values."""

    what: str
    facts: Mapping[str, str] = field(default_factory=dict)


def unfit(candidate: Candidate) -> LeftOut | None:
    """Return why a run is left out of every kind of repair; None when the kind itself has to judge it."""
    if candidate.kind is not None and candidate.kind is not RunKind.CARD:
        return LeftOut(Excluded.NOT_A_CARD)
    if not candidate.known:
        return LeftOut(Excluded.UNKNOWN)
    if candidate.ended:
        return LeftOut(Excluded.ENDED)
    if not candidate.started:
        return LeftOut(Excluded.NOT_STARTED)
    if candidate.other_repair:
        return LeftOut(Excluded.OTHER_REPAIR, {"repair": candidate.other_repair})
    return None
