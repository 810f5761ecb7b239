"""A second attempt to pay after the gateway refused the payee for certain: asked for in a ticket, agreed to by finance."""

from __future__ import annotations

from enum import StrEnum


class PayeeRequestState(StrEnum):
    """How far a request for another payee is."""

    ASKED = "asked"  # The seller is to name another payee on their page.
    SUPPLIED = "supplied"  # They did; it waits for a second person.
    AGREED = "agreed"  # The card is paid again, once its issuer has confirmed it.
    REFUSED = "refused"  # The second person said no.
    WITHDRAWN = "withdrawn"  # Support took it back, or the card waits for no payee any more.


UNDER_WAY = frozenset({PayeeRequestState.ASKED, PayeeRequestState.SUPPLIED})
