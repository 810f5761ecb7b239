"""Repairs of open workflows: their kinds, the states of a repair and of each of its items, and why an item is left out."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class RepairKind(StrEnum):
    """What a repair does to each of its runs."""

    RETRY_NOW = "retry_now"  # The pending step is tried at once, its attempts and back-off from the beginning.
    SKIP_WAIT = "skip_wait"  # A back-off, or a wait that the journey declares skippable, is over now.
    PAUSE = "pause"  # The pending step is not tried again until it is unpaused.
    UNPAUSE = "unpause"
    CHANGE_RETRY = "change_retry"  # The pending step is tried at other intervals, or for longer.
    SIGNAL_AGAIN = "signal_again"  # A report that is in our rows is given to the workflow again.
    RESET = "reset"  # The journey continues from a named point, from its rows.
    SEND_TO_REVIEW = "send_to_review"  # A person decides.
    SECOND_PAYOUT = "second_payout"  # Another payee after a sure refusal.
    CANCEL = "cancel"  # The journey ends, with compensation.
    TERMINATE = "terminate"  # The workflow is ended from outside, its rows with it.


class RepairState(StrEnum):
    """The state of a repair."""

    DRAFT = "draft"  # Its runs and options are chosen.
    PREVIEWED = "previewed"  # Each item was judged: what would change, or why it is left out.
    WAITING = "waiting"  # A second person has to agree.
    RUNNING = "running"
    SUSPENDED = "suspended"  # By a person, or automatically; the repair says why.
    DONE = "done"  # Every item is cured, left out, or ended meanwhile.
    PARTLY_DONE = "partly_done"  # Some are not cured.
    FAILED = "failed"  # None is cured.
    CANCELLED = "cancelled"  # By a person, or refused by the second one.


MOVES: Mapping[RepairState, frozenset[RepairState]] = {
    RepairState.DRAFT: frozenset({RepairState.PREVIEWED, RepairState.CANCELLED}),
    RepairState.PREVIEWED: frozenset(
        {RepairState.DRAFT, RepairState.WAITING, RepairState.RUNNING, RepairState.CANCELLED}
    ),
    RepairState.WAITING: frozenset({RepairState.RUNNING, RepairState.CANCELLED}),
    RepairState.RUNNING: frozenset(
        {
            RepairState.SUSPENDED,
            RepairState.DONE,
            RepairState.PARTLY_DONE,
            RepairState.FAILED,
            RepairState.CANCELLED,
        }
    ),
    RepairState.SUSPENDED: frozenset({RepairState.RUNNING, RepairState.CANCELLED}),
    RepairState.DONE: frozenset(),
    RepairState.PARTLY_DONE: frozenset(),
    RepairState.FAILED: frozenset(),
    RepairState.CANCELLED: frozenset(),
}
OVER = frozenset(state for state, following in MOVES.items() if not following)
PREPARING = frozenset({RepairState.DRAFT, RepairState.PREVIEWED})
UNDER_WAY = frozenset({RepairState.RUNNING, RepairState.SUSPENDED})


class ItemState(StrEnum):
    """The state of one item of a repair. An item is cured only when what the repair was for has happened."""

    WAITING = "waiting"  # Nothing was done to it yet.
    EXCLUDED = "excluded"  # Left out, with a reason.
    ACTING = "acting"  # It is being acted on, or was when a worker was killed: it is looked at before anything else.
    ACTED = "acted"  # Done to it, and not yet proven.
    CURED = "cured"  # Proven: its step has passed, or what was asked for has happened.
    FAILED = "failed"  # It could not be acted on, with a reason.
    FAILED_AGAIN = "failed_again"  # Acted on, and its step failed again. It may still be cured by a later attempt.
    ENDED = "ended"  # Its run ended before anything was done to it.
    LEFT = "left"  # The repair was cancelled before its turn.


UNFINISHED = frozenset({ItemState.WAITING, ItemState.ACTING})
NOT_CURED = frozenset({ItemState.FAILED, ItemState.FAILED_AGAIN, ItemState.ACTED})
FAILURES = frozenset({ItemState.FAILED, ItemState.FAILED_AGAIN})
# What a repair of the failed items only takes over from the one before.
RETRIED = frozenset({ItemState.FAILED, ItemState.FAILED_AGAIN, ItemState.ACTED, ItemState.LEFT})


class Excluded(StrEnum):
    """Why a run is left out of a repair."""

    UNKNOWN = "unknown"  # No card of ours has this id.
    ENDED = "ended"  # The card has ended.
    NOT_STARTED = "not_started"  # Its workflow was not started yet.
    NOT_A_CARD = "not_a_card"
    OTHER_REPAIR = "other_repair"  # Another repair has it; `repair` in the facts names which.
    NO_STEP = "no_step"  # Nothing is known to be failing or waiting for a worker.
    OWN_STEP = "own_step"  # A step of our own database: it is retried every 30 seconds automatically.
    CODE_FAILS = "code_fails"  # The workflow's own code fails: no step can be retried before that is fixed.
    PAUSED = "paused"  # Its step is paused: unpause it.
    NOT_PAUSED = "not_paused"
    NOT_SKIPPABLE = "not_skippable"  # It waits for something that cannot be skipped.
    NO_REPORT = "no_report"  # No report in our rows is one that the card could have missed.
    IN_REVIEW = "in_review"  # A review task is open: the reviewer decides.
    OFFERED = "offered"  # The seller holds an offer.
    ACCEPTED = "accepted"  # The seller has accepted the quote.
    NOT_ACCEPTED = "not_accepted"
    MONEY_PREPARED = "money_prepared"  # A payment order is written down.
    NOT_READABLE = "not_readable"  # It has no photographs.
    WITH_SELLER = "with_seller"  # It waits for its seller.
    NOT_READ = (
        "not_read"  # Nothing is known of it yet; at the latest after a quarter of an hour its seller types the fields.
    )
    NO_RATE = "no_rate"  # It cannot be priced without a rate.
    NOT_RUNNING = "not_running"  # Temporal does not run it: reset it to the point that its rows state.
    CAN_BE_CANCELLED = "can_be_cancelled"  # Its program works: it needs no terminating.
    ORDER_OPEN = "order_open"  # A payment order is under way or its outcome unknown: only the gateway's answer helps.
    OWED = "owed"  # The gateway refused the payee; the money is owed until another one is named.
    SECURED = "secured"  # Its issuer was asked to lock or redeem it for us.
    NOT_REFUSED = "not_refused"  # The gateway has refused no payee of it.
    NO_PAYEE = "no_payee"  # No other payee was proposed.


class Suspended(StrEnum):
    """Why a repair is suspended."""

    BY_PERSON = "by_person"
    FAILURES = "failures"  # More items failed than its threshold allows.
    CANARY = "canary"  # The first items were not proven in time.


class Kept(StrEnum):
    """What of a person's work an item's card holds, and keeps through the repair unless the kind ends the card."""

    DECISION = "decision"  # A decision that was made and is not applied yet.
    APPROVAL = "approval"  # A decision that was applied.
    DRAFT = "draft"
    LEASE = "lease"  # A person is working on the task.
    TASK = "task"  # A review task is open.


class ResetPoint(StrEnum):
    """Where a card's journey can be started again from its rows, in the order of the journey."""

    READING = "reading"  # Its photographs are read again.
    VERIFICATION = "verification"  # Issuer, store or outlet are asked again, then it is priced.
    PAYMENT_CHECK = "payment_check"  # The issuer confirms the accepted card again, before an order is written down.
    HERE = "here"  # The point that its rows state: the way out of code that fails.


class Proof(StrEnum):
    """What shows that an item is cured."""

    STEP = "step"  # The step that was pending has succeeded.
    MOVED = "moved"  # The card went to another stage, waits for another party, or ended.
    RUNS = "runs"  # A new run of the workflow has begun and its code does not fail.
    ACT = "act"  # Doing it is all there is to it.


def judged(counts: Mapping[ItemState, int]) -> RepairState:
    """Return how a repair ended whose items came to this."""
    if not any(counts.get(state, 0) for state in NOT_CURED):
        return RepairState.DONE
    return RepairState.PARTLY_DONE if counts.get(ItemState.CURED, 0) else RepairState.FAILED


def too_many_failures(counts: Mapping[ItemState, int], least: int, share_bp: int) -> bool:
    """Return whether a repair stops automatically: at least so many failures, and more than this share of what was acted on."""
    failed = sum(counts.get(state, 0) for state in FAILURES)
    acted = failed + counts.get(ItemState.ACTED, 0) + counts.get(ItemState.CURED, 0)
    return failed >= max(1, least) and failed * 10_000 > share_bp * acted
