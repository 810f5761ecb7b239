"""How often one caller, person or address may try something: counted in memory, or by all processes in the database."""

from __future__ import annotations

import hashlib
import math
import secrets
import time
from dataclasses import dataclass

from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from database.session import Database
from domain.errors.sign_in import TooManyTries

SWEPT_ONE_IN = 200  # So many tries pass between two looks for counts that have run out.
_TAKE = text("""
INSERT INTO throttle AS held (name, full_at) VALUES (:name, now() + make_interval(secs => :one_s))
ON CONFLICT (name) DO UPDATE SET full_at = greatest(held.full_at, now()) + make_interval(secs => :one_s)
WHERE greatest(held.full_at, now()) + make_interval(secs => :one_s) <= now() + make_interval(secs => :whole_s)
RETURNING name
""")
_WAIT = text("SELECT extract(epoch FROM full_at - now())::float8 FROM throttle WHERE name = :name")
_SWEEP = text("DELETE FROM throttle WHERE full_at < now()")


@dataclass(frozen=True)
class Origin:
    """From where somebody tries to sign in: their network address, and the device that signed in as them before."""

    client: str = "unknown"
    device: str = ""  # The id of a device that they signed in on before; empty on any other.

    @property
    def name(self) -> str:
        """By what their tries are counted: what a stranger elsewhere does is counted by another name."""
        return f"device:{self.device}" if self.device else f"client:{self.client}"


class Throttle:
    """Limits such as `10/minute` or `5/minute;30/hour`, each counted per name, in this process's memory."""

    def __init__(self, rates: str) -> None:
        self._rates = parse_many(rates)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def hit(self, *name: str) -> None:
        """Counts one. Refuses with TooManyTries(retry_after_s) when it is one too many."""
        for rate in self._rates:
            if not self._limiter.hit(rate, *name):
                ends = self._limiter.get_window_stats(rate, *name).reset_time
                raise TooManyTries(retry_after_s=max(1, math.ceil(ends - time.time())))


class SharedThrottle:
    """The same limits, counted by all processes together in the database, by its clock.

    Each name has a bucket per rate that a try fills by one and that empties evenly: `5/minute` lets five through at
    once and then one every 12 seconds. A row holds the moment at which its bucket is empty again.
    """

    def __init__(self, database: Database, rates: str) -> None:
        self._database = database
        self._rates = parse_many(rates)

    async def hit(self, *name: str) -> None:
        """Counts one. Refuses with TooManyTries(retry_after_s) when it is one too many."""
        async with self._database.statement() as connection:
            for rate in self._rates:
                await _take(connection, rate, hashlib.sha256("\0".join((str(rate), *name)).encode()).hexdigest())
            if secrets.randbelow(SWEPT_ONE_IN) == 0:
                await connection.execute(_SWEEP)


async def _take(connection: AsyncConnection, rate: RateLimitItem, row: str) -> None:
    whole_s = float(rate.get_expiry())
    one_s = whole_s / rate.amount
    filled = await connection.execute(_TAKE, {"name": row, "one_s": one_s, "whole_s": whole_s})
    if filled.first() is None:
        held_s: float = (await connection.execute(_WAIT, {"name": row})).scalar_one_or_none() or 0.0
        raise TooManyTries(retry_after_s=max(1, math.ceil(held_s + one_s - whole_s)))
