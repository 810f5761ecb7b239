"""Payments and claims of a demo in every state that finance meets: held, refused, unknown, claimed, offset, about to be written off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from bootstrap.demo.good_card import ANY_PRICE
from bootstrap.demo.goodwill import KEY as PAID_KEY
from bootstrap.demo.goodwill import SELLER
from bootstrap.demo.hands import Hands, Step
from bootstrap.demo.sales import DemoSales
from database.tables.cards import CardRow
from database.tables.finance.payout import PayeeCorrectionRow, PayoutRow
from database.tables.finance.rollback import RollbackRow, StatedOutcomeRow
from domain.cards.card import Outcome, WaitingFor
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.finance.rails import Rail
from domain.finance.rollback import RollbackKind, RollbackState
from domain.money import Money
from domain.people.roles import Role
from domain.places import business_day
from domain.rules.rollback import rollback_in_force
from services.finance.claim_receipts import ClaimReceipts, PaidBack
from services.finance.payees import Payees
from services.finance.proof_files import ProofFile
from services.finance.rollbacks import Finding, Rollbacks
from services.finance.stating import Statement, Statements

HELD_KEY, REFUSED_KEY, UNKNOWN_KEY = "demo-held-payment", "demo-refused-payee", "demo-unknown-payment"
CLAIMED_KEY, OFFSET_KEY = "demo-claimed-card", "demo-offset-card"
FACE, LARGE = Money(100_00), Money(1_500_00)
OTHER_PAYEE = ("13900009009", "王磊")  # Another account than the one that was paid.
# The simulated gateway knows what becomes of a transfer to these.
NO_SUCH_PAYEE, SILENT_PAYEE = ("13900000404", "Emma Stone"), ("13900000102", "Emma Stone")
RIGHT_PAYEE, LI_PAYEE = ("13900009010", "Emma Stone"), ("13800009002", "李明")
USED = Finding(
    RollbackKind.USED, "发卡方对账显示，这张卡在付款后于门店被使用。",
    ProofFile("发卡方对账.txt", "发卡方对账：该卡在付款后第二天于门店被使用，金额 100.00 元。\n".encode()),
)  # fmt: skip
FROZEN = Finding(
    RollbackKind.FROZEN, "发卡方通知：这张卡因原购买人申诉被冻结。",
    ProofFile("发卡方通知.txt", "发卡方通知：该卡因原购买人申诉，已冻结全部余额。\n".encode()),
)  # fmt: skip
BACK, RETURNED = Money(20_00), ProofFile("转账回单.txt", "转账回单：李明转入 20.00 元，退还冻结卡片的款项。\n".encode())
LETTER = ProofFile("支付宝回函.txt", "支付宝回函：该笔转账未受理，资金未划出。\n".encode())


@dataclass(frozen=True)
class Offer:
    """A card that a story sells: its number without the check digit, its value, and who is paid (account and name)."""

    stem: str
    face: Money
    payee: tuple[str, str]
    floor: Money | None = ANY_PRICE  # With None the seller answers the offer.


@dataclass(frozen=True)
class Sold:
    """A card of a story, and whose it is (seller:<id>)."""

    owner: str
    card: CardRow


async def held(hands: Hands) -> Step:
    """Sell a large card to another account than before: its payment is held until a person lets it go."""
    paid = await paid_card(hands, SELLER, PAID_KEY)
    if isinstance(paid, Step):
        return paid
    if await hands.card(paid.owner, HELD_KEY) is not None:
        return Step.OVER
    await hands.sell(paid.owner, HELD_KEY, "JDDEMOHELDCARD1", LARGE, OTHER_PAYEE)
    return Step.DONE


async def claim(hands: Hands) -> Step:
    """Propose a claim, as compliance, which another person may agree to."""
    paid = await paid_card(hands, SELLER, PAID_KEY)
    if isinstance(paid, Step):
        return paid
    if await _claim_of(hands, paid.owner) is not None:
        return Step.OVER
    return await _proposed(hands, paid.card, USED)


async def refused(hands: Hands) -> Step:
    """Sell to a payee that the gateway does not know; finance proposes another, which its colleague may agree to."""
    found = await sold_card(hands, "emma", REFUSED_KEY, Offer("JDDEMOREFUSED01", FACE, NO_SUCH_PAYEE))
    if isinstance(found, Step):
        return found
    card = found.card
    named = select(PayeeCorrectionRow.id).where(PayeeCorrectionRow.submission_id == card.submission_id).limit(1)
    async with hands.store.transaction() as session:
        corrected = (await session.execute(named)).first() is not None
    if corrected or card.outcome is not None:
        return Step.OVER
    if card.waiting_for is not WaitingFor.SELLER_PAYEE:
        return Step.WAITS
    finance = await hands.person(Role.FINANCE)
    await Payees(hands.store, hands.keyring).propose(finance, card.id, *RIGHT_PAYEE, "seller_wrote")
    return Step.DONE


async def unknown(hands: Hands) -> Step:
    """Sell to a payee of whose transfers the gateway says nothing; finance states by a letter that it was refused, when it may."""
    found = await sold_card(hands, "emma", UNKNOWN_KEY, Offer("JDDEMOUNKNOWN01", FACE, SILENT_PAYEE))
    if isinstance(found, Step):
        return found
    card = found.card
    if card.outcome is not None:
        return Step.OVER
    order = select(PayoutRow.key).where(PayoutRow.card_id == card.id, PayoutRow.state == PayoutState.UNKNOWN)
    async with hands.store.transaction() as session:
        key = (await session.execute(order.order_by(PayoutRow.key).limit(1))).scalar_one_or_none()
        said = select(StatedOutcomeRow.id).where(StatedOutcomeRow.key == key).limit(1)
        stated = (await session.execute(said)).first() is not None
    if key is None or stated:
        return Step.OVER if stated else Step.WAITS
    statement = Statement(PayoutOutcome.REFUSED, "支付宝回函说明这笔转账未受理。", evidence=LETTER)
    finance = await hands.person(Role.FINANCE)
    await Statements(hands.store, hands.keyring).state(finance, key, statement, hands.photos)
    return Step.DONE


async def offset(hands: Hands) -> Step:
    """Claim a card back that was frozen, offset a part of it from the seller's next payment, take in what they pay back, and ask to give up the rest."""
    first = await paid_card(hands, "li", CLAIMED_KEY, Offer("JDDEMOCLA1MED01", Money(200_00), LI_PAYEE))
    if isinstance(first, Step):
        return first
    found = await _claim_of(hands, first.owner)
    if found is None:
        return await _proposed(hands, first.card, FROZEN)
    if found.state is RollbackState.PROPOSED:
        # So long ago that the seller's time to object is over.
        days = rollback_in_force(business_day(datetime.now(UTC))).objection_days
        then = datetime.now(UTC) - timedelta(days=days, minutes=1)
        await Rollbacks(hands.store, hands.keyring, lambda: then).agree(await hands.person(Role.FINANCE, 2), found.id)
        return Step.DONE
    if found.state is not RollbackState.CLAIMED or found.write_off_asked_at is not None:
        return Step.OVER
    later = await paid_card(hands, "li", OFFSET_KEY, Offer("JDDEMOOFFSET001", FACE, LI_PAYEE))
    if isinstance(later, Step):
        return later
    finance, today = await hands.person(Role.FINANCE), business_day(datetime.now(UTC))
    said = PaidBack(BACK, Rail.ALIPAY, "DEMO-BACK-1", today, RETURNED)
    await ClaimReceipts(hands.store, hands.keyring).record(
        finance, found.id, "demo-claim-paid-back", said, hands.photos
    )
    reason = "卖家已停用账户，余下金额无法收回。"
    await Rollbacks(hands.store, hands.keyring).ask_write_off(finance, found.id, reason)
    return Step.DONE


async def sold(hands: Hands) -> Step:
    """Sell a card that was bought: it comes back, and is sold again."""
    bought = await paid_card(hands, "li", OFFSET_KEY)
    if isinstance(bought, Step):
        return bought
    done = await DemoSales(hands.store, await hands.person(Role.FINANCE)).sell(bought.card.id)
    return Step.DONE if done else Step.OVER


async def sold_card(hands: Hands, seller: str, key: str, offer: Offer | None = None) -> Sold | Step:
    """Return the seller's card of this key; else submit what is offered, or wait for it."""
    owner = await hands.owner(seller)
    card = None if owner is None else await hands.card(owner, key)
    if owner is not None and card is not None:
        return Sold(owner, card)
    if owner is None or offer is None:
        return Step.WAITS
    await hands.sell(owner, key, offer.stem, offer.face, offer.payee, offer.floor)
    return Step.DONE


async def paid_card(hands: Hands, seller: str, key: str, offer: Offer | None = None) -> Sold | Step:
    """Return the seller's card once it is paid, as `sold_card` finds it; over where it ended otherwise."""
    found = await sold_card(hands, seller, key, offer)
    if isinstance(found, Step) or found.card.outcome is Outcome.PAID:
        return found
    return Step.WAITS if found.card.outcome is None else Step.OVER


async def _proposed(hands: Hands, card: CardRow, finding: Finding) -> Step:
    compliance = await hands.person(Role.COMPLIANCE)
    await Rollbacks(hands.store, hands.keyring).propose(compliance, card.id, finding, hands.photos)
    return Step.DONE


async def _claim_of(hands: Hands, owner: str) -> RollbackRow | None:
    claims = select(RollbackRow).where(RollbackRow.owner == owner).order_by(RollbackRow.id).limit(1)
    async with hands.store.transaction() as session:
        return (await session.execute(claims)).scalar_one_or_none()
