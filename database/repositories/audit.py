"""The record of what people did, written in the transaction of what they did."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from database.tables.people import AuditRow


def by_person(
    person: str, act: str, subject: str, *, reason: str = "", facts: Mapping[str, Any] | None = None
) -> AuditRow:
    """Return the row of one act (`source:subject:action`) of a person (id) on `subject` (the id of what they acted on)."""
    return AuditRow(actor=f"person:{person}", act=act, subject=subject, reason=reason, facts=dict(facts or {}))
