"""Select decided cards for a blind review by another person: by a rule that cannot be predicted, influenced or disputed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from domain.cards.card import CardType
from domain.cards.review import ReviewOutcome
from domain.places import today_in
from domain.quality.agreement import SIDES
from domain.review.four_eyes import drawn


@dataclass(frozen=True)
class SamplingPolicy:
    """One version: how many of ten thousand decisions per card type, and at most how many a day."""

    version: str
    seed: str
    share_bp: Mapping[str, int]
    per_day_max: int
    day_in: str  # The time zone in which a day begins.

    def day_of(self, moment: datetime) -> date:
        """Return the day whose cap a moment counts against."""
        return today_in(ZoneInfo(self.day_in), moment)

    def draws(self, lot: str, card_type: CardType, outcome: ReviewOutcome) -> bool:
        """Return whether the decided card with this lot (`four_eyes.lot_of`) is in the sample, before the day's cap.

        Only outcomes that end a card's review are looked at again: an item asked for is answered by the item itself.
        """
        return outcome in SIDES and drawn(lot, self.share_bp.get(card_type.value, 0))
