"""Wait for an answer of Temporal, and hear refusals and outages of ours instead of its errors."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from temporalio.client import (
    WorkflowQueryFailedError,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.cards.card import Stage, WaitingFor
from domain.errors.base import REGISTER, Refusal
from domain.errors.cards import NotExpectedNow
from domain.errors.general import TemporarilyUnavailable

Answer = TypeVar("Answer")


async def heard(call: Awaitable[Answer], within_s: float) -> Answer:
    """Return the answer. Raises the refusal inside a failed Update, NotExpectedNow where nothing runs, else TemporarilyUnavailable."""
    try:
        async with asyncio.timeout(within_s) as patience:
            return await call
    except TimeoutError as failed:
        raise TemporarilyUnavailable() from failed
    except WorkflowUpdateRPCTimeoutOrCancelledError as failed:
        # The SDK puts this in the place of our time-out, and of the cancellation of a visitor who has left.
        if not patience.expired():
            raise asyncio.CancelledError from failed
        raise TemporarilyUnavailable() from failed
    except WorkflowUpdateFailedError as failed:
        raise _refusal(failed) from failed
    except WorkflowQueryFailedError as failed:
        raise TemporarilyUnavailable() from failed
    except RuntimeError as failed:  # A lazy client that could not connect: the SDK has no class of its own for it.
        raise TemporarilyUnavailable() from failed
    except RPCError as failed:
        if failed.status is RPCStatusCode.NOT_FOUND:
            raise NotExpectedNow(stage=Stage.ENDED, waiting_for=WaitingFor.NOBODY) from failed
        raise TemporarilyUnavailable() from failed


def _refusal(failed: WorkflowUpdateFailedError) -> Refusal:
    """The business refusal inside a failed Update; anything else is a fault of ours that the workflow keeps retrying."""
    cause: BaseException | None = failed
    while cause is not None:
        if isinstance(cause, ApplicationError) and cause.type in REGISTER:
            data = cause.details[0] if cause.details and isinstance(cause.details[0], dict) else {}
            return REGISTER[cause.type](**data)
        cause = cause.__cause__
    return TemporarilyUnavailable()
