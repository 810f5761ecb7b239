"""The filters of the queue as conditions of a statement: the queue page shows by them, and "next" takes by them."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, and_, or_

from database.lease import is_free, is_held_by, lasts
from database.tables.work import WorkItemRow
from domain.work.kinds import kind_of
from domain.work.queue_filter import ENDING_CHARACTERS_MAX, Hand, Wanted
from domain.work.task import Band


def conditions(wanted: Wanted, person: str, now: datetime) -> list[ColumnElement[bool]]:
    """Return what a `work_item` must fulfil besides being open; `person` (an id) is whom "mine" and "me" mean."""
    found: list[ColumnElement[bool]] = [
        WorkItemRow.kind == wanted.kind,
        *_of_the_card(wanted),
        *_of_the_work(wanted, person, now),
    ]
    found.append(WorkItemRow.band >= int(Band.WAITING) if wanted.waiting else WorkItemRow.band < int(Band.WAITING))
    if not wanted.snoozed:
        found.append(or_(WorkItemRow.snoozed_until.is_(None), WorkItemRow.snoozed_until <= now))
    return found


def due_soon() -> ColumnElement[bool]:
    """Return the condition that a task is late or will be soon, escalated or not: one definition for filter, chip and count."""
    bands = (int(Band.ESCALATED), int(Band.ABOUT_TO_BREACH))  # The index of the order finds these few first.
    return and_(
        WorkItemRow.band.in_(bands), or_(WorkItemRow.warned_at.is_not(None), WorkItemRow.breached_at.is_not(None))
    )


def held_as(hand: Hand, person: str, now: datetime) -> ColumnElement[bool]:
    """Return the condition that a task is held so at this moment."""
    if hand is Hand.FREE:
        return is_free(WorkItemRow, now)
    if hand is Hand.MINE:
        return is_held_by(WorkItemRow, person, now)
    return and_(WorkItemRow.leased_by != person, lasts(WorkItemRow, now))


def _of_the_card(wanted: Wanted) -> list[ColumnElement[bool]]:
    several = [
        (WorkItemRow.card_type, wanted.card_types),
        (WorkItemRow.brand, wanted.brands),
        (WorkItemRow.language, wanted.languages),
    ]
    found: list[ColumnElement[bool]] = [column.in_(values) for column, values in several if values]
    if wanted.reasons:
        found.append(or_(*(WorkItemRow.reasons.contains([str(reason)]) for reason in wanted.reasons)))
    if wanted.value_min_minor is not None:
        found.append(WorkItemRow.value_minor >= wanted.value_min_minor)
    if wanted.value_max_minor is not None:
        found.append(WorkItemRow.value_minor <= wanted.value_max_minor)
    if wanted.ending:
        found.append(_ending(wanted))
    return found


def _ending(wanted: Wanted) -> ColumnElement[bool]:
    """The card's id ends so; of work with a life of its own, its subject's."""
    if kind_of(wanted.kind).keeps_own_time:
        return WorkItemRow.id.endswith(f"{wanted.ending}:{wanted.kind}:1", autoescape=True)
    if len(wanted.ending) == ENDING_CHARACTERS_MAX:
        return WorkItemRow.card_id == wanted.ending
    return WorkItemRow.card_id.endswith(wanted.ending, autoescape=True)


def _of_the_work(wanted: Wanted, person: str, now: datetime) -> list[ColumnElement[bool]]:
    choices = [
        (wanted.phase is not None, WorkItemRow.phase == wanted.phase),
        (wanted.mine, or_(held_as(Hand.MINE, person, now), WorkItemRow.assigned_to == person)),
        (wanted.assigned_to_me, WorkItemRow.assigned_to == person),
        (wanted.snoozed, WorkItemRow.snoozed_until > now),
        (wanted.escalated, WorkItemRow.escalated.is_(True)),
        (wanted.soon_late, due_soon()),
        (bool(wanted.team), WorkItemRow.team == wanted.team),
    ]
    found = [condition for chosen, condition in choices if chosen]
    return found if wanted.hand is None else [*found, held_as(wanted.hand, person, now)]
