"""Refusals about settling with counterparties."""

from __future__ import annotations

from domain.errors.base import Refusal


class SettlementMoved(Refusal):
    """The settlement run has moved on (`state`): read it again."""

    code = "settlement_moved"
    http_status = 409


class StatementReplaced(Refusal):
    """There is a newer version (`version`) of the statement: read it, then answer."""

    code = "statement_replaced"
    http_status = 409


class InvoiceDiffers(Refusal):
    """The invoice (`amount`) is not what the statement says (`ours`): dispute the statement, or correct what was entered."""

    code = "invoice_differs"
    http_status = 409


class CorrectionTooLarge(Refusal):
    """The correction would take off more (`amount`) than is owed to the counterparty beyond what its other runs are to pay (`owed`); nothing was posted."""

    code = "correction_too_large"
    http_status = 409


class PayeeWaits(Refusal):
    """Another payee was proposed for this counterparty and rail and waits for a second person."""

    code = "payee_waits"
    http_status = 409


class CounterpartyKnown(Refusal):
    """There is a counterparty with this account or partner already."""

    code = "counterparty_known"
    http_status = 409


class OpeningInBooks(Refusal):
    """The books already show an amount (`there`) on the account that no run has settled: an opening amount would count twice."""

    code = "opening_in_books"
    http_status = 409


class CounterpartyChanged(Refusal):
    """A colleague changed the counterparty meanwhile: read it again, then change it."""

    code = "counterparty_changed"
    http_status = 409
