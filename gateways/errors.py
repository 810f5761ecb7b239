"""How a call to an outside system fails: it may be tried again, it may not, or it was no message of theirs at all.

None of these carries a card number, a PIN, a code or a payee; their text is made of their data alone.
"""

from __future__ import annotations

TIMEOUT = "timeout"  # The reason of a call that no answer came to in time.


class GatewayError(Exception):
    """Base of the three; `system` is the outside system, `reason` a short word of ours or of theirs."""

    def __init__(self, system: str, reason: str) -> None:
        super().__init__(f"{system}: {reason}")
        self.system = system
        self.reason = reason


class GatewayUnavailable(GatewayError):
    """No answer that could be used; trying again may help, not before `retry_after_ms` when that is given.

    `perhaps_done` is True when the request may have arrived: whatever it asks for may have happened. A caller that
    moves money must then ask what happened, and never send again.
    """

    def __init__(
        self, system: str, reason: str, *, retry_after_ms: int | None = None, perhaps_done: bool = False
    ) -> None:
        super().__init__(system, reason)
        self.retry_after_ms = retry_after_ms
        self.perhaps_done = perhaps_done


class BillAbsent(GatewayUnavailable):
    """The provider has no bill of a day: it is not made yet, or nothing moved. Their word is the same for both."""


class GatewayRefused(GatewayError):
    """The system understood and said no; the same request will be refused again. `code` is its own word."""

    def __init__(self, system: str, code: str) -> None:
        super().__init__(system, code)
        self.code = code


class ReportRefused(GatewayError):
    """A callback that is not believed: `signature`, `stale`, `malformed`, `wrong_app`, `wrong_kind` or `wrong_amount`."""
