"""A buyer's deposit is held when a card is promised to them, and posted when it is sold; it never pays for two cards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from database.invariants import Look
from database.invariants.books import SignsHold
from database.invariants.sources import PostingsHaveSources, SourcesAgree
from database.reads.finance.reserved import reserved
from database.repositories import holds, ledger
from database.tables.finance.ledger import HoldRow
from database.tables.people import AuditRow
from domain.errors.general import FieldInvalid, IdempotencyKeyReused, NotFound
from domain.errors.people import NotAllowed
from domain.errors.sales import BuyerOwesLess, CardReserved, ReservationOver
from domain.finance.holds import HoldState
from domain.finance.postings.sales import buyer_deposit
from domain.finance.rails import Rail
from domain.finance.sales import PaidFrom, ReceiptFor
from domain.identifiers import new_id
from domain.money import Money
from services.finance.available import available
from services.finance.receipts import ReceiptAsked, Receipts
from services.finance.reserving import Reservations
from services.finance.sales import SaleAsked, Sales
from tests.builders.selling import a_bought_card, a_sale, posted, taken_back, today
from tests.builders.world import World

TOTAL = 479_75  # 475.00 and the fee of 1 %.
pytestmark = pytest.mark.asyncio(loop_scope="session")


async def promised(world: World, deposit: int = 500_00) -> tuple[str, str, SaleAsked]:
    """A card that is held for a buyer with a deposit; returns the person, the key, and the sale."""
    person, key = await world.a_person("finance"), new_id()
    asked = a_sale(await a_bought_card(world), paid_from=PaidFrom.DEPOSIT)
    await paid_in(world, person, asked.buyer, deposit)
    await Reservations(world.database).reserve(person, key, asked)
    return person, key, asked


async def paid_in(world: World, person: str, buyer: str, minor: int) -> None:
    money = Money(minor)
    arrived = ReceiptAsked(buyer, Rail.BANK, money, money, new_id(), today(), ReceiptFor.DEPOSIT)
    await Receipts(world.database).record(person, new_id(), arrived)


async def there(world: World, buyer: str) -> tuple[int, int]:
    """What the buyer has deposited, and what of it is available."""
    account = buyer_deposit(f"buyer:{buyer}")
    async with world.database.transaction() as session:
        balance = await ledger.balance(session, account.code)
        return -balance.amount_minor, (await available(session, account)).amount_minor


async def test_reserved_deposit_is_unavailable_until_the_sale(world: World) -> None:
    person, key, asked = await promised(world)
    assert await there(world, asked.buyer) == (500_00, 500_00 - TOTAL)
    await Reservations(world.database).reserve(person, key, asked)  # Pressed twice.
    async with world.database.transaction() as session:
        (shown,) = [one for one in await reserved(session) if one.buyer == asked.buyer]
    assert (shown.key, shown.card_id, shown.amount) == (key, asked.card_id, Money(TOTAL))
    assert timedelta(hours=23) < shown.until - datetime.now(UTC) <= timedelta(hours=24)
    other = a_sale(await a_bought_card(world), buyer=asked.buyer, paid_from=PaidFrom.DEPOSIT)
    with pytest.raises(BuyerOwesLess) as refused:
        await Sales(world.database).record(person, new_id(), other)
    assert refused.value.data == {"there": "¥20.25"}
    sale = await Sales(world.database).record(person, new_id(), asked)
    (hold,) = await world.rows(HoldRow, key=f"sale:{key}")
    assert (hold.state, hold.posted_key) == (HoldState.POSTED, f"sale:{sale}")
    assert await there(world, asked.buyer) == (20_25, 20_25)
    assert (await posted(world, f"sale:{sale}"))[(f"buyer_deposit:buyer:{asked.buyer}", "CNY")] == TOTAL
    async with world.database.transaction() as session:
        for one in (SourcesAgree(), PostingsHaveSources(), SignsHold()):
            assert [line for line in await one.broken(session, Look()) if sale in line or asked.buyer in line] == []
    await taken_back(world, sale, "not_accepted")
    assert await there(world, asked.buyer) == (500_00, 500_00)


async def test_a_card_that_is_held_for_one_buyer_is_sold_to_no_other(world: World) -> None:
    person, _, asked = await promised(world)
    sales = Sales(world.database)
    others = (a_sale(asked.card_id), a_sale(asked.card_id, buyer=asked.buyer))  # The same buyer, but on account.
    for other in others:
        with pytest.raises(CardReserved) as refused:
            await sales.preview(person, other)
        assert refused.value.data == {"buyer": asked.buyer}
        with pytest.raises(CardReserved):
            await sales.record(person, new_id(), other)
    with pytest.raises(CardReserved):
        await Reservations(world.database).reserve(person, new_id(), asked)


async def test_what_is_given_up_is_available_again_and_what_was_sold_is_not_given_up(world: World) -> None:
    person, key, asked = await promised(world)
    reservations = Reservations(world.database)
    for _ in range(2):
        await reservations.give_up(person, key)
    assert await there(world, asked.buyer) == (500_00, 500_00)
    with pytest.raises(ReservationOver):  # The form of before, sent once more.
        await reservations.reserve(person, key, asked)
    other = a_sale(await a_bought_card(world), buyer=asked.buyer, paid_from=PaidFrom.DEPOSIT)
    with pytest.raises(IdempotencyKeyReused):
        await reservations.reserve(person, key, other)
    again = new_id()
    await reservations.reserve(person, again, asked)
    await Sales(world.database).record(person, new_id(), asked)
    with pytest.raises(ReservationOver):
        await reservations.give_up(person, again)
    for unknown in (new_id(), "a\x00b"):
        with pytest.raises(NotFound):
            await reservations.give_up(person, unknown)
    acts = [one.act for one in await world.rows(AuditRow, subject=asked.card_id)]
    assert acts == [f"console:sale:{one}" for one in ("reserve", "give_up", "reserve", "record")]


async def test_expired_hold_reserves_nothing(world: World) -> None:
    person, key, asked = await promised(world)
    over = text("UPDATE ledger_hold SET expires_at = now() - interval '1 second' WHERE key = :key")
    async with world.database.transaction() as session:
        await session.execute(over, {"key": f"sale:{key}"})
    await Sales(world.database).preview(person, a_sale(asked.card_id))
    async with world.database.transaction() as session:
        assert await holds.expire(session, 1000) >= 1
    assert await there(world, asked.buyer) == (500_00, 500_00)
    await Sales(world.database).record(person, new_id(), a_sale(asked.card_id))


async def test_more_than_was_held_is_taken_as_far_as_the_deposit_reaches(world: World) -> None:
    person, _, asked = await promised(world, 490_00)
    dearer = a_sale(asked.card_id, buyer=asked.buyer, paid_from=PaidFrom.DEPOSIT, price=Money(486_00))
    with pytest.raises(BuyerOwesLess) as refused:
        await Sales(world.database).record(person, new_id(), dearer)
    assert refused.value.data == {"there": "¥490.00"}
    more = a_sale(asked.card_id, buyer=asked.buyer, paid_from=PaidFrom.DEPOSIT, price=Money(480_00))
    await Sales(world.database).record(person, new_id(), more)
    assert await there(world, asked.buyer) == (490_00 - 484_80, 490_00 - 484_80)


async def test_nothing_is_held_without_a_deposit_that_reaches_a_right_or_a_key(world: World) -> None:
    person, asked = await world.a_person("finance"), a_sale(await a_bought_card(world), paid_from=PaidFrom.DEPOSIT)
    reservations = Reservations(world.database)
    with pytest.raises(BuyerOwesLess):
        await reservations.reserve(person, new_id(), asked)
    with pytest.raises(FieldInvalid):
        await reservations.reserve(person, new_id(), a_sale(asked.card_id))
    with pytest.raises(FieldInvalid):
        await reservations.reserve(person, "", asked)
    with pytest.raises(NotAllowed):
        await reservations.reserve(await world.a_person("reviewer"), new_id(), asked)
    with pytest.raises(NotAllowed):
        await reservations.give_up(await world.a_person("reviewer"), new_id())
    _, key, _ = await promised(world)
    await paid_in(world, person, asked.buyer, 500_00)
    with pytest.raises(IdempotencyKeyReused):
        await reservations.reserve(person, key, asked)
