"""Columns of money that was recorded and that two people may take back, because it was recorded in error."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKey
from sqlalchemy.orm import Mapped, MappedAsDataclass, mapped_column

from database.tables.columns import json_list, moment_maybe


class TakenBack(MappedAsDataclass, kw_only=True):
    """A record that one person asks to take back and another does. `reversed_at`: they found that it was an error."""

    id: Mapped[str] = mapped_column(primary_key=True)
    reverse_asked_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    reverse_askers: Mapped[list[str]] = json_list()  # They with everyone they act for.
    reverse_reason: Mapped[str] = mapped_column(default="")
    reverse_asked_at: Mapped[datetime | None] = moment_maybe()
    reversed_by: Mapped[str | None] = mapped_column(ForeignKey("person.id"), default=None)
    reversed_at: Mapped[datetime | None] = moment_maybe()


def waits(of: type[TakenBack]) -> ColumnElement[bool]:
    """Return the condition that a record waits for the second person to take it back."""
    return of.reverse_asked_at.is_not(None) & of.reversed_at.is_(None)
