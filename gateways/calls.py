"""What is recorded of one call to an outside system, for the card's history and for its cost."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class CallRecord:
    """One call: whom, what, under which request id, its cost in fen, how long it took, and what came back.

    `details` is the raw answer as text by field, without card number, PIN, code, or payee.
    """

    system: str
    operation: str
    request_id: str
    cost_fen: int
    latency_ms: int
    details: dict[str, str] = field(default_factory=dict)
