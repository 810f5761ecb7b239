"""Worker processes, and the builds that they work with."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import (
    TableRow,
    json_object,
    moment,
    moment_maybe,
)


class WorkerProcessRow(TableRow):
    """A worker process by its name, with its last heartbeat; the name is free again once the process has ended or is lost."""

    __tablename__ = "worker_process"
    name: Mapped[str] = mapped_column(primary_key=True)  # <kind>@<host>, with a number where one host runs several.
    kind: Mapped[str]  # cards | reading
    host: Mapped[str]
    pid: Mapped[int]
    build_id: Mapped[str]
    queues: Mapped[dict[str, Any]] = json_object()  # Task queue → kind → used slots, all slots, waits.
    started_at: Mapped[datetime] = moment()
    beat_at: Mapped[datetime] = moment()
    ended_at: Mapped[datetime | None] = moment_maybe()
    drain_at: Mapped[datetime | None] = moment_maybe()
    drain_by: Mapped[str] = mapped_column(default="")  # A person's id, or `cli:<user of the system>`.
    drain_why: Mapped[str] = mapped_column(default="")


class WorkerBuildRow(TableRow):
    """A build of workflows and activities that has worked here, and how many open runs it has written a part of."""

    __tablename__ = "worker_build"
    build_id: Mapped[str] = mapped_column(primary_key=True)
    first_at: Mapped[datetime] = moment()
    last_at: Mapped[datetime] = moment()
    open_runs: Mapped[int | None] = mapped_column(default=None)  # None: not counted yet.
    counted_at: Mapped[datetime | None] = moment_maybe()
