"""An outcome that no provider reports is stated by two people with a document; it is posted once, and never sends."""

from __future__ import annotations

import asyncio

import pytest
import pytest_asyncio
from temporalio.exceptions import ApplicationError

from database.tables.finance.rollback import StatedOutcomeRow
from domain.cards.card import Outcome, WaitingFor
from domain.errors.finance import OutcomeKnown, OutcomeTooEarly, StatementOver, StatementWaits
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.work import OwnWork
from domain.finance.payout import PayoutOutcome
from domain.identifiers import payout_key
from services.finance.proof_files import ProofFile
from services.finance.stating import STATED, Statement, Statements
from tests.builders.paying import PDF, Paying, paying
from tests.builders.world import World

PAID = Statement(PayoutOutcome.PAID, "The bank's letter names the transfer.", "20260001", ProofFile("letter.pdf", PDF))
REFUSED = Statement(PayoutOutcome.REFUSED, "The bank's letter says it was returned.", "", ProofFile("letter.pdf", PDF))


@pytest_asyncio.fixture(loop_scope="session")
async def case(world: World) -> Paying:
    return await paying(world)


async def unknown(case: Paying) -> tuple[str, str]:
    """An order whose provider never answers; returns card and key."""
    card, quote = await case.accepted()
    assert await case.prepare(card, quote) is None
    await case.world.alipay.control(error_rate=1.0)
    with pytest.raises(ApplicationError):
        await case.world.payout.send(payout_key(card, 1))
    await case.long_ago(payout_key(card, 1), hours=2)
    return card, payout_key(card, 1)


@pytest.mark.parametrize("said", [PAID, REFUSED], ids=["paid", "refused"])
async def test_one_states_and_another_agrees_and_it_is_posted_once_without_a_transfer(
    case: Paying, said: Statement
) -> None:
    world, statements = case.world, Statements(case.world.database, case.world.keyring)
    card, key = await unknown(case)
    first, second = await world.a_person("finance"), await world.a_person("finance")
    statement = await statements.state(first, key, said, world.photos)
    with pytest.raises(StatementWaits):
        await statements.state(second, key, said, world.photos)
    with pytest.raises(ApplicationError):
        await world.payout.conclude(key)  # One person's word is no outcome.
    with pytest.raises(OwnWork):
        await statements.agree(first, statement)
    await asyncio.gather(*(statements.agree(second, statement) for _ in range(3)))
    assert (key, card) in {(one.key, one.subject) for one in await statements.unsettled(100)}
    await world.alipay.control(error_rate=0.0)
    assert (await world.payout.send(key)).outcome is said.outcome
    assert (await world.payout.reconcile(key)).outcome is said.outcome
    await asyncio.gather(*(world.payout.conclude(key) for _ in range(2)))
    assert await world.transfers(key) == []
    order, row = await case.order(key), await world.card(card)
    assert order is not None
    assert (order.answered, order.stated_id, order.settled_at is not None) == (said.outcome, statement, True)
    if said is PAID:
        assert (row.outcome, order.gateway_reference) == (Outcome.PAID, "20260001")
    else:
        assert (row.waiting_for, order.refusal_code) == (WaitingFor.SELLER_PAYEE, STATED)
        assert await case.balance(f"seller_payable:{case.owner}") == -order.amount_minor
    (kept,) = await world.rows(StatedOutcomeRow, key=key)
    assert (kept.stated_by, kept.agreed_by, kept.evidence_name) == (first, second, "letter.pdf")
    with pytest.raises(OutcomeKnown):
        await statements.state(second, key, said, world.photos)


async def test_outcome_that_may_be_answered_or_is_known_or_not_theirs_cannot_be_stated(case: Paying) -> None:
    world, statements = case.world, Statements(case.world.database, case.world.keyring)
    _, key = await unknown(case)
    finance = await world.a_person("finance")
    for wrong, error in (
        (Statement(PayoutOutcome.PAID, "A letter.", "", PAID.evidence), FieldInvalid),
        (Statement(PayoutOutcome.UNKNOWN, "A letter.", "1", PAID.evidence), FieldInvalid),
        (Statement(PayoutOutcome.PAID, " ", "1", PAID.evidence), FieldInvalid),
        (Statement(PayoutOutcome.PAID, "A letter.", "1", None), FieldInvalid),
    ):
        with pytest.raises(error):
            await statements.state(finance, key, wrong, world.photos)
    for other in ("support", "senior", "ops"):
        with pytest.raises(NotAllowed):
            await statements.state(await world.a_person(other), key, PAID, world.photos)
    with pytest.raises(NotFound):
        await statements.state(finance, "card-nobody-payout-1", PAID, world.photos)
    await case.long_ago(key, minutes=5)
    with pytest.raises(OutcomeTooEarly):
        await statements.state(finance, key, PAID, world.photos)


async def test_an_order_that_is_being_sent_is_not_stated_beside_it(case: Paying) -> None:
    world, statements = case.world, Statements(case.world.database, case.world.keyring)
    _, key = await unknown(case)
    first, second = await world.a_person("finance"), await world.a_person("finance")
    statement = await statements.state(first, key, REFUSED, world.photos)
    await world.alipay.control(error_rate=0.0)
    await world.payout._about_to_send(key)  # A sender at this very moment.
    with pytest.raises(OutcomeTooEarly):
        await statements.agree(second, statement)
    assert (await world.payout.send(key)).outcome is PayoutOutcome.PAID  # The provider's own word came first.
    with pytest.raises(OutcomeKnown):
        await statements.agree(second, statement)
    assert len(await world.transfers(key)) == 1


async def test_a_statement_is_declined_and_another_can_be_made(case: Paying) -> None:
    world, statements = case.world, Statements(case.world.database, case.world.keyring)
    _, key = await unknown(case)
    first, second = await world.a_person("finance"), await world.a_person("finance")
    statement = await statements.state(first, key, PAID, world.photos)
    await statements.decline(second, statement)
    with pytest.raises(StatementOver):
        await statements.agree(second, statement)
    assert await statements.state(first, key, PAID, world.photos) != statement
