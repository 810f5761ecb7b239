"""Refusals around a quote: its answer came late or twice, or the card is sold and cannot be taken back."""

from __future__ import annotations

from domain.errors.base import Refusal


class QuoteExpired(Refusal):
    """The quote ran out before the answer came."""

    code = "quote_expired"
    http_status = 409


class QuoteAnswered(Refusal):
    """The quote has an answer already; `answer` says which."""

    code = "quote_already_answered"
    http_status = 409


class TooLateToWithdraw(Refusal):
    """The quote was accepted: the card is sold and cannot be withdrawn."""

    code = "too_late_to_withdraw"
    http_status = 409
