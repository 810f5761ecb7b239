"""Who may have which task: the pure answer, and the claim's statement that must agree with it for all people and tasks."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from database.tables.people import RelativeRow
from database.tables.review import ReviewDecisionRow
from domain.cards.card import CardType
from domain.cards.review import ReviewOutcome
from domain.errors.base import Refusal
from domain.identifiers import new_id
from domain.people.acting import ActingReviewer, Reviewer
from domain.people.roles import Permission
from domain.support.callbacks import CALLBACK
from domain.work.eligibility import Ineligible, TaskFacts, why_not
from domain.work.kinds import REVIEW
from domain.work.task import TaskPhase
from services.people.acting import standing, standings
from services.work.task_facts import task_facts
from tests.builders.queueing import Clock, Office
from tests.builders.statements import statements_of
from tests.builders.world import World

PEOPLE, TASKS = 14, 20
MORE_TASKS = 40
NOON = Clock().moment


@pytest.fixture
def office(world: World) -> Office:
    return Office(world)


@pytest.mark.timeout(240)  # Up to five hundred and sixty pairs, each asked for in several transactions.
@pytest.mark.parametrize("number", [TASKS, pytest.param(MORE_TASKS, marks=pytest.mark.thorough)])
async def test_claim_statement_matches_the_eligibility_rule(office: Office, number: int) -> None:
    chance = random.Random(20261123)
    people = [await a_random_person(office, chance) for _ in range(PEOPLE)]
    for _ in range(PEOPLE):
        await office.stands_in(*chance.sample(people, 2), away=chance.random() < 0.5, hours=chance.choice([-0.5, 8]))
    tasks = [await a_random_task(office, chance, people) for _ in range(number)]
    seen: dict[Ineligible | None, int] = {}
    given: set[str] = set()
    for person in people:
        for task in tasks:
            reasons = await why(office, person, task)
            before = await office.row(task)
            assert await is_given(office, person, task) is (reasons == ()), (person, task, reasons)
            await office.change(
                task, leased_by=before.leased_by, leased_at=before.leased_at, leased_until=before.leased_until
            )
            given |= {before.kind} if not reasons else set()
            for reason in reasons or (None,):
                seen[reason] = seen.get(reason, 0) + 1
    assert set(seen) >= {*Ineligible, None} - {Ineligible.CLOSED}, "the draw must meet every reason"
    assert given == {REVIEW, CALLBACK}, "items of both kinds must be given"


async def test_batch_eligibility_equals_single_eligibility(office: Office) -> None:
    chance = random.Random(3)
    people = [await a_random_person(office, chance) for _ in range(PEOPLE)]
    for _ in range(PEOPLE):
        await office.stands_in(*chance.sample(people, 2), away=chance.random() < 0.5, hours=chance.choice([-0.5, 8]))
    now = office.clock.moment
    async with office.world.database.transaction() as session:
        with statements_of(office.world.database.engine) as seen:
            together = await standings(session, people, now)
        assert len(seen) == 1
        assert together == {person: await standing(session, person, now) for person in people}
    assert any(len(one.circle) > 1 for one in together.values())


async def a_random_person(office: Office, chance: random.Random) -> str:
    role = chance.choices(["reviewer", "senior", "ops", "support"], [5, 4, 2, 3])[0]
    person = await office.person(
        role,
        skill_types=chance.choice([[], ["dining"], ["ecommerce", "dining"]]),
        skill_brands=chance.choice([[], [office.brand], ["another"]]),
        skill_languages=chance.choice([[], ["en"]]),
        limit_minor=chance.choice([None, 500_00]),
    )
    if chance.random() < 0.4:
        async with office.world.database.transaction() as session:
            session.add(RelativeRow(person_id=person, seller=f"{office.brand}:{chance.randrange(3)}"))
    return person


async def a_random_task(office: Office, chance: random.Random, people: list[str]) -> str:
    now = office.clock()
    columns: dict[str, Any] = {
        "card_type": chance.choice([CardType.DINING, CardType.ECOMMERCE]), "language": chance.choice(["zh_CN", "en"]),
        "value_minor": chance.choice([100_00, 500_00, 900_00]), "seller": f"{office.brand}:{chance.randrange(3)}",
        "escalated": chance.random() < 0.2, "decided": chance.random() < 0.05,
        "phase": chance.choice(list(TaskPhase)), "maker_circle": chance.sample(people, chance.randrange(3)),
        "barred": chance.sample(people, 2) if chance.random() < 0.2 else [],
        "linked": chance.sample(people, 2) if chance.random() < 0.2 else [],
        "assigned_to": chance.choice([None, None, None, chance.choice(people)]),
        "snoozed_until": chance.choice([None, None, now - timedelta(hours=1), now + timedelta(hours=1)]),
    }  # fmt: skip
    if chance.random() < 0.4:
        columns |= {"kind": CALLBACK}
        columns |= {"card_type": None, "brand": ""} if chance.random() < 0.7 else {}
    if chance.random() < 0.3:
        columns |= {"leased_by": chance.choice(people), "leased_until": now + timedelta(minutes=chance.choice([-5, 5]))}
    task = await office.task(**columns)
    if columns["phase"] is TaskPhase.CHECK and chance.random() < 0.6:
        await office.change(task, staged_id=await staged(office, task, chance.choice([-8, 8])))
    return task


async def staged(office: Office, task: str, leaves_in_s: int) -> str:
    row = await office.row(task)
    decision = ReviewDecisionRow(
        id=new_id(), task_id=task, card_id=row.card, outcome=ReviewOutcome.APPROVE,
        effective_at=office.clock() + timedelta(seconds=leaves_in_s), needs_check="value",
    )  # fmt: skip
    async with office.world.database.transaction() as session:
        session.add(decision)
    return decision.id


async def why(office: Office, person: str, task: str) -> tuple[Ineligible, ...]:
    row = await office.row(task)
    async with office.world.database.transaction() as session:
        theirs = await standing(session, person, office.clock())
        return why_not(theirs, await task_facts(session, row), office.clock())


async def is_given(office: Office, person: str, task: str) -> bool:
    try:
        return await office.takes(person, task) == task
    except Refusal:
        return False


SOME = st.frozensets(st.sampled_from(["lin", "chen", "wu"]))
RIGHTS = st.frozensets(st.sampled_from([Permission.DECIDE, Permission.CHECK, Permission.DECIDE_ESCALATED]))
REVIEWERS = st.builds(
    Reviewer, person=st.just("lin"), card_types=st.frozensets(st.sampled_from(["dining", "regional"])),
    brands=st.frozensets(st.sampled_from(["a", "b"])), languages=st.frozensets(st.sampled_from(["zh_CN", "en"])),
    limit_minor=st.none() | st.integers(0, 1000), permissions=RIGHTS,
)  # fmt: skip
STANDINGS = st.builds(
    ActingReviewer, person=st.just("lin"), circle=SOME.map(lambda circle: circle | {"lin"}),
    eligible_as=st.lists(REVIEWERS, min_size=1, max_size=3).map(tuple), permissions=RIGHTS,
)  # fmt: skip
FACTS = st.builds(
    TaskFacts, card_type=st.sampled_from(["dining", "regional"]), brand=st.sampled_from(["a", "b", "c"]),
    language=st.sampled_from(["zh_CN", "en"]), value_minor=st.integers(0, 2000), phase=st.sampled_from(TaskPhase),
    escalated=st.booleans(), maker_circle=SOME, barred=SOME,
)  # fmt: skip


@given(STANDINGS, FACTS, st.sampled_from(["chen", "wu", "zhao"]))
def test_standing_in_never_bypasses_four_eyes(theirs: ActingReviewer, task: TaskFacts, more: str) -> None:
    wider = ActingReviewer(
        theirs.person, theirs.circle | {more}, theirs.eligible_as, theirs.relatives, theirs.permissions
    )
    closed = {Ineligible.OWN_WORK, Ineligible.BARRED}
    assert closed & set(why_not(theirs, task, NOON)) <= set(why_not(wider, task, NOON))


@given(STANDINGS, FACTS, REVIEWERS)
def test_another_eligible_person_never_reduces_eligibility(
    theirs: ActingReviewer, task: TaskFacts, more: Reviewer
) -> None:
    wider = ActingReviewer(theirs.person, theirs.circle, (*theirs.eligible_as, more), frozenset(), theirs.permissions)
    assert len(why_not(wider, task, NOON)) <= len(why_not(theirs, task, NOON))


def linked_by(side: str, person: str) -> dict[str, Any]:
    return {side: frozenset({person})}


@given(STANDINGS, FACTS, st.sampled_from(["maker_circle", "barred"]), st.sampled_from(["lin", "chen", "wu"]))
def test_a_person_linked_to_the_maker_or_barred_never_checks(
    theirs: ActingReviewer, task: TaskFacts, side: str, linked: str
) -> None:
    acting = replace(theirs, circle=theirs.circle | {linked})
    checked = replace(task, phase=TaskPhase.CHECK, **linked_by(side, linked))
    expected = Ineligible.OWN_WORK if side == "maker_circle" else Ineligible.BARRED
    assert expected in why_not(acting, checked, NOON)
