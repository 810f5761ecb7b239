"""Callbacks on their way: kept in the store until they are taken, so that a restart sends what was still due."""

from __future__ import annotations

import asyncio
import heapq
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from simulators.calling import new_client
from simulators.controls import CallbackControls
from simulators.store import Record, Store

TRIES = 60  # About half an hour: longer than the platform takes to restart.
RETRY_BASE_S = 0.5
RETRY_MAX_S = 30
POLL_S = 0.05
SEND_TIMEOUT_S = 10
APART_MS = 20  # Callbacks that belong together leave in this order, this far apart.

Sign = Callable[[Record, bool], tuple[bytes, dict[str, str]]]


class Callbacks:
    """Sends facts to the platform's addresses, mangled as the controls ask.

    `sign(facts, genuine)` makes body and headers; with `genuine` False it signs with a key the platform does not trust.
    """

    def __init__(self, store: Store, sign: Sign, accepted: Callable[[httpx.Response], bool]) -> None:
        self._store = store
        self._sign = sign
        self._accepted = accepted
        self._times = [(kept["due"], kept["key"]) for kept in self.waiting()]  # When to look at which; a heap.
        heapq.heapify(self._times)

    def plan(self, url: str, final: Record, stale: Record, forged: Record, controls: CallbackControls) -> None:
        """Queues what the controls make of one piece of news: the forgery first, the news and its copies, the stale one last."""
        if controls.drop_callbacks:
            return
        parts = [(forged, False)] * controls.forged_callbacks + [(final, True)] * (1 + controls.duplicate_callbacks)
        parts += [(stale, True)] * controls.out_of_order
        for place, (facts, genuine) in enumerate(parts):
            self._queue(url, facts, genuine, controls.late_callback_ms + place * APART_MS)

    def waiting(self) -> list[Record]:
        """Callbacks not taken yet."""
        return self._store.newest_first("callback")

    async def pump(self) -> None:
        """Sends what is due, for ever, each on its own, so that a slow receiver holds up nobody else."""
        async with new_client(SEND_TIMEOUT_S) as client, asyncio.TaskGroup() as group:
            while True:
                for kept in self._due():
                    group.create_task(self._send(client, kept))
                await asyncio.sleep(POLL_S)

    def _due(self) -> Iterator[Record]:
        """Take out what is due by now, the longest due first; what the store has forgotten meanwhile is no more."""
        while self._times and self._times[0][0] <= time.time():
            kept = self._store.get("callback", heapq.heappop(self._times)[1])
            if kept is not None:
                yield kept

    def _queue(self, url: str, facts: Record, genuine: bool, delay_ms: int) -> None:
        key = uuid.uuid4().hex
        record: dict[str, Any] = {"key": key, "url": url, "facts": facts, "genuine": genuine, "tries": 0}
        self._keep(record | {"due": time.time() + delay_ms / 1000})

    def _keep(self, record: Record) -> None:
        self._store.put("callback", record["key"], record)
        heapq.heappush(self._times, (record["due"], record["key"]))

    async def _send(self, client: httpx.AsyncClient, kept: Record) -> None:
        body, headers = self._sign(kept["facts"], kept["genuine"])
        try:
            taken = self._accepted(await client.post(kept["url"], content=body, headers=headers))
        except (httpx.HTTPError, httpx.InvalidURL):
            # The platform is down or restarting: that is what the next try is for.
            taken = False
        # A forgery is sent once: its sender does not wait for an answer.
        if taken or not kept["genuine"] or kept["tries"] + 1 >= TRIES:
            self._store.delete("callback", kept["key"])
            return
        wait_s = min(RETRY_MAX_S, RETRY_BASE_S * 2 ** kept["tries"])
        self._keep(kept | {"tries": kept["tries"] + 1, "due": time.time() + wait_s})
