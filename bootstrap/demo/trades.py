"""More sales of a demo: one in dollars, whose money is kept and exchanged in part; a card for which a deposit is held; one that is brokered."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import select

from bootstrap.demo.goodwill import PAYEE, SELLER
from bootstrap.demo.hands import Hands, Step
from bootstrap.demo.payments import Offer, paid_card, sold_card
from bootstrap.demo.sales import MERCHANT, RATE, SOURCE
from database.tables.cards import CardRow
from database.tables.finance.ledger import HoldRow
from database.tables.finance.sales import BrokeredPaymentRow, FxExchangeRow, SaleRow, SaleSplitRow
from domain.cards.card import Outcome, WaitingFor
from domain.errors.sales import BuyerOwesLess, CardSold
from domain.finance.fx import Rate
from domain.finance.holds import reserved_key
from domain.finance.rails import Rail
from domain.finance.sales import PaidFrom, SaleMode
from domain.finance.waterfall import PartKind
from domain.money import Currency, Money
from domain.people.roles import Role
from domain.places import business_day
from services.finance.brokered_payments import BrokeredPayments, ProviderPaid
from services.finance.exchanges import ExchangeAsked, Exchanges
from services.finance.proof_files import ProofFile
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.reserving import Reservations
from services.finance.sales import SaleAsked, Sales
from services.policies.reading import PolicyReader

ABROAD_KEY, RESERVED_KEY, BROKERED_KEY = "demo-sold-abroad", "demo-reserved-card", "demo-brokered-card"
OVERSEAS = "overseas-club"  # The buyer who pays in dollars.
FACE, PRICE = Money(100_00), Money(94_00)
DOLLARS, EXCHANGED = Money(13_40, Currency.USD), Money(8_00, Currency.USD)
LATER_RATE = "7.0800"  # Of the day of the exchange.
ADVICE = ProofFile("分账回单.txt", "分账回单：寄售卡片的卖家应得款已由支付机构直接付给卖家。\n".encode())


async def abroad(hands: Hands) -> Step:
    """Sell a card for dollars, which its buyer pays to our bank account, and exchange a part of them."""
    done = select(FxExchangeRow.id).where(FxExchangeRow.key == ABROAD_KEY)
    async with hands.store.transaction() as session:
        if (await session.execute(done)).first() is not None:
            return Step.OVER
    bought = await paid_card(hands, SELLER, ABROAD_KEY, Offer("JDDEMOABROAD001", FACE, PAYEE))
    if isinstance(bought, Step):
        return bought
    finance, now = await hands.person(Role.FINANCE), datetime.now(UTC)
    rate, today = Rate(RATE, SOURCE, now), business_day(now)
    await PolicyReader(hands.store).refresh()
    try:
        sale = await Sales(hands.store).record(
            finance, ABROAD_KEY, SaleAsked(bought.card.id, OVERSEAS, DOLLARS, today, rate=rate)
        )
    except CardSold:
        return Step.OVER  # By another person.
    async with hands.store.transaction() as session:
        total = (await session.get_one(SaleRow, sale)).total_minor
    paid = Money(total, Currency.USD)
    await Receipts(hands.store).record(
        finance, ABROAD_KEY, ReceiptAsked(OVERSEAS, Rail.BANK, paid, paid, "DEMO-USD-1", today)
    )
    arrived = EXCHANGED.converted(Decimal(LATER_RATE), Currency.CNY)
    asked = ExchangeAsked("cash:bank", EXCHANGED, arrived, Rate(LATER_RATE, SOURCE, now), "DEMO-FX-1", today)
    await Exchanges(hands.store).record(finance, ABROAD_KEY, asked)
    return Step.DONE


async def reserved(hands: Hands) -> Step:
    """Hold a part of the merchant's deposit for a card that they are to have; it ends after a day, or with the sale."""
    async with hands.store.transaction() as session:
        if await session.get(HoldRow, reserved_key(RESERVED_KEY)) is not None:
            return Step.OVER
    bought = await paid_card(hands, SELLER, RESERVED_KEY, Offer("JDDEMORESERVE01", FACE, PAYEE))
    if isinstance(bought, Step):
        return bought
    await PolicyReader(hands.store).refresh()
    asked = SaleAsked(bought.card.id, MERCHANT, PRICE, business_day(datetime.now(UTC)), paid_from=PaidFrom.DEPOSIT)
    try:
        await Reservations(hands.store).reserve(await hands.person(Role.FINANCE), RESERVED_KEY, asked)
    except (BuyerOwesLess, CardSold):
        return Step.OVER  # The deposit is used up, or another person has sold the card.
    return Step.DONE


async def brokered(hands: Hands) -> Step:
    """Broker a card whose seller declined our offer, and record what the provider paid them, which a colleague may confirm."""
    found = await sold_card(hands, SELLER, BROKERED_KEY, Offer("JDDEMOBR0KERED1", FACE, PAYEE, floor=None))
    if isinstance(found, Step):
        return found
    card = found.card
    if card.waiting_for is WaitingFor.SELLER_OFFER:
        await hands.decline(card.id)
        return Step.DONE
    if card.outcome is None:
        return Step.WAITS
    return await _brokered(hands, card) if card.outcome is Outcome.DECLINED else Step.OVER


async def _brokered(hands: Hands, card: CardRow) -> Step:
    finance, today = await hands.person(Role.FINANCE), business_day(datetime.now(UTC))
    await PolicyReader(hands.store).refresh()
    try:
        sale = await Sales(hands.store).record(
            finance, BROKERED_KEY, SaleAsked(card.id, MERCHANT, PRICE, today, mode=SaleMode.BROKERED)
        )
    except CardSold:
        return Step.OVER  # By another person.
    part = select(SaleSplitRow.amount_minor).where(SaleSplitRow.sale_id == sale, SaleSplitRow.part == PartKind.SELLER)
    known = select(BrokeredPaymentRow.id).where(BrokeredPaymentRow.sale_id == sale)
    async with hands.store.transaction() as session:
        if (await session.execute(known)).first() is not None:
            return Step.OVER
        amount = Money((await session.execute(part)).scalar_one())
    paid = ProviderPaid("DEMO-SPLIT-1", amount, today, ADVICE)
    await BrokeredPayments(hands.store, hands.keyring).record(finance, sale, paid, hands.photos)
    return Step.DONE
