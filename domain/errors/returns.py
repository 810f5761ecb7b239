"""Refusals about parts of payments that came back, and about payments that were made twice."""

from __future__ import annotations

from domain.errors.base import Refusal


class NothingCameBack(Refusal):
    """The provider does not say that another amount of the payment came back, or people have decided about it: reload the page."""

    code = "nothing_came_back"
    http_status = 409


class CameBackLess(Refusal):
    """More was to be booked than came back and is not booked yet (`there`)."""

    code = "came_back_less"
    http_status = 409


class PartReturnWaits(Refusal):
    """A returned part of the payment waits for a second person already: it is agreed to or declined first."""

    code = "part_return_waits"
    http_status = 409


class PartReturnOver(Refusal):
    """The returned part was agreed to, declined or paid again before."""

    code = "part_return_over"
    http_status = 409


class NotPaidTwice(Refusal):
    """Our rows show no double payment (`why`): the provider does not say so, no other payment of the card arrived, or its statement line is explained."""

    code = "not_paid_twice"
    http_status = 409
