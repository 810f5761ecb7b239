"""The people of the console, their sessions, and the record of what they did and saw."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlmodel import Field, SQLModel

from database.tables.columns import json_list, json_object, moment, moment_maybe, moment_now


class PersonRow(SQLModel, table=True):
    """Somebody who works at the console."""

    __tablename__ = "person"
    id: str = Field(primary_key=True)
    email: str = Field(unique=True)
    name: str
    password_hash: str = Field(repr=False)
    roles: list[str] = json_list()  # domain.people.Role values
    locale: str = "zh_CN"
    active: bool = True
    created_at: datetime = moment_now()


class ConsoleSessionRow(SQLModel, table=True):
    """A signed-in browser; the cookie holds a random token of which only the hash is here."""

    __tablename__ = "console_session"
    token_hash: str = Field(primary_key=True)
    person_id: str = Field(foreign_key="person.id", index=True)
    created_at: datetime = moment_now()
    expires_at: datetime = moment()
    ended_at: datetime | None = moment_maybe()


class AuditRow(SQLModel, table=True):
    """One act of a person: `source:subject:action`, e.g. `console:card:reveal_pin`, with its reason."""

    __tablename__ = "audit_event"
    id: int | None = Field(default=None, primary_key=True)
    at: datetime = moment_now()
    actor: str = Field(index=True)
    act: str
    subject: str = Field(index=True)
    reason: str = ""
    facts: dict[str, Any] = json_object()
