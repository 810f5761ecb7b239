"""Seeing a card number or PIN in the clear: how often one person may, and which reading is told to compliance."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True)
class RevealPolicy:
    """One version of the policy; all counts are of one person within the last hour, over every process."""

    version: str
    per_hour_max: int
    shown_alert_at: int  # So many secrets shown are told to compliance.
    refused_alert_at: int  # So many refused tries are told to compliance.


class UnusualReading(StrEnum):
    """Why somebody's reading of secrets is told to compliance."""

    ELSEWHERE = "elsewhere"  # They tried a card that is not in their hand, or is bought or ended.
    REFUSED_OFTEN = "refused_often"  # Many of their tries were refused.
    NEAR_LIMIT = "near_limit"  # They have nearly read as many as anybody may.


def unusual(shown: int, refused: int, *, elsewhere: bool, policy: RevealPolicy) -> UnusualReading | None:
    """Return the weightiest reason to tell compliance, None for ordinary work. The counts include this very try."""
    holds = {
        UnusualReading.ELSEWHERE: elsewhere,
        UnusualReading.REFUSED_OFTEN: refused >= policy.refused_alert_at,
        UnusualReading.NEAR_LIMIT: shown >= policy.shown_alert_at,
    }
    return next((why for why, given in holds.items() if given), None)
