"""Batches for a bank: gathered, let out by a second person, and its answers read in whole or refused."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import httpx
import pytest
from temporalio.exceptions import ApplicationError

from database.tables.finance.rails import BankBatchRow, BankFileRow, BankLineRow
from domain.cards.card import Outcome, WaitingFor
from domain.errors.finance import BankFileRefused, BatchChanged, NothingWaits
from domain.errors.people import NotAllowed
from domain.errors.work import OwnWork
from domain.finance.banks import BatchState
from domain.finance.rails import Rail
from simulators.bank import Bank
from simulators.program import Setup
from tests.builders.own_world import own_world
from tests.builders.rail_acts import a_batch, a_result, books_fault, empty_the_bank, number_of, waits
from tests.builders.rails import Rails

world = own_world("bank_rail")


@pytest.mark.parametrize("bank", ["harbour", "union"])
async def test_a_batch_goes_to_the_bank_and_its_answer_pays_and_refuses(rails: Rails, bank: str) -> None:
    await empty_the_bank(rails)
    made = [await rails.a_prepared(Rail.BANK) for _ in range(3)]
    for card_id, key in made:
        await rails.payout.send(key)
        assert await waits(rails, card_id) is WaitingFor.BANK
    one, two = await rails.world.a_person("finance"), await rails.world.a_person("finance")
    with pytest.raises(NotAllowed):
        await rails.batches.propose(await rails.world.a_person("senior"), bank)
    batch_id = await rails.batches.propose(one, bank)
    with pytest.raises(NothingWaits):
        await rails.batches.propose(two, bank)
    with pytest.raises(BatchChanged):
        await rails.batches.file(one, batch_id)
    with pytest.raises(OwnWork):
        await rails.batches.approve(one, batch_id)
    await rails.batches.approve(two, batch_id)
    await rails.batches.approve(two, batch_id)
    name, content = await rails.batches.file(two, batch_id)
    assert name.endswith(f"-{bank}.txt")
    assert (await rails.batches.file(one, batch_id))[1] == content
    async with httpx.AsyncClient(transport=httpx.ASGITransport(Bank(Setup()).app), base_url="http://bank") as counter:
        await counter.post("/controls", json={"refuse_every": 3, "leave_out_every": 2})
        assert (await counter.post("/batches", content=content)).status_code == 201
        number = await number_of(rails, batch_id)
        first = (await counter.get(f"/batches/{number}/result")).content
        await counter.post("/controls", json={"refuse_every": 3, "leave_out_every": 0})
        second = (await counter.get(f"/batches/{number}/result")).content
    found = await rails.batches.take_in(two, batch_id, first)
    assert (found.lines, found.news, found.missing) == (2, 2, 1)
    assert set(found.cards) == {made[0], made[2]}
    again = await rails.batches.take_in(two, batch_id, first)
    assert (again.news, again.cards) == (0, ())
    with pytest.raises(ApplicationError) as still:
        await rails.payout.reconcile(made[1][1])
    assert still.value.type == "payout_waits"
    assert (await rails.batches.take_in(one, batch_id, second)).missing == 0
    outcomes = [(await rails.payout.reconcile(key)).outcome.value for _, key in made]
    assert outcomes == ["paid", "paid", "refused"]
    for _, key in made:
        await rails.payout.conclude(key)
    assert (await rails.card(made[0][0])).outcome is Outcome.PAID
    assert (await rails.card(made[2][0])).waiting_for is WaitingFor.SELLER_PAYEE
    (batch,) = await rails.world.rows(BankBatchRow, id=batch_id)
    assert batch.state is BatchState.FINISHED
    assert batch.sha256 == hashlib.sha256(content).hexdigest()
    assert len(await rails.world.rows(BankFileRow, batch_id=batch_id)) == 2
    assert await books_fault(rails, "I1", "I4") == []


async def test_a_dropped_batch_frees_its_orders_and_one_that_was_let_out_never_does(rails: Rails) -> None:
    await empty_the_bank(rails)
    card_id, key = await rails.a_prepared(Rail.BANK)
    await rails.payout.send(key)
    one, two = await rails.world.a_person("finance"), await rails.world.a_person("finance")
    first = await rails.batches.propose(one, "harbour")
    await rails.batches.drop(two, first)
    await rails.batches.drop(two, first)
    with pytest.raises(BatchChanged):
        await rails.batches.approve(two, first)
    second = await rails.batches.propose(two, "union")
    await rails.batches.approve(one, second)
    with pytest.raises(BatchChanged):
        await rails.batches.drop(one, second)
    (line,) = await rails.world.rows(BankLineRow, key=key)
    assert line.batch_id == second
    with pytest.raises(BatchChanged):
        await rails.batches.take_in(one, second, b"")
    assert (await rails.card(card_id)).outcome is None


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda number, key: a_result("CL20200101-1", key), "batch"),
        (lambda number, key: a_result(number, key, amount=1), "amount"),
        (lambda number, key: a_result(number, "card-X-payout-1"), "not_in_batch"),
        (lambda number, key: a_result(number, key, state="77"), "state"),
        (lambda number, key: a_result(number, key, amount=0), "amount"),
        (lambda number, key: a_result(number, key).replace(b"T|1|465.00", b"T|2|465.00"), "count"),
        (lambda number, key: a_result(number, key).replace(b"T|1|465.00", b"T|1|465.01"), "sum"),
        (lambda number, key: a_result(number, key).replace(b"|465.00|00", b"|1,465.00|00"), "amount"),
        (lambda number, key: a_result(number, key).replace(b"|465.00|00", "|４６５.00|00".encode("gbk")), "amount"),
        (lambda number, key: a_result(number, key).replace(b"|465.00|00", b"|-0|00"), "amount"),
        (lambda number, key: a_result(number, key).partition(b"\r\n")[0] + b"\r\n", "empty"),
        (lambda number, key: a_result(number, key) + b"\xff\xff", "encoding"),
        (lambda number, key: b"", "empty"),
        (lambda number, key: "批次号,x".encode("utf-8-sig"), "empty"),
    ],
    ids=[
        "another batch", "another amount", "not in it", "unknown state", "nothing", "count", "sum", "commas", "full width",
        "minus zero", "cut off", "encoding", "empty", "another bank's",
    ],
)  # fmt: skip
async def test_a_file_that_is_not_right_is_refused_whole(
    rails: Rails, spoil: Callable[[str, str], bytes], why: str
) -> None:
    await empty_the_bank(rails)
    [(_, key)], batch_id, person = await a_batch(rails)
    with pytest.raises(BankFileRefused) as refused:
        await rails.batches.take_in(person, batch_id, spoil(await number_of(rails, batch_id), key))
    assert refused.value.data["why"] == why
    (line,) = await rails.world.rows(BankLineRow, key=key)
    assert line.outcome is None
    assert await rails.world.rows(BankFileRow, batch_id=batch_id) == []


async def test_a_later_file_that_contradicts_the_bank_is_refused(rails: Rails) -> None:
    await empty_the_bank(rails)
    [(_, key)], batch_id, person = await a_batch(rails)
    number = await number_of(rails, batch_id)
    await rails.batches.take_in(person, batch_id, a_result(number, key))
    with pytest.raises(BankFileRefused) as refused:
        await rails.batches.take_in(person, batch_id, a_result(number, key, state="01"))
    assert refused.value.data == {"why": "contradicts", "line": 2}
