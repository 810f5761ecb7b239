"""A circuit breaker per partner: after some failures in a row nobody is kept waiting for a partner that is down.

Plain asyncio in one process; the libraries that exist bring storage we do not need and clocks that cannot be injected.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateways.errors import GatewayRefused, GatewayUnavailable

FAILURES_MAX = 5
OPEN_MS = 30_000


@dataclass
class _Circuit:
    failures: int = 0
    open_until_ms: float = 0.0
    probing: bool = False


class Breakers:
    """The circuits by name. Closed: calls pass. Open: refused at once. After `open_ms`: one call is let through to probe.

    `clock` gives seconds that only ever grow.
    """

    def __init__(
        self, failures_max: int = FAILURES_MAX, open_ms: int = OPEN_MS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._failures_max = failures_max
        self._open_ms = open_ms
        self._clock = clock
        self._circuits: dict[str, _Circuit] = {}

    def is_open(self, name: str) -> bool:
        """Whether calls are refused at this moment."""
        circuit = self._circuits.get(name, _Circuit())
        return circuit.probing or circuit.open_until_ms > self._now_ms()

    @asynccontextmanager
    async def guard(self, system: str, name: str) -> AsyncIterator[None]:
        """Wraps one call. Raises GatewayUnavailable("circuit_open") when open; only GatewayUnavailable counts as a failure."""
        circuit = self._circuits.setdefault(name, _Circuit())
        probe = self._admit(system, circuit)
        try:
            yield
        except GatewayUnavailable:
            self._failed(circuit)
            raise
        except GatewayRefused:
            circuit.failures = 0  # A partner that says no is up.
            raise
        else:
            circuit.failures = 0
        finally:
            # Also when the call was cancelled or refused: a probe that never ends would keep the circuit shut for ever.
            circuit.probing = circuit.probing and not probe

    def _admit(self, system: str, circuit: _Circuit) -> bool:
        wait_ms = circuit.open_until_ms - self._now_ms()
        if wait_ms > 0 or circuit.probing:
            raise GatewayUnavailable(system, "circuit_open", retry_after_ms=max(int(wait_ms), 1000))
        circuit.probing = circuit.failures >= self._failures_max
        return circuit.probing

    def _failed(self, circuit: _Circuit) -> None:
        circuit.failures += 1
        if circuit.failures >= self._failures_max:
            circuit.open_until_ms = self._now_ms() + self._open_ms

    def _now_ms(self) -> float:
        return self._clock() * 1000
