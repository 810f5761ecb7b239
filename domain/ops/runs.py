"""Open workflows as the operations desk knows them: their types, their pending steps, and the providers those ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum

from domain.ops.providers import issuer, store


class RunKind(StrEnum):
    """A workflow type that is watched. A new one also declares its open runs in `database/reads/ops/open_runs.py`."""

    CARD = "card"
    REPAIR = "repair"
    GOODWILL = "goodwill"
    TICKET = "ticket"
    SETTLEMENT = "settlement"


@dataclass(frozen=True)
class RunType:
    """How one workflow type is named in Temporal: its type, and the prefix of its ids before the subject's own id."""

    workflow: str
    prefix: str


RUN_TYPES: Mapping[RunKind, RunType] = {
    RunKind.CARD: RunType("CardWorkflow", "card:"),
    RunKind.REPAIR: RunType("RepairWorkflow", "repair:"),
    RunKind.GOODWILL: RunType("GoodwillWorkflow", "goodwill:"),
    RunKind.TICKET: RunType("TicketWorkflow", "ticket:"),
    RunKind.SETTLEMENT: RunType("SettlementWorkflow", "settlement:"),
}


def subject_of(workflow_id: str) -> tuple[RunKind, str] | None:
    """Return the type and the subject of a workflow by its id; None for a workflow of another product."""
    for kind, declared in RUN_TYPES.items():
        if workflow_id.startswith(declared.prefix):
            return kind, workflow_id.removeprefix(declared.prefix)
    return None


class StepState(StrEnum):
    """What is known of a run's pending step."""

    FAILING = "failing"  # It failed and is retried.
    UNSTARTED = "unstarted"  # It is scheduled, and no worker has taken it.
    STARTED = "started"  # A worker has taken it and has not answered.
    PAUSED = "paused"  # The activity was paused in Temporal.
    WORKFLOW_TASK = "workflow_task"  # The workflow's own code fails: no activity runs before that is fixed.
    MISSING = "missing"  # Temporal does not run the workflow.


WORKFLOW_TASK = "workflow_task"  # In place of a step's name where the workflow's own code fails.
ISSUER_QUEUE, STORE_QUEUE = "issuer-", "store-"
# Which provider each step asks; a step of an issuer's queue asks that issuer, any other step our own database.
ASKED = {
    "verification.ask_outlet": "outlet",
    "verification.open_channel": "fx",
    "payout.send": "payout",
    "payout.reconcile": "payout",
    "reading.read_photos": "reader",
}
STORE_STEP = "verification.ask_store"
OWN_DATABASE = "database"
OWN_CODE = "workflow"


def provider_of(step: str, queue: str) -> str:
    """Return whom a step asks, e.g. `issuer:jd`, `store:starbucks`, `payout` or `database`."""
    if step == WORKFLOW_TASK:
        return OWN_CODE
    if queue.startswith(ISSUER_QUEUE):
        code = _issuer_in(queue, ISSUER_QUEUE)
        return store(code).id if step == STORE_STEP else issuer(code).id
    if queue.startswith(STORE_QUEUE):
        return store(_issuer_in(queue, STORE_QUEUE)).id
    return ASKED.get(step, OWN_DATABASE)


def _issuer_in(queue: str, prefix: str) -> str:
    """The issuer in a queue's name; one of several brands follows a full stop."""
    return queue.removeprefix(prefix).partition(".")[0]


def provider_asked_on(queue: str) -> str:
    """Return whom the activities of a provider's own queue ask; the queue's name where it is no provider's."""
    asked = provider_of("", queue)
    return queue if asked == OWN_DATABASE else asked


# A workflow task that failed once may have met a worker that was just ending.
CODE_FAILURES = 2
MESSAGE_MAX, REASON_MAX = 300, 60
_GATEWAY = "gateway_unavailable"  # Its message is `system: word`.


def short_reason(error_class: str, message: str) -> str:
    """Return the short word in a gateway's error; empty for any other error."""
    return message.rpartition(": ")[2][:REASON_MAX] if error_class == _GATEWAY else ""


@dataclass(frozen=True)
class FailedAttempt:
    """One failed attempt at a step that will be tried again. `reason` is a short word, `message` holds no secret.

    `failures` counts the failures that are reported together; `next_in_s` is the wait before the next attempt.
    """

    workflow_id: str
    step: str
    queue: str
    error_class: str
    reason: str
    message: str
    failures: int
    next_in_s: float
    build_id: str
    worker: str
    at: datetime = field(default_factory=lambda: datetime.now(UTC))
