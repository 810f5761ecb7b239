"""The client when an answer meets a completing card: it returns the quote's result, not a failure."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from domain.cards.card import Outcome, Stage, Story, WaitingFor
from domain.errors.base import Refusal
from domain.errors.cards import QuoteAnswered, QuoteExpired
from domain.errors.general import TemporarilyUnavailable
from workflows.client import CardClient


@dataclass
class Handle:
    """A card whose Update Temporal does not perform."""

    story: Story
    status: RPCStatusCode

    async def execute_update(self, *_: object) -> None:
        raise RPCError("not performed", self.status, b"")

    async def query(self, *_: object) -> Story:
        return self.story


@dataclass
class Client:
    handle: Handle

    def get_workflow_handle_for(self, *_: object) -> Any:
        return self.handle


def story(stage: Stage, waiting_for: WaitingFor, outcome: Outcome | None = None) -> Story:
    return Story("card", stage, waiting_for, "2026-01-01T00:00:00+00:00", None, outcome, None)


PAID = story(Stage.ENDED, WaitingFor.NOBODY, Outcome.PAID)
LAPSED = story(Stage.ENDED, WaitingFor.NOBODY, Outcome.LAPSED)
OPEN = story(Stage.OFFER, WaitingFor.SELLER_OFFER)


@pytest.mark.parametrize(
    ("status", "found", "told"),
    [
        (RPCStatusCode.FAILED_PRECONDITION, PAID, QuoteAnswered), (RPCStatusCode.NOT_FOUND, PAID, QuoteAnswered),
        (RPCStatusCode.FAILED_PRECONDITION, LAPSED, QuoteExpired), (RPCStatusCode.UNAVAILABLE, PAID, TemporarilyUnavailable),
        (RPCStatusCode.FAILED_PRECONDITION, OPEN, TemporarilyUnavailable),
    ],
)  # fmt: skip
async def test_an_answer_that_temporal_gave_up_is_found_in_the_story(
    status: RPCStatusCode, found: Story, told: type[Refusal]
) -> None:
    desk = CardClient(Client(Handle(found, status)))  # type: ignore[arg-type]
    with pytest.raises(told):
        await desk.answer_offer("card", "quote", accept=True)


class Unconnected(Handle):
    """A lazy client of the SDK whose server does not answer: it raises a bare RuntimeError at its first call."""

    async def execute_update(self, *_: object) -> None:
        raise RuntimeError("Failed client connect: Server connection error")


async def test_unreachable_temporal_is_reported() -> None:
    desk = CardClient(Client(Unconnected(OPEN, RPCStatusCode.OK)))  # type: ignore[arg-type]
    with pytest.raises(TemporarilyUnavailable):
        await desk.confirm_fields("card", 1)


class Hung(Handle):
    """A Temporal that takes the Update and never answers, seen through the SDK."""

    async def execute_update(self, *_: object) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as cancelled:
            raise WorkflowUpdateRPCTimeoutOrCancelledError from cancelled


async def test_client_wait_is_bounded() -> None:
    desk = CardClient(Client(Hung(OPEN, RPCStatusCode.OK)), answer_within_s=0.05)  # type: ignore[arg-type]
    with pytest.raises(TemporarilyUnavailable):
        await desk.confirm_fields("card", 1)


async def test_disconnected_visitor_is_not_answered() -> None:
    desk = CardClient(Client(Hung(OPEN, RPCStatusCode.OK)))  # type: ignore[arg-type]
    asking = asyncio.create_task(desk.confirm_fields("card", 1))
    await asyncio.sleep(0.01)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
