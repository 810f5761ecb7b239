"""Recent work of finance and support that the policies of money judge, as rows."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlalchemy import select, text, update

from database.session import Database
from database.tables.cards import QuoteRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rollback import RollbackRow
from database.tables.finance.sales import SaleRow
from database.tables.finance.settlement import CounterpartyRow, SettlementRunRow
from database.tables.finance.statements import BreakRow
from database.tables.ops.repairs import RepairItemRow, RepairRow
from database.tables.quality import ReadingLabelRow
from database.tables.review import ReviewDecisionRow
from database.tables.support.goodwill import GoodwillRow
from domain.cards.review import ReviewOutcome
from domain.finance.breaks import BreakKind
from domain.finance.counterparties import CounterpartyKind
from domain.finance.payout import PayoutState
from domain.finance.rollback import RollbackKind
from domain.finance.settlement import Terms
from domain.finance.statements import StatementSource
from domain.identifiers import new_id, payout_key
from domain.ops.repairs import ItemState, RepairKind
from domain.people.roles import Permission
from domain.support.goodwill import GoodwillState
from domain.support.tickets import TicketCategory
from tests.builders.installation import a_ticket

PRICE = 441_00
TERMS = Terms("weekly", "week", 1, 3, silence_confirms=True, minimum_minor=100_00, hold_back_bp=0)


async def a_labelled_reading(database: Database, card_id: str, task_id: str, person: str, now: datetime) -> None:
    """A number that was read with 93 % confidence, wrongly."""
    decision = ReviewDecisionRow(
        id=new_id(), task_id=task_id, card_id=card_id, person_id=person, outcome=ReviewOutcome.APPROVE, made_at=now
    )
    async with database.transaction() as session:
        session.add(decision)
        await session.flush()
        session.add(
            ReadingLabelRow(
                id=new_id(), card_id=card_id, decision_id=decision.id, field="number", brand="starbucks",
                confidence_bp=9_300, accepted=False, at=now,
            )
        )  # fmt: skip


async def a_paid_card(database: Database, card_id: str, now: datetime) -> None:
    """Its seller was paid 441.00 ten days ago for a balance of 400.00, and it was sold today for 475.00."""
    async with database.transaction() as session:
        quote = (await session.execute(select(QuoteRow).filter_by(card_id=card_id))).scalar_one()
        quote.internal = {**quote.internal, "basis_minor": 400_00}
        session.add(
            PayoutRow(
                key=payout_key(card_id, 1), card_id=card_id, amount_minor=PRICE, state=PayoutState.PAID, quote_id=quote.id,
                prepared_at=now - timedelta(days=10), settled_at=now - timedelta(days=10),
            )
        )  # fmt: skip
        session.add(
            SaleRow(
                id=new_id(), key=new_id(), card_id=card_id, buyer="buyer:one", price_minor=475_00, total_minor=479_75,
                booked_minor=479_75, sold_at=now, cost_minor=PRICE, policy_version="splits-2026-11", recorded_by="person:one",
            )
        )  # fmt: skip


async def two_gifts(database: Database, card_id: str, person: str, now: datetime) -> None:
    """Two gifts of 40.00 to one seller: one paid forty days ago, one proposed now."""
    owner = f"seller:{new_id()}"
    for at, state in ((now - timedelta(days=40), GoodwillState.PAID), (now, GoodwillState.PROPOSED)):
        async with database.transaction() as session:
            ticket = await a_ticket(session, at, TicketCategory.OTHER)
            session.add(
                GoodwillRow(
                    id=new_id(), ticket_id=ticket, owner=owner, paid_key=payout_key(card_id, 1), payee_masked="-",
                    amount_minor=40_00, reason_code="delay", needs=Permission.LEAD_SUPPORT, policy_version="-", state=state,
                    proposed_by=person, proposers=[person], proposed_at=at,
                )
            )  # fmt: skip


async def a_claim(database: Database, card_id: str, person: str, now: datetime) -> None:
    """The price of a card that was used is claimed."""
    async with database.transaction() as session:
        session.add(
            RollbackRow(
                id=new_id(), card_id=card_id, owner="seller:one", kind=RollbackKind.USED, price_minor=PRICE,
                amount_minor=PRICE, policy_version="-", words="-", evidence_name="-", evidence_type="-",
                evidence_sha256="-", proposed_by=person, proposed_at=now,
            )
        )  # fmt: skip


async def a_small_difference(database: Database, now: datetime) -> None:
    """Alipay says 0.03 less than our books, and one line of it that our books do not have."""
    for kind, entry, minor, difference in (
        (BreakKind.AMOUNT_UNDER, int(now.timestamp()), -99_97, 3),
        (BreakKind.MISSING_HERE, None, -80_00, -80_00),
    ):
        async with database.transaction() as session:
            session.add(
                BreakRow(
                    id=new_id(), kind=kind, source=StatementSource.ALIPAY, day=now.date(), line_id=new_id(), entry_id=entry,
                    amount_minor=minor, difference_minor=difference, since=now, found_at=now,
                )
            )  # fmt: skip


async def a_stated_run(database: Database, person: str, now: datetime) -> None:
    """A counterparty whose run of a week pays 600.00."""
    async with database.transaction() as session:
        party = CounterpartyRow(
            id=new_id(), kind=CounterpartyKind.PARTNER, owner=new_id().lower(), name="-", terms=TERMS.code,
            since=date(2026, 1, 1), made_by=person,
        )  # fmt: skip
        session.add(party)
        await session.flush()
        session.add(
            SettlementRunRow(
                id=new_id(), counterparty_id=party.id, period="2026-W47", starts_on=now.date(), ends_on=now.date(),
                terms=TERMS.record(), policy_version="-", two_people_from_minor=5_000_00, version=1, lines_minor=600_00,
                payable_minor=600_00, made_at=now,
            )
        )  # fmt: skip


async def a_repair_that_failed(database: Database, now: datetime) -> None:
    """A repair of four runs: two failed, one is cured, and one was left out."""
    states = (ItemState.FAILED, ItemState.FAILED_AGAIN, ItemState.CURED, ItemState.EXCLUDED)
    async with database.transaction() as session:
        repair = RepairRow(
            id=new_id(), kind=RepairKind.RETRY_NOW, reason_code="-", canary=0, rate_per_s=1, failures_bp=2_000,
            rules_version="-", drafted_by="-", submitted_at=now,
        )  # fmt: skip
        session.add(repair)
        await session.flush()
        session.add_all(
            RepairItemRow(
                repair_id=repair.id, place=place, workflow_id=new_id(), subject="-", state=state, value_minor=0
            )
            for place, state in enumerate(states, 1)
        )


async def over_a_month_ago(database: Database, moment: datetime) -> None:
    """Move this work to a moment, with what other tests left."""
    async with database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))  # A closed break never changes.
        await session.execute(update(BreakRow).values(found_at=moment))
        await session.execute(update(RollbackRow).values(proposed_at=moment))
        await session.execute(update(SettlementRunRow).values(made_at=moment))
        await session.execute(update(RepairRow).values(submitted_at=moment))
        await session.execute(update(GoodwillRow).values(proposed_at=moment))
