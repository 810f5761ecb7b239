"""A decision reaches its card by one way only: none arrives early, unchecked, or unseen when it is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import select

from database.tables.review import ReviewDecisionRow
from domain.cards.facts import ReviewFacts
from domain.errors.cards import NotExpectedNow
from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.waiting_cards import Waiting


async def the_decision(house: House, one: Waiting) -> ReviewDecisionRow:
    async with house.database.transaction() as session:
        return (await session.execute(select(ReviewDecisionRow).filter_by(task_id=one.task_id))).scalar_one()


async def decided(house: House, reasons: tuple[str, ...] = ("card_type",)) -> Waiting:
    """A card whose decision Temporal did not hear."""
    one, browser = await house.cards.waiting(reasons=reasons), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{one.card_id}/take", task_id=one.task_id)
    house.desk.away = True
    await post(browser, f"/cards/{one.card_id}/decision", task_id=one.task_id, outcome="approve")
    house.desk.away = False
    return one


async def deliver(house: House, one: Waiting) -> int:
    return (await post(await house.as_(Role.REVIEWER), f"/cards/{one.card_id}/decision/deliver")).status_code


async def test_a_decision_that_waits_for_its_check_is_not_delivered_by_hand(house: House) -> None:
    one = await decided(house, ("forged_number",))
    await deliver(house, one)
    assert (house.desk.told, (await the_decision(house, one)).sent_at) == ([], None)


async def test_nor_is_one_that_can_still_be_undone(house: House) -> None:
    one = await decided(house)
    async with house.database.transaction() as session:
        row = await session.get_one(ReviewDecisionRow, (await the_decision(house, one)).id)
        row.sent_at, row.effective_at = None, datetime.now(UTC) + timedelta(seconds=60)
    await deliver(house, one)
    assert (house.desk.told, (await the_decision(house, one)).sent_at) == ([], None)


async def test_manual_delivery_is_marked_as_sent_before_the_card_is_notified(house: House) -> None:
    one = await decided(house)
    async with house.database.transaction() as session:
        (await session.get_one(ReviewDecisionRow, (await the_decision(house, one)).id)).sent_at = None
    assert await deliver(house, one) == 303
    row = await the_decision(house, one)
    assert row.sent_at is not None
    assert row.applied_at is not None


async def test_a_refused_decision_is_kept_for_a_senior_from_any_deliverer(house: House) -> None:
    one = await decided(house)

    async def refuses(card_id: str, task_id: str, decision_id: str) -> ReviewFacts:
        raise NotExpectedNow(stage="ended", waiting_for="nobody")

    house.app.state.console.dispatcher._decide = refuses
    assert await deliver(house, one) == 409
    row = await the_decision(house, one)
    assert (row.undelivered_why["code"], row.undelivered_at is not None) == ("not_expected_now", True)
