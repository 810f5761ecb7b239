"""Money in suspense: an unexplained line of a statement that two people put there."""

from __future__ import annotations

from database.reads.finance import suspense as reads
from database.reads.finance.suspense import InSuspense
from domain.finance.breaks import Against, Choice, Verb
from domain.finance.rails import Rail
from tests.builders.reconciling import FinanceDesk
from tests.builders.world import World


async def in_suspense(desk: FinanceDesk, world: World, minor: int) -> InSuspense:
    """An unexplained line of the statement, put into suspense by two people."""
    row = await desk.imported(desk.bill([desk.moved("", minor)]), day=desk.today)
    (found,) = await desk.breaks_of(row)
    first, second = await world.a_person("finance"), await world.a_person("finance")
    await desk.taken(first, found)
    if (await desk.breaks.decide(first, found.id, Choice(Verb.CREATE, "unexplained", Against.SUSPENSE))).second:
        await desk.breaks.agree(second, found.id)
    return next(one for one in await standing(world) if one.break_id == found.id)


async def standing(world: World) -> tuple[InSuspense, ...]:
    async with world.database.transaction() as session:
        return await reads.standing(session, Rail.WECHAT)
