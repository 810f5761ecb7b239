"""A mail contact who says that they are a seller: an agent asks the seller, and the seller confirms it on their own pages."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

LINK_LASTS = timedelta(days=7)  # Unanswered for so long, the question is over.


class ContactLinkState(StrEnum):
    """What became of the question whether a mail address is a seller's."""

    ASKED = "asked"  # The seller sees it on their pages.
    CONFIRMED = "confirmed"  # The address is theirs; its tickets are, too.
    DECLINED = "declined"  # The seller said that it is not.
    WITHDRAWN = "withdrawn"  # The agent took the question back, or its time was over.
    UNDONE = "undone"  # It was confirmed, and was taken apart again.
