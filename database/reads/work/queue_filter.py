"""The filters of the queue as conditions of a statement: the queue page shows by them, and "next" takes by them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, or_

from database.tables.work import WorkItemRow
from domain.work.queue_filter import ENDING_CHARACTERS_MAX, Hand, Wanted
from domain.work.task import Band


def conditions(wanted: Wanted, person: str, now: datetime) -> list[ColumnElement[bool]]:
    """What a `work_item` must fulfil besides being open; `person` (an id) is whom "mine" and "me" mean."""
    task: Any = WorkItemRow
    found: list[ColumnElement[bool]] = [
        task.kind == wanted.kind,
        *_of_the_card(wanted),
        *_of_the_work(wanted, person, now),
    ]
    if not wanted.snoozed:
        found.append(or_(task.snoozed_until.is_(None), task.snoozed_until <= now))
    return found


def due_soon() -> ColumnElement[bool]:
    """The condition that a task is late or will be soon, escalated or not: one definition for filter, chip and count."""
    task: Any = WorkItemRow
    bands = (int(Band.ESCALATED), int(Band.ABOUT_TO_BREACH))  # The index of the order finds these few first.
    return and_(task.band.in_(bands), or_(task.warned_at.is_not(None), task.breached_at.is_not(None)))


def in_hand(hand: Hand, person: str, now: datetime) -> ColumnElement[bool]:
    """The condition that a task is in that hand at this moment."""
    task: Any = WorkItemRow
    if hand is Hand.FREE:
        return or_(task.leased_until.is_(None), task.leased_until <= now)
    whose = task.leased_by == person if hand is Hand.MINE else task.leased_by != person
    return and_(whose, task.leased_until > now)


def _of_the_card(wanted: Wanted) -> list[ColumnElement[bool]]:
    task: Any = WorkItemRow
    several = [(task.card_type, wanted.card_types), (task.brand, wanted.brands), (task.language, wanted.languages)]
    found = [column.in_(values) for column, values in several if values]
    if wanted.reasons:
        found.append(or_(*(task.reasons.contains([reason.value]) for reason in wanted.reasons)))
    if wanted.value_min_minor is not None:
        found.append(task.value_minor >= wanted.value_min_minor)
    if wanted.value_max_minor is not None:
        found.append(task.value_minor <= wanted.value_max_minor)
    if wanted.ending:
        whole = len(wanted.ending) == ENDING_CHARACTERS_MAX
        found.append(task.card_id == wanted.ending if whole else task.card_id.endswith(wanted.ending, autoescape=True))
    return found


def _of_the_work(wanted: Wanted, person: str, now: datetime) -> list[ColumnElement[bool]]:
    task: Any = WorkItemRow
    choices = [
        (wanted.phase is not None, task.phase == wanted.phase),
        (wanted.mine, or_(in_hand(Hand.MINE, person, now), task.assigned_to == person)),
        (wanted.assigned_to_me, task.assigned_to == person),
        (wanted.snoozed, task.snoozed_until > now),
        (wanted.escalated, task.escalated.is_(True)),
        (wanted.soon_late, due_soon()),
        (bool(wanted.team), task.team == wanted.team),
    ]
    found = [condition for chosen, condition in choices if chosen]
    return found if wanted.hand is None else [*found, in_hand(wanted.hand, person, now)]
