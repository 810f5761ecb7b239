"""Deadlines as data: each task's plan, and the intervals in which its clock ran or paused."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from database.tables.columns import moment, moment_maybe, moment_now, word
from domain.work.deadlines import ClockOwner


class ClockIntervalRow(SQLModel, table=True):
    """A stretch of time with one owner: of a card's step, or of one item that holds up no card. The clock runs for our people."""

    __tablename__ = "clock_interval"
    __table_args__ = (
        Index("clock_interval_by_card", "card_id", "started_at"),
        Index("clock_interval_open_once", "card_id", unique=True, postgresql_where=text("ended_at IS NULL")),
        Index("clock_interval_by_task", "task_id", postgresql_where=text("card_id IS NULL")),
        Index(
            "clock_interval_own_open_once",
            "task_id",
            unique=True,
            postgresql_where=text("card_id IS NULL AND ended_at IS NULL"),
        ),
    )
    id: str = Field(primary_key=True)
    card_id: str | None = Field(default=None, foreign_key="card.id")  # None: the item's own clock.
    task_id: str
    owner: ClockOwner = word(ClockOwner, required=True)
    person_id: str | None = None  # Who held it, where one person did.
    runs: bool  # False: nobody of ours can do anything, so no working time is used up.
    started_at: datetime = moment()
    ended_at: datetime | None = moment_maybe()


class ClockPlanRow(SQLModel, table=True):
    """One planning of a task's clock: enough to compute it again and to say why the task is due then."""

    __tablename__ = "clock_plan"
    __table_args__ = (Index("clock_plan_by_task", "task_id", "at"),)
    id: str = Field(primary_key=True)
    task_id: str
    policy_version: int
    policy: str  # The code of the policy within that version.
    calendar: str
    budget_s: int  # Working seconds allowed.
    used_s: int  # Working seconds used before `at`.
    warn_at: datetime = moment()
    due_at: datetime = moment()
    why: str  # opened | policy_changed | escalated | resumed
    at: datetime = moment_now()


class AlarmRow(SQLModel, table=True):
    """A warning, a breach or a step of the chain that was sounded: once each, whatever restarts."""

    __tablename__ = "deadline_alarm"
    task_id: str = Field(primary_key=True)
    alarm: str = Field(primary_key=True)  # warning | breach | chain:<number>
    told: str = ""  # The role that was notified.
    at: datetime = moment_now()
