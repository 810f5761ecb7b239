"""Deadline policies are dry-run before they are saved, and open tasks are replanned by the saved version."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from database.tables.cards import CardRow
from database.tables.people import AuditRow
from domain.cards.card import CardType
from domain.cards.review import ReviewOutcome
from domain.errors.general import FieldInvalid, TemporarilyUnavailable
from domain.errors.policies import OwnPolicy, PolicyDraftChanged
from domain.places import business_day
from domain.policies.flaws import DocumentWrong, Flaw, FlawKind
from domain.rules.deadlines import KIND, built_in_document
from jobs.replanning import Replanner
from services.policies.documents import PolicyDocuments, Proposal
from services.policies.reading import PolicyReader
from tests.builders.deadlines import deadlines_in_force, publish_deadlines
from tests.builders.hands import MONDAY, Hands, budget
from tests.builders.hands import hands as hands
from tests.builders.hands import own_url as own_url
from tests.builders.hands import own_world as own_world


async def test_a_document_is_tried_before_it_is_saved_and_saved_with_its_reason(hands: Hands) -> None:
    tasks = [(await hands.opened(await hands.a_card()))[0] for _ in range(3)]
    document = built_in_document()
    budget(600)(document)
    hands.now += timedelta(minutes=15)
    tried = await hands.tried(document)
    assert (tried.looked_at, tried.waiting, tried.moved, tried.late) == (3, 3, 3, 3)
    assert (tried.late_now, tried.late_then) == (0, 3)
    assert {(one.before, one.after) for one in tried.largest} == {(tasks[0].due_at, MONDAY + timedelta(minutes=10))}
    assert (await deadlines_in_force(hands.world.database))[0] == hands.base, "nothing is saved by trying"
    assert await publish_deadlines(hands.world.database, document, "shorter nights") == hands.base + 1
    assert await deadlines_in_force(hands.world.database) == (hands.base + 1, document)


async def test_deadlines_are_published_like_every_policy(hands: Hands) -> None:
    """One person drafts, a second publishes; a planned version holds from its day on."""
    database, policies = hands.world.database, PolicyDocuments(hands.world.database)
    admin, officer = await hands.world.a_person("admin"), await hands.world.a_person("compliance")
    document = built_in_document()
    budget(600)(document)
    with pytest.raises(FieldInvalid):
        await policies.save(admin, KIND, Proposal(document, "  ", None, 0))
    number = await policies.save(admin, KIND, Proposal(document, "shorter nights", None, 0))
    with pytest.raises(PolicyDraftChanged):  # A second draft beside it would be published unseen.
        await policies.save(admin, KIND, Proposal(document, "mine", None, 0))
    with pytest.raises(PolicyDraftChanged):  # It was not put before a second person yet.
        await policies.publish(officer, KIND, 1)
    await policies.ask(admin, KIND, 1)
    with pytest.raises(OwnPolicy):
        await policies.publish(admin, KIND, 1)
    assert (await deadlines_in_force(database))[0] == hands.base
    await policies.publish(officer, KIND, 1)
    assert (await deadlines_in_force(database))[0] == number
    [audit] = await hands.world.rows(AuditRow, act="console:policy:publish", actor=f"person:{officer}")
    assert (audit.subject, audit.reason) == ("policy:deadlines", "shorter nights")
    tomorrow = business_day(datetime.now(UTC)) + timedelta(days=1)
    planned = built_in_document()
    budget(700)(planned)
    await policies.save(admin, KIND, Proposal(planned, "from tomorrow", tomorrow, 0))
    await policies.ask(admin, KIND, 1)
    await policies.publish(officer, KIND, 1)
    assert (await deadlines_in_force(database))[0] == number
    await PolicyReader(database).refresh()
    task, _ = await hands.opened(await hands.a_card())
    assert (task.plan_version, task.due_at) == (number, MONDAY + timedelta(seconds=600))
    await publish_deadlines(database, built_in_document(), "instead of it")  # The highest number holds from now on.


async def test_partial_preview_names_the_total(hands: Hands) -> None:
    for _ in range(3):
        await hands.opened(await hands.a_card())
    document = built_in_document()
    budget(600)(document)
    whole = await hands.tried(document)
    part = await hands.tried(document, most=2)
    assert (whole.complete, part.complete) == (True, False)
    assert (part.looked_at, part.moved, part.waiting) == (2, 2, whole.waiting)


async def test_a_document_with_a_flaw_is_neither_tried_nor_saved(hands: Hands) -> None:
    document = built_in_document()
    document["policies"][0]["budget_s"] = -1
    flaw = Flaw("policies[0].budget_s", FlawKind.OUT_OF_RANGE)
    admin = await hands.world.a_person("admin")
    proposal = Proposal(document, "note", None, 0)
    for doing in (hands.tried(document), PolicyDocuments(hands.world.database).save(admin, KIND, proposal)):
        with pytest.raises(DocumentWrong) as wrong:
            await doing
        assert wrong.value.flaws == (flaw,)
    assert (await deadlines_in_force(hands.world.database))[0] == hands.base


class Desk:
    """Remembers which cards were told; or Temporal is away."""

    def __init__(self) -> None:
        self.told: list[tuple[str, str]] = []
        self.away = False

    async def replan(self, card_id: str, task_id: str) -> None:
        if self.away:
            raise TemporarilyUnavailable
        self.told.append((card_id, task_id))


async def test_open_tasks_of_an_older_version_are_notified_until_they_are_replanned(hands: Hands) -> None:
    task, _ = await hands.opened(await hands.a_card())
    closed, _ = await hands.opened(await hands.a_card())
    await hands.decided(closed, ReviewOutcome.APPROVE)
    desk = Desk()
    replanner = Replanner(hands.world.database, desk, now=lambda: hands.now)
    assert await replanner.signal() == 0
    await hands.policies(budget(3600))
    desk.away = True
    assert await replanner.signal() == 0
    desk.away = False
    hands.now += timedelta(minutes=2)
    assert await replanner.signal() == 1
    assert await replanner.signal() == 0, "it is given time"
    hands.now += timedelta(minutes=2)
    assert await replanner.signal() == 1, "it has not planned yet"
    await hands.alarms.replan(task.id)
    hands.now += timedelta(minutes=20)
    assert await replanner.signal() == 0
    assert set(desk.told) == {(task.card_id, task.id)}


async def test_a_task_with_a_changed_clock_is_notified_too(hands: Hands) -> None:
    task, _ = await hands.opened(await hands.a_card())
    async with hands.world.database.transaction() as session:
        await session.execute(text("UPDATE work_item SET replan = true WHERE id = :id"), {"id": task.id})
    desk = Desk()
    assert await Replanner(hands.world.database, desk).signal() == 1
    assert desk.told == [(task.card_id, task.id)]


async def test_a_card_that_no_reviewer_had_has_no_deadline_to_explain(hands: Hands) -> None:
    card = await hands.a_card()
    (row,) = await hands.world.rows(CardRow, id=card)
    assert row.card_type is CardType.ECOMMERCE
    assert await hands.why_due(card) == ()
