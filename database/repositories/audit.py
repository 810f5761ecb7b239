"""The record of what people did, written in the transaction of what they did."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from database.tables.people import AuditRow


def by_person(
    person: str, act: str, subject: str, *, reason: str = "", facts: Mapping[str, Any] | None = None
) -> AuditRow:
    """Return the row of one act (`source:subject:action`) of a person (id) on `subject` (the id of what they acted on)."""
    return AuditRow(actor=f"person:{person}", act=act, subject=subject, reason=reason, facts=plain(facts or {}))


def by_machine(act: str, subject: str, *, facts: Mapping[str, Any] | None = None) -> AuditRow:
    """Return the row of what the product did automatically (`machine:subject:action`) to `subject` (its id)."""
    return AuditRow(actor="machine", act=act, subject=subject, facts=plain(facts or {}))


def on_account(person: str, act: str, account: str, **facts: Any) -> AuditRow:
    """Return the row of one act (`add`, `invite`, `roles` …) of a person (id) on an account (id)."""
    return by_person(person, f"console:person:{act}", account, facts=facts)


def plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return facts as the record keeps them: moments as ISO 8601."""
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in facts.items()}
