"""Deadline policies are dry-run before they are saved, and open tasks are replanned by the saved version."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from database.tables.cards import CardRow
from database.tables.people import AuditRow
from domain.cards.card import CardType
from domain.cards.review import ReviewOutcome
from domain.errors.general import FieldInvalid, TemporarilyUnavailable
from domain.errors.policies import PoliciesChanged
from domain.policies.flaws import DocumentWrong, Flaw, FlawKind
from domain.rules.deadlines import built_in_document
from jobs.replanning import Replanner
from services.policies.deadlines import DeadlineSetup
from tests.builders.hands import MONDAY, Hands, budget
from tests.builders.hands import hands as hands
from tests.builders.hands import own_url as own_url
from tests.builders.hands import own_world as own_world


async def test_a_document_is_tried_before_it_is_saved_and_saved_with_its_reason(hands: Hands) -> None:
    tasks = [(await hands.opened(await hands.a_card()))[0] for _ in range(3)]
    document = built_in_document()
    budget(600)(document)
    hands.now += timedelta(minutes=15)
    tried = await hands.setup.preview(document)
    assert (tried.looked_at, tried.waiting, tried.moved, tried.late) == (3, 3, 3, 3)
    assert {(one.before, one.after) for one in tried.largest} == {(tasks[0].due_at, MONDAY + timedelta(minutes=10))}
    assert (await hands.setup.current()).version.number == hands.base, "nothing is saved by trying"
    with pytest.raises(FieldInvalid):
        await hands.setup.save("P", document, "  ", hands.base)
    saved = await hands.setup.save("P", document, "shorter nights", hands.base)
    assert saved == hands.base + 1
    with pytest.raises(PoliciesChanged) as changed:
        await hands.setup.save("P", document, "at the same time", hands.base)
    assert changed.value.data == {"version": saved}
    kept = await hands.setup.current()
    assert (kept.version.number, kept.version.note, kept.document) == (saved, "shorter nights", document)
    assert [one.number for one in await hands.setup.history()] == list(range(saved, 0, -1))
    audits = await hands.world.rows(AuditRow, act="console:deadlines:save", reason="shorter nights")
    assert [row.actor for row in audits][-1:] == ["person:P"]


async def test_a_preview_of_a_part_says_of_how_many(hands: Hands) -> None:
    for _ in range(3):
        await hands.opened(await hands.a_card())
    document = built_in_document()
    budget(600)(document)
    whole = await hands.setup.preview(document)
    part = await DeadlineSetup(hands.world.database, lambda: hands.now, previewed=2).preview(document)
    assert (whole.complete, part.complete) == (True, False)
    assert (part.looked_at, part.moved, part.waiting) == (2, 2, whole.waiting)


async def test_a_document_with_a_flaw_is_neither_tried_nor_saved(hands: Hands) -> None:
    document = built_in_document()
    document["policies"][0]["budget_s"] = -1
    flaw = Flaw("policies[0].budget_s", FlawKind.OUT_OF_RANGE)
    for doing in (hands.setup.preview(document), hands.setup.save("P", document, "note", hands.base)):
        with pytest.raises(DocumentWrong) as wrong:
            await doing
        assert wrong.value.flaws == (flaw,)
    assert (await hands.setup.current()).version.number == hands.base


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
    replanner = Replanner(hands.world.database, desk, now=lambda: hands.now)  # type: ignore[arg-type]  # All that it calls.
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
    assert await Replanner(hands.world.database, desk).signal() == 1  # type: ignore[arg-type]  # All that it calls.
    assert desk.told == [(task.card_id, task.id)]


async def test_a_card_that_no_reviewer_had_has_no_deadline_to_explain(hands: Hands) -> None:
    card = await hands.a_card()
    (row,) = await hands.world.rows(CardRow, id=card)
    assert row.card_type is CardType.ECOMMERCE
    assert await hands.why_due(card) == ()
