"""A period of a counterparty from its entries to its payment: every amount from the ledger, each entry settled once."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import update
from temporalio.exceptions import ApplicationError

from database.repositories import ledger
from database.tables.finance.settlement import (
    CounterpartyPayeeRow,
    SettlementLineRow,
    SettlementOrderRow,
    SettlementStatementRow,
)
from database.tables.platform import OutboxRow
from domain.finance.counterparties import CounterpartyKind
from domain.finance.ledger import issuer_cost
from domain.finance.routing import WaitReason
from domain.finance.settlement import (
    SettlementAnswer,
    SettlementDeed,
    SettlementEnding,
    SettlementState,
)
from domain.identifiers import new_id, settlement_key
from domain.money import Money
from services.finance.routing import AgreedPayee, Payment, why_waiting
from services.finance.settlement.statement_files import files_of
from services.finance.settlement.statements import content_of, hash_of, lines_of
from tests.builders.paying import with_rules
from tests.builders.settling import Settling, nothing_is_wrong, story
from tests.builders.world import World

NOV_5, NOV_20, DEC_1 = date(2026, 11, 5), date(2026, 11, 20), date(2026, 12, 1)
ANSWER, APPROVAL, CLOSED = SettlementState.ANSWER, SettlementState.APPROVAL, SettlementState.CLOSED


async def test_a_month_is_collected_stated_confirmed_approved_paid_and_closed(
    scene: Settling, own_world: World
) -> None:
    party = await scene.a_party()
    for minor, day in ((120_00, NOV_5), (80_50, NOV_20), (999_00, DEC_1)):
        await scene.owes(party, minor, day)
    run = await scene.stated(party)
    assert (run.state, run.period, run.version, run.payable_minor) == (ANSWER, "2026-11", 1, 200_50)
    assert await scene.confirmed(run, party) is APPROVAL
    assert await scene.approved(run) is CLOSED
    ended = await scene.run(run.id)
    assert (ended.ending, ended.carried_out_minor) == (SettlementEnding.PAID, 0)
    key = settlement_key(run.id, 1)
    assert [one["amount_minor"] for one in await own_world.transfers(key)] == [200_50]
    assert await scene.owed(party) == 999_00  # December's is the next run's.
    assert await story(scene, run.id) == [
        "begun", "collected", "stated", "answered_confirmed", "approved", "to_be_paid", "ordered", "payment_paid",
        "closed_paid",
    ]  # fmt: skip
    topics = [one.topic for one in await scene.rows(OutboxRow, destination=f"partner:{party.partner_id}")]
    assert sorted(topics) == ["settlement.paid", "settlement.stated"]
    await nothing_is_wrong(scene)


async def test_the_same_rows_give_the_same_statement_and_files(scene: Settling) -> None:
    party = await scene.a_party()
    await scene.owes(party, 150_00, NOV_5)
    run = await scene.stated(party)
    for _ in range(2):  # Called again, as after a crash whose acknowledgement was lost.
        await scene.activities.collect(run.id)
        await scene.activities.state(run.id)
    (kept,) = await scene.rows(SettlementStatementRow, run_id=run.id)
    async with scene.database.transaction() as session:
        lines = await lines_of(session, run.id, 1)
    made_on, until = (date.fromisoformat(kept.content[day]) for day in ("made_on", "answer_until"))
    again = content_of(await scene.run(run.id), party, lines, 1, made_on, until)
    assert (hash_of(again), again) == (kept.content_hash, kept.content)
    files = files_of(again)
    assert {name: hashlib.sha256(file).hexdigest() for name, file in files.items()} == kept.files
    assert sorted(files) == ["csv.en", "csv.zh_CN", "pdf.en", "pdf.zh_CN"]
    assert files["csv.en"].decode("utf-8-sig").splitlines()[1].split(",")[-1] == "150.00"
    assert all(scene.photos.read(digest) == files[name] for name, digest in kept.files.items())


async def test_entries_that_come_late_are_settled_by_the_next_run_and_marked(scene: Settling) -> None:
    party = await scene.a_party()
    await scene.owes(party, 150_00, NOV_5)
    first = await scene.stated(party)
    await scene.owes(party, 30_00, NOV_20, cause="sale:LATE")  # Learnt after November was collected.
    await scene.owes(party, 200_00, DEC_1)
    await scene.confirmed(first, party)
    await scene.approved(first)
    scene.clock.passes(days=31)
    second = await scene.stated(party)
    lines = await scene.rows(SettlementLineRow, run_id=second.id)
    assert [(one.amount_minor, one.late, one.cause == "sale:LATE") for one in lines] == [
        (30_00, True, True), (200_00, False, False),
    ]  # fmt: skip
    assert (second.period, second.payable_minor) == ("2026-12", 230_00)
    await scene.confirmed(second, party)
    await scene.approved(second)
    assert await scene.owed(party) == 0
    entries = [one.entry_id for run in (first, second) for one in await scene.rows(SettlementLineRow, run_id=run.id)]
    assert len(entries) == len(set(entries)) == 3
    await nothing_is_wrong(scene)


async def test_small_amounts_carry_over_debts_are_netted_and_a_reserve_is_held(scene: Settling) -> None:
    party = await scene.a_party(terms="monthly-held", since=date(2026, 9, 1))
    await scene.owes(party, 1_000_00, date(2026, 9, 10))
    september, october, november = await scene.begun(party)
    await scene.goes_on(october.id)
    assert (await scene.run(october.id)).collected_at is None  # It would take September's entry.
    await scene.goes_on(september.id)
    assert (await scene.goes_on(october.id)).state is SettlementState.COLLECTING  # It waits for September's amounts.
    assert (await scene.run(october.id)).collected_at is not None
    september = await scene.run(september.id)
    assert (september.payable_minor, september.carried_out_minor, september.held_back_minor) == (900_00, 100_00, 100_00)
    await scene.confirmed(september, party)
    await scene.approved(september)
    await scene.goes_on(october.id)
    october = await scene.run(october.id)
    assert (october.carried_in_minor, october.lines_minor, october.payable_minor) == (100_00, 0, 100_00)
    await scene.confirmed(october, party)
    await scene.approved(october)
    await scene.goes_on(november.id)
    assert (await scene.run(november.id)).ending is SettlementEnding.NOTHING
    await scene.owes(party, 50_00, DEC_1)
    scene.clock.passes(days=31)
    december = await scene.stated(party)
    assert (december.payable_minor, december.carried_out_minor) == (0, 50_00)
    assert await scene.confirmed(december, party) is CLOSED
    assert (await scene.run(december.id)).ending is SettlementEnding.CARRIED
    await nothing_is_wrong(scene)


async def test_silence_confirms_after_the_deadline_and_never_before(scene: Settling) -> None:
    party = await scene.a_party()
    await scene.owes(party, 150_00, NOV_5)
    run = await scene.stated(party)
    assert run.deadline_at is not None
    scene.clock.moment = run.deadline_at
    assert (await scene.goes_on(run.id)).state is ANSWER
    scene.clock.passes(seconds=1)
    assert (await scene.goes_on(run.id)).state is APPROVAL
    late = await scene.run(run.id)
    assert (late.answer, late.answered_by) == (SettlementAnswer.SILENCE, "machine")
    with pytest.raises(ApplicationError) as moved:
        await scene.confirmed(run, party)  # Pressed late.
    assert (moved.value.type, moved.value.details[0]) == ("settlement_moved", {"state": "approval"})


async def test_without_silence_finance_is_asked_once(scene: Settling) -> None:
    party = await scene.a_party(kind=CounterpartyKind.PROVIDER, owner=f"issuer:{new_id()[-5:].lower()}", mail="i@issuer.example", terms="by-invoice")  # fmt: skip
    cost = issuer_cost(Money(12_34))
    async with scene.database.transaction() as session:
        for provider in (party.owner, f"{party.owner}x"):
            key, cause = f"cost:{provider}:{new_id()}", f"answers:{new_id()}"
            await ledger.post(session, key, None, "issuer_cost", cost, happened_on=NOV_5, cause=cause)
    run = await scene.stated(party)
    assert (run.state, run.lines_minor) == (ANSWER, 12_34)
    scene.clock.passes(days=30)
    await scene.goes_on(run.id)
    await scene.goes_on(run.id)
    assert (await story(scene, run.id)).count("overdue") == 1
    one, two = [await scene.a_person() for _ in range(2)]
    with pytest.raises(ApplicationError) as differs:
        await scene.does(run, SettlementDeed.CONFIRM, f"person:{one}", reference="INV-7", amount=12_00)
    assert (differs.value.type, differs.value.details[0]) == ("invoice_differs", {"amount": "¥12.00", "ours": "¥12.34"})
    confirmed = await scene.does(run, SettlementDeed.CONFIRM, f"person:{one}", reference="INV-7", amount=12_34)
    assert confirmed is APPROVAL
    with pytest.raises(ApplicationError) as own:
        await scene.approved(run, one)  # Who took the invoice does not pay it.
    assert own.value.type == "own_work"
    assert await scene.approved(run, two) is CLOSED
    await nothing_is_wrong(scene)


async def test_large_settlement_takes_two_approvers_counted_once_each(scene: Settling) -> None:
    with_rules(new_payee_from_minor=10_000_00)
    party = await scene.a_party()
    await scene.owes(party, 6_000_00, NOV_5)
    run = await scene.stated(party)
    await scene.confirmed(run, party)
    one, two = [await scene.a_person() for _ in range(2)]
    assert await scene.approved(run, one) is APPROVAL
    assert await scene.approved(run, one) is APPROVAL
    assert (await scene.run(run.id)).approved_by == [one]
    tries = await asyncio.gather(
        *(scene.does(run, SettlementDeed.APPROVE, f"person:{who}") for who in (two, await scene.a_person())),
        return_exceptions=True,
    )
    assert CLOSED in tries
    assert len(await scene.rows(SettlementOrderRow, run_id=run.id)) == 1
    await nothing_is_wrong(scene)


async def test_small_payments_to_a_changed_payee_count_together_until_it_is_known(
    scene: Settling, own_world: World
) -> None:
    hours = 24
    party = await scene.a_party()
    await scene.owes(party, 150_00, NOV_5)
    run = await scene.stated(party)
    await scene.confirmed(run, party)
    assert await scene.approved(run) is CLOSED  # The first payee is known.
    scene.clock.passes(days=31)
    await scene.a_payee(party.id, "13900009999")
    with_rules(change_cools_hours=hours, change_cools_from_minor=200_00, new_payee_from_minor=10**12)
    await scene.owes(party, 120_00, DEC_1)
    run = await scene.stated(party)
    await scene.confirmed(run, party)
    assert await scene.approved(run) is CLOSED  # Small, and paid.
    (order,) = await scene.rows(SettlementOrderRow, run_id=run.id)
    async with scene.database.transaction() as session:
        mine = update(SettlementOrderRow).where(SettlementOrderRow.key == order.key)
        await session.execute(mine.values(settled_at=scene.clock()))
    (payee,) = await scene.rows(CounterpartyPayeeRow, id=order.payee_id)
    agreed = AgreedPayee(payee.id, party.id, party.name, payee.checked_at)
    more = Payment(
        settlement_key(new_id(), 1), None, party.owner, payee.rail, Money(80_00), payee.masked, order.payee_index,
        "Harbour Cards", agreed,
    )  # fmt: skip

    async def reasons(payment: Payment) -> tuple[WaitReason, ...]:
        async with scene.database.transaction() as session:
            wait = await why_waiting(session, scene.keyring, payment, scene.clock())
        return () if wait is None else wait.reasons

    assert await reasons(more) == (WaitReason.COOLING,)
    assert await reasons(replace(more, amount=Money(79_99))) == ()
    with_rules(change_cools_hours=hours, change_cools_from_minor=10**12, new_payee_from_minor=200_00)
    assert await reasons(more) == (WaitReason.NEW_PAYEE,)
    assert await reasons(replace(more, payee_name="Another")) == (WaitReason.NAME_DIFFERS, WaitReason.NEW_PAYEE)
    scene.clock.passes(hours=hours)
    with_rules(change_cools_hours=hours, change_cools_from_minor=0, new_payee_from_minor=0)
    assert await reasons(more) == ()  # Known.


async def test_nothing_is_ordered_without_enough_people_or_under_another_key(scene: Settling) -> None:
    party = await scene.a_party()
    await scene.owes(party, 150_00, NOV_5)
    run = await scene.stated(party)
    for key in (settlement_key(run.id, 1), settlement_key(run.id, 2)):
        with pytest.raises(ApplicationError) as waiting:
            await scene.activities.prepare(run.id, key)
        assert waiting.value.type == "not_payable"
    assert await scene.rows(SettlementOrderRow, run_id=run.id) == []


@pytest.mark.parametrize(
    ("role", "deed", "given", "refused"),
    [
        ("support", SettlementDeed.CONFIRM, {"reference": "x"}, "not_allowed"),
        ("finance", SettlementDeed.CONFIRM, {}, "field_invalid"),
        ("finance", SettlementDeed.DISPUTE, {"words": " "}, "field_invalid"),
        ("finance", SettlementDeed.DISPUTE, {"words": "x", "lines": ("1",)}, "field_invalid"),
        ("finance", SettlementDeed.APPROVE, {}, "settlement_moved"),
        ("finance", SettlementDeed.CORRECT, {"words": "x", "amount": 5}, "settlement_moved"),
        ("finance", SettlementDeed.CORRECT, {"words": "x", "amount": 0}, "field_invalid"),
        ("finance", SettlementDeed.CORRECT, {"words": "x", "amount": 2**63}, "field_invalid"),
    ],
    ids=["role", "no_number", "no_words", "foreign_line", "too_early", "nothing_disputed", "nothing", "too_large"],
)
async def test_invalid_acts_are_refused(
    scene: Settling, role: str, deed: SettlementDeed, given: dict[str, Any], refused: str
) -> None:
    party = await scene.a_party()
    await scene.owes(party, 150_00, NOV_5)
    run = await scene.stated(party)
    with pytest.raises(ApplicationError) as error:
        await scene.does(run, deed, f"person:{await scene.a_person(role)}", **given)
    assert error.value.type == refused
    assert (await scene.run(run.id)).state is ANSWER


async def test_another_partner_finds_no_run(scene: Settling) -> None:
    party, other = await scene.a_party(), await scene.a_party()
    await scene.owes(party, 150_00, NOV_5)
    run = await scene.stated(party)
    with pytest.raises(ApplicationError) as foreign:
        await scene.does(run, SettlementDeed.CONFIRM, f"partner:{other.partner_id}")
    assert foreign.value.type == "not_found"
    with pytest.raises(ApplicationError) as own:
        await scene.does(run, SettlementDeed.APPROVE, f"partner:{party.partner_id}")
    assert own.value.type == "not_allowed"


async def test_concurrent_starts_begin_each_period_once(scene: Settling) -> None:
    party = await scene.a_party(since=date(2026, 8, 1))
    await asyncio.gather(*(scene.begun(party) for _ in range(3)))
    runs = await scene.begun(party)
    assert [one.period for one in runs] == ["2026-08", "2026-09", "2026-10", "2026-11"]
    await scene.owes(party, 10_00, NOV_5)
    for _ in runs:  # Each round, the oldest that has not collected does, and the later ones wait.
        await asyncio.gather(*(scene.activities.collect(one.id) for one in runs for _ in range(2)))
    lines = [len(await scene.rows(SettlementLineRow, run_id=one.id)) for one in runs]
    assert lines == [0, 0, 0, 1]
