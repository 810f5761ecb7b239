"""Cards that were bought, and their sales as finance has recorded them, behind the console's pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from database.reads.finance.brokered import split_account
from database.reads.finance.provider_debts import owed_back
from database.repositories import ledger
from database.sealed import PAYEE_ACCOUNT, PAYEE_NAME
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.tax import TaxWithholdingRow
from domain.cards.card import CardType, Outcome, Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.finance.chart import account_of
from domain.finance.fx import Rate
from domain.finance.ledger import Posting, owed, payout_paid, payout_prepared
from domain.finance.payout import PayoutState
from domain.finance.postings.sales import FX_POSITION
from domain.finance.rails import Rail
from domain.finance.sales import PaidFrom, ReceiptFor, SaleMode
from domain.finance.tax import IncomeKind
from domain.identifiers import new_id, payout_key, quote
from domain.money import Currency, Money
from domain.people.roles import Role
from domain.places import business_day
from services.finance.brokered_payments import BrokeredPayments, ProviderPaid
from services.finance.debts import Debts, WriteOff
from services.finance.deposit_refunds import DEPOSITS, REFUNDS_BACK
from services.finance.exchanges import ExchangeAsked, Exchanges
from services.finance.positions import Revaluations
from services.finance.proof_files import ProofFile
from services.finance.provider_repayments import PROVIDERS
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.repaying import Repayment, Repayments
from services.finance.reserving import Reservations
from services.finance.sale_returns import SaleReturns
from services.finance.sales import SaleAsked, Sales
from services.finance.taking_back import Reversals
from tests.builders.paying import PDF
from tests.reviewer_ui.conftest import House

COST = Money(465_00)
TODAY = business_day(datetime.now(UTC)).isoformat()


async def a_bought_card(house: House) -> str:
    """A card of a seller that was bought for 465.00 and paid for, by its rows and postings; returns its id."""
    card_id, moment = new_id(), datetime.now(UTC)
    owner, key = f"seller:{new_id()}", payout_key(card_id, 1)
    await _a_card(house, card_id, owner, Outcome.PAID)
    async with house.database.transaction() as session:
        session.add(
            QuoteRow(
                id=quote(card_id, 1), card_id=card_id, fields_revision=1, amount_minor=COST.amount_minor, rate_bp=9_300,
                rule_set="buyback", rule_version="1", state=QuoteState.ACCEPTED, answered_at=moment,
                internal={"resale_minor": 475_00, "basis_minor": 500_00},
            )
        )  # fmt: skip
        session.add(
            PayoutRow(
                key=key, card_id=card_id, quote_id=quote(card_id, 1), amount_minor=COST.amount_minor, state=PayoutState.PAID,
                payee_masked="138****0021", settled_at=moment,
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            TaxWithholdingRow(
                key=key, card_id=card_id, owner=owner, day=business_day(moment), income=IncomeKind.PROPERTY, rule="person",
                policy_version="tax-2026-11", proceeds_minor=465_00, cost_minor=500_00, base_minor=0, rate_bp=2_000, tax_minor=0,
            )
        )  # fmt: skip
        await ledger.post(session, f"{card_id}:owed", card_id, "owed", owed(owner, COST))
        await ledger.post(
            session, f"{key}:prepared", card_id, "payout_prepared", payout_prepared(owner, COST, Rail.ALIPAY)
        )
        await ledger.post(session, f"{key}:settled", card_id, "payout_paid", payout_paid(COST, Rail.ALIPAY))
    return card_id


async def _a_card(house: House, card_id: str, owner: str, outcome: Outcome) -> None:
    """A card that has ended so, by its rows."""
    submission, ring = f"S{card_id}", house.keyring
    async with house.database.transaction() as session:
        session.add(
            SubmissionRow(
                id=submission, owner=owner, idempotency_key=card_id, request_hash="", channel="web", locale="zh_CN",
                payee_account_sealed=PAYEE_ACCOUNT.seal(ring, submission, "13800000021"),
                payee_name_sealed=PAYEE_NAME.seal(ring, submission, "王小明"), payee_masked="138****0021",
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            CardRow(
                id=card_id, submission_id=submission, position=0, card_type=CardType.ECOMMERCE, brand="jd", currency=Currency.CNY,
                face_value_minor=500_00, stage=Stage.ENDED, waiting_for=WaitingFor.NOBODY, outcome=outcome,
            )
        )  # fmt: skip


async def a_declined_card(house: House) -> str:
    """A card of a seller who declined our quote; returns its id."""
    card_id, moment = new_id(), datetime.now(UTC)
    await _a_card(house, card_id, f"seller:{new_id()}", Outcome.DECLINED)
    async with house.database.transaction() as session:
        session.add(
            QuoteRow(
                id=quote(card_id, 1), card_id=card_id, fields_revision=1, amount_minor=COST.amount_minor, rate_bp=9_300,
                rule_set="buyback", rule_version="1", state=QuoteState.DECLINED, answered_at=moment, internal={},
            )
        )  # fmt: skip
    return card_id


async def a_brokered_sale(house: House) -> str:
    """A brokered sale whose seller is to have 451.25; returns its id."""
    person = await house.cards.person(Role.FINANCE, "Su Hang")
    asked = SaleAsked(
        await a_declined_card(house), "acme", Money(475_00), business_day(datetime.now(UTC)), SaleMode.BROKERED
    )
    return await Sales(house.database).record(person, new_id(), asked)


async def a_commission_owed_back(house: House) -> str:
    """A brokered sale that came back after our commission had arrived, less what was owed back before; returns its id."""
    first, second = [await house.cards.person(Role.FINANCE, name) for name in ("Su Hang", "Gao Yun")]
    receipts, returns, today = Receipts(house.database), SaleReturns(house.database), business_day(datetime.now(UTC))
    sale, part = await a_brokered_sale(house), f"IN-{new_id()[-8:]}"
    async with house.database.transaction() as session:
        ours = (await split_account(session, "alipay")).ours
        before = sum((one.amount for one in await owed_back(session) if one.provider == "alipay"), Money(0))
    arrived = ours - min(ours, before)
    asked = ReceiptAsked("alipay", Rail.BANK, ours, arrived, part, today, ReceiptFor.COMMISSION)
    await receipts.record(first, new_id(), asked)
    await returns.ask(first, sale, "agreed")
    await returns.agree(second, sale)
    return sale


async def a_repayment_that_waits(house: House) -> None:
    """A commission that is owed back, of which one person has recorded a part as paid back."""
    await a_commission_owed_back(house)
    person, today = await house.cards.person(Role.FINANCE, "Su Hang"), business_day(datetime.now(UTC))
    said = Repayment("alipay", Rail.BANK, Money(10_00), f"OUT-{new_id()[-8:]}", today, ProofFile("repaid.pdf", PDF))
    await Repayments(house.database, PROVIDERS).record(person, new_id(), said, house.photos)


async def brokered_in_every_state(house: House) -> dict[str, str]:
    """Brokered sales whose sellers the provider has not paid, has paid by the word of one person, and of two; their ids."""
    first, second = [await house.cards.person(Role.FINANCE, name) for name in ("Su Hang", "Gao Yun")]
    ids = {name: await a_brokered_sale(house) for name in ("brokered_due", "brokered_waits", "sale_brokered")}
    payments, today = BrokeredPayments(house.database, house.keyring), business_day(datetime.now(UTC))
    for name in ("brokered_waits", "sale_brokered"):
        said = ProviderPaid(f"SPLIT-{ids[name][-8:]}", Money(451_25), today, ProofFile("receipt.pdf", PDF))
        paid = await payments.record(first, ids[name], said, house.photos)
    await payments.confirm(second, paid)  # The last.
    return ids


async def money_kept_abroad(house: House, people: tuple[str, str]) -> None:
    """Foreign money that a provider keeps for us; of it one exchange is posted, one waits for a second person, and one was discarded."""
    exchanges, now = Exchanges(house.database), datetime.now(UTC)
    kept, code = Money(50_000_00, Currency.USD), "split_account:wechat"
    lines = (
        Posting(account_of(code), kept), Posting(FX_POSITION, -kept),
        Posting(FX_POSITION, Money(355_000_00)), Posting(account_of("sales"), Money(-355_000_00)),
    )  # fmt: skip
    async with house.database.transaction() as session:
        await ledger.post(session, new_id(), None, "sold", lines, cause=f"made:{new_id()}")
    for sold, reference in ((100_00, "FX-1"), (20_000_00, "FX-2"), (10_000_00, "FX-3")):
        rate = Rate("7", "CFETS", now - timedelta(hours=1))
        asked = ExchangeAsked(
            code, Money(sold, Currency.USD), Money(sold * 7), rate, f"{reference}-{new_id()}", business_day(now)
        )
        made = await exchanges.record(people[0], new_id(), asked)
    await exchanges.discard(people[1], made)  # The last.


async def a_held_deposit(house: House, person: str) -> None:
    """A buyer's deposit, of which a part is held for a card."""
    today, card = business_day(datetime.now(UTC)), await a_bought_card(house)
    paid = ReceiptAsked("harbour", Rail.BANK, Money(600_00), Money(600_00), f"IN-{new_id()}", today, ReceiptFor.DEPOSIT)
    await Receipts(house.database).record(person, new_id(), paid)
    asked = SaleAsked(card, "harbour", Money(475_00), today, paid_from=PaidFrom.DEPOSIT)
    await Reservations(house.database).reserve(person, new_id(), asked)


async def debts_in_every_state(house: House, people: tuple[str, str]) -> dict[str, str]:
    """A buyer's and a partner's debt with write-offs that wait and are agreed to, and refunds of a deposit in every state; their ids."""
    first, second = people
    today, letter, end = business_day(datetime.now(UTC)), ProofFile("letter.pdf", PDF), new_id()[-8:].lower()
    debts, refunds = Debts(house.database, house.keyring), Repayments(house.database, DEPOSITS)
    buyer, partner = f"buyer_receivable:buyer:b-{end}", f"partner_receivable:coop-{end}"
    async with house.database.transaction() as session:
        for code in (buyer, partner):
            lines = (Posting(account_of(code), Money(90_00)), Posting(account_of("sales"), Money(-90_00)))
            await ledger.post(session, new_id(), None, "sold", lines, cause=f"made:{new_id()}")
    ids = {"debtor": f"b-{end}", "owner": f"coop-{end}"}
    for name, code in (("off_waits", buyer), ("off_agreed", partner)):
        ids[name] = await debts.ask(
            first,
            new_id(),
            WriteOff(code, Money(40_00), "法院已结案 · The court closed the case.", letter),
            house.photos,
        )
    await debts.write_off(second, ids["off_agreed"])
    paid = ReceiptAsked(f"b-{end}", Rail.BANK, Money(90_00), Money(90_00), f"IN-{end}", today, ReceiptFor.DEPOSIT)
    await Receipts(house.database).record(first, new_id(), paid)
    for name in ("refund_waits", "refund_asked", "refund_confirmed"):
        said = Repayment(f"b-{end}", Rail.BANK, Money(20_00), f"OUT-{name}-{end}", today, letter)
        ids[name] = await refunds.record(first, new_id(), said, house.photos)
    for name in ("refund_asked", "refund_confirmed"):
        await refunds.confirm(second, ids[name])
    await Reversals(house.database, REFUNDS_BACK).ask(first, ids["refund_asked"], "记错了 · Entered in error")
    return ids


async def sales_in_every_state(house: House) -> dict[str, str]:
    """Sales kept, come back, in another currency with its value and payment, and brokered; the ids of them and of a card."""
    person, today = await house.cards.person(Role.FINANCE, "Su Hang"), business_day(datetime.now(UTC))
    sales = Sales(house.database)
    kept, back, abroad, unsold = [await a_bought_card(house) for _ in range(4)]
    sale = await sales.record(person, new_id(), SaleAsked(kept, "acme", Money(475_00), today))
    returned = await sales.record(person, new_id(), SaleAsked(back, "acme", Money(455_00), today))
    returns, second = SaleReturns(house.database), await house.cards.person(Role.FINANCE, "Gao Yun")
    await returns.ask(person, returned, "found_used")
    await returns.agree(second, returned)
    at = datetime.now(UTC) - timedelta(hours=1)
    dollars = SaleAsked(abroad, "overseas", Money(70_00, Currency.USD), today, rate=Rate("7.1", "CFETS", at))
    await sales.record(person, new_id(), dollars)
    part = Money(20_00, Currency.USD)
    await Receipts(house.database).record(
        person, new_id(), ReceiptAsked("overseas", Rail.BANK, part, Money(141_00), f"IN-{new_id()}", today)
    )
    await money_kept_abroad(house, (person, second))
    await a_held_deposit(house, person)
    await a_repayment_that_waits(house)
    await debts_in_every_state(house, (person, second))
    month = (today.replace(day=1) - timedelta(days=1)).strftime("%Y-%m")
    await Revaluations(house.database).record(person, Currency.JPY, month, Rate("0.05", "CFETS", at))
    return {"sale": sale, "sale_back": returned, "unsold": unsold} | await brokered_in_every_state(house)
