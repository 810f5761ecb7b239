"""Whatever is done to payment orders is done to orders of every kind: a kind that is added without it fails here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from sqlalchemy import update
from temporalio.exceptions import ApplicationError

from database.invariants import Look
from database.invariants.books import EntriesSumToZero, SignsHold
from database.reads.finance import held, office, order
from database.repositories import matching
from database.repositories.orders import ORDER_TABLES
from database.tables.finance.rails import BankLineRow
from database.tables.finance.routing import PayoutUsageRow, PayoutWaitRow, RailSwitchRow
from database.tables.finance.statements import StatementLineRow
from domain.errors.finance import OutcomeKnown
from domain.errors.work import OwnWork
from domain.finance.order_kinds import OrderCode
from domain.finance.payout import RETURNED, PayoutOutcome, PayoutReport, PayoutState
from domain.finance.rails import Rail
from domain.finance.statements import LineKind, StatementSource
from domain.identifiers import new_id
from domain.places import business_day
from gateways.banks.formats import formats_in
from services.finance.adoption import Adopting
from services.finance.bank_batches import BankBatches
from services.finance.held_payments import PayoutWaits
from services.finance.matching import Matching
from services.finance.order_kinds import ORDER_KINDS, kind_by_key
from services.finance.proof_files import ProofFile
from services.finance.rail_switches import RailSwitches
from services.finance.returned import Found
from services.finance.routing import count_made
from services.finance.stating import STATED, Statement, Statements
from tests.builders.banks import BANK_FORMATS
from tests.builders.orders import PAYABLES, Payable
from tests.builders.own_world import own_world
from tests.builders.paying import PDF, with_rules
from tests.builders.world import World

world = own_world("order_kinds")
LETTER = ProofFile("letter.pdf", PDF)


@pytest_asyncio.fixture(params=[one.value for one in ORDER_KINDS], loop_scope="session")
async def payable(request: pytest.FixtureRequest, world: World) -> AsyncIterator[Payable]:
    yield await PAYABLES[OrderCode(request.param)](world)
    async with world.database.transaction() as session:
        await session.execute(update(RailSwitchRow).values(on_at=datetime.now(UTC)))
        for one in (EntriesSumToZero(), SignsHold()):
            assert await one.broken(session, Look()) == []


def test_every_kind_has_a_table_and_a_payment_to_test() -> None:
    assert set(ORDER_KINDS) == set(OrderCode) == set(ORDER_TABLES) == set(PAYABLES)


async def row_of(case: Payable, key: str = "") -> Any:
    (row,) = await case.world.rows(ORDER_TABLES[case.code], key=key or case.key)
    return row


async def long_ago(case: Payable) -> None:
    moment, table = datetime.now(UTC) - timedelta(hours=2), ORDER_TABLES[case.code]
    async with case.world.database.transaction() as session:
        values = {"prepared_at": moment, "tried_at": moment}
        await session.execute(update(table).where(table.key == case.key).values(**values))


async def unknown(case: Payable) -> None:
    """Make the order and send it to a gateway that never answers."""
    assert await case.prepare() is None
    await case.world.alipay.control(error_rate=1.0)
    with pytest.raises(ApplicationError):
        await case.world.payout.send(case.key)
    await long_ago(case)


async def test_it_is_listed_and_has_a_page(payable: Payable) -> None:
    await payable.sent()
    async with payable.world.database.transaction() as session:
        listed = {one.key: one for one in await office.payouts(session, None)}
        shown = await order.order(session, payable.key)
    assert (listed[payable.key].code, listed[payable.key].amount) == (payable.code, payable.amount)
    assert (shown.code, shown.subject, shown.amount) == (payable.code, payable.subject, payable.amount)
    assert {line.what.rpartition("_")[2] for line in shown.lines} == {"prepared"}


@pytest.mark.parametrize("outcome", [PayoutOutcome.PAID, PayoutOutcome.REFUSED], ids=["paid", "refused"])
async def test_an_unknown_outcome_is_stated_by_two_people_with_a_document(
    payable: Payable, outcome: PayoutOutcome
) -> None:
    world, statements = payable.world, Statements(payable.world.database, payable.world.keyring)
    before = await payable.balance()
    await unknown(payable)
    said = Statement(outcome, "The bank's letter.", "20260001" if outcome is PayoutOutcome.PAID else "", LETTER)
    first, second = await world.a_person("finance"), await world.a_person("finance")
    stated = await statements.state(first, payable.key, said, world.photos)
    with pytest.raises(OwnWork):
        await statements.agree(first, stated)
    await asyncio.gather(*(statements.agree(second, stated) for _ in range(2)))
    waiting = {one.key: one for one in await statements.unsettled(100)}
    assert (waiting[payable.key].code, waiting[payable.key].subject) == (payable.code, payable.subject)
    await world.alipay.control(error_rate=0.0)
    assert (await world.payout.reconcile(payable.key)).outcome is outcome
    await world.payout.conclude(payable.key)
    row = await row_of(payable)
    assert (row.stated_id, row.state.value) == (stated, outcome.value)
    assert await world.transfers(payable.key) == []
    if outcome is PayoutOutcome.REFUSED:
        assert (row.refusal_code, await payable.balance()) == (STATED, before)
    with pytest.raises(OutcomeKnown):
        await statements.state(second, payable.key, said, world.photos)


async def test_a_refused_one_is_made_again_for_another_payee_and_gives_its_part_of_the_limit_back(
    payable: Payable,
) -> None:
    world, before = payable.world, await used(payable)
    assert await payable.prepare() is None
    assert await used(payable) == before + payable.amount.amount_minor
    await world.alipay.control(refuse="PAYEE_USER_INFO_ERROR")
    await world.payout.send(payable.key)
    await world.payout.conclude(payable.key)
    assert await used(payable) == before
    await world.alipay.control(refuse="")
    key = await payable.again()
    assert (await world.payout.send(key)).outcome is PayoutOutcome.PAID
    await world.payout.conclude(key)
    assert [one["status"] for one in await world.transfers(key)] == ["SUCCESS"]


async def used(case: Payable) -> int:
    rows = await case.world.rows(PayoutUsageRow, rail=Rail.ALIPAY, day=business_day(datetime.now(UTC)))
    return sum(row.ordered_minor - row.refused_minor for row in rows)


LIMITS: dict[str, dict[str, Any]] = {
    "not_used": {"enabled": False},
    "transfer_max": {"transfer_max_minor": 1},
}


@pytest.mark.parametrize("reason", sorted(LIMITS))
async def test_a_limit_holds_it_visibly_until_it_may_go(payable: Payable, reason: str) -> None:
    with_rules(limits=LIMITS[reason])
    assert await payable.prepare() is not None
    await waits_for(payable, reason)
    looking = PayoutWaits(payable.world.database, payable.world.keyring)
    assert payable.key not in {one.key for one in await looking.ready(100)}
    with_rules()
    ready = {one.key: one.journey for one in await looking.ready(100)}
    assert (ready[payable.key].code, ready[payable.key].subject) == (payable.code, payable.subject)
    await payable.sent()
    (row,) = await payable.world.rows(PayoutWaitRow, key=payable.key)
    assert row.ended_at is not None
    assert (await row_of(payable)).routing_version


async def test_what_left_on_the_rail_today_holds_it(payable: Payable) -> None:
    minor = payable.amount.amount_minor
    async with payable.world.database.transaction() as session:
        await count_made(session, Rail.ALIPAY, payable.amount, datetime.now(UTC))
    with_rules(limits={"transfer_max_minor": minor, "seller_day_max_minor": minor, "day_max_minor": minor})
    assert await payable.prepare() is not None
    (row,) = await payable.world.rows(PayoutWaitRow, key=payable.key)
    assert "rail_day" in row.reasons


async def waits_for(case: Payable, *reasons: str) -> None:
    async with case.world.database.transaction() as session:
        shown = {one.key: one for one in await held.held(session)}
    assert (shown[case.key].code, shown[case.key].subject) == (case.code, case.subject)
    assert [one.value for one in shown[case.key].reasons] == list(reasons)
    assert await case.world.rows(ORDER_TABLES[case.code], key=case.key) == []


async def test_a_rail_that_is_switched_off_holds_it(payable: Payable) -> None:
    ops = await payable.world.a_person("ops")
    await RailSwitches(payable.world.database).off(ops, Rail.ALIPAY, "Looked into.")
    assert await payable.prepare() is not None
    await waits_for(payable, "switched_off")


DOUBTS = {OrderCode.CARD: "new_payee", OrderCode.SETTLEMENT: "new_payee"}  # Goodwill goes to a payee that was paid.


@pytest.mark.parametrize("payable", sorted(one.value for one in DOUBTS), indirect=True)
async def test_the_first_large_payment_to_a_payee_is_let_go_by_another_than_its_maker(payable: Payable) -> None:
    with_rules(new_payee_from_minor=1)
    assert await payable.prepare() is not None
    await waits_for(payable, "new_payee")
    looking = PayoutWaits(payable.world.database, payable.world.keyring)
    if payable.code is OrderCode.SETTLEMENT:
        with pytest.raises(OwnWork):
            await looking.release(payable.maker, payable.key, "It is fine.")
    await looking.release(await payable.world.a_person("finance"), payable.key, "Called them.")
    assert payable.key in {one.key for one in await looking.ready(100)}
    await payable.sent()
    assert (await row_of(payable)).routed["released"] == "yes"


@pytest.mark.parametrize("payable", ["settlement"], indirect=True)
async def test_a_payee_that_is_named_after_a_release_is_looked_at_again(payable: Payable) -> None:
    with_rules(new_payee_from_minor=1)
    assert await payable.prepare() is not None
    looking = PayoutWaits(payable.world.database, payable.world.keyring)
    await looking.release(await payable.world.a_person("finance"), payable.key, "Called them.")
    assert payable.renamed is not None
    await payable.renamed()
    for _ in range(2):
        assert await payable.prepare() is not None
    (row,) = await payable.world.rows(PayoutWaitRow, key=payable.key)
    assert (row.released_at, row.reasons) == (None, ["new_payee"])


async def test_it_goes_into_a_banks_file(payable: Payable) -> None:
    world, table = payable.world, ORDER_TABLES[payable.code]
    assert await payable.prepare() is None
    sealed = payable.account.seal(world.keyring, payable.key, "6222020000001234 中国工商银行")
    line = BankLineRow(key=payable.key, amount_minor=payable.amount.amount_minor, currency=payable.amount.currency)
    async with world.database.transaction() as session:
        session.add(line)
        mine = update(table).where(table.key == payable.key)
        await session.execute(mine.values(payee_account_sealed=sealed))
    batches = BankBatches(world.database, world.keyring, formats_in(BANK_FORMATS))
    one, two = await world.a_person("finance"), await world.a_person("finance")
    batch = await batches.propose(one, "harbour")
    await batches.approve(two, batch)
    _, content = await batches.file(two, batch)
    assert payable.key in content.decode("gb18030")


async def test_money_that_came_back_is_booked_once(payable: Payable) -> None:
    before = await payable.balance()
    await payable.sent()
    await payable.world.payout.conclude(payable.key)
    kind, now = kind_by_key(payable.key), datetime.now(UTC)
    found = []
    for _ in range(2):
        async with payable.world.database.transaction() as session:
            found.append(await kind.returned(session, payable.key, payable.amount, "R1", now))
    assert found == [Found.BOOKED, Found.KNOWN]
    row = await row_of(payable)
    assert (row.state, row.refusal_code) == (PayoutState.REFUSED, RETURNED)
    assert await payable.balance() == before


async def test_a_payment_found_at_the_gateway_is_its_answer(payable: Payable) -> None:
    await unknown(payable)
    await payable.world.alipay.control(error_rate=0.0)
    adopting = Adopting(payable.world.database, payable.world.keyring)
    paid = PayoutReport(payable.key, PayoutOutcome.PAID, "R9", payable.amount)
    assert await adopting.adopt(paid) is None
    assert (await row_of(payable)).answered is PayoutOutcome.PAID


def line_of(case: Payable, kind: LineKind, minor: int) -> StatementLineRow:
    """A line of Alipay's bill that names the order."""
    moment = datetime.now(UTC)
    return StatementLineRow(
        id=f"alipay-test-{new_id()}", statement_id="test", number=1, source=StatementSource.ALIPAY, account="test",
        kind=kind, key=case.key, reference="R7", amount_minor=minor, at=moment, day=business_day(moment),
    )  # fmt: skip


async def test_a_statements_line_proves_that_it_was_paid_and_another_that_its_money_came_back(payable: Payable) -> None:
    before, minor = await payable.balance(), payable.amount.amount_minor
    await unknown(payable)
    await payable.world.alipay.control(error_rate=0.0)
    async with payable.world.database.transaction() as session:
        session.add(left := line_of(payable, LineKind.TRANSFER, -minor))
        await session.flush()
        assert (payable.key, left.id) in await matching.proved(session, StatementSource.ALIPAY)
    await payable.world.payout.conclude(payable.key)
    async with payable.world.database.transaction() as session:
        session.add(line_of(payable, LineKind.RETURNED, minor))
    await Matching(payable.world.database).run(StatementSource.ALIPAY)
    assert (await row_of(payable)).refusal_code == RETURNED
    assert await payable.balance() == before
