"""Each invariant is quiet over a whole life of cards, and names the fault that is planted against it."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.invariants import Look, violations
from database.invariants.books import SignsHold
from database.repositories import cards, evidence, ledger
from database.repositories.cards import Change
from database.tables.cards import CardRow, QuoteRow
from database.tables.columns import now
from database.tables.finance.payout import PayoutRow
from database.tables.finance.settlement import (
    CounterpartyPayeeRow,
    CounterpartyRow,
    SettlementLineRow,
    SettlementOrderRow,
    SettlementRunRow,
    SettlementStatementRow,
)
from database.tables.policies import PolicyDocumentRow
from database.tables.review import ReviewDecisionRow
from domain import identifiers
from domain.cards.card import Outcome, Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.cards.review import ReviewOutcome
from domain.finance.chart import account, account_of
from domain.finance.counterparties import CounterpartyKind
from domain.finance.ledger import Posting, owed, payout_paid, payout_prepared
from domain.finance.payout import PayoutState
from domain.finance.postings.settlement import OPENING, PREPARED, payable_to, settlement_opening, settlement_prepared
from domain.finance.rails import Rail
from domain.finance.settlement import SettlementEnding, SettlementState
from domain.money import Money
from domain.policies.state import PolicyState
from domain.rules.checks import CHECKS_KIND
from tests.database.builders import RING, a_card, a_person, a_task

PRICE, OWNER = Money(46_500), "seller:ANY"


async def found(session: AsyncSession, **limits: timedelta) -> set[str]:
    return {one.invariant for one in await violations(session, RING.evidence_public_key, **limits)}


async def a_paid_card(session: AsyncSession) -> CardRow:
    """A card bought, reviewed and paid as the activities do it."""
    card = await a_card(session, owner=OWNER)
    task, person = await a_task(session, card), await a_person(session)
    await cards.record(session, card.id, Change(Stage.REVIEW, WaitingFor.REVIEWER, task.due_at, "review.opened"))
    decision = ReviewDecisionRow(
        id=identifiers.new_id(), task_id=task.id, card_id=card.id, person_id=person, outcome=ReviewOutcome.APPROVE
    )
    task.leased_by, task.leased_until = person, now() + timedelta(minutes=5)
    session.add(decision)
    await session.flush()
    decision.applied_at = task.closed_at = now()
    task.decision_id = decision.id
    quote = QuoteRow(
        id=identifiers.quote(card.id, 1), card_id=card.id, fields_revision=1, amount_minor=PRICE.amount_minor, rate_bp=9_300,
        rule_set="test", rule_version="1", state=QuoteState.ACCEPTED,
    )  # fmt: skip
    key = identifiers.payout_key(card.id, 1)
    order = PayoutRow(key=key, card_id=card.id, amount_minor=PRICE.amount_minor, state=PayoutState.PAID)
    session.add_all([quote, order])
    steps = (
        ("owed", owed(OWNER, PRICE), f"quote:{quote.id}"),
        ("payout_prepared", payout_prepared(OWNER, PRICE, Rail.ALIPAY), f"payout:{key}"),
        ("payout_paid", payout_paid(PRICE, Rail.ALIPAY), f"payout:{key}"),
    )
    for what, lines, cause in steps:
        await ledger.post(session, f"{what}:{key}", card.id, what, lines, cause=cause)
    await cards.record(
        session, card.id, Change(Stage.ENDED, WaitingFor.NOBODY, None, "journey.paid", outcome=Outcome.PAID)
    )
    await evidence.sequence(session, RING)
    return card


async def a_paid_run(session: AsyncSession) -> SettlementRunRow:
    """A run of a counterparty that was owed 60.00 from before: stated, agreed to by one person, and paid."""
    owed_before, one, two = Money(60_00), await a_person(session), await a_person(session)
    party = CounterpartyRow(
        id=identifiers.new_id(), kind=CounterpartyKind.OUTLET, owner=f"outlet-{identifiers.new_id()[-6:].lower()}",
        name="Outlet", terms="monthly", since=date(2026, 11, 1), opening_minor=60_00, made_by=one,
    )  # fmt: skip
    run = SettlementRunRow(
        id=identifiers.new_id(), counterparty_id=party.id, period="2026-11", starts_on=date(2026, 11, 1),
        ends_on=date(2026, 11, 30), state=SettlementState.CLOSED, ending=SettlementEnding.PAID, terms={},
        policy_version="settlement-1", two_people_from_minor=5_000_00, version=1, lines_minor=60_00, payable_minor=60_00,
        hands=[one], approved_by=[two],
    )  # fmt: skip
    session.add(party)
    await session.flush()
    session.add(run)
    await session.flush()
    key, payable = identifiers.settlement_key(run.id, 1), payable_to(party.kind, party.owner)
    payee = CounterpartyPayeeRow(
        id=identifiers.new_id(), counterparty_id=party.id, rail=Rail.BANK, account_sealed=b"x", name_sealed=b"x",
        masked="*1", proposed_by=one,
    )  # fmt: skip
    said = SettlementStatementRow(run_id=run.id, version=1, content_hash="", content={"payable": 60_00}, files={})
    session.add_all([payee, said])
    await session.flush()
    session.add(
        SettlementOrderRow(
            key=key, run_id=run.id, payee_id=payee.id, amount_minor=60_00, state=PayoutState.PAID,
            payee_account_sealed=b"x", payee_name_sealed=b"x", payee_masked="*1",
        )
    )  # fmt: skip
    opening = settlement_opening(party.kind, party.owner, owed_before)
    await ledger.post(session, f"opening:{party.id}", None, OPENING, opening, cause=f"counterparty:{party.id}")
    prepared = settlement_prepared(payable, owed_before, Rail.BANK)
    await ledger.post(session, f"{key}:prepared", None, PREPARED, prepared, cause=f"settlement:{run.id}")
    paid = payout_paid(owed_before, Rail.BANK)
    await ledger.post(session, f"{key}:settled", None, "payout_paid", paid, cause=f"settlement:{run.id}")
    entry_id = await ledger.entry_of(session, f"opening:{party.id}", payable.code)
    session.add(
        SettlementLineRow(
            entry_id=entry_id, run_id=run.id, amount_minor=60_00, happened_on=run.starts_on, what=OPENING
        )
    )  # fmt: skip
    await session.flush()
    return run


async def test_nothing_is_found_where_nothing_is_wrong(session: AsyncSession) -> None:
    assert await found(session) == set()
    await a_paid_card(session)
    await a_paid_card(session)
    await a_paid_run(session)
    waiting = await a_card(session)
    await cards.record(session, waiting.id, Change(Stage.VERIFICATION, WaitingFor.ISSUER, None, "verification.waits"))
    assert await violations(session, RING.evidence_public_key) == []


PLANTED = {
    "I1 an entry is changed": ("I1", "UPDATE entry SET amount_minor = amount_minor + 1 WHERE id = (SELECT min(id) FROM entry)"),
    "I1 a transaction without entries": ("I1", "INSERT INTO ledger_transaction (key, what, at, effective_on, cause) VALUES ('x', 'owed', now(), now(), '')"),
    "I1 an entry of another transaction": ("I1", "UPDATE entry SET transaction_id = 0 WHERE amount_minor < 0"),
    "I2 a checkpoint of another sum": (
        "I2", "INSERT INTO balance_checkpoint (account_id, upto, balance_minor, newest_at, made_at) "
        "SELECT id, 9223372036854775807, 1, now(), now() FROM account WHERE code = 'inventory'",
    ),
    "I2 a closed month that kept another balance": (
        "I2", "INSERT INTO ledger_period (month, closed_by, agreed_by, closed_at) VALUES ('2099-01', 'a', 'b', now())",
    ),
    "I2 a seller who owes what may only be owed to them": (
        "I2", "UPDATE entry SET amount_minor = -amount_minor FROM account a "
        "WHERE a.id = account_id AND (a.code LIKE 'seller%' OR a.code = 'inventory')",
    ),
    "I2 a payment by another rail": ("I2", "UPDATE payout SET rail = 'bank'"),
    "I2 a payment that its row says is under way": ("I2", "UPDATE payout SET state = 'unknown'"),
    "I2 two payments whose rows were exchanged": ("I2", "UPDATE ledger_transaction SET cause = cause || '0' WHERE what = 'payout_paid'"),
    "I2 money that moved for no reason": ("I2", "UPDATE ledger_transaction SET cause = '' WHERE what = 'owed'"),
    "I2 money that moved for an unknown reason": ("I2", "UPDATE ledger_transaction SET cause = 'whim:1' WHERE what = 'owed'"),
    "I2 an answer that cost what nobody booked": (
        "I2", "INSERT INTO answer (card_id, party, operation, request_id, fields_revision, status, details, cost_fen, latency_ms, at) "
        "SELECT id, 'issuer', 'inquire', 'r', 1, 'active', '{}', 10, 1, now() FROM card",
    ),
    "I3 more was accepted than became of it": ("I3", "UPDATE quote SET amount_minor = amount_minor + 1"),
    "I3 a part of the price went elsewhere": (
        "I3", "UPDATE entry SET account_id = (SELECT id FROM account WHERE code = 'inventory') WHERE amount_minor < 0 "
        "AND account_id = (SELECT id FROM account WHERE code = 'cash:alipay')",
    ),
    "I3 a card ended as paid while its money is in flight": (
        "I3", "DELETE FROM entry WHERE transaction_id = (SELECT id FROM ledger_transaction WHERE what = 'payout_paid' AND card_id IS NOT NULL)",
    ),
    "I8 a month closed by one person": (
        "I8", "INSERT INTO ledger_period (month, closed_by, agreed_by, closed_at) VALUES ('2099-01', 'a', 'a', now())",
    ),
    "I8 a month that its asker agreed to": (
        "I8", "INSERT INTO ledger_closing (id, month, asked_by, askers, asked_at, state, decided_by) "
        "VALUES ('c', '2099-01', 'a', '[\"a\", \"b\"]', now(), 'agreed', 'b')",
    ),
    "I2 a payment is not posted": ("I2", "UPDATE payout SET amount_minor = amount_minor + 1"),
    "I2 a purchase is not posted": ("I2", "UPDATE quote SET amount_minor = amount_minor - 1"),
    "I4 paid without an order": ("I4", "UPDATE payout SET state = 'refused'"),
    "I4 two orders may arrive": (
        "I4", "INSERT INTO payout (key, card_id, amount_minor, currency, state, attempt, prepared_at) "
        "SELECT key || '2', card_id, amount_minor, currency, 'unknown', attempt + 1, now() FROM payout",
    ),
    "I4 a run that shows another amount than was posted": (
        "I4", "UPDATE settlement_line SET amount_minor = amount_minor + 1; UPDATE settlement_run SET lines_minor = lines_minor + 1, "
        "carried_out_minor = 1",
    ),
    "I4 a run whose lines sum to something else": ("I4", "UPDATE settlement_run SET lines_minor = lines_minor - 1, carried_out_minor = -1"),
    "I4 a run that pays and carries over more than it has": ("I4", "UPDATE settlement_run SET carried_out_minor = 1"),
    "I4 a run that begins with what no run left": ("I4", "UPDATE settlement_run SET carried_in_minor = 1, carried_out_minor = 1"),
    "I4 a run that is paid by no order": ("I4", "UPDATE settlement_order SET state = 'refused'"),
    "I4 a run whose order is of another amount": ("I4", "UPDATE settlement_order SET amount_minor = amount_minor + 1"),
    "I4 a run that was paid twice": (
        "I4", "INSERT INTO settlement_order SELECT (jsonb_populate_record(o, jsonb_build_object('key', o.key || '2', 'attempt', 2))).* "
        "FROM settlement_order o",
    ),
    "I4 an order of an amount that was never stated": (
        "I4", "UPDATE settlement_order SET amount_minor = 1, state = 'refused'; UPDATE settlement_run SET state = 'payee', ending = NULL",
    ),
    "I8 a run that nobody agreed to": ("I8", "UPDATE settlement_run SET approved_by = '[]'"),
    "I8 a run that its own answerer agreed to": ("I8", "UPDATE settlement_run SET approved_by = hands"),
    "I8 a large run that one person agreed to": ("I8", "UPDATE settlement_run SET two_people_from_minor = 1"),
    "I5 an end without its stage": ("I5", "UPDATE card SET stage = 'payout'"),
    "I5 nobody holds the card": ("I5", "UPDATE card SET outcome = NULL, stage = 'review', waiting_for = 'reviewer'"),
    "I5 a wait without a deadline": ("I5", "UPDATE card SET outcome = NULL, stage = 'offer', waiting_for = 'seller_offer'"),
    "I5 a deadline passed unnoticed": (
        "I5", "UPDATE card SET outcome = NULL, stage = 'offer', waiting_for = 'seller_offer', until = now() - interval '1 hour'",
    ),
    "I5 a step that stands still": (
        "I5", "UPDATE card SET outcome = NULL, stage = 'payout', waiting_for = 'machine', since = now() - interval '1 hour'",
    ),
    "I6 decided by another than the holder": ("I6", "UPDATE work_item SET leased_by = 'somebody else'"),
    "I6 decided after the lease": ("I6", "UPDATE work_item SET leased_until = now() - interval '1 hour'"),
    "I6 an applied decision of no task": ("I6", "UPDATE work_item SET decision_id = NULL"),
    "I7 an event without a leaf": (
        "I7",
        "INSERT INTO card_event (card_id, at, stage, actor, what, facts) SELECT id, now(), 'offer', 'machine', 'x', '{}' FROM card",
    ),
    "I7 a rewritten event": ("I7", "UPDATE card_event SET facts = '{\"amount\": \"1\"}'"),
    "I7 a rewritten leaf": ("I7", "UPDATE evidence_leaf SET body = '{}' WHERE tree_index = 0"),
    "I7 a card without a story": ("I7", "DELETE FROM card_event"),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
async def test_a_planted_fault_is_named(session: AsyncSession, fault: str) -> None:
    await a_paid_card(session)
    await a_paid_run(session)
    await session.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    await session.execute(text("SET LOCAL session_replication_role = replica"))  # Past every trigger.
    invariant, sql = PLANTED[fault]
    for statement in sql.split("; "):
        await session.execute(text(statement))
    assert invariant in await found(session)


async def test_a_task_cannot_be_decided_twice_even_by_the_database(session: AsyncSession) -> None:
    card = await a_paid_card(session)
    person = await a_person(session)
    again = ReviewDecisionRow(
        id=identifiers.new_id(), task_id=identifiers.review_task(card.id, 1), card_id=card.id, person_id=person,
        outcome=ReviewOutcome.REJECT,
    )  # fmt: skip
    session.add(again)
    with pytest.raises(IntegrityError):
        await session.flush()


@pytest.mark.parametrize(
    ("version", "named"),
    [("four-eyes-1", {"I8"}), ("four-eyes-2", set()), ("four-eyes-2026-11-28", set()), ("", set())],
)
async def test_a_decision_is_judged_by_the_policy_that_it_was_made_by(
    session: AsyncSession, version: str, named: set[str]
) -> None:
    await a_paid_card(session)
    newest = max(CHECKS_KIND.built_in(), key=lambda one: one.effective_from)
    for number, limit in ((1, PRICE.amount_minor), (2, PRICE.amount_minor + 1)):
        session.add(
            PolicyDocumentRow(
                kind="four-eyes", version=number, state=PolicyState.PUBLISHED, who="P", why="w", based_on="",
                document={**newest.document, "value_minor_min": limit}, effective_from=newest.effective_from,
            )
        )  # fmt: skip
    await session.execute(update(ReviewDecisionRow).values(checks_version=version))
    assert await found(session) == named


async def test_money_in_flight_and_inventory_are_watched_and_cash_is_not(session: AsyncSession) -> None:
    signs, suspense = SignsHold(), account("suspense", "alipay")
    assert await signs.broken(session, Look()) == []
    for code, minor in (("cash:alipay", -9_999_00), ("in_flight:alipay", 9_999_01), ("inventory", -9_999_02)):
        lines = (Posting(account_of(code), Money(minor)), Posting(suspense, Money(-minor)))
        await ledger.post(session, f"planted:{code}", None, "planted", lines)
    found = await signs.broken(session, Look())
    assert [one.split(" may only ")[0] for one in sorted(found)] == [
        "account in_flight:alipay CNY",
        "account inventory CNY",
    ]
