"""Refusals about what became of a payment order."""

from __future__ import annotations

from domain.errors.base import Refusal


class OutcomeAwaited(Refusal):
    """The payment can still be carried out (`party`: by the bank that has its batch, or by its receiver), so that no outcome is stated."""

    code = "outcome_awaited"
    http_status = 409
