"""Undelivered callbacks: each is retried at its own time, and the others are not read meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import httpx
import pytest

from simulators import callbacks
from simulators.callbacks import Callbacks
from simulators.controls import CallbackControls
from simulators.store import Record, Store

AWAY = "http://127.0.0.1:9/none"  # Nobody listens there.
NEWS: Record = {"id": "1"}


def of(store: Store) -> Callbacks:
    return Callbacks(store, lambda facts, genuine: (b"{}", {}), lambda response: response.is_success)


@asynccontextmanager
async def pumping(waiting: Callbacks) -> AsyncIterator[None]:
    task = asyncio.create_task(waiting.pump())
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def tried(waiting: Callbacks, times: int) -> Record:
    """The only callback, once it was tried so often."""
    for _ in range(400):
        (kept,) = waiting.waiting()
        if kept["tries"] >= times:
            return kept
        await asyncio.sleep(0.02)
    raise AssertionError(kept)


async def test_undelivered_callback_is_retried_also_after_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callbacks, "RETRY_BASE_S", 0.05)
    store = Store(None, "alipay")
    first = of(store)
    first.plan(AWAY, NEWS, NEWS, NEWS, CallbackControls())
    async with pumping(first):
        await tried(first, 2)
    again = of(store)
    async with pumping(again):
        assert (await tried(again, 4))["due"] > 0


async def test_a_callback_that_is_taken_is_gone_and_one_that_was_forgotten_is_not_sent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[str] = []

    async def post(_: httpx.AsyncClient, url: str, **__: object) -> httpx.Response:
        taken.append(url)
        return httpx.Response(200)

    monkeypatch.setattr(httpx.AsyncClient, "post", post)
    store = Store(None, "alipay")
    waiting = of(store)
    waiting.plan(AWAY, NEWS, NEWS, NEWS, CallbackControls())
    store.clear()
    waiting.plan(AWAY + "/2", NEWS, NEWS, NEWS, CallbackControls())
    async with pumping(waiting):
        for _ in range(400):
            if not waiting.waiting():
                break
            await asyncio.sleep(0.02)
    assert taken == [AWAY + "/2"]


async def test_a_thousand_that_wait_are_not_read_again_and_again() -> None:
    store = Store(None, "alipay")
    waiting = of(store)
    for _ in range(1_000):
        waiting.plan(AWAY, NEWS, NEWS, NEWS, CallbackControls(late_callback_ms=600_000))
    asked: list[str] = []
    store._connection.set_trace_callback(asked.append)
    async with pumping(waiting):
        await asyncio.sleep(10 * callbacks.POLL_S)
    assert asked == []
