"""Books with something in them: a card that was bought and is being paid, a month that waits for its end, checks that found a fault."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import text

from database.invariants import Result
from database.repositories import ledger
from database.tables.columns import now
from database.tables.finance.books import ClosingRow
from domain.finance.ledger import issuer_cost, owed, payout_paid, payout_prepared
from domain.finance.periods import first_day, month_of
from domain.finance.rails import Rail
from domain.identifiers import new_id, payout_key
from domain.money import Money
from domain.places import business_day
from services.ops.invariants import keep
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.waiting_cards import Waiting

PRICE = Money(441_00)


async def bought(house: House, waiting: Waiting, *, owner: str = "", paid: bool = False) -> str:
    """Post the purchase of a card, its verification and its order; return whose it is."""
    owner, card_id, key = owner or f"seller:{new_id()}", waiting.card_id, payout_key(waiting.card_id, 1)
    steps = [
        ("issuer_cost", issuer_cost(Money(10)), f"answers:{card_id}"),
        ("owed", owed(owner, PRICE), f"quote:{card_id}-quote-1"),
        ("payout_prepared", payout_prepared(owner, PRICE, Rail.ALIPAY), f"payout:{key}"),
    ]
    if paid:
        steps.append(("payout_paid", payout_paid(PRICE, Rail.ALIPAY), f"payout:{key}"))
    async with house.database.transaction() as session:
        for what, lines, cause in steps:
            await ledger.post(session, f"{what}:{card_id}", card_id, what, lines, cause=cause)
    return owner


async def money_moved(house: House, waiting: Waiting, finance: str) -> dict[str, str]:
    """Fill the books; return the names of an account and of a transaction."""
    owner, today = await bought(house, waiting), business_day(now())
    last_month = first_day(month_of(today)) - timedelta(days=1)
    async with house.database.transaction() as session:
        await ledger.post(
            session, new_id(), None, "issuer_cost", issuer_cost(Money(30)), happened_on=last_month, cause="answers:none"
        )
        newest = (await session.execute(text("SELECT max(id) FROM ledger_transaction"))).scalar_one()
        waits = await session.execute(text("SELECT count(*) FROM ledger_closing WHERE state = 'asked'"))
        if not waits.scalar_one():
            session.add(ClosingRow(id=new_id(), month=month_of(last_month), asked_by=finance, askers=[finance]))
        moment = now()
        await keep(
            session,
            [
                Result("I1", "entries_sum_to_zero", False, (), 12, moment),
                Result(
                    "I2",
                    "sources_agree",
                    False,
                    ("payout:x left 0 CNY on cash:alipay where its row says -1",),
                    40,
                    moment,
                ),
                Result("I5", "cards_are_held", False, (), 5000, moment, finished=False),
            ],
        )
    return {"account": f"seller_payable:{owner}", "transaction": str(newest)}
