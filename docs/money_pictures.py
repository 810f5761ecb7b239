"""Takes the finance guide's pictures: some days of a small business, with one payment unknown and a month to close, in both languages."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import ledger
from database.tables.cards import AnswerRow, CardRow, QuoteRow, SubmissionRow
from database.tables.columns import now
from database.tables.finance.ledger import LedgerTransactionRow
from database.tables.finance.payout import PayoutRow
from docs.console_pictures import ids, studio
from domain import identifiers
from domain.cards.card import CardStatus
from domain.cards.pricing import QuoteState
from domain.cards.verification import Party
from domain.finance.ledger import issuer_cost, owed, payout_paid, payout_prepared
from domain.finance.payout import PayoutState
from domain.finance.periods import first_day, month_of
from domain.finance.rails import Rail
from domain.identifiers import payout_key
from domain.money import Money
from domain.people.roles import Role
from domain.places import business_day
from services.finance.periods import Periods
from services.ops.invariants import OftenChecked
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.queue_scenes import person_with
from tests.reviewer_ui.waiting_cards import Waiting

PRICES = (465_00, 188_00, 92_50, 441_00, 279_00)
PAID = 4  # So many of them; the last one's result is unknown.


async def main(program: Path) -> None:
    """Write every picture of the money pages."""
    with patch.object(identifiers, "new_id", ids()):
        async with studio(program) as made:
            house = made.house
            zhao = await person_with(house, Role.FINANCE, "赵敏 Zhao Min", email="zhao@desk.example")
            qian = await person_with(house, Role.FINANCE, "钱程 Qian Cheng", email="qian@desk.example")
            owner, card = await _business(house)
            await Periods(house.database).ask(qian, _last_month())
            await OftenChecked(house.database).look()
            async with house.database.transaction() as session:
                paid = select(LedgerTransactionRow.id).filter_by(card_id=card.card_id, what="payout_paid")
                transaction = (await session.execute(paid)).scalar_one()
            await made.take("money-overview", zhao, "/money")
            await made.take("money-accounts", zhao, "/money/accounts")
            await made.take("money-account", zhao, f"/money/accounts/seller_payable:{owner}")
            await made.take("money-journal", zhao, "/money/journal")
            await made.take("money-transaction", zhao, f"/money/journal/{transaction}")
            await made.take("money-card", zhao, f"/cards/{card.card_id}?tab=money")
            await made.take("money-months", zhao, "/money/periods")
            await made.take("money-invariants", zhao, "/operations/invariants")


def _last_month() -> str:
    return month_of(first_day(month_of(business_day(now()))) - timedelta(days=1))


async def _business(house: House) -> tuple[str, Waiting]:
    """Cards of one seller, from last month until today; return whose they are, and a paid one."""
    owner, cards = f"seller:{identifiers.new_id()}", [await house.cards.waiting() for _ in PRICES]
    first = first_day(_last_month()) + timedelta(days=27)
    for number, (card, price) in enumerate(zip(cards, PRICES, strict=True)):
        day = min(first + timedelta(days=number * 2), business_day(now()))
        key, amount, paid = payout_key(card.card_id, 1), Money(price), number < PAID
        steps = [
            ("issuer_cost", issuer_cost(Money(10)), f"answers:{card.card_id}"),
            ("owed", owed(owner, amount), f"quote:{identifiers.quote(card.card_id, 1)}"),
            ("payout_prepared", payout_prepared(owner, amount, Rail.ALIPAY), f"payout:{key}"),
        ]
        if paid:
            steps.append(("payout_paid", payout_paid(amount, Rail.ALIPAY), f"payout:{key}"))
        async with house.database.transaction() as session:
            await _rows(session, card.card_id, owner, amount, paid=paid)
            for what, lines, cause in steps:
                await ledger.post(
                    session, f"{what}:{card.card_id}", card.card_id, what, lines, cause=cause, happened_on=day
                )
    return owner, cards[0]


async def _rows(session: AsyncSession, card_id: str, owner: str, amount: Money, *, paid: bool) -> None:
    """What the books are compared with: an accepted quote, an answer that cost 10 fen, and an order."""
    state = PayoutState.PAID if paid else PayoutState.UNKNOWN
    card = await session.get_one(CardRow, card_id)
    (await session.get_one(SubmissionRow, card.submission_id)).owner = owner
    quote = (await session.execute(select(QuoteRow).filter_by(card_id=card_id))).scalar_one()
    quote.state, quote.amount_minor = QuoteState.ACCEPTED, amount.amount_minor
    await session.execute(update(AnswerRow).where(AnswerRow.card_id == card_id).values(cost_fen=0))
    session.add(
        AnswerRow(
            card_id=card_id, party=Party.ISSUER, operation="inquire", request_id=identifiers.new_id(), fields_revision=1,
            status=CardStatus.ACTIVE, details={}, cost_fen=10, latency_ms=210,
        )
    )  # fmt: skip
    key = payout_key(card_id, 1)
    session.add(PayoutRow(key=key, card_id=card_id, amount_minor=amount.amount_minor, state=state))
