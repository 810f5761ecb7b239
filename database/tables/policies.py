"""Policy documents: every version of every kind, from draft to publication."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from sqlalchemy import Index, text
from sqlmodel import Field, SQLModel

from database.tables.columns import json_list, json_object, moment_maybe, moment_now, word
from domain.policies.state import PolicyState


class PolicyDocumentRow(SQLModel, table=True):
    """One version of one kind. A published one never changes; the next version follows it."""

    __tablename__ = "policy_document"
    __table_args__ = (
        # One version of a kind is being made at any time.
        Index("policy_document_open_once", "kind", unique=True, postgresql_where=text("state IN ('draft', 'waiting')")),
        Index("policy_document_published", "kind", "version", postgresql_where=text("state = 'published'")),
    )
    kind: str = Field(primary_key=True)  # domain.policies.document.PolicyKind.code
    version: int = Field(primary_key=True)
    state: PolicyState = word(PolicyState, PolicyState.DRAFT)
    document: dict[str, Any] = json_object()
    effective_from: date  # Of the business day; publishing later than that day moves it to the day of publishing.
    who: str  # person.id; who began the draft.
    makers: list[str] = (
        json_list()
    )  # Everybody who saved the draft, person.id: none of them publishes it where two must.
    why: str
    based_on: str  # The version in force when the draft was saved.
    revision: int = 1  # Counts the savings of the draft.
    saved_at: datetime = moment_now()
    asked_by: str | None = None  # person.id; who put it before a second person.
    asked_at: datetime | None = moment_maybe()
    published_by: str | None = None  # person.id
    published_at: datetime | None = moment_maybe()
    closed_by: str | None = None  # person.id; who withdrew or refused it.
    closed_at: datetime | None = moment_maybe()
