"""What is refused to customers and agents of support."""

from __future__ import annotations

from domain.errors.base import Refusal


class CallbackWaits(Refusal):
    """The seller asked for a call or an explanation about this card before, and has no answer yet."""

    code = "callback_waits"
    http_status = 409


class TicketEnded(Refusal):
    """The ticket is closed or was merged (`into`): write a new one, or write in the one it was merged into."""

    code = "ticket_ended"
    http_status = 409


class ReplyLeft(Refusal):
    """The reply has reached the customer and cannot be taken back: write another one."""

    code = "reply_left"
    http_status = 409


class CustomerWrote(Refusal):
    """The customer, or a colleague (`by`), wrote after the page was opened (`since`): read it, then send again."""

    code = "customer_wrote"
    http_status = 409


class TicketsApart(Refusal):
    """The two tickets are not of the same customer: link them instead, so that neither reads the other's words."""

    code = "tickets_apart"
    http_status = 409


class HandOverOpen(Refusal):
    """The ticket is offered to a colleague already: withdraw that offer first."""

    code = "hand_over_open"
    http_status = 409


class HandOverEnded(Refusal):
    """The offer has ended: it was accepted, declined or withdrawn, or its time is over."""

    code = "hand_over_ended"
    http_status = 409


class VariablesMissing(Refusal):
    """The ticket does not know a value (`names`) that the template needs: write the words by hand, or link the card."""

    code = "variables_missing"
    http_status = 422


class VariablesUnknown(Refusal):
    """The template names something (`names`) that no ticket has."""

    code = "variables_unknown"
    http_status = 422


class ChangedMeanwhile(Refusal):
    """A ticket, template or macro was changed while its page was open: read it as it is now, then do it again."""

    code = "changed_meanwhile"
    http_status = 409


class RatingOver(Refusal):
    """The ticket is not solved: it is open again, or was closed, and its solution can no longer be rated."""

    code = "rating_over"
    http_status = 409


class CopyExpired(Refusal):
    """The copy of the person's data has expired and was erased: they can ask for another one."""

    code = "copy_expired"
    http_status = 410


class NoPrivacyRequest(Refusal):
    """The ticket is no open privacy request of a seller."""

    code = "no_privacy_request"
    http_status = 409


class ErasureWaits(Refusal):
    """An erasure was proposed on this request already and waits for a second person."""

    code = "erasure_waits"
    http_status = 409


class EscalationWaits(Refusal):
    """The desk was asked about this before and has not answered: wait for it, or withdraw the question."""

    code = "escalation_waits"
    http_status = 409


class EscalationOver(Refusal):
    """The question was answered or withdrawn (`state`)."""

    code = "escalation_over"
    http_status = 409


class NotReviewable(Refusal):
    """The card cannot be put before a second reviewer: `why` is not_decided, in_review or appealed."""

    code = "not_reviewable"
    http_status = 409


class ContactLinkWaits(Refusal):
    """The mail address is joined with a seller, or a seller was asked whether it is theirs and has not answered."""

    code = "contact_link_waits"
    http_status = 409


class ContactLinkOver(Refusal):
    """The question whether a mail address is a seller's was answered or withdrawn (`state`), or is too old."""

    code = "contact_link_over"
    http_status = 409


class GoodwillWaits(Refusal):
    """A goodwill payment for this ticket waits for its second person."""

    code = "goodwill_waits"
    http_status = 409


class GoodwillTooMuch(Refusal):
    """The amount is above a limit: `limit` is own or seller, `most` what is possible."""

    code = "goodwill_too_much"
    http_status = 422


class GoodwillOver(Refusal):
    """The goodwill payment was agreed to, declined or withdrawn (`state`)."""

    code = "goodwill_over"
    http_status = 409
