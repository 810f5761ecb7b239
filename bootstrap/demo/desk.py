"""What the finance desk of a demo has begun: breaks decided by one person and proposed to a second, and a rail that is off."""

from __future__ import annotations

from sqlalchemy import func, select

from bootstrap.demo.hands import Hands, Step
from bootstrap.demo.rails import PAYEES
from bootstrap.demo.statements import NAMELESS, PREPAID, UNSAID
from database.tables.finance.rails import BankLineRow
from database.tables.finance.routing import RailSwitchRow
from database.tables.finance.statements import BreakRow
from domain.finance.breaks import Against, BreakState, Choice, Verb
from domain.finance.rails import Rail
from domain.finance.statements import StatementSource
from domain.people.roles import Role
from services.finance.breaks import Breaks
from services.finance.rail_switches import RailSwitches
from services.work.desk import Desk
from services.work.leases import Leases

# By the amounts of the lines in `statements`: all but the second are small enough for one person, which waits for another.
DECISIONS = {
    -15_00: Choice(Verb.CREATE, "fee", Against.RAIL_FEE),
    50_000_00: Choice(Verb.CREATE, "own_funds", Against.CAPITAL, note="补充备付，转自公司基本账户。"),
    **{amount: Choice(Verb.CREATE, "unexplained", Against.SUSPENSE) for amount in (PREPAID, NAMELESS, UNSAID)},
}
OFF = "银行通知：本周末核心系统升级，暂停受理批量代付。"
ON_AGAIN = "银行已完成升级，测试批次正常。"


async def decided(hands: Hands) -> Step:
    """Decide two of the breaks that the bank's statements left, as soon as they are work of the desk."""
    breaks = select(BreakRow).where(BreakRow.source == StatementSource.BANK, BreakRow.amount_minor.in_(DECISIONS))
    async with hands.store.transaction() as session:
        found = (await session.execute(breaks.order_by(BreakRow.id))).scalars().all()
    waiting = [one for one in found if one.state is BreakState.OPEN]
    if found and not waiting:
        return Step.OVER
    ready = next((one for one in waiting if one.task_id is not None), None)
    if ready is None:
        return Step.WAITS
    finance = await hands.person(Role.FINANCE)
    await Leases(Desk(hands.store, hands.keyring)).take(finance, ready.task_id)
    await Breaks(hands.store).decide(finance, ready.id, DECISIONS[ready.amount_minor])
    return Step.DONE


async def switched_off(hands: Hands) -> Step:
    """Switch payments through banks off once the demo's own wait for a batch; finance has asked to switch them on again."""
    wanted = [rail for _, rail, _, _ in PAYEES if rail is Rail.BANK]
    async with hands.store.transaction() as session:
        known = (
            await session.execute(select(RailSwitchRow.id).where(RailSwitchRow.rail == Rail.BANK).limit(1))
        ).first()
        entered = (await session.execute(select(func.count()).select_from(BankLineRow))).scalar_one()
    if known is not None:
        return Step.OVER
    if entered < len(wanted):
        return Step.WAITS
    switches = RailSwitches(hands.store)
    await switches.off(await hands.person(Role.OPS), Rail.BANK, OFF)
    await switches.ask_on(await hands.person(Role.FINANCE), Rail.BANK, ON_AGAIN)
    return Step.DONE
