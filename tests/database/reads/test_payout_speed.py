"""Seconds from acceptance to paid: half took at most p50, 99 of a hundred at most p99, over all rails and on each."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import text

from database.reads.finance.speed import RailSpeed, by_rail
from database.reads.quality.insight import ALL, Span
from tests.builders.own_world import own_world
from tests.builders.selling import a_bought_card
from tests.builders.world import World

world = own_world("payout_speed")
ZONE = ZoneInfo("Asia/Shanghai")
NOON = datetime(2025, 6, 10, 12, tzinfo=ZONE)


async def paid(world: World, took_s: int, rail: str = "alipay", settled: datetime = NOON, state: str = "paid") -> str:
    """A card whose seller had the money so many seconds after their yes."""
    card_id = await a_bought_card(world)
    async with world.database.transaction() as session:
        await session.execute(
            text("UPDATE payout SET settled_at = :at, rail = :rail, state = :state WHERE card_id = :card"),
            {"at": settled, "rail": rail, "state": state, "card": card_id},
        )
        await session.execute(
            text("UPDATE quote SET answered_at = :at WHERE card_id = :card"),
            {"at": settled - timedelta(seconds=took_s), "card": card_id},
        )
    return card_id


async def test_the_speed_of_known_payments_is_exact(world: World) -> None:
    for took_s in (40, 10, 30, 900):
        await paid(world, took_s)
    brand_of = await paid(world, 20, rail="bank")
    await paid(world, 5_000, settled=NOON + timedelta(hours=12))  # Midnight: of the next day.
    await paid(world, 6_000, settled=NOON - timedelta(hours=12, seconds=1))
    await paid(world, 7_000, state="unknown")
    async with world.database.transaction() as session:
        span = Span(NOON.date(), NOON.date(), ZONE)
        assert await by_rail(session, span) == (
            RailSpeed(ALL, 5, 30, 900), RailSpeed("alipay", 4, 30, 900), RailSpeed("bank", 1, 20, 20),
        )  # fmt: skip
        known = await session.execute(text("SELECT brand, card_type FROM card WHERE id = :card"), {"card": brand_of})
        brand, card_type = known.one()
        assert (await by_rail(session, Span(NOON.date(), NOON.date(), ZONE, brand, card_type)))[0].paid == 5
        assert await by_rail(session, Span(NOON.date(), NOON.date(), ZONE, "no-such-brand")) == ()
        two_days = await by_rail(session, Span(NOON.date(), NOON.date() + timedelta(days=1), ZONE))
        assert two_days[0] == RailSpeed(ALL, 6, 30, 5_000)
