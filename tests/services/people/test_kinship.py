"""A card of one's own (same phone, payee or address) cannot be claimed, assigned, decided or checked."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from database.tables.people import PersonRow
from database.tables.quality import BlindReviewRow
from database.tables.work import WorkItemRow
from domain.cards.review import ReviewOutcome
from domain.errors.work import NotEligible
from domain.identifiers import new_id
from domain.people.roles import Role
from domain.work.eligibility import Ineligible
from domain.work.task import CheckVerdict
from services.people.accounts import People, WorkSetUp
from services.people.invitations import Invitations, Newcomer
from services.quality.blind_review import BlindReviews
from services.work.assignment import Assignment
from services.work.bulk import Bulk
from tests.builders.four_eyes import eyes
from tests.builders.reviewing import a_task
from tests.builders.world import World, a_submission, a_typed_card

WAYS: dict[str, dict[str, Any]] = {"name": {"name": "王 芳"}, "address": {"email": "fang@example.com"}, "account": {}}


async def a_card_of(world: World, way: str) -> str:
    """A card whose payee is 王芳, 13800000021 (or her e-mail address)."""
    given = a_submission(a_typed_card("starbucks"), owner=await world.a_seller())
    account = "Fang@Example.com" if way == "address" else "13800000021"
    receipt = await world.intake.submit(type(given)(**(vars(given) | {"payee_account": account})))
    card_id = receipt.card_ids[0]
    await world.verification.ask_store(card_id)
    await world.pricing.value(card_id, 1)
    return card_id


async def herself(world: World, way: str, *roles: str) -> str:
    """The seller, who works at the console too."""
    person = await world.a_person(*roles)
    async with world.database.transaction() as session:
        row = await session.get_one(PersonRow, person)
        row.name, row.email = "Fang", f"{person.lower()}@example.com"
        for name, value in WAYS[way].items():
            setattr(row, name, value)
    if way == "account":
        root = await world.a_person("admin")
        await People(world.database, world.keyring).add_relative(root, person, "+86 138 0000 0021")
    return person


async def leave(world: World, person: str) -> None:
    """The world lasts for all tests; an address is used once."""
    async with world.database.transaction() as session:
        row = await session.get_one(PersonRow, person)
        row.email, row.name, row.active = f"{new_id().lower()}@example.com", "Gone", False


@pytest.mark.parametrize("way", WAYS)
async def test_seller_cannot_claim_get_decide_or_check_their_own_card(world: World, way: str) -> None:
    card_id, person = await a_card_of(world, way), await herself(world, way, "senior")
    task = (await world.review.open(card_id, 1, ["forged_number"])).task_id
    senior = await world.a_person("senior")
    with pytest.raises(NotEligible) as refused:
        await world.review_desk.leases.take(person, task)
    assert refused.value.data["why"] == [Ineligible.LINKED]
    with pytest.raises(NotEligible):
        await world.review_desk.tasks.assign(senior, task, person)
    bulk = Bulk(world.database, world.review_desk.tasks)
    batch = await bulk.batch(senior, await bulk.assign(senior, [task], person))
    assert [(one.code, one.data["why"]) for one in batch.results] == [("not_eligible", ["linked"])]
    async with world.database.transaction() as session:
        row = await session.get_one(WorkItemRow, task)
        row.leased_by, row.leased_until, row.linked = person, datetime.now(UTC) + timedelta(minutes=5), []
    with pytest.raises(NotEligible):  # Judged anew, whatever was known when the task was opened.
        await world.review_desk.decisions.record_decision(person, task, ReviewOutcome.APPROVE)
    review = eyes(world)
    async with world.database.transaction() as session:
        row = await session.get_one(WorkItemRow, task)
        row.leased_by = row.leased_until = None
    assert await review.leases.take(senior, task)
    await review.decisions.record_decision(senior, task, ReviewOutcome.APPROVE)
    async with world.database.transaction() as session:
        row = await session.get_one(WorkItemRow, task)
        row.leased_by, row.leased_until = person, datetime.now(UTC) + timedelta(minutes=5)
    with pytest.raises(NotEligible):
        await review.checks.check(person, task, CheckVerdict.APPLY)
    await leave(world, person)


async def test_seller_cannot_blind_review_their_own_card(world: World) -> None:
    card_id, person = await a_card_of(world, "name"), await herself(world, "name")
    task = await world.review.open(card_id, 1, ["card_type"])
    senior = await world.a_person("senior")
    assert await world.review_desk.leases.take(senior, task.task_id)
    decision = await world.review_desk.decisions.record_decision(
        senior, task.task_id, ReviewOutcome.REJECT, reason_code="forged"
    )
    row = BlindReviewRow(
        id=new_id(), decision_id=decision, card_id=card_id, brand="starbucks", first_person=senior, first_circle=[senior],
        first_outcome=ReviewOutcome.REJECT, drawn_on=datetime.now(UTC).date(),
    )  # fmt: skip
    async with world.database.transaction() as session:
        session.add(row)
    second = BlindReviews(world.database, world.keyring)
    with pytest.raises(NotEligible):
        await second.take(person, row.id)
    with pytest.raises(NotEligible):
        await second.decide(person, row.id, ReviewOutcome.APPROVE)
    await leave(world, person)


async def test_new_person_who_is_the_seller_is_excluded(world: World) -> None:
    card_id, opened = await a_task(world)
    root = await world.a_person("admin")
    newcomer = Newcomer(f"{new_id().lower()}@example.com", "王芳", (Role.REVIEWER,))
    work = WorkSetUp(team="cards", timezone="Asia/Shanghai")
    fang = await Invitations(world.database, world.keyring).add(root, newcomer, work)
    (task,) = await world.rows(WorkItemRow, card_id=card_id)
    assert fang in task.linked
    async with world.database.transaction() as session:
        row = await session.get_one(PersonRow, fang)
        row.roles, row.capacity = ["reviewer"], 5
    await Assignment(world.database).drain(100)
    (task,) = await world.rows(WorkItemRow, id=opened.task_id)
    assert task.assigned_to != fang
    await leave(world, fang)
