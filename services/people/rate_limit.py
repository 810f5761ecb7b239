"""How often one caller, person or address may try something, counted by all processes together in the database."""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from limits import parse_many

from database.session import Database
from domain.errors.people import TooManyTries

SWEPT_ONE_IN = 200  # So many tries pass between two looks for counts that have run out.
AHEAD_S = 10.0  # Tries that a process took in advance and did not use by then are lost.
NAMES_AHEAD_MAX = 1_000
# Fills the buckets of all rates; `refused` of them were too full, and have room again in `wait_s` seconds.
_TAKE = """
WITH asked AS (SELECT * FROM unnest($1::text[], $2::float8[], $3::float8[]) AS asked (name, taken_s, whole_s)),
filled AS (
    INSERT INTO throttle AS held (name, full_at)
    SELECT name, now() + make_interval(secs => taken_s) FROM asked WHERE taken_s <= whole_s
    ON CONFLICT (name) DO UPDATE SET full_at = greatest(held.full_at, now()) + (excluded.full_at - now())
    WHERE greatest(held.full_at, now()) + (excluded.full_at - now())
        <= now() + (SELECT make_interval(secs => whole_s) FROM asked WHERE asked.name = held.name)
    RETURNING name
)
SELECT count(*) AS refused,
       max(extract(epoch FROM held.full_at - now()) + asked.taken_s - asked.whole_s)::float8 AS wait_s
FROM asked LEFT JOIN throttle AS held USING (name)
WHERE NOT EXISTS (SELECT FROM filled WHERE filled.name = asked.name)
"""
_SWEEP = "DELETE FROM throttle WHERE full_at < now()"


@dataclass(frozen=True)
class Origin:
    """The origin of a sign-in attempt: the network address, and the device that signed in as that person before."""

    client: str = "unknown"
    device: str = ""  # The id of a device that they signed in on before; empty on any other.

    @property
    def name(self) -> str:
        """By what their tries are counted: what a stranger elsewhere does is counted by another name."""
        return f"device:{self.device}" if self.device else f"client:{self.client}"


class Throttle:
    """Limits such as `10/minute` or `5/minute;30/hour`, counted per name by the database's clock.

    Each name has a bucket per rate that a try fills by one and that empties evenly: `5/minute` lets five through at
    once and then one every 12 seconds. A row holds the moment at which its bucket is empty again. With `ahead` a
    process takes so many tries in one statement and counts them down itself: for limits on what happens many times
    a second. `clock` gives seconds that only ever grow.

    Raises DatabaseUnavailable while nothing can be counted: what is limited needs the database itself.
    """

    def __init__(
        self, database: Database, rates: str, ahead: int = 1, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._database = database
        self._rates = parse_many(rates)
        self._ahead = ahead
        self._clock = clock
        self._taken: dict[tuple[str, ...], _Taken] = {}

    async def hit(self, *name: str) -> None:
        """Counts one. Refuses with TooManyTries(retry_after_s) when it is one too many."""
        if self._ahead == 1:
            await self._take(name)
            return
        taken = self._taken_of(name)
        async with taken.counting:
            if not taken.left or taken.until_s <= self._clock():
                taken.left, taken.until_s = await self._take_ahead(name), self._clock() + AHEAD_S
            taken.left -= 1

    async def _take_ahead(self, name: tuple[str, ...]) -> int:
        """How many were counted: all that are wanted in advance, or one where there is no room for more."""
        if await self._wait_s(name, self._ahead) is None:
            return self._ahead
        await self._take(name)
        return 1

    async def _take(self, name: tuple[str, ...]) -> None:
        wait_s = await self._wait_s(name, 1)
        if secrets.randbelow(SWEPT_ONE_IN) == 0:
            await self._database.one(_SWEEP)
        if wait_s is not None:
            raise TooManyTries(retry_after_s=max(1, math.ceil(wait_s)))

    async def _wait_s(self, name: tuple[str, ...], tries: int) -> float | None:
        """Seconds until so many tries have room; None when they have been counted."""
        rows = [hashlib.sha256("\0".join((str(rate), *name)).encode()).hexdigest() for rate in self._rates]
        whole_s = [float(rate.get_expiry()) for rate in self._rates]
        taken_s = [whole * tries / rate.amount for whole, rate in zip(whole_s, self._rates, strict=True)]
        answer = await self._database.one(_TAKE, rows, taken_s, whole_s)
        if answer is None or not answer["refused"]:
            return None
        return float(answer["wait_s"] or 0.0)

    def _taken_of(self, name: tuple[str, ...]) -> _Taken:
        if len(self._taken) >= NAMES_AHEAD_MAX:
            self._taken.clear()
        return self._taken.setdefault(name, _Taken())


@dataclass
class _Taken:
    """Tries that this process counted in advance; one request at a time looks whether there are any."""

    left: int = 0
    until_s: float = 0.0
    counting: asyncio.Lock = field(default_factory=asyncio.Lock)
