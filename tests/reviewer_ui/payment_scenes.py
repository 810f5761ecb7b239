"""Payments on hold, a rail that is off, an outcome that one person stated, and claims: what the money pages show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from database.repositories import ledger
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rollback import RollbackRow, StatedOutcomeRow
from database.tables.finance.routing import PayoutWaitRow, RailSwitchRow
from domain.cards.card import Outcome, Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.finance.ledger import owed, payout_paid, payout_prepared
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.finance.postings import rollback
from domain.finance.rails import Rail
from domain.finance.rollback import RollbackKind, RollbackState
from domain.identifiers import new_id, payout_key
from domain.money import Money
from domain.people.roles import Role
from domain.places import business_day
from gateways.attachments import accept
from services.finance.claim_receipts import ClaimReceipts, PaidBack
from services.finance.proof_files import ProofFile
from services.finance.rollbacks import Rollbacks
from tests.builders.paying import PDF
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.waiting_cards import Waiting

PRICE = Money(441_00)


async def a_paid_card(house: House) -> Waiting:
    """A card that was bought and paid, with its postings."""
    waiting = await house.cards.waiting()
    key, now = payout_key(waiting.card_id, 1), datetime.now(UTC)
    async with house.database.transaction() as session:
        quote = select(QuoteRow.id).where(QuoteRow.card_id == waiting.card_id).order_by(QuoteRow.id).limit(1)
        quote_id = (await session.execute(quote)).scalar_one()
        sold = {
            "state": QuoteState.ACCEPTED,
            "amount_minor": PRICE.amount_minor,
            "answered_at": now - timedelta(seconds=40),
        }
        await session.execute(update(QuoteRow).where(QuoteRow.id == quote_id).values(**sold))
        owner = await owner_of(house, waiting)
        await ledger.post(session, f"{quote_id}:owed", waiting.card_id, "owed", owed(owner, PRICE))
        lines = payout_prepared(owner, PRICE, Rail.ALIPAY)
        await ledger.post(session, f"{key}:prepared", waiting.card_id, "payout_prepared", lines, cause=f"payout:{key}")
        paid = payout_paid(PRICE, Rail.ALIPAY)
        await ledger.post(session, f"{key}:settled", waiting.card_id, "payout_paid", paid, cause=f"payout:{key}")
        session.add(
            PayoutRow(
                key=key, card_id=waiting.card_id, amount_minor=PRICE.amount_minor, state=PayoutState.PAID, quote_id=quote_id,
                answered=PayoutOutcome.PAID, gateway_reference="20260001", settled_at=now, payee_masked="138****0021",
                routing_version="payout-routing-2026-11", routed={"chosen_by": "seller", "health": "well", "cost_minor": "0"},
            )
        )  # fmt: skip
        ended = {"stage": Stage.ENDED, "waiting_for": WaitingFor.NOBODY, "outcome": Outcome.PAID}
        await session.execute(update(CardRow).where(CardRow.id == waiting.card_id).values(**ended))
    return waiting


async def owner_of(house: House, waiting: Waiting) -> str:
    """Who submitted the card."""
    async with house.database.transaction() as session:
        card = await session.get_one(CardRow, waiting.card_id)
        return (await session.get_one(SubmissionRow, card.submission_id)).owner


async def on_hold(house: House, waiting: Waiting, *reasons: str, until: datetime | None = None) -> str:
    """The payment of this card waits; returns its key."""
    key = payout_key(waiting.card_id, 1)
    row = PayoutWaitRow(
        key=key, card_id=waiting.card_id, owner=await owner_of(house, waiting), rail=Rail.ALIPAY, amount_minor=44_100,
        payee_masked="138****0021", reasons=list(reasons), since=datetime.now(UTC) - timedelta(hours=2), until=until,
    )  # fmt: skip
    async with house.database.transaction() as session:
        session.add(row)
    return key


async def a_claim(house: House, person: str, state: RollbackState) -> str:
    """A claim against the seller of a paid card; returns its id."""
    waiting, kept = await a_paid_card(house), accept("issuer.pdf", PDF)
    house.photos.write(kept.content)
    row = RollbackRow(
        id=new_id(), card_id=waiting.card_id, owner=await owner_of(house, waiting), kind=RollbackKind.USED, state=state,
        price_minor=PRICE.amount_minor, amount_minor=PRICE.amount_minor, policy_version="rollback-2026-11",
        words="卡片在付款后被使用。 · The card was spent after payment.", evidence_name=kept.name, evidence_type=kept.media_type,
        evidence_sha256=kept.sha256, proposed_by=person, proposers=[person],
    )  # fmt: skip
    async with house.database.transaction() as session:
        if state is RollbackState.CLAIMED:
            row.offset_from = datetime.now(UTC) + timedelta(days=7)
            lines = rollback.claimed(row.owner, PRICE, PRICE, in_stock=True)
            await ledger.post(session, f"rollback-{row.id}:claimed", row.card_id, "rollback_claimed", lines)
        session.add(row)
    return row.id


async def paid_back_in_part(house: House, claim: str) -> None:
    """Two payments of the seller on a claim, of which one is to be taken back."""
    person, today = await house.cards.person(Role.FINANCE, "Su Hang"), business_day(datetime.now(UTC))
    receipts = ClaimReceipts(house.database, house.keyring)
    for minor, reference in ((100_00, "BACK-1"), (50_00, "BACK-2")):
        said = PaidBack(Money(minor), Rail.BANK, reference, today, ProofFile("receipt.pdf", PDF))
        made = await receipts.record(person, claim, new_id(), said, house.photos)
    await receipts.ask_reversal(person, made, "记错了 · Entered in error")


async def recovered_in_part(house: House, claim: str) -> None:
    """Two people wrote a claim off, and a part of it arrived later."""
    person, today = await house.cards.person(Role.FINANCE, "Su Hang"), business_day(datetime.now(UTC))
    claims, receipts = Rollbacks(house.database, house.keyring), ClaimReceipts(house.database, house.keyring)
    await claims.ask_write_off(person, claim, "联系不上卖家 · The seller cannot be reached")
    await claims.write_off(await house.cards.person(Role.FINANCE, "Bo Yu"), claim)
    said = PaidBack(Money(200_00), Rail.BANK, "BACK-3", today, ProofFile("receipt.pdf", PDF))
    await receipts.record(person, claim, new_id(), said, house.photos)


async def payment_pages(house: House, person: str, unknown: Waiting) -> dict[str, str]:
    """Something for each page: holds, a rail that is off, a stated outcome of an unknown order, claims, one written off."""
    await on_hold(house, await house.cards.waiting(), "new_payee", "unverified")
    await on_hold(house, await house.cards.waiting(), "rail_day", until=datetime.now(UTC) + timedelta(hours=9))
    paid = await a_paid_card(house)
    claim = await a_claim(house, person, RollbackState.CLAIMED)
    await a_claim(house, person, RollbackState.PROPOSED)
    await paid_back_in_part(house, claim)
    await recovered_in_part(house, await a_claim(house, person, RollbackState.CLAIMED))
    key = payout_key(unknown.card_id, 1)
    async with house.database.transaction() as session:
        off = select(RailSwitchRow.id).where(RailSwitchRow.rail == Rail.BANK, RailSwitchRow.on_at.is_(None)).limit(1)
        if (await session.execute(off.order_by(RailSwitchRow.id))).first() is None:  # An earlier scene left it off.
            session.add(
                RailSwitchRow(id=new_id(), rail=Rail.BANK, off_by=person, off_reason="银行维护 · The bank is down")
            )
        session.add(
            StatedOutcomeRow(
                id=new_id(), key=key, outcome=PayoutOutcome.REFUSED, reason="银行来函 · A letter of the bank",
                evidence_name="letter.pdf", evidence_type="application/pdf", evidence_sha256="0" * 64, stated_by=person,
                staters=[person],
            )
        )  # fmt: skip
    return {"order": key, "paid_order": payout_key(paid.card_id, 1), "claim": claim}
