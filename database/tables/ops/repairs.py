"""Repairs with their items."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import (
    TableRow,
    json_list,
    json_object,
    minor_units,
    moment_maybe,
    moment_now,
    word,
)
from domain.ops.repairs import Excluded, ItemState, RepairKind, RepairState, Suspended


class RepairRow(TableRow):
    """One repair: what is done to its runs, how fast, by whom and why. Its runs are `repair_item`."""

    __tablename__ = "repair"
    __table_args__ = (
        Index("repair_newest", "drafted_at", "id"),
        # What the loop that speaks with their workflows looks for.
        Index("repair_unheard", "id", postgresql_where=text("heard_revision < revision")),
        Index("repair_open", "state", postgresql_where=text("state IN ('waiting', 'running', 'suspended')")),
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[RepairKind] = word(RepairKind, required=True)
    state: Mapped[RepairState] = word(RepairState, RepairState.DRAFT)
    options: Mapped[dict[str, object]] = json_object()
    reason_code: Mapped[str]
    note: Mapped[str] = mapped_column(default="")
    source: Mapped[dict[str, object]] = json_object()  # cause, runs (how many were named) or retries.
    retries: Mapped[str | None] = mapped_column(
        ForeignKey("repair.id"), default=None
    )  # Whose failed items it takes over.
    canary: Mapped[int]
    rate_per_s: Mapped[int]
    failures_bp: Mapped[int]
    rules_version: Mapped[str]
    two_people: Mapped[bool] = mapped_column(default=False)  # Decided when it was submitted.
    drafted_by: Mapped[str]  # person.id
    makers: Mapped[list[str]] = json_list()  # All who drafted or submitted it, with whom they acted for.
    drafted_at: Mapped[datetime] = moment_now()
    previewed_at: Mapped[datetime | None] = moment_maybe()
    submitted_at: Mapped[datetime | None] = moment_maybe()
    submitted_by: Mapped[str | None] = mapped_column(default=None)
    decided_by: Mapped[str | None] = mapped_column(default=None)  # The second person, who agreed or refused.
    decided_at: Mapped[datetime | None] = moment_maybe()
    suspended_why: Mapped[Suspended | None] = word(Suspended)
    suspended_at: Mapped[datetime | None] = moment_maybe()
    canary_passed: Mapped[bool] = mapped_column(default=False)
    forgiven: Mapped[int] = mapped_column(default=0)  # Failures that a person has seen and resumed it after.
    started_at: Mapped[datetime | None] = moment_maybe()
    acted_at: Mapped[datetime | None] = moment_maybe()  # When it last acted on a run.
    ended_at: Mapped[datetime | None] = moment_maybe()
    revision: Mapped[int] = mapped_column(default=0)  # Rises with each act of a person.
    heard_revision: Mapped[int] = mapped_column(default=0)  # What its workflow has been signalled.


class RepairItemRow(TableRow):
    """One run of a repair. `place` counts from 1 and is the order in which runs are acted on."""

    __tablename__ = "repair_item"
    __table_args__ = (
        Index("repair_item_by_state", "repair_id", "state", "place"),
        Index("repair_item_live_once", "workflow_id", unique=True, postgresql_where=text("live")),
        Index("repair_item_unproven", "workflow_id", postgresql_where=text("state IN ('acting', 'acted', 'failed_again')")),
        Index("repair_item_by_subject", "subject"),
    )  # fmt: skip
    repair_id: Mapped[str] = mapped_column(ForeignKey("repair.id"), primary_key=True)
    place: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    workflow_id: Mapped[str]
    subject: Mapped[str]  # The id of the card.
    card_type: Mapped[str] = mapped_column(default="")
    brand: Mapped[str] = mapped_column(default="")
    stage: Mapped[str] = mapped_column(default="")  # When it was previewed.
    waiting_for: Mapped[str] = mapped_column(default="")
    step: Mapped[str] = mapped_column(default="")
    value_minor: Mapped[int] = minor_units()
    state: Mapped[ItemState] = word(ItemState, ItemState.WAITING)
    live: Mapped[bool] = mapped_column(default=False)  # This repair has the run; no other can.
    excluded: Mapped[Excluded | None] = word(Excluded)
    # foreseen: what, facts; keeps: what people hold; why: the facts of an exclusion; done: what the act said.
    found: Mapped[dict[str, object]] = json_object()
    error: Mapped[str] = mapped_column(default="")  # The short word of a failure: its errors are grouped by it.
    message: Mapped[str] = mapped_column(default="")  # Without secrets.
    claimed_by: Mapped[str] = mapped_column(default="")  # The attempt that acts on it.
    acting_at: Mapped[datetime | None] = moment_maybe()
    acted_at: Mapped[datetime | None] = moment_maybe()
    proven_at: Mapped[datetime | None] = moment_maybe()
