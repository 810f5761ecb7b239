"""A held payment is turned down: its seller is asked for another payee by two people, or by one where a limit never ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from sqlalchemy import update

from database.reads.finance import held as reads
from database.reads.finance.attention import seconds
from database.reads.finance.office import owed
from database.tables.cards import CardRow
from database.tables.finance.routing import PayoutWaitRow
from database.tables.people import AuditRow
from database.tables.platform import OutboxRow
from domain.cards.card import WaitingFor
from domain.cards.facts import PaymentHeld
from domain.errors.finance import NoPayeeToAsk, NothingToRelease, OtherPayeeAsked
from domain.errors.general import FieldInvalid
from domain.errors.people import NotAllowed
from domain.errors.work import OwnWork
from domain.identifiers import payout_key
from services.finance.held_payments import PayoutWaits
from services.finance.other_payees import OtherPayees
from services.finance.payees import Payees
from tests.builders.own_world import own_world
from tests.builders.paying import Paying, paying, rails_on, with_rules
from tests.builders.world import World

world = own_world("otherpayees")  # Limits count every order of a day.

PRICE = 465_00
WHY = "The name is another person's."


@pytest_asyncio.fixture(loop_scope="session")
async def case(world: World) -> AsyncIterator[Paying]:
    yield await paying(world)
    await rails_on(world)


@pytest.fixture
def asking(case: Paying) -> OtherPayees:
    return OtherPayees(case.world.database, case.world.keyring)


async def doubted(case: Paying) -> tuple[str, str, str]:
    """A payment that waits since its payee is new: card, quote, key."""
    card, quote = await case.accepted()
    with_rules(new_payee_from_minor=PRICE)
    assert isinstance(await case.prepare(card, quote), PaymentHeld)
    return card, quote, payout_key(card, 1)


async def kept(case: Paying, key: str) -> PayoutWaitRow:
    (row,) = await case.world.rows(PayoutWaitRow, key=key)
    assert isinstance(row, PayoutWaitRow)
    return row


async def ready(case: Paying) -> set[str]:
    return {one.key for one in await PayoutWaits(case.world.database, case.world.keyring).ready(100)}


async def turned_down(case: Paying, asking: OtherPayees, key: str) -> None:
    await asking.ask(await case.world.a_person("finance"), key, WHY)
    await asking.agree(await case.world.a_person("finance"), key)


async def test_two_people_turn_a_doubted_payment_down_and_the_seller_is_asked(
    case: Paying, asking: OtherPayees
) -> None:
    card, quote, key = await doubted(case)
    first, second = await case.world.a_person("finance"), await case.world.a_person("finance")
    for _ in range(2):  # Pressed twice.
        await asking.ask(first, key, WHY)
    with pytest.raises(OwnWork):
        await asking.agree(first, key)
    assert (await case.world.card(card)).waiting_for is WaitingFor.FINANCE
    for _ in range(2):
        await asking.agree(second, key)
    await asking.ask(first, key, WHY)  # Late: it is as they asked.
    row = await case.world.card(card)
    assert (row.waiting_for, row.until, row.outcome) == (WaitingFor.SELLER_PAYEE, None, None)
    assert (await case.world.story(card)).count("payout.payee_wanted") == 1
    sent = await case.world.rows(OutboxRow, topic="payee_asked", destination=case.owner)
    assert [one.payload["card_id"] for one in sent].count(card) == 1
    wait = await kept(case, key)
    assert (wait.asked_by, wait.turned_down_by, wait.ended_at is not None) == (first, second, True)
    audited = [one.act for one in await case.world.rows(AuditRow, subject=key)]
    assert sorted(audited) == ["console:payout:agree_payee", "console:payout:ask_payee"]
    async with case.world.database.transaction() as session:
        (entry,) = [one for one in await owed(session, 1000) if one.card_id == card]
        assert await reads.of_card(session, card) is None
    assert (entry.amount.amount_minor, entry.attempts, entry.turned_down) == (PRICE, 0, True)
    assert (await case.order(key), await ready(case) & {key}) == (None, set())
    assert await case.balance(f"seller_payable:{case.owner}") <= -PRICE
    # However its workflow comes to it, nothing is ordered for the payee that was turned down.
    assert await case.prepare(card, quote) == PaymentHeld(WaitingFor.SELLER_PAYEE, None)
    assert (await case.world.story(card)).count("payout.payee_wanted") == 1
    await case.books_are_right()


async def test_the_seller_names_another_payee_who_is_judged_as_any_and_paid(case: Paying, asking: OtherPayees) -> None:
    card, quote, key = await doubted(case)
    await turned_down(case, asking, key)
    payees = Payees(case.world.database, case.world.keyring)
    await payees.correct(case.owner, card, "13700000077", "王芳")
    assert card not in {one.card_id for one in await payees.untold(1000)}  # It goes on as a payment that waited.
    assert key not in await ready(case)  # The new payee is new, too.
    wait = await kept(case, key)
    assert (wait.payee_masked, wait.reasons, wait.asked_by, wait.turned_down_at) == (
        "137****0077",
        ["new_payee"],
        None,
        None,
    )
    assert (await case.world.card(card)).waiting_for is WaitingFor.FINANCE
    await PayoutWaits(case.world.database, case.world.keyring).release(
        await case.world.a_person("finance"), key, "Called the seller."
    )
    assert key in await ready(case)
    assert await case.prepare(card, quote) is None
    order = await case.order(key)
    assert order is not None
    assert (order.payee_masked, order.attempt) == ("137****0077", 1)
    await case.books_are_right()


async def test_a_payment_continues_once_a_payee_is_named_that_nothing_holds(case: Paying, asking: OtherPayees) -> None:
    card, quote, key = await doubted(case)
    await turned_down(case, asking, key)
    with_rules()
    assert key not in await ready(case)  # What held it is over; the seller was asked all the same.
    await Payees(case.world.database, case.world.keyring).correct(case.owner, card, "13700000078", "王芳")
    assert key in await ready(case)
    assert await case.prepare(card, quote) is None


@pytest.mark.parametrize("limits", [{"enabled": False}, {"transfer_max_minor": PRICE - 1}])
async def test_one_person_asks_where_a_limit_never_ends(
    case: Paying, asking: OtherPayees, limits: dict[str, int | bool]
) -> None:
    card, quote = await case.accepted()
    with_rules(limits=limits)
    assert await case.prepare(card, quote) is not None
    await asking.ask(await case.world.a_person("finance"), payout_key(card, 1), "Too large for this channel.")
    assert (await case.world.card(card)).waiting_for is WaitingFor.SELLER_PAYEE
    with pytest.raises(NoPayeeToAsk):
        await asking.ask(await case.world.a_person("finance"), payout_key(card, 1), "As well.")


async def test_of_two_who_agree_at_once_one_is_late_and_the_seller_is_asked_once(
    case: Paying, asking: OtherPayees
) -> None:
    card, _, key = await doubted(case)
    await asking.ask(await case.world.a_person("finance"), key, WHY)
    both = [await case.world.a_person("finance") for _ in range(2)]
    ends = await asyncio.gather(*(asking.agree(one, key) for one in both), return_exceptions=True)
    assert sorted(type(one).__name__ for one in ends) == ["NoPayeeToAsk", "NoneType"]
    assert (await case.world.story(card)).count("payout.payee_wanted") == 1


async def test_a_limit_beside_a_doubt_needs_two(case: Paying, asking: OtherPayees) -> None:
    card, quote = await case.accepted()
    with_rules(limits={"transfer_max_minor": PRICE - 1}, new_payee_from_minor=PRICE)
    assert await case.prepare(card, quote) is not None
    await asking.ask(await case.world.a_person("finance"), payout_key(card, 1), WHY)
    assert (await case.world.card(card)).waiting_for is WaitingFor.FINANCE


async def test_nobody_is_asked_where_the_wait_ends_automatically_or_is_over(case: Paying, asking: OtherPayees) -> None:
    finance = await case.world.a_person("finance")
    await case.paid()
    card, quote = await case.accepted()
    with_rules(limits={"transfer_max_minor": PRICE, "seller_day_max_minor": PRICE})
    assert await case.prepare(card, quote) is not None
    with pytest.raises(NoPayeeToAsk):
        await asking.ask(finance, payout_key(card, 1), WHY)
    card, quote, key = await doubted(case)
    await PayoutWaits(case.world.database, case.world.keyring).release(finance, key, "Called the seller.")
    with pytest.raises(NoPayeeToAsk):  # It is about to be sent.
        await asking.ask(await case.world.a_person("finance"), key, WHY)
    assert await case.prepare(card, quote) is None
    with pytest.raises(NoPayeeToAsk):
        await asking.ask(finance, key, WHY)


async def test_an_open_question_stops_release_and_payment_until_it_is_declined(
    case: Paying, asking: OtherPayees
) -> None:
    card, quote, key = await doubted(case)
    first, second = await case.world.a_person("finance"), await case.world.a_person("finance")
    await asking.ask(first, key, WHY)
    async with case.world.database.transaction() as session:
        assert (await seconds(session)).other_payees >= 1
    looking = PayoutWaits(case.world.database, case.world.keyring)
    with pytest.raises(OtherPayeeAsked):
        await looking.release(second, key, "Known to us.")
    with pytest.raises(OtherPayeeAsked):
        await asking.ask(second, key, "I as well.")
    with_rules()  # What held it is over.
    assert key not in await ready(case)
    assert await case.prepare(card, quote) == PaymentHeld(WaitingFor.FINANCE, None)
    await asking.decline(second, key)
    with pytest.raises(NoPayeeToAsk):
        await asking.decline(second, key)
    with pytest.raises(NoPayeeToAsk):
        await asking.agree(second, key)
    assert key in await ready(case)
    assert await case.prepare(card, quote) is None
    with pytest.raises(NothingToRelease):
        await looking.release(second, key, "Late.")


async def test_a_question_about_a_payee_that_is_named_no_more_counts_no_more(case: Paying, asking: OtherPayees) -> None:
    card, quote, key = await doubted(case)
    await asking.ask(await case.world.a_person("finance"), key, WHY)
    await case.named(card, "13700000079")
    with pytest.raises(NoPayeeToAsk):
        await asking.agree(await case.world.a_person("finance"), key)
    assert await case.prepare(card, quote) is not None
    assert ((await kept(case, key)).asked_by, (await kept(case, key)).payee_masked) == (None, "137****0079")


async def test_only_finance_asks_and_says_why(case: Paying, asking: OtherPayees) -> None:
    _, _, key = await doubted(case)
    with pytest.raises(NotAllowed):
        await asking.ask(await case.world.a_person("support"), key, WHY)
    for reason in (" ", "x" * 501):
        with pytest.raises(FieldInvalid):
            await asking.ask(await case.world.a_person("finance"), key, reason)


async def test_a_card_that_moved_meanwhile_comes_back_to_its_seller(case: Paying, asking: OtherPayees) -> None:
    card, quote, key = await doubted(case)
    await turned_down(case, asking, key)
    async with case.world.database.transaction() as session:  # The question to the issuer that was under way.
        await session.execute(update(CardRow).where(CardRow.id == card).values(waiting_for=WaitingFor.ISSUER))
    assert await case.prepare(card, quote) == PaymentHeld(WaitingFor.SELLER_PAYEE, None)
    assert (await case.world.card(card)).waiting_for is WaitingFor.SELLER_PAYEE


async def test_a_journey_restarted_while_its_second_payment_is_held_goes_on_with_that_one(case: Paying) -> None:
    card, quote = await case.accepted()
    await case.world.alipay.control(refuse="PAYEE_NOT_EXIST")
    assert await case.prepare(card, quote) is None
    await case.world.payout.send(payout_key(card, 1))
    await case.world.payout.conclude(payout_key(card, 1))
    await case.world.alipay.control(refuse="")
    await Payees(case.world.database, case.world.keyring).correct(case.owner, card, "13700000080", "王芳")
    with_rules(limits={"enabled": False})
    assert await case.prepare(card, quote, 2) is not None
    await case.world.intake.mark_started(card)
    assert (await case.world.intake.card_to_buy(card)).resume.attempt == 2
