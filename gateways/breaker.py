"""A circuit breaker per partner: after some failures in a row, calls to a partner that is down fail fast.

The processes share their circuits through a store (`Circuits`), which they read at most once a second and write only when
a call fails or a partner is up again. While the store is away each process goes by what it saw itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from domain.ops.calls import CallEnd
from gateways.errors import TIMEOUT, GatewayRefused, GatewayUnavailable

FAILURES_MAX = 5
OPEN_MS = 30_000
TURNS_PER_S = 20  # So many of those who were refused are asked to come back in one second, by each process.
SEEN_MS = 1_000  # For so long what the store said is believed without asking it again.
PROBE_MS_MAX = 35_000  # Longer than any call: a lease of a process that died ends automatically.

T = TypeVar("T")


@dataclass(frozen=True)
class Circuit:
    """A circuit as the store has it: failures in a row, and for how much longer it is open or being probed (ms, else 0)."""

    failures: int
    open_ms: float = 0.0
    probing_ms: float = 0.0


CLOSED = Circuit(0)


class CircuitsAway(Exception):
    """The store did not answer; what was asked of it may or may not have happened."""


class Circuits(Protocol):
    """What the processes share. Every method raises CircuitsAway, within a second."""

    async def all(self) -> Mapping[str, Circuit]:
        """Return the circuits that failed recently, by name."""

    async def failed(self, name: str, before: int, failures_max: int, open_ms: int) -> Circuit:
        """Counts a failure, ends the probe and opens the circuit at `failures_max`; at least `before` came before it."""

    async def answered(self, name: str) -> None:
        """Closes the circuit, unless it has been opened for longer."""

    async def probe(self, name: str, lease_ms: int) -> bool:
        """Takes the lease to probe a circuit whose time is up; False when another has it or the circuit has changed."""

    async def leave(self, name: str) -> None:
        """Gives the lease back, with nothing learned."""


class CallObserver(Protocol):
    """Is called for every call that goes out, by the name of its circuit; must not wait for anything."""

    def began(self, circuit: str) -> None:
        """Count a call that begins."""

    def ended(self, circuit: str, end: CallEnd | None, reason: str, latency_ms: int, cost_fen: int) -> None:
        """It ended; `end` is None when it was cut off on our side."""


@dataclass
class Call:
    """One call that goes out; the gateway that makes it notes its cost."""

    cost_fen: int = 0


@dataclass
class _Seen:
    """What this process knows of a circuit, in its own clock."""

    failures: int = 0
    open_until_ms: float = 0.0
    probed_until_ms: float = 0.0  # By another process.
    probing: bool = False  # By this one.
    learned_ms: float = 0.0
    alone: bool = False  # The store has not taken what happened here.
    turn_ms: float = 0.0  # When the next who is refused may come back: behind all who were refused before.


class Breakers:
    """The circuits by name. Closed: calls pass. Open: refused at once. After `open_ms`: one call is let through to probe.

    Who is refused learns when to come back, one after the other: thousands who wait for the same partner would else return
    in the same second, again and again, and leave the machine no time for anything else.

    `shared` is what other processes see too; without it this process counts alone. `clock` gives seconds that only ever
    grow.
    """

    def __init__(
        self,
        failures_max: int = FAILURES_MAX,
        open_ms: int = OPEN_MS,
        clock: Callable[[], float] = time.monotonic,
        shared: Circuits | None = None,
        observer: CallObserver | None = None,
    ) -> None:
        self._failures_max = failures_max
        self._open_ms = open_ms
        self._clock = clock
        self._shared = shared
        self._observer = observer
        self._circuits: dict[str, _Seen] = {}
        self._looked_ms = float("-inf")
        self._looking = asyncio.Lock()

    def is_open(self, name: str) -> bool:
        """Return whether this process refuses calls at this moment, by what it last saw."""
        seen = self._circuits.get(name, _Seen())
        return seen.probing or max(seen.open_until_ms, seen.probed_until_ms) > self._now_ms()

    @asynccontextmanager
    async def guard(self, system: str, name: str) -> AsyncIterator[Call]:
        """Wraps one call, and gives it. Raises GatewayUnavailable("circuit_open") when open; only GatewayUnavailable counts as a failure."""
        await self._look()
        seen = self._circuits.setdefault(name, _Seen())
        probe = await self._admit(system, name, seen)
        try:
            with self._observed(name) as call:
                yield call
        except GatewayUnavailable:
            await self._failed(name, seen)
            raise
        except GatewayRefused:
            await self._answered(name, seen)  # A partner that says no is up.
            raise
        except BaseException:
            if probe:  # It was cut off: a probe that never ends would keep the circuit shut.
                await self._tell(seen, lambda shared: shared.leave(name))
            raise
        else:
            await self._answered(name, seen)
        finally:
            seen.probing = seen.probing and not probe

    @contextmanager
    def _observed(self, name: str) -> Iterator[Call]:
        call, started, end, reason = Call(), self._clock(), None, ""
        if self._observer is None:
            yield call
            return
        self._observer.began(name)
        try:
            yield call
            end = CallEnd.ANSWERED
        except GatewayUnavailable as error:
            end, reason = (CallEnd.TIMEOUT if error.reason == TIMEOUT else CallEnd.FAILED), error.reason
            raise
        except GatewayRefused:
            end = CallEnd.REFUSED
            raise
        finally:
            latency_ms = int((self._clock() - started) * 1000)
            self._observer.ended(name, end, reason, latency_ms, call.cost_fen)

    async def _look(self) -> None:
        """Reads the store when that was not done within a second; calls that come meanwhile wait for the same answer."""
        if self._shared is None or not self._stale():
            return
        async with self._looking:
            if self._stale():
                await self._read(self._shared)

    def _stale(self) -> bool:
        return self._now_ms() - self._looked_ms >= SEEN_MS

    async def _read(self, shared: Circuits) -> None:
        asked_ms = self._now_ms()
        try:
            found = await shared.all()
        except CircuitsAway:
            return
        finally:
            self._looked_ms = self._now_ms()
        for name in {*self._circuits, *found}:
            seen = self._circuits.setdefault(name, _Seen())
            if seen.learned_ms <= asked_ms and not seen.alone:  # What happened here meanwhile is newer.
                self._learn(seen, found.get(name, CLOSED))

    async def _admit(self, system: str, name: str, seen: _Seen) -> bool:
        """Whether the call is a probe. Raises GatewayUnavailable when it may not go out."""
        wait_ms = max(seen.open_until_ms, seen.probed_until_ms) - self._now_ms()
        if wait_ms > 0 or seen.probing:
            raise self._is_open(system, seen, wait_ms)
        if seen.failures < self._failures_max:
            return False
        seen.probing = True
        if await self._may_probe(name, seen):
            return True
        seen.probing = False
        self._looked_ms = float("-inf")
        await self._look()
        if seen.failures >= self._failures_max:
            raise self._is_open(system, seen, seen.open_until_ms - self._now_ms())
        return False  # Another process has found it up in the meantime.

    async def _may_probe(self, name: str, seen: _Seen) -> bool:
        if self._shared is None or seen.alone:
            return True
        try:
            return await self._shared.probe(name, PROBE_MS_MAX)
        except CircuitsAway:
            return True
        except BaseException:
            seen.probing = False
            raise

    async def _failed(self, name: str, seen: _Seen) -> None:
        before = seen.failures if seen.alone else 0
        seen.failures += 1
        if seen.failures >= self._failures_max:
            seen.open_until_ms = self._now_ms() + self._open_ms
        counted = await self._tell(seen, lambda shared: shared.failed(name, before, self._failures_max, self._open_ms))
        if counted is not None:
            self._learn(seen, counted)

    async def _answered(self, name: str, seen: _Seen) -> None:
        """One that was sent before the circuit opened, and is answered late, leaves it open."""
        if not seen.failures or seen.open_until_ms > self._now_ms():
            return
        self._learn(seen, CLOSED)
        await self._tell(seen, lambda shared: shared.answered(name))

    async def _tell(self, seen: _Seen, act: Callable[[Circuits], Awaitable[T]]) -> T | None:
        """What the store answers; None when it is away or there is none."""
        seen.learned_ms = self._now_ms()
        if self._shared is None:
            return None
        try:
            answer = await act(self._shared)
        except CircuitsAway:
            seen.alone = bool(seen.failures)
            return None
        seen.alone = False
        seen.learned_ms = self._now_ms()
        return answer

    def _learn(self, seen: _Seen, circuit: Circuit) -> None:
        now_ms = self._now_ms()
        seen.failures = circuit.failures
        seen.turn_ms = seen.turn_ms if circuit.failures else 0.0
        seen.open_until_ms = now_ms + circuit.open_ms if circuit.open_ms > 0 else 0.0
        probed = circuit.probing_ms > 0 and not seen.probing
        seen.probed_until_ms = now_ms + circuit.probing_ms if probed else 0.0

    def _now_ms(self) -> float:
        return self._clock() * 1000

    def _is_open(self, system: str, seen: _Seen, wait_ms: float) -> GatewayUnavailable:
        now_ms = self._now_ms()
        turn_ms = max(now_ms + max(wait_ms, 1000), seen.turn_ms)
        seen.turn_ms = turn_ms + 1000 / TURNS_PER_S
        return GatewayUnavailable(system, "circuit_open", retry_after_ms=int(turn_ms - now_ms))
