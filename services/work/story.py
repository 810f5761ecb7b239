"""Write what people and clocks do with a work item into the history of its card, where it has one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards
from database.repositories.cards import Change
from database.tables.work import WorkItemRow
from domain.cards.card import Stage, WaitingFor
from domain.work.kinds import kind_of

# Writes an act on an item of one kind into the story of what the item is about: the act, its facts, and who did it.
Story = Callable[[AsyncSession, WorkItemRow, str, Mapping[str, str], str], Awaitable[None]]
_OF_KIND: dict[str, Story] = {}


def keep_story(kind: str, story: Story) -> None:
    """Let the items of a kind that concern no card have a story of their own."""
    _OF_KIND[kind] = story


async def record_own(
    session: AsyncSession, task: WorkItemRow, act: str, facts: Mapping[str, str], actor: str = "machine"
) -> None:
    """Write an act into the story that the item's kind keeps; nothing where it keeps none."""
    if (story := _OF_KIND.get(task.kind)) is not None:
        await story(session, task, act, facts, actor)


async def record(
    session: AsyncSession, task: WorkItemRow, act: str, facts: Mapping[str, str], actor: str = "machine"
) -> None:
    """Write `<kind>.<act>` with event and evidence into the card's story; an item without a card has that of its kind.

    A kind that holds up the card keeps it waiting for a person until the item's deadline; any other leaves it as it is.
    """
    if task.card_id is None:
        await record_own(session, task, act, facts, actor)
        return
    recorded = {"task": task.id, **facts}
    if kind_of(task.kind).holds_card:
        change = Change(Stage.REVIEW, WaitingFor.REVIEWER, task.due_at, f"{task.kind}.{act}", recorded, actor=actor)
    else:
        card = await cards.load_for_update(session, task.card_id)
        change = Change(card.stage, card.waiting_for, card.until, f"{task.kind}.{act}", recorded, actor=actor)
    await cards.record(session, task.card_id, change)
