"""Card numbers and PINs are revealed only to the holder of the task; every attempt is audited, unusual ones are reported."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from database.repositories.cards import Change, record
from database.tables.notices import NoticeRow
from database.tables.people import AuditRow
from database.tables.work import WorkItemRow
from domain.cards.card import Outcome, Stage, WaitingFor
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import CardNotRevealed, NotAllowed, NotSignedIn, TooManyTries
from domain.errors.work import ReasonUnknown, TaskHeldByAnother, TaskNotHeld
from domain.places import business_day
from domain.review.reveals import RevealPolicy
from domain.rules.checks import reveal_policy
from tests.builders.reviewing import a_taken_task, a_task
from tests.builders.typed_numbers import the_number
from tests.builders.world import World


async def tried(world: World, person: str) -> list[tuple[str, str]]:
    """Act and refusal of every try of a person, in order."""
    rows = sorted(await world.rows(AuditRow, actor=f"person:{person}"), key=lambda row: row.id)
    return [(row.act.rpartition(":")[2], row.facts.get("why", "")) for row in rows if ":reveal_" in row.act]


async def notices_of(world: World, officer: str) -> list[str]:
    """Return the reason of each notification to compliance."""
    return [row.facts["why"] for row in await world.rows(NoticeRow, person_id=officer, kind="unusual_reading")]


async def an_officer(world: World) -> str:
    return await world.a_person("compliance")


async def test_reveal_requires_a_listed_reason_that_is_recorded(world: World) -> None:
    card_id, _, person = await a_taken_task(world)
    assert await world.review_desk.reveals.reveal(person, card_id, "number", "compare") == await the_number(
        world, card_id
    )
    assert await world.review_desk.reveals.reveal(person, card_id, "pin", "call") == "60412877"
    kept = [row for row in await world.rows(AuditRow, subject=card_id) if ":reveal_" in row.act]
    assert {(row.act, row.reason) for row in kept} == {
        ("console:card:reveal_number", "compare"), ("console:card:reveal_pin", "call"),
    }  # fmt: skip
    assert {row.facts["policy"] for row in kept} == {reveal_policy(business_day(datetime.now(UTC))).version}


async def test_refused_reveals_are_recorded_without_the_input(world: World) -> None:
    card_id, _, person = await a_taken_task(world)
    finance, number = await world.a_person("finance"), await the_number(world, card_id)
    for who, field, why, refusal in (
        (person, "number", "", ReasonUnknown),
        (person, "pin", f"it reads {number}", ReasonUnknown),
        (person, number, "compare", FieldInvalid),
        (finance, "number", "compare", NotAllowed),
        ("nobody", "number", "compare", NotSignedIn),
    ):
        with pytest.raises(refusal):
            await world.review_desk.reveals.reveal(who, card_id, field, why)
    with pytest.raises(NotFound):
        await world.review_desk.reveals.reveal(person, number, "number", "compare")
    assert await tried(world, person) == [
        ("reveal_refused", code) for code in ("reason_unknown", "reason_unknown", "field_invalid", "not_found")
    ]
    assert await tried(world, finance) == [("reveal_refused", "not_allowed")]
    assert not [row for row in await world.rows(AuditRow) if number in f"{row.subject}{row.reason}{row.facts}"]


async def test_an_unclaimed_card_is_not_revealed_and_compliance_is_notified(world: World) -> None:
    officer = await an_officer(world)
    free, _ = await a_task(world)
    others, _, _ = await a_taken_task(world)
    person = await world.a_person("senior")
    for card_id, refusal in ((free, TaskNotHeld), (others, TaskHeldByAnother)):
        with pytest.raises(refusal):
            await world.review_desk.reveals.reveal(person, card_id, "number", "compare")
    assert await notices_of(world, officer) == ["elsewhere"]  # Once an hour: the record holds the rest.


@pytest.mark.parametrize("outcome", [Outcome.PAID, Outcome.REJECTED])
async def test_a_bought_or_ended_card_is_not_revealed_to_the_holder_of_its_task(world: World, outcome: Outcome) -> None:
    officer = await an_officer(world)
    card_id, _, person = await a_taken_task(world)
    async with world.database.transaction() as session:
        change = Change(Stage.ENDED, WaitingFor.NOBODY, None, "card.ended", outcome=outcome)
        await record(session, card_id, change)
    with pytest.raises(CardNotRevealed):
        await world.review_desk.reveals.reveal(person, card_id, "pin", "call")
    assert await notices_of(world, officer) == ["elsewhere"]


async def test_reveal_after_lease_expiry_is_refused_without_an_alarm(world: World) -> None:
    officer = await an_officer(world)
    card_id, task, person = await a_taken_task(world)
    async with world.database.transaction() as session:
        (await session.get_one(WorkItemRow, task)).leased_until = datetime.now(UTC) - timedelta(seconds=1)
    with pytest.raises(TaskNotHeld):
        await world.review_desk.reveals.reveal(person, card_id, "number", "compare")
    assert await notices_of(world, officer) == []


async def test_reveals_near_the_limit_and_many_refusals_are_reported(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.review_desk.reveals, "policy", RevealPolicy("test", 3, 2, 2))
    officer = await an_officer(world)
    card_id, _, person = await a_taken_task(world)
    await world.review_desk.reveals.reveal(person, card_id, "number", "compare")
    assert await notices_of(world, officer) == []
    await world.review_desk.reveals.reveal(person, card_id, "number", "compare")
    assert await notices_of(world, officer) == ["near_limit"]
    await world.review_desk.reveals.reveal(person, card_id, "number", "compare")
    refused: list[type[Refusal]] = []
    for _ in range(2):
        with pytest.raises(TooManyTries) as one:
            await world.review_desk.reveals.reveal(person, card_id, "number", "compare")
        refused.append(one.type)
    assert refused == [TooManyTries] * 2
    assert sorted(await notices_of(world, officer)) == ["near_limit", "refused_often"]
