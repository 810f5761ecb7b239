"""What is refused to a seller who asks support for something."""

from __future__ import annotations

from domain.errors.base import Refusal


class CallbackWaits(Refusal):
    """The seller asked for a call or an explanation about this card before, and has no answer yet."""

    code = "callback_waits"
    http_status = 409
