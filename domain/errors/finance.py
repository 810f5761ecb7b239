"""Refusals about payees and payments."""

from __future__ import annotations

from domain.errors.base import Refusal


class CorrectionWaits(Refusal):
    """Another payee was proposed already and waits for a second person."""

    code = "correction_waits"
    http_status = 409


class QuestionsUsedUp(Refusal):
    """Asking issuers about cards that were not sold has cost as much within a day as this owner's cards may; later more are taken."""

    code = "questions_used_up"
    http_status = 429


class AmountMismatch(Refusal):
    """A payment callback names another amount than was ordered; nothing was changed, finance is notified."""

    code = "amount_mismatch"
    http_status = 409


class PeriodClosed(Refusal):
    """The month (`month`) was closed before; what is learnt of it now counts for the open one."""

    code = "period_closed"
    http_status = 409


class ClosingWaits(Refusal):
    """Somebody has asked for the month (`month`) to be closed already: a second person agrees, or it is taken back."""

    code = "closing_waits"
    http_status = 409


class PeriodNotOver(Refusal):
    """The month (`month`) is not over yet: close it after its last day."""

    code = "period_not_over"
    http_status = 409


class NothingWaits(Refusal):
    """No order waits for a batch at this moment."""

    code = "nothing_waits"
    http_status = 409


class BatchChanged(Refusal):
    """The batch is no longer, or not yet, where this can be done: it is `state`."""

    code = "batch_changed"
    http_status = 409


class BankFileRefused(Refusal):
    """The bank's file was not taken in, no line of it: `why` says what is wrong, `line` where (0: the whole file)."""

    code = "bank_file_refused"
    http_status = 422
