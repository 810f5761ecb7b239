"""What calls to providers come to: counted in memory, written as sums, read at a cost that does not grow with the calls."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from database.reads.ops import providers as reads
from domain.ops.calls import CallEnd, percentile_ms
from gateways.breaker import Breakers
from gateways.errors import GatewayRefused, GatewayUnavailable
from services.ops.calls import ProviderCallCounts, whom
from tests.builders.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")
MILLION = 1_000_000


async def emptied(world: World) -> None:
    async with world.database.transaction() as session:
        for table in ("provider_slot", "provider_day", "provider_error", "provider_running"):
            await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608  # Our own.


async def sums(world: World, provider: str) -> reads.CallSums:
    async with world.database.transaction() as session:
        return (await reads.call_sums(session, datetime.now(UTC))).get(provider, reads.NO_SUMS)


async def test_every_guarded_call_is_counted_by_how_it_ended(world: World) -> None:
    await emptied(world)
    counts = ProviderCallCounts(world.database, "1@here")
    breakers = Breakers(failures_max=2, observer=counts)
    for error in (
        None,
        GatewayRefused("alipay", "no"),
        GatewayUnavailable("alipay", "timeout"),
        GatewayUnavailable("alipay", "http_503"),
    ):
        try:
            async with breakers.guard("alipay", "alipay") as call:
                call.cost_fen = 7
                if error is not None:
                    raise error
        except (GatewayRefused, GatewayUnavailable):
            pass
    with pytest.raises(GatewayUnavailable, match="circuit_open"):
        async with breakers.guard("alipay", "alipay"):
            pass
    await counts.write()
    found = await sums(world, "payout")
    total = found.all_today
    assert (total.calls, total.failed, total.timeouts, total.refused, total.cost_fen) == (4, 2, 1, 1, 28)
    assert found.all_lately == total, "a call that was not let out is none"
    assert [one.error for one in found.failures] == ["http_503"]


async def test_two_processes_add_up_and_what_could_not_be_written_is_kept(world: World) -> None:
    await emptied(world)
    one, other = ProviderCallCounts(world.database, "1@here"), ProviderCallCounts(world.database, "2@here")
    for counts in (one, other):
        counts.began("issuer:jd")
        counts.ended("issuer:jd", CallEnd.ANSWERED, "", 40, 3)
    await one.write()
    written, other._written = other._written, _away  # type: ignore[method-assign,assignment]
    with pytest.raises(ConnectionError):
        await other.write()
    other._written = written  # type: ignore[method-assign]
    await other.write()
    assert (await sums(world, "issuer:jd")).all_today.calls == 2


async def _away(*_: object) -> None:
    raise ConnectionError


async def test_a_million_calls_are_read_as_fast_as_a_thousand(world: World) -> None:
    await emptied(world)
    await _calls_of_a_day(world, 1_000)
    few = await _read_ms(world)
    await emptied(world)
    await _calls_of_a_day(world, MILLION)
    assert (await sums(world, "issuer:jd")).all_today.calls == MILLION
    many = await _read_ms(world)
    assert many < max(few * 3, 50), (few, many)
    await emptied(world)


async def _calls_of_a_day(world: World, calls: int) -> None:
    """Written as the processes write them: one row for ten seconds, and one for the day."""
    counts, now = ProviderCallCounts(world.database, "1@here"), datetime.now(UTC)
    slots = 100
    for place in range(slots):
        at = now - timedelta(seconds=5 * place)
        counts._now = lambda at=at: at  # type: ignore[misc]
        counts.began("issuer:jd")
        counts.ended("issuer:jd", CallEnd.ANSWERED, "", 40, 3)
    key, one = next(iter(counts._tallies.items()))
    missing = calls - sum(tally.calls for tally in counts._tallies.values())
    counts._tallies[key] = type(one)(
        one.calls + missing, 0, 0, 0, one.cost_fen, tuple(count * (missing + 1) for count in one.latency)
    )
    await counts.write()


async def _read_ms(world: World) -> float:
    times = []
    for _ in range(5):
        started = time.perf_counter()
        await sums(world, "issuer:jd")
        times.append((time.perf_counter() - started) * 1000)
    return min(times)


async def test_percentiles_are_the_bounds_of_their_classes() -> None:
    classes = [0] * 21
    assert percentile_ms(classes, 0.5) is None
    classes[3], classes[10], classes[20] = 50, 45, 5
    assert (percentile_ms(classes, 0.5), percentile_ms(classes, 0.95), percentile_ms(classes, 0.99)) == (
        35,
        500,
        30_000,
    )


@pytest.mark.parametrize(
    ("circuit", "called"),
    [
        ("issuer:jd", ("issuer:jd", "jd")), ("pos:starbucks", ("store:starbucks", "starbucks")), ("outlet", ("outlet", "")),
        ("fx", ("fx", "")), ("alipay", ("payout", "")), ("messages", ("messages", "")),
    ],
    ids=["issuer", "store", "outlet", "fx", "payout", "messages"],
)  # fmt: skip
async def test_every_circuit_is_a_providers(circuit: str, called: tuple[str, str]) -> None:
    assert whom(circuit) == called
