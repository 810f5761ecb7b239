"""An order whose outcome is certain has no effect any more: no bank's file takes it, and a word against it is seen."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import delete, update
from temporalio.exceptions import ApplicationError

from database.reads.finance import attention
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import BankBatchRow, BankLineRow, ConfirmationRow, ContradictionRow
from domain.cards.card import Outcome
from domain.cards.facts import NotificationVerdict
from domain.errors.finance import BatchChanged, NothingWaits
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.outcomes import OutcomeAwaited
from domain.errors.people import NotAllowed
from domain.finance.banks import BatchState
from domain.finance.payout import (
    CLOSED_WITHIN,
    CONFIRMED_WITHIN,
    RETURNED,
    Heard,
    PayoutOutcome,
    PayoutReport,
    PayoutState,
)
from domain.finance.rails import Rail
from domain.money import Money
from services.finance.confirmations import Confirmations
from services.finance.contradictions import Contradictions
from services.finance.payment_notifications import PaymentNotices
from services.finance.proof_files import ProofFile
from services.finance.stating import STATED, Statement, Statements
from tests.builders.own_world import own_world
from tests.builders.paying import PDF
from tests.builders.rail_acts import a_result, books_fault, empty_the_bank, number_of, waits
from tests.builders.rails import Rails, rails_of
from tests.builders.world import World

world = own_world("settled_once")
LETTER = ProofFile("letter.pdf", PDF)
SAID = {
    PayoutOutcome.PAID: Statement(PayoutOutcome.PAID, "Paid at the counter.", "C1", LETTER),
    PayoutOutcome.REFUSED: Statement(PayoutOutcome.REFUSED, "The bank is closed.", "", LETTER),
}
BOTH = pytest.mark.parametrize("outcome", list(SAID), ids=lambda one: one.value)


@pytest_asyncio.fixture(loop_scope="session")
async def rails(world: World, tmp_path: Path) -> AsyncIterator[Rails]:
    await world.calm()
    async with rails_of(world, tmp_path / "wechat") as made:
        await empty_the_bank(made)
        yield made


async def sent(rails: Rails, rail: Rail) -> tuple[str, str]:
    """An order that was sent two hours ago and has no outcome; card and key."""
    card, key = await rails.a_prepared(rail)
    await rails.payout.send(key)
    await waits(rails, card)
    await long_ago(rails, key)
    return card, key


async def long_ago(rails: Rails, key: str, ago: timedelta = timedelta(hours=2)) -> None:
    moment = datetime.now(UTC) - ago
    async with rails.world.database.transaction() as session:
        row = update(PayoutRow).where(PayoutRow.key == key).values(prepared_at=moment, tried_at=moment)
        await session.execute(row)


async def two_people(rails: Rails) -> tuple[str, str]:
    return await rails.world.a_person("finance"), await rails.world.a_person("finance")


def statements(rails: Rails) -> Statements:
    return Statements(rails.world.database, rails.world.keyring)


async def line_of(rails: Rails, key: str) -> BankLineRow:
    (line,) = await rails.world.rows(BankLineRow, key=key)
    return line  # type: ignore[no-any-return]


@BOTH
async def test_an_order_in_the_queue_of_the_bank_leaves_it_with_its_stated_outcome(
    rails: Rails, outcome: PayoutOutcome
) -> None:
    card, key = await sent(rails, Rail.BANK)
    one, two = await two_people(rails)
    said = await statements(rails).state(one, key, SAID[outcome], rails.world.photos)
    await statements(rails).agree(two, said)
    with pytest.raises(NothingWaits):  # Before it is posted, and after.
        await rails.batches.propose(one, "harbour")
    await rails.payout.conclude(key)
    with pytest.raises(NothingWaits):
        await rails.batches.propose(one, "harbour")
    line = await line_of(rails, key)
    assert (line.outcome, line.batch_id) == (outcome, None)
    assert (await rails.card(card)).outcome is (Outcome.PAID if outcome is PayoutOutcome.PAID else None)


@BOTH
async def test_it_leaves_a_batch_that_was_not_let_out(rails: Rails, outcome: PayoutOutcome) -> None:
    _, key = await sent(rails, Rail.BANK)
    _, other = await sent(rails, Rail.BANK)
    one, two = await two_people(rails)
    batch_id = await rails.batches.propose(one, "harbour")
    await statements(rails).agree(two, await statements(rails).state(one, key, SAID[outcome], rails.world.photos))
    (batch,) = await rails.world.rows(BankBatchRow, id=batch_id)
    assert (batch.lines, batch.sum_minor) == (1, (await rails.order(other)).amount_minor)
    await rails.batches.approve(two, batch_id)
    _, content = await rails.batches.file(two, batch_id)
    assert other in content.decode("gb18030")
    assert key not in content.decode("gb18030")


async def test_a_batch_of_which_nothing_is_left_is_dropped(rails: Rails) -> None:
    _, key = await sent(rails, Rail.BANK)
    one, two = await two_people(rails)
    batch_id = await rails.batches.propose(one, "harbour")
    await statements(rails).agree(
        two, await statements(rails).state(one, key, SAID[PayoutOutcome.PAID], rails.world.photos)
    )
    (batch,) = await rails.world.rows(BankBatchRow, id=batch_id)
    assert batch.state is BatchState.DROPPED
    with pytest.raises(BatchChanged):
        await rails.batches.approve(two, batch_id)


@pytest.mark.parametrize("approved", [False, True], ids=["before it is let out", "before its file is taken"])
async def test_an_order_that_a_statement_proves_paid_leaves_its_batch(rails: Rails, approved: bool) -> None:
    _, key = await sent(rails, Rail.BANK)
    _, other = await sent(rails, Rail.BANK)
    one, two = await two_people(rails)
    batch_id = await rails.batches.propose(one, "harbour")
    if approved:
        await rails.batches.approve(two, batch_id)
    async with rails.world.database.transaction() as session:
        await session.execute(update(PayoutRow).where(PayoutRow.key == key).values(answered=PayoutOutcome.PAID))
    if not approved:
        await rails.batches.approve(two, batch_id)
    _, content = await rails.batches.file(two, batch_id)
    assert key not in content.decode("gb18030")
    assert other in content.decode("gb18030")
    assert (await line_of(rails, key)).outcome is PayoutOutcome.PAID


@pytest.mark.parametrize("taken", [False, True], ids=["let out", "taken"])
@BOTH
async def test_nobody_states_an_outcome_that_the_bank_can_still_change(
    rails: Rails, outcome: PayoutOutcome, taken: bool
) -> None:
    _, key = await sent(rails, Rail.BANK)
    one, two = await two_people(rails)
    said = await statements(rails).state(one, key, SAID[outcome], rails.world.photos)
    batch_id = await rails.batches.propose(one, "harbour")
    await rails.batches.approve(two, batch_id)
    if taken:
        await rails.batches.file(two, batch_id)
    with pytest.raises(OutcomeAwaited) as refused:
        await statements(rails).agree(two, said)
    assert refused.value.data == {"party": "bank"}
    await statements(rails).decline(two, said)
    with pytest.raises(OutcomeAwaited):
        await statements(rails).state(one, key, SAID[outcome], rails.world.photos)
    assert (await rails.order(key)).answered is None


async def test_a_sender_that_comes_late_lets_no_settled_order_wait_for_the_bank(rails: Rails) -> None:
    _, key = await rails.a_prepared(Rail.BANK)
    order = (await rails.payout._taken_up(key)).order
    assert await rails.payout._about_to_send(key) is None  # Here it stands still for longer than a sending may take.
    await long_ago(rails, key)
    one, two = await two_people(rails)
    await statements(rails).agree(
        two, await statements(rails).state(one, key, SAID[PayoutOutcome.REFUSED], rails.world.photos)
    )
    answer = await rails.gateways[Rail.BANK].transfer(order)
    assert answer.report.outcome is PayoutOutcome.REFUSED
    with pytest.raises(NothingWaits):
        await rails.batches.propose(one, "harbour")


@pytest.mark.parametrize(("stands", "state"), [(PayoutOutcome.REFUSED, "00"), (PayoutOutcome.PAID, "01")])
async def test_a_bank_that_says_the_opposite_of_a_settled_order_is_seen(
    rails: Rails, stands: PayoutOutcome, state: str
) -> None:
    _, key = await sent(rails, Rail.BANK)
    one, two = await two_people(rails)
    batch_id = await rails.batches.propose(one, "harbour")
    await rails.batches.approve(two, batch_id)
    await rails.batches.file(two, batch_id)
    async with rails.world.database.transaction() as session:  # As it could be stated before.
        await session.execute(update(PayoutRow).where(PayoutRow.key == key).values(answered=stands))
    await rails.payout.conclude(key)
    found = [one for one in await books_fault(rails, "I4") if key in one]
    assert (len(found), "may still pay it" in "".join(found)) == (
        (1, True) if stands is PayoutOutcome.REFUSED else (0, False)
    )
    result = a_result(await number_of(rails, batch_id), key, amount=(await rails.order(key)).amount_minor, state=state)
    await rails.batches.take_in(two, batch_id, result)
    await rails.batches.take_in(two, batch_id, result)
    (kept,) = await rails.world.rows(ContradictionRow, key=key)
    assert (kept.stands, kept.said, kept.heard) == (
        stands, PayoutOutcome.PAID if state == "00" else PayoutOutcome.REFUSED, Heard.BANK_FILE
    )  # fmt: skip
    assert [one for one in await books_fault(rails, "I4") if key in one] != []
    assert (await rails.order(key)).state is PayoutState(stands.value)  # It moved nothing.


@BOTH
async def test_nobody_states_a_transfer_that_its_receiver_may_still_confirm(
    rails: Rails, outcome: PayoutOutcome
) -> None:
    _, key = await sent(rails, Rail.WECHAT)
    one, _ = await two_people(rails)
    with pytest.raises(OutcomeAwaited) as refused:
        await statements(rails).state(one, key, SAID[outcome], rails.world.photos)
    assert refused.value.data == {"party": "seller_confirm"}
    await rails.press(key, "confirm")
    assert (await rails.payout.reconcile(key)).outcome is PayoutOutcome.PAID


async def test_a_gateway_that_is_silent_or_lost_its_answer_ends_no_wait_for_the_receiver(rails: Rails) -> None:
    card, key = await sent(rails, Rail.WECHAT)
    one, _ = await two_people(rails)
    await rails.wechat.control(error_rate=1.0)
    with pytest.raises(ApplicationError):
        await rails.payout.reconcile(key)
    await rails.wechat.control(error_rate=0.0)
    (waiting,) = await rails.world.rows(ConfirmationRow, key=key)
    assert waiting.closed_at is None
    async with rails.world.database.transaction() as session:
        await session.execute(delete(ConfirmationRow).where(ConfirmationRow.key == key))
    with pytest.raises(OutcomeAwaited):
        await statements(rails).state(one, key, SAID[PayoutOutcome.REFUSED], rails.world.photos)
    await long_ago(rails, key, CONFIRMED_WITHIN + CLOSED_WITHIN + timedelta(minutes=1))  # Over for certain.
    assert await statements(rails).state(one, key, SAID[PayoutOutcome.REFUSED], rails.world.photos)
    assert (await rails.card(card)).outcome is None


async def test_finance_calls_a_transfer_off_and_the_gateway_says_when_it_is_over(rails: Rails) -> None:
    card, key = await sent(rails, Rail.WECHAT)
    confirmations = Confirmations(rails.world.database, rails.world.keyring)
    one, _ = await two_people(rails)
    with pytest.raises(NotAllowed):
        await confirmations.call_off(await rails.world.a_person("support"), key)
    assert await confirmations.call_off(one, key) == card
    await confirmations.call_off(one, key)
    with pytest.raises(ApplicationError):
        await rails.payout.reconcile(key)
    assert [made["state"] for made in await rails.made(key)] != ["WAIT_USER_CONFIRM"]
    assert (await rails.world.story(card)).count("payout.called_off") == 1
    with pytest.raises(NotFound):
        await confirmations.call_off(one, "card-nobody-payout-1")


def hears(rails: Rails, report: PayoutReport) -> PaymentNotices:
    """Notices of a gateway that reports this, each under the number that its body names."""
    return PaymentNotices(rails.world.database, {Rail.ALIPAY: lambda body, _: (body.decode(), report)})


@pytest.mark.parametrize(
    ("stands", "code", "said", "verdict"),
    [
        (PayoutOutcome.REFUSED, STATED, PayoutOutcome.PAID, NotificationVerdict.CONTRADICTS),
        (PayoutOutcome.PAID, None, PayoutOutcome.REFUSED, NotificationVerdict.CONTRADICTS),
        (PayoutOutcome.REFUSED, RETURNED, PayoutOutcome.PAID, NotificationVerdict.ACCEPTED),
        (PayoutOutcome.PAID, None, PayoutOutcome.PAID, NotificationVerdict.ACCEPTED),
    ],
    ids=["paid after refused", "refused after paid", "paid, but it came back", "the same"],
)
async def test_a_notice_against_a_settled_order_is_an_alarm_until_a_person_looked(
    rails: Rails, stands: PayoutOutcome, code: str | None, said: PayoutOutcome, verdict: NotificationVerdict
) -> None:
    _, key = await rails.a_prepared(Rail.ALIPAY)
    database = rails.world.database
    async with database.transaction() as session:
        values = {"answered": stands, "refusal_code": code, "state": PayoutState.UNKNOWN}
        await session.execute(update(PayoutRow).where(PayoutRow.key == key).values(**values))
    await rails.payout.conclude(key)
    amount = Money((await rails.order(key)).amount_minor)
    notices = hears(rails, PayoutReport(key, said, "R1", amount))
    assert (await notices.receive(f"one-{key}".encode())).verdict is verdict
    assert (await notices.receive(f"one-{key}".encode())).verdict is NotificationVerdict.DUPLICATE
    assert (await rails.order(key)).state is PayoutState(stands.value)  # It moved nothing.

    async def alarms() -> list[str]:
        async with database.transaction() as session:
            shown = [one.key for one in await attention.contradicted(session) if one.key == key]
        return shown + [one for one in await books_fault(rails, "I4") if key in one]

    finance, _ = await two_people(rails)
    clearing = Contradictions(database)
    if verdict is NotificationVerdict.ACCEPTED:
        assert await alarms() == []
        with pytest.raises(NotFound):
            await clearing.clear(finance, key, "Nothing.")
        return
    assert len(await alarms()) == 2
    with pytest.raises(NotAllowed):
        await clearing.clear(await rails.world.a_person("support"), key, "Not theirs.")
    with pytest.raises(FieldInvalid):
        await clearing.clear(finance, key, " ")
    await clearing.clear(finance, key, "Their statement shows one payment.")
    assert await alarms() == []
    (kept,) = await rails.world.rows(ContradictionRow, key=key)
    assert (kept.cleared_by, kept.heard, kept.said) == (finance, Heard.NOTICE, said)
