"""How often one caller, person or address may try something, counted in this process's memory."""

from __future__ import annotations

import math
import time

from limits import parse_many
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter

from domain.refusals import TooManyTries


class Throttle:
    """Limits such as `10/minute` or `5/minute;30/hour`, each counted per name."""

    def __init__(self, rates: str) -> None:
        self._rates = parse_many(rates)
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    def hit(self, *name: str) -> None:
        """Counts one. Refuses with TooManyTries(retry_after_s) when it is one too many."""
        for rate in self._rates:
            if not self._limiter.hit(rate, *name):
                ends = self._limiter.get_window_stats(rate, *name).reset_time
                raise TooManyTries(retry_after_s=max(1, math.ceil(ends - time.time())))
