"""Refusals about quotes and payments."""

from __future__ import annotations

from domain.refusal import Refusal


class QuoteExpired(Refusal):
    """The quote ran out before the answer came."""

    code = "quote_expired"
    http_status = 409


class QuoteAnswered(Refusal):
    """The quote has an answer already; `answer` says which."""

    code = "quote_already_answered"
    http_status = 409


class CorrectionWaits(Refusal):
    """Another payee was proposed already and waits for a second person."""

    code = "correction_waits"
    http_status = 409


class AmountMismatch(Refusal):
    """A payment callback names another amount than was ordered; nothing was changed, finance is told."""

    code = "amount_mismatch"
    http_status = 409
