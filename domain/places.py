"""Which day it is depends on the place: the one function that turns a moment into a day there."""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

BUSINESS_ZONE = ZoneInfo("Asia/Shanghai")  # Sellers, issuers and the office live by this clock.


def today_in(zone: ZoneInfo, moment: datetime) -> date:
    """Return the day that a clock of `zone` shows at `moment`. Raises ValueError for a moment without a zone."""
    if moment.tzinfo is None:
        raise ValueError("moment")
    return moment.astimezone(zone).date()


def zoned(text: str) -> datetime | None:
    """Return the moment that an ISO 8601 text names; None for a text without a zone, for a guess could be hours off, or no moment."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return None if moment.tzinfo is None else moment


def business_day(moment: datetime) -> date:
    """Return the day in the office at `moment`: policies begin and figures are counted by it."""
    return today_in(BUSINESS_ZONE, moment)
