"""Limits on revealing card numbers and PINs: how often per person, and which patterns compliance is notified of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class RevealPolicy:
    """One version of the policy; all counts are of one person within the last hour, over every process."""

    version: str
    per_hour_max: int
    shown_alert_at: int  # Number of reveals that compliance is notified of.
    refused_alert_at: int  # Number of rejected attempts that compliance is notified of.


class UnusualReading(StrEnum):
    """Why compliance is notified of a person's reveals."""

    ELSEWHERE = "elsewhere"  # They tried a card they have not claimed, or that is bought or ended.
    REFUSED_OFTEN = "refused_often"  # Many of their tries were refused.
    NEAR_LIMIT = "near_limit"  # Their reveals are close to the limit.


def unusual(shown: int, refused: int, *, elsewhere: bool, policy: RevealPolicy) -> UnusualReading | None:
    """Return the weightiest reason to tell compliance, None for ordinary work. The counts include this very try."""
    holds = {
        UnusualReading.ELSEWHERE: elsewhere,
        UnusualReading.REFUSED_OFTEN: refused >= policy.refused_alert_at,
        UnusualReading.NEAR_LIMIT: shown >= policy.shown_alert_at,
    }
    return next((why for why, given in holds.items() if given), None)
