"""Tax rules that withhold something, which the built-in ones do for no card that is sold under its value."""

from __future__ import annotations

from datetime import date
from typing import Any

from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.rules.tax import KIND


def a_row(code: str, **values: Any) -> dict[str, Any]:
    """A row for all sellers: 20 % of what is above the card's balance."""
    row = {"owner": "", "card_type": "", "income": "property", "rate_bp": 2_000, "cost": "balance"}
    return {"code": code, **row, "cost_share_bp": 0, "exempt_to_minor": 0, **values}


def a_document(*rows: dict[str, Any]) -> dict[str, Any]:
    """A document with these rows."""
    return {"unverified": True, "duty": "platform", "invoice": "none", "kinds": list(rows)}


def in_force(version: str, *rows: dict[str, Any], **more: Any) -> None:
    """Let these rows, and whatever else is given, be in force for this test."""
    document = KIND.require_valid(a_document(*rows) | more, {})
    BOOK.fill("tax", [PolicyDocument("tax", 1, version, date(2026, 1, 1), document)])
