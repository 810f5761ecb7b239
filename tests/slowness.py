"""How much slower than a quiet machine this one is: every limit of time in a test is stretched by it.

A limit says that something hangs or does too much work; a machine that is shared with others, or slow today, does neither.
"""

from __future__ import annotations

import json
import time

ROUNDS = 20
USUAL_S = 0.12  # Of a processor, on two quiet cores of 2.4 GHz.
AT_ONCE = 3.0  # Several test processes, browsers and a platform share the processors.
SOMETHING = {f"name {number}": [number, str(number), {"minor": number}] for number in range(1_500)}


def _measured() -> float:
    """Return the time of some work that makes many objects against the usual one, never below 1."""
    began = time.process_time()
    for _ in range(ROUNDS):
        json.loads(json.dumps(SOMETHING))
    return max(1.0, (time.process_time() - began) / USUAL_S)


SLOWNESS = _measured()


def patience(seconds: float) -> float:
    """Return a limit of time, a clock's or a processor's, as this machine needs it beside other tests."""
    return seconds * SLOWNESS * AT_ONCE
