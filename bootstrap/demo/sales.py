"""Sales of a demo: split rules with partners, a buyer's deposit, and what the bought cards were sold for."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.reserved import reserved
from database.session import Database
from database.tables.cards import CardRow, QuoteRow
from database.tables.finance.sales import BuyerReceiptRow, SaleRow
from database.tables.people import PersonRow
from database.tables.policies import PolicyDocumentRow
from domain.cards.card import CardType, Outcome
from domain.cards.pricing import QuoteState
from domain.errors.sales import BuyerOwesLess, CardClaimed
from domain.finance.counterparties import Instalments
from domain.finance.fx import Rate
from domain.finance.rails import Rail
from domain.finance.sales import PaidFrom, ReceiptFor
from domain.money import Currency, Money
from domain.people.roles import Role
from domain.places import business_day
from domain.rules.splits import KIND
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.sale_returns import SaleReturns
from services.finance.sales import SaleAsked, Sales
from services.policies.documents import PolicyDocuments, Proposal
from services.policies.reading import PolicyReader

RULES = Path(__file__).with_name("splits.json")
WHY = "合作方分账 · Partners share in sales"
MERCHANT, NETWORK = "mall-direct", "resale-network"
DEPOSIT = Money(5_000_00)
# The demo's own rate; a real one is the desk's.
RATE, SOURCE = "7.1000", "demo"


class DemoSales:
    """Acts as the demo's people (their ids). What was done at an earlier start is not done again."""

    def __init__(self, store: Database, finance: str) -> None:
        self._store = store
        self._finance = finance
        self._sales, self._returns, self._receipts = Sales(store), SaleReturns(store), Receipts(store)

    async def prepare(self, admin: str, officer: str) -> None:
        """Publish split rules with partners by two people, and record a buyer's deposit."""
        policies = PolicyDocuments(self._store)
        async with self._store.transaction() as session:
            saved = (
                await session.execute(select(PolicyDocumentRow.version).where(PolicyDocumentRow.kind == KIND.code))
            ).first()
        if saved is None:
            document = json.loads(RULES.read_text(encoding="utf-8"))
            await policies.save(admin, KIND, Proposal(document, WHY, None, 0))
            await policies.ask(admin, KIND, 1)
            await policies.publish(officer, KIND, 1)
        today = business_day(datetime.now(UTC))
        paid = ReceiptAsked(MERCHANT, Rail.BANK, DEPOSIT, DEPOSIT, "DEMO-1", today, ReceiptFor.DEPOSIT)
        async with self._store.transaction() as session:
            known = await _deposited(session)
        if not known:
            await self._receipts.record(self._finance, "demo-deposit", paid)

    async def sell(self, only: str | None = None) -> int:
        """Sell every bought card (or one alone) that is not sold yet and return how many; the first comes back and is sold again.

        One against which a claim stands, or that is held for a buyer, is left.
        """
        now = datetime.now(UTC)
        await PolicyReader(self._store).refresh()
        async with self._store.transaction() as session:
            held = {one.card_id for one in await reserved(session)}
            bought = [one for one in await _bought(session) if only in (None, one[0].id) and one[0].id not in held]
            others = (PersonRow.roles.contains([Role.FINANCE.value]), PersonRow.id != self._finance)
            second = (
                (await session.execute(select(PersonRow.id).where(*others).order_by(PersonRow.id))).scalars().first()
            )
        # Domestic cards come first, and the cheapest of them: the first sale draws on the deposit, which is in yuan.
        bought.sort(key=lambda one: (_foreign(one[0]), int(one[1].internal["resale_minor"])))
        sold = 0
        for card, quote in bought:
            try:
                first = await self._sold(card, quote, now, f"demo-{card.id}", sold)
            except CardClaimed:
                continue
            sold += 1
            if sold == 1 and second is not None:
                await self._returns.ask(self._finance, first, "agreed")
                await self._returns.agree(second, first)
                await self._sold(card, quote, now, f"demo-{card.id}-again", 0)
        return sold

    async def _sold(self, card: CardRow, quote: QuoteRow, now: datetime, key: str, number: int) -> str:
        """Record one sale; `number` counts the sales of this run from 0 and chooses buyer, deposit and instalments."""
        foreign = _foreign(card)
        price = Money(int(quote.internal["resale_minor"]))
        if foreign:
            price = Money(int(price.amount_minor / Decimal(RATE)), Currency.USD)
        asked = SaleAsked(
            card.id, NETWORK if foreign or number % 2 else MERCHANT, price, business_day(now),
            paid_from=PaidFrom.RECEIVABLE if foreign or number else PaidFrom.DEPOSIT,
            instalments=Instalments.YES if number % 3 == 2 else Instalments.NO,
            rate=Rate(RATE, SOURCE, now) if foreign else None,
        )  # fmt: skip
        try:
            return await self._sales.record(self._finance, key, asked)
        except BuyerOwesLess:  # Earlier runs have used the deposit up.
            return await self._sales.record(self._finance, key, replace(asked, paid_from=PaidFrom.RECEIVABLE))


def _foreign(card: CardRow) -> bool:
    return card.card_type is CardType.CROSSBORDER


async def _deposited(session: AsyncSession) -> bool:
    found = await session.execute(select(BuyerReceiptRow.id).where(BuyerReceiptRow.key == "demo-deposit"))
    return found.first() is not None


async def _bought(session: AsyncSession) -> list[tuple[CardRow, QuoteRow]]:
    sold = select(SaleRow.id).where(SaleRow.card_id == CardRow.id, SaleRow.reversed_at.is_(None)).exists()
    statement = (
        select(CardRow, QuoteRow)
        .join(QuoteRow, QuoteRow.card_id == CardRow.id)
        .where(CardRow.outcome == Outcome.PAID, QuoteRow.state == QuoteState.ACCEPTED, ~sold)
        .where(QuoteRow.internal.has_key("resale_minor"))
        .order_by(CardRow.id)
    )
    return [(card, quote) for card, quote in await session.execute(statement)]
