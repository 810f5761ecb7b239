"""How long a seller waits for a quote beyond the issuer's own time: p99 at ten cards a second, over the whole platform."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import httpx
from sqlalchemy import text

from benchmarks.cards import bought, jd_card, partner, submit
from benchmarks.result import Result
from benchmarks.town import SHARED, Town, town

PROGRAMS = frozenset({"api", "worker-cards"})
GOAL_MS = 1_000
PER_SECOND = 10
SECONDS, SECONDS_SHORT = 60, 15
SETTLE_S = 30
OFFERED = text(
    "SELECT quote.card_id, quote.offered_at, "
    "(SELECT sum(latency_ms) FROM answer WHERE answer.card_id = quote.card_id) AS issuer_ms "
    "FROM quote WHERE quote.offered_at IS NOT NULL"
)


def measure(short: bool) -> list[Result]:
    """The value is the 99th percentile, in milliseconds over the issuer's time."""
    return SHARED.measure(_measure(SECONDS_SHORT if short else SECONDS))


async def _measure(seconds: int) -> list[Result]:
    async with town(PROGRAMS) as place, partner(place) as api:
        await bought(place, api, 20, 10)  # Warm.
        sent = await _send_steadily(api, seconds * PER_SECOND)
        waits = sorted(await _waits(place, sent))
    p99 = waits[min(len(waits) - 1, int(len(waits) * 0.99))]
    details = {
        "cards": len(waits),
        "per_s": PER_SECOND,
        "p50_ms": round(waits[len(waits) // 2]),
        "p90_ms": round(waits[int(len(waits) * 0.9)]),
    }
    return [Result("quote_latency", round(p99), f"<= {GOAL_MS} ms over the issuer's time", p99 <= GOAL_MS, details)]


async def _send_steadily(api: httpx.AsyncClient, many: int) -> dict[str, datetime]:
    """Submits on a fixed beat, whatever the answers take, and returns when each card was sent."""
    sent: dict[str, datetime] = {}

    async def one() -> None:
        began = datetime.now(UTC)
        sent[await submit(api, jd_card(accepted_in_advance=False))] = began

    async with asyncio.TaskGroup() as sending:
        for _ in range(many):
            sending.create_task(one())
            await asyncio.sleep(1 / PER_SECOND)
    return sent


async def _waits(place: Town, sent: dict[str, datetime]) -> list[float]:
    """Milliseconds from sending to the offer, less the issuer's own, for every card. Raises when one has no quote in time."""
    for _ in range(SETTLE_S):
        async with place.store.transaction() as session:
            rows = (await session.execute(OFFERED)).all()
        offered = {row.card_id: row for row in rows if row.card_id in sent}
        if len(offered) == len(sent):
            break
        await asyncio.sleep(1)
    else:
        raise TimeoutError(f"{len(sent) - len(offered)} of {len(sent)} cards have no quote after {SETTLE_S} s")
    return [
        (row.offered_at - sent[card_id]).total_seconds() * 1000 - float(row.issuer_ms)
        for card_id, row in offered.items()
    ]
