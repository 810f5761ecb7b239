"""The one place where our errors become Temporal's: who can fix it decides whether it is tried again."""

from __future__ import annotations

import functools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import ParamSpec, TypeVar

from temporalio.exceptions import ApplicationError, FailureError

from database.session import DatabaseUnavailable
from domain.errors.base import Refusal
from domain.errors.faults import kind_and_place
from gateways.errors import GatewayRefused, GatewayUnavailable

Given = ParamSpec("Given")
Returned = TypeVar("Returned")


WAITS = (
    "payout_waits"  # The error class of a step that is tried again because it waits for a person or a bank, as planned.
)


class PayoutUnknown(Exception):
    """The gateway cannot say yet what became of an order; `code` is its word. Asked again, never sent blindly."""

    def __init__(self, code: str | None) -> None:
        super().__init__(code or "no word")
        self.code = code


class PayoutWaits(Exception):
    """The gateway has the order and it waits for a person or a bank, as planned; `code` is its word. Asked again."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def translated(
    activity: Callable[Given, Awaitable[Returned]],
) -> Callable[Given, Awaitable[Returned]]:
    """Wrap an activity so that its errors are Temporal's: unavailable is tried again, refused and business refusals are not.

    Causes are dropped: their texts would enter the history and the worker's log, with whatever value they quote.
    An unforeseen error is reported by its kind and place, and retried.
    """

    @functools.wraps(activity)
    async def speaking(*args: Given.args, **kwargs: Given.kwargs) -> Returned:
        try:
            return await activity(*args, **kwargs)
        except (GatewayUnavailable, GatewayRefused, Refusal, DatabaseUnavailable, PayoutUnknown, PayoutWaits) as error:
            raise _failure(error) from None
        except FailureError:
            raise
        except Exception as error:  # noqa: BLE001  # Raised again without its text.
            raise ApplicationError(kind_and_place(error), type="unforeseen") from None

    return speaking


def _failure(error: Exception) -> ApplicationError:
    if isinstance(error, GatewayUnavailable):
        return ApplicationError(str(error), type="gateway_unavailable", next_retry_delay=_delay(error))
    if isinstance(error, GatewayRefused):
        return ApplicationError(str(error), {"code": error.code}, type="gateway_refused", non_retryable=True)
    if isinstance(error, Refusal):
        return ApplicationError(error.code, error.data, type=error.code, non_retryable=True)
    if isinstance(error, PayoutUnknown):
        return ApplicationError(str(error), type="payout_unknown")
    if isinstance(error, PayoutWaits):
        return ApplicationError(str(error), type=WAITS)
    return ApplicationError("PostgreSQL is away", type="database_unavailable")


def _delay(error: GatewayUnavailable) -> timedelta | None:
    return None if error.retry_after_ms is None else timedelta(milliseconds=error.retry_after_ms)
