"""Policy documents: every version of every kind, from draft to publication."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, text
from sqlalchemy.orm import Mapped, mapped_column

from database.tables.columns import TableRow, json_list, json_object, moment_maybe, moment_now, word
from domain.policies.state import PolicyState


class PolicyDocumentRow(TableRow):
    """One version of one kind. A published one never changes; the next version follows it."""

    __tablename__ = "policy_document"
    __table_args__ = (
        # One version of a kind is being made at any time.
        Index("policy_document_open_once", "kind", unique=True, postgresql_where=text("state IN ('draft', 'waiting')")),
        Index("policy_document_published", "kind", "version", postgresql_where=text("state = 'published'")),
    )
    kind: Mapped[str] = mapped_column(primary_key=True)  # domain.policies.document.PolicyKind.code
    version: Mapped[int] = mapped_column(primary_key=True)
    state: Mapped[PolicyState] = word(PolicyState, PolicyState.DRAFT)
    document: Mapped[dict[str, Any]] = json_object()
    # Of the business day; publishing later than that day moves it to the day of publishing.
    effective_from: Mapped[date]
    who: Mapped[str]  # person.id; who began the draft.
    # All who saved the draft, person.id: none of them publishes it where two must.
    makers: Mapped[list[str]] = json_list()
    why: Mapped[str]
    based_on: Mapped[str]  # The version in force when the draft was saved.
    revision: Mapped[int] = mapped_column(default=1)  # Counts the savings of the draft.
    saved_at: Mapped[datetime] = moment_now()
    asked_by: Mapped[str | None] = mapped_column(default=None)  # person.id; who put it before a second person.
    asked_at: Mapped[datetime | None] = moment_maybe()
    published_by: Mapped[str | None] = mapped_column(default=None)  # person.id
    published_at: Mapped[datetime | None] = moment_maybe()
    closed_by: Mapped[str | None] = mapped_column(default=None)  # person.id; who withdrew or refused it.
    closed_at: Mapped[datetime | None] = moment_maybe()
