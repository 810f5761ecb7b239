"""What must be so once an activity of the crash matrix was tried again: by our rows, and by the books of all three rails."""

from __future__ import annotations

from database.repositories import ledger
from database.repositories.orders import order as an_order
from database.tables.finance.payout import PayoutRow
from domain.cards.card import Outcome
from domain.finance.payout import PayoutState
from domain.finance.rails import Rail
from tests.faults.money.matrix import Case, Floor


async def left(floor: Floor, key: str) -> dict[Rail, list[int]]:
    """Return the amounts (fen) that left under a key by each provider's own books."""
    at_alipay = [one["amount_minor"] for one in await floor.world.transfers(key) if one["status"] == "SUCCESS"]
    at_wechat = [one["transfer_amount"] for one in await floor.rails.made(key) if one["state"] == "SUCCESS"]
    at_bank = [
        one["amount_minor"] for one in (await floor.bank.plain.get("/transfers")).json()
        if one["key"] == key and one["state"] == "paid"
    ]  # fmt: skip
    return {Rail.ALIPAY: at_alipay, Rail.WECHAT: at_wechat, Rail.BANK: at_bank}


async def judged(floor: Floor, case: Case) -> list[str]:
    """List what does not hold at the end of a case."""
    wrong, gone = [], await left(floor, case.key)
    for rail, amounts in gone.items():
        due = [case.paid] if case.paid and rail is case.rail else []
        if amounts != due:
            wrong.append(f"I4 {amounts} left by the books of {rail.value} where {due} is due")
    async with floor.world.database.transaction() as session:
        owed = (await ledger.balance(session, case.owed)).amount_minor
        order = await an_order(session, case.key)
    if owed != case.stood:
        wrong.append(f"I3 {case.owed} stands at {owed} where it stood at {case.stood}")
    if (order is not None and order.state is PayoutState.PAID) is not bool(case.paid):
        wrong.append(f"I4 {case.key} stands as {order.state if order is not None else 'never made'}")
    return wrong + await _card(floor, case)


async def _card(floor: Floor, case: Case) -> list[str]:
    if not case.card_id:
        return []
    paid = (await floor.world.card(case.card_id)).outcome is Outcome.PAID
    orders = [row.state.value for row in await floor.world.rows(PayoutRow, card_id=case.card_id)]
    if (paid, orders) == ((True, ["paid"]) if case.paid else (False, [])):
        return []
    return [f"I4 the card is paid: {paid}, with the orders {orders}"]
