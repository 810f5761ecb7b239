"""Refusals about payees and payments."""

from __future__ import annotations

from domain.errors.base import Refusal


class CorrectionWaits(Refusal):
    """Another payee was proposed already and waits for a second person."""

    code = "correction_waits"
    http_status = 409


class CorrectionOver(Refusal):
    """This proposal of another payee was agreed to, rejected or replaced before."""

    code = "correction_over"
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
    """A colleague has asked for the month (`month`) to be closed already: a second person agrees, or it is taken back."""

    code = "closing_waits"
    http_status = 409


class ClosingOver(Refusal):
    """The request to close the month (`month`) was taken back before; it can be asked for again."""

    code = "closing_over"
    http_status = 409


class PositionsUnvalued(Refusal):
    """Foreign money (`currencies`) was not valued at the end of the month (`month`), or changed since: value it, then close."""

    code = "positions_unvalued"
    http_status = 409


class PeriodNotOver(Refusal):
    """The month (`month`) is not over yet: close it after its last day."""

    code = "period_not_over"
    http_status = 409


class StatementKindUnknown(Refusal):
    """The file is no statement that can be read: another kind of file, or an undescribed format. Nothing was imported."""

    code = "statement_kind_unknown"
    http_status = 415


class StatementEncodingWrong(Refusal):
    """The file was saved again in another encoding than its provider's (`expected`). Nothing was imported."""

    code = "statement_encoding_wrong"


class StatementUnreadable(Refusal):
    """The file cannot be opened: empty, broken, or locked by a password (`why`). Nothing was imported."""

    code = "statement_unreadable"


class StatementTooLarge(Refusal):
    """The file, or the list inside of it, is larger than `bytes_max`. Nothing was imported."""

    code = "statement_too_large"
    http_status = 413


class StatementTruncated(Refusal):
    """The file is not whole: its own end, count, sums or balances (`what`) do not agree with its lines, or no day is named. Nothing was imported."""

    code = "statement_truncated"


class StatementHeadWrong(Refusal):
    """The first lines of the file are not as its format describes them (`what`: header, titles, period or currency). Nothing was imported."""

    code = "statement_head_wrong"


class StatementForeign(Refusal):
    """The file is of an account (`account`) that is none of ours. Nothing was imported."""

    code = "statement_foreign"


class StatementOfAnother(Refusal):
    """Its orders have the form of ours, and none of them is known here: it is of another environment. Nothing was imported."""

    code = "statement_of_another"


class StatementNotOver(Refusal):
    """The file covers a day that is not over (`day`): its lines are not all there yet. Nothing was imported."""

    code = "statement_not_over"
    http_status = 409


class BreakOver(Refusal):
    """The break is closed, or a colleague's decision on it waits (`state`)."""

    code = "break_over"
    http_status = 409


class BreakChanged(Refusal):
    """What the break concerns was matched, or its amounts changed, since the page was opened. Look at it again."""

    code = "break_changed"
    http_status = 409


class VerbNotAllowed(Refusal):
    """This (`verb`) does not fit this kind of break (`kind`)."""

    code = "verb_not_allowed"


class MoreThanOwed(Refusal):
    """The posting would take more (`amount`) from an account of what we owe than is owed there (`owed`)."""

    code = "more_than_owed"
    http_status = 409


class DayNotReady(Refusal):
    """The day cannot be closed: it is not over, an earlier day is open, or a statement is missing (`why`, `day`)."""

    code = "day_not_ready"
    http_status = 409


class DayClosed(Refusal):
    """The day is closed (`day`)."""

    code = "day_closed"


class DayAsked(Refusal):
    """A colleague has asked to close the day (`day`): agree to that, or decline it."""

    code = "day_asked"
    http_status = 409


class DayNotAsked(Refusal):
    """The request to close the day (`day`) is no longer pending: it was withdrawn or declined."""

    code = "day_not_asked"
    http_status = 409


class NothingToRelease(Refusal):
    """The payment waits for no person: it continues automatically, was let go already, or its order is made."""

    code = "nothing_to_release"
    http_status = 409


class RailSwitched(Refusal):
    """The rail is in that state already, or another person has just changed it: look at the page again."""

    code = "rail_switched"
    http_status = 409


class RailOffAlready(Refusal):
    """The rail is off already, by another person or for another reason: nothing was changed, and the page says since when."""

    code = "rail_off_already"
    http_status = 409


class OutcomeKnown(Refusal):
    """What became of the payment is known (`state`), or it was never sent: there is nothing to state."""

    code = "outcome_known"
    http_status = 409


class OutcomeTooEarly(Refusal):
    """The provider may still answer: an outcome is stated from `minutes` minutes after the order on, and not while it is being sent."""

    code = "outcome_too_early"
    http_status = 409


class StatementWaits(Refusal):
    """An outcome was stated already and waits for a second person."""

    code = "statement_waits"
    http_status = 409


class StatementOver(Refusal):
    """The statement was agreed to, declined or overtaken by the provider's own answer."""

    code = "statement_over"
    http_status = 409


class NotClaimable(Refusal):
    """The card's price cannot be claimed back (`why`): it was not paid, the time is over, the sum is too small, or it was claimed."""

    code = "not_claimable"
    http_status = 409


class ClaimOver(Refusal):
    """The claim has another state by now (`state`): reload the page."""

    code = "claim_over"
    http_status = 409


class ClaimMoves(Refusal):
    """A part of the claim is being offset by a payment that is under way: try again when its outcome is known."""

    code = "claim_moves"
    http_status = 409


class ClaimOwesLess(Refusal):
    """Less is left of the claim than was paid back (`there`): it is offset, paid or given up by now."""

    code = "claim_owes_less"
    http_status = 409


class ReceiptOver(Refusal):
    """This payment of a seller was reversed, or its reversal is no longer requested: reload the page."""

    code = "receipt_over"
    http_status = 409


class ReceiptReconciled(Refusal):
    """A statement's line with another amount was matched with this payment by a posting of its own, so it cannot be taken back."""

    code = "receipt_reconciled"
    http_status = 409


class ObjectionWaits(Refusal):
    """The seller objected to the claim and has no answer yet: answer the objection first, then write off what is left."""

    code = "objection_waits"
    http_status = 409


class NothingWaits(Refusal):
    """No order waits for a batch at this moment."""

    code = "nothing_waits"
    http_status = 409


class BanksOff(Refusal):
    """Payments to bank cards are switched off: no batch is approved or downloaded until two people switch them on."""

    code = "banks_off"
    http_status = 409


class BatchChanged(Refusal):
    """The batch is no longer, or not yet, where this can be done: it is `state`."""

    code = "batch_changed"
    http_status = 409


class BankFileRefused(Refusal):
    """The bank's file was not taken in, no line of it: `why` says what is wrong, `line` where (0: the whole file)."""

    code = "bank_file_refused"
    http_status = 422


class NotReversible(Refusal):
    """This decision cannot be reversed (`what`): it is not carried out, no person made it, or later decisions depend on it."""

    code = "not_reversible"
    http_status = 409


class ReversalWaits(Refusal):
    """A colleague has asked to reverse the decision already: agree to that, or decline it."""

    code = "reversal_waits"
    http_status = 409


class ReversalOver(Refusal):
    """The request to reverse the decision was agreed to, declined or withdrawn before."""

    code = "reversal_over"
    http_status = 409


class ReversalDayClosed(Refusal):
    """The day (`day`) is closed: let the reversal count for the first open one (`open`); it names the decision that it reverses."""

    code = "reversal_day_closed"
    http_status = 409
