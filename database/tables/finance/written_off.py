"""Columns of what one person asks to write off and another agrees to."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from database.tables.columns import json_list, moment_maybe


class WriteOffAsked(MappedAsDataclass, kw_only=True):
    """A debt that one person asks to write off, with a reason. `ended_at`, of a debt that is over: a second person agreed."""

    write_off_by: Mapped[str | None] = mapped_column(default=None)  # person.id who asked for it
    write_off_askers: Mapped[list[str]] = json_list()  # They with everyone they act for.
    write_off_reason: Mapped[str] = mapped_column(default="")
    write_off_asked_at: Mapped[datetime | None] = moment_maybe()
    ended_by: Mapped[str | None] = mapped_column(default=None)
    ended_at: Mapped[datetime | None] = moment_maybe()
