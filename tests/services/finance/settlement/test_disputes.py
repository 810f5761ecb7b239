"""Disputes with their tickets, and payments that are refused or unknown."""

from __future__ import annotations

from datetime import date

import pytest
from temporalio.exceptions import ApplicationError

from database.repositories import ledger
from database.sealed import SETTLEMENT_ACCOUNT
from database.tables.finance.settlement import SettlementLineRow, SettlementOrderRow, SettlementStatementRow
from database.tables.support.tickets import TicketEventRow, TicketLinkRow, TicketRow
from domain.errors.settlement import OpeningInBooks
from domain.errors.work import OwnWork
from domain.finance.chart import account
from domain.finance.ledger import Posting
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.finance.rails import Rail
from domain.finance.settlement import SettlementDeed, SettlementState
from domain.identifiers import bill_number, key_of_bill, new_id, settlement_key
from domain.money import Money
from domain.support.tickets import LinkedKind, TicketCategory
from services.finance.returned import Found
from services.finance.settlement import orders
from tests.builders.settling import Settling, nothing_is_wrong
from tests.builders.world import World

NOV_5 = date(2026, 11, 5)
ANSWER, APPROVAL, CLOSED = SettlementState.ANSWER, SettlementState.APPROVAL, SettlementState.CLOSED
PAYEE, DISPUTED = SettlementState.PAYEE, SettlementState.DISPUTED


async def test_a_dispute_opens_a_ticket_waits_and_ends_in_a_second_version(scene: Settling) -> None:
    party = await scene.a_party()
    await scene.owes(party, 150_00, NOV_5)
    run, by = await scene.stated(party), f"partner:{party.partner_id}"
    (line,) = await scene.rows(SettlementLineRow, run_id=run.id)
    for _ in range(2):  # Sent twice.
        assert (
            await scene.does(run, SettlementDeed.DISPUTE, by, words="165.00.", lines=(str(line.entry_id),), token="k1")
            is DISPUTED
        )
    disputed = await scene.run(run.id)
    tickets = await scene.rows(TicketRow, requester=by)
    assert [(one.id, one.category) for one in tickets] == [(disputed.ticket_id, TicketCategory.SETTLEMENT)]
    links = await scene.rows(TicketLinkRow, ticket_id=disputed.ticket_id)
    assert [(one.kind, one.subject) for one in links] == [(LinkedKind.SETTLEMENT, run.id)]
    scene.clock.passes(days=60)
    assert (await scene.goes_on(run.id)).state is DISPUTED  # However long it takes.
    finance = await scene.a_person()
    corrected = await scene.does(
        run, SettlementDeed.CORRECT, f"person:{finance}", words="Counted once too little.", amount=15_00
    )
    assert corrected is ANSWER
    assert [(one.version, one.content["payable"]) for one in await scene.rows(SettlementStatementRow, run_id=run.id)] == [
        (1, 150_00), (2, 165_00),
    ]  # fmt: skip
    with pytest.raises(ApplicationError) as old:
        await scene.does(run, SettlementDeed.CONFIRM, by, version=1)
    assert (old.value.type, old.value.details[0]) == ("statement_replaced", {"version": 2})
    assert await scene.does(run, SettlementDeed.CONFIRM, by) is APPROVAL
    with pytest.raises(ApplicationError) as own:
        await scene.approved(run, finance)
    assert own.value.type == "own_work"
    assert await scene.approved(run) is CLOSED
    assert await scene.owed(party) == 0
    assert (await scene.run(run.id)).payable_minor == 165_00
    events = [one.what for one in await scene.rows(TicketEventRow, ticket_id=disputed.ticket_id)]
    assert events == ["opened", "settlement_correct"]
    await nothing_is_wrong(scene)


async def test_correction_is_capped_at_the_amount_owed(scene: Settling) -> None:
    party = await scene.a_party()
    await scene.owes(party, 150_00, NOV_5)
    run, by = await scene.stated(party), f"partner:{party.partner_id}"
    await scene.does(run, SettlementDeed.DISPUTE, by, words="Less.")
    finance = f"person:{await scene.a_person()}"
    with pytest.raises(ApplicationError) as refused:
        await scene.does(run, SettlementDeed.CORRECT, finance, words="Too much.", amount=-150_01)
    assert (refused.value.type, refused.value.details[0]) == (
        "correction_too_large", {"amount": "¥150.01", "owed": "¥150.00"},
    )  # fmt: skip
    assert refused.value.non_retryable  # Else the run's one lock is held for ever.
    assert await scene.does(run, SettlementDeed.CORRECT, finance, words="All of it.", amount=-150_00) is ANSWER
    assert await scene.owed(party) == 0
    await nothing_is_wrong(scene)


async def test_a_correction_leaves_what_an_earlier_run_is_to_pay(scene: Settling) -> None:
    party = await scene.a_party()
    await scene.owes(party, 150_00, NOV_5)
    earlier, by = await scene.stated(party), f"partner:{party.partner_id}"
    await scene.confirmed(earlier, party)  # It waits for finance to agree.
    await scene.owes(party, 160_00, date(2026, 12, 5))
    scene.clock.passes(days=31)
    later = await scene.stated(party)
    assert (later.id != earlier.id, later.payable_minor) == (True, 160_00)
    await scene.does(later, SettlementDeed.DISPUTE, by, words="Less.")
    finance = f"person:{await scene.a_person()}"
    with pytest.raises(ApplicationError) as refused:
        await scene.does(later, SettlementDeed.CORRECT, finance, words="Too much.", amount=-160_01)
    assert (refused.value.type, refused.value.details[0]) == (
        "correction_too_large", {"amount": "¥160.01", "owed": "¥160.00"},
    )  # fmt: skip
    assert await scene.does(later, SettlementDeed.CORRECT, finance, words="All of it.", amount=-160_00) is ANSWER
    assert await scene.approved(earlier) is CLOSED
    assert (await scene.owed(party), (await scene.run(earlier.id)).payable_minor) == (0, 150_00)
    await nothing_is_wrong(scene)


async def test_ordered_amounts_of_an_earlier_run_do_not_block_a_correction(scene: Settling) -> None:
    party = await scene.a_party()
    await scene.owes(party, 150_00, NOV_5)
    earlier, by = await scene.stated(party), f"partner:{party.partner_id}"
    await scene.confirmed(earlier, party)
    assert await scene.approved(earlier) is CLOSED
    await scene.owes(party, 160_00, date(2026, 12, 5))
    scene.clock.passes(days=31)
    later = await scene.stated(party)
    await scene.does(later, SettlementDeed.DISPUTE, by, words="Less.")
    finance = f"person:{await scene.a_person()}"
    assert await scene.does(later, SettlementDeed.CORRECT, finance, words="All.", amount=-160_00) is ANSWER
    await nothing_is_wrong(scene)


async def test_upheld_statement_is_confirmed_again_after_withdrawal(scene: Settling) -> None:
    party = await scene.a_party()
    await scene.owes(party, 150_00, NOV_5)
    run, by = await scene.stated(party), f"partner:{party.partner_id}"
    await scene.confirmed(run, party)
    finance = f"person:{await scene.a_person()}"
    with pytest.raises(ApplicationError) as confirmed:
        await scene.does(run, SettlementDeed.DISPUTE, by, words="No.")
    assert confirmed.value.type == "settlement_moved"  # It confirmed: finance alone takes that back.
    assert await scene.does(run, SettlementDeed.DISPUTE, finance, words="They called.") is DISPUTED
    before = (await scene.run(run.id)).deadline_at
    scene.clock.passes(days=3)
    assert await scene.does(run, SettlementDeed.UPHOLD, finance, words="It is right.") is ANSWER
    again = await scene.run(run.id)
    assert again.version == 1
    assert before is not None
    assert again.deadline_at is not None
    assert again.deadline_at > before
    assert await scene.confirmed(run, party) is APPROVAL
    assert await scene.approved(run) is CLOSED


async def test_a_refused_payee_is_replaced_by_two_people_and_paid_under_another_key(
    scene: Settling, own_world: World
) -> None:
    party = await scene.a_party()
    await scene.owes(party, 150_00, NOV_5)
    run = await scene.stated(party)
    await scene.confirmed(run, party)
    await own_world.alipay.control(refuse="PAYEE_NOT_EXIST")
    assert await scene.approved(run) is PAYEE
    await own_world.alipay.control(refuse="")
    assert await scene.owed(party) == 150_00
    assert (await scene.goes_on(run.id)).state is PAYEE  # Never again to the payee that was refused.
    await nothing_is_wrong(scene)
    proposed = await scene.counterparties.propose_payee(scene.finance, party.id, Rail.ALIPAY, "13900009999", party.name)
    with pytest.raises(OwnWork):
        await scene.counterparties.agree_payee(scene.finance, proposed)
    assert (await scene.goes_on(run.id)).state is PAYEE
    await scene.counterparties.agree_payee(await scene.a_person(), proposed)
    assert (await scene.goes_on(run.id)).state is CLOSED
    keys = {one.key: one.state for one in await scene.rows(SettlementOrderRow, run_id=run.id)}
    assert keys == {settlement_key(run.id, 1): PayoutState.REFUSED, settlement_key(run.id, 2): PayoutState.PAID}
    assert len(await own_world.transfers(settlement_key(run.id, 2))) == 1
    (second,) = [one for one in await scene.rows(SettlementOrderRow, run_id=run.id) if one.attempt == 2]
    sealed = SETTLEMENT_ACCOUNT.open(scene.keyring, second.key, second.payee_account_sealed)
    assert sealed == "13900009999"
    await nothing_is_wrong(scene)


async def test_an_unknown_payment_is_only_reconciled(scene: Settling, own_world: World) -> None:
    party = await scene.a_party()
    await scene.owes(party, 150_00, NOV_5)
    run = await scene.stated(party)
    await scene.confirmed(run, party)
    await own_world.alipay.control(timeout_after_success_rate=1.0, hang_ms=1_000)
    with pytest.raises(ApplicationError) as unknown:
        await scene.approved(run)
    assert unknown.value.type == "payout_unknown"
    key = settlement_key(run.id, 1)
    await nothing_is_wrong(scene)
    await own_world.alipay.control(timeout_after_success_rate=0.0)
    assert (await own_world.payout.reconcile(key)).outcome is PayoutOutcome.PAID
    assert (await scene.goes_on(run.id)).state is CLOSED
    assert len(await own_world.transfers(key)) == 1
    await nothing_is_wrong(scene)


async def test_money_that_comes_back_is_owed_again_and_paid_to_another_payee(scene: Settling, own_world: World) -> None:
    party = await scene.a_party()
    await scene.owes(party, 150_00, NOV_5)
    run = await scene.stated(party)
    await scene.confirmed(run, party)
    assert await scene.approved(run) is CLOSED
    key = settlement_key(run.id, 1)
    for amount, found in ((149_99, Found.AMOUNT_DIFFERS), (150_00, Found.BOOKED), (150_00, Found.KNOWN)):
        async with scene.database.transaction() as session:
            assert await orders.returned(session, key, Money(amount), None, scene.clock()) is found
    again = await scene.run(run.id)
    assert (again.state, again.ending, again.attempt) == (PAYEE, None, 2)
    assert await scene.owed(party) == 150_00
    await nothing_is_wrong(scene)
    await scene.a_payee(party.id, "13900009999")
    assert (await scene.goes_on(run.id)).state is CLOSED
    assert await scene.owed(party) == 0
    assert len(await own_world.transfers(settlement_key(run.id, 2))) == 1
    await nothing_is_wrong(scene)


async def test_what_was_owed_before_is_a_line_of_the_first_run_and_agreed_to_by_others(scene: Settling) -> None:
    party = await scene.a_party(opening=99_00)
    await scene.owes(party, 101_00, NOV_5)
    run = await scene.stated(party)
    assert run.payable_minor == 200_00
    await scene.confirmed(run, party)
    with pytest.raises(ApplicationError) as own:
        await scene.approved(run, party.made_by)
    assert own.value.type == "own_work"
    assert await scene.approved(run) is CLOSED
    await nothing_is_wrong(scene)


async def test_opening_amount_is_refused_when_the_books_have_one(scene: Settling) -> None:
    owner = new_id().lower()
    share = (Posting(account("partner_cost"), Money(10_00)), Posting(account("partner_share", owner), Money(-10_00)))
    async with scene.database.transaction() as session:
        await ledger.post(session, f"sale:{owner}", None, "sold", share, cause=f"sale:{owner}")
    with pytest.raises(OpeningInBooks) as twice:
        await scene.a_party(owner=owner, opening=10_00, mail="books@harbour.example")
    assert twice.value.data == {"there": "¥10.00"}
    party = await scene.a_party(owner=owner, mail="books@harbour.example")
    assert await scene.owed(party) == 10_00


def test_order_is_found_by_the_provider_number() -> None:
    key = settlement_key(new_id(), 2)
    assert (key_of_bill(bill_number(key)), len(bill_number(key)) <= 32) == (key, True)
