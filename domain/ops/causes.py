"""Why a run counts as stuck: what the stuck ones have in common, and the likely reason in a word."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Sign(StrEnum):
    """What shows that a run is stuck."""

    FAILING = "failing"  # Its step has failed too often.
    UNSTARTED = "unstarted"  # No worker has taken its step.
    CODE = "code"  # Its own code fails, e.g. after a deployment.
    SLOW = "slow"  # The machine has not moved it for too long.
    WAITING = "waiting"  # A party has not answered for too long.
    OVERDUE = "overdue"  # Its deadline passed and nothing happened.
    PAUSED = "paused"  # Its step was paused in Temporal.
    MISSING = "missing"  # It is open here, and Temporal does not run it.


class LikelyReason(StrEnum):
    """What probably keeps the runs of one cause from moving on."""

    MAINTENANCE = "maintenance"
    CIRCUIT_OPEN = "circuit_open"
    TIMEOUT = "timeout"
    PROVIDER_DOWN = "provider_down"
    RATE_LIMITED = "rate_limited"
    NO_POLLER = "no_poller"
    WORKER_BUSY = "worker_busy"
    CODE_CHANGED = "code_changed"
    CODE_MISSING = "code_missing"
    DATABASE = "database"
    TOO_LARGE = "too_large"
    PAST_DEADLINE = "past_deadline"
    NO_ANSWER = "no_answer"
    PAYMENT_UNKNOWN = "payment_unknown"
    PAUSED = "paused"
    NOT_RUNNING = "not_running"
    FAULT = "fault"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Cause:
    """What stuck runs are grouped by. `error_class` is the error's type, or the sign where nothing failed."""

    error_class: str
    step: str
    provider: str
    build_id: str

    @property
    def key(self) -> str:
        """Return the cause in one word, for addresses; no part of it holds a slash."""
        return "~".join((self.error_class, self.step, self.provider, self.build_id))


@dataclass(frozen=True)
class Circumstances:
    """What else is known when a reason is guessed: of the provider, and of the queue that the step waits in."""

    in_maintenance: bool = False
    circuit_open: bool = False
    idle: bool = False  # No worker takes tasks from the step's queue.


_BY_REASON = {
    "circuit_open": LikelyReason.CIRCUIT_OPEN,
    "maintenance": LikelyReason.MAINTENANCE,
    "timeout": LikelyReason.TIMEOUT,
    "readtimeout": LikelyReason.TIMEOUT,
    "http_429": LikelyReason.RATE_LIMITED,
    "rate_limited": LikelyReason.RATE_LIMITED,
    "http_413": LikelyReason.TOO_LARGE,
    "non_determinism": LikelyReason.CODE_CHANGED,
    "unknown_activity": LikelyReason.CODE_MISSING,
    "unknown_workflow": LikelyReason.CODE_MISSING,
    "too_large": LikelyReason.TOO_LARGE,
}
_BY_SIGN = {
    Sign.OVERDUE: LikelyReason.PAST_DEADLINE,
    Sign.WAITING: LikelyReason.NO_ANSWER,
    Sign.PAUSED: LikelyReason.PAUSED,
    Sign.MISSING: LikelyReason.NOT_RUNNING,
    Sign.CODE: LikelyReason.FAULT,
}
_BY_CLASS = {
    "gateway_unavailable": LikelyReason.PROVIDER_DOWN,
    "database_unavailable": LikelyReason.DATABASE,
    "payout_unknown": LikelyReason.PAYMENT_UNKNOWN,
    "unforeseen": LikelyReason.FAULT,
}


def likely_reason(sign: Sign, error_class: str, reason: str, seen: Circumstances) -> LikelyReason:
    """Return what probably keeps such runs from moving on. `reason` is the short word of the newest error."""
    if seen.in_maintenance:
        return LikelyReason.MAINTENANCE
    if sign in (Sign.UNSTARTED, Sign.SLOW) and seen.idle:
        return LikelyReason.NO_POLLER
    if sign is Sign.UNSTARTED:
        return LikelyReason.WORKER_BUSY
    if seen.circuit_open:
        return LikelyReason.CIRCUIT_OPEN
    found = _BY_REASON.get(reason) or _BY_SIGN.get(sign) or _BY_CLASS.get(error_class)
    return found or LikelyReason.UNKNOWN
