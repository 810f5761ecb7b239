"""Kinds of notifications to people of the console, and when they are sent outside it by a person's settings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from domain.places import BUSINESS_ZONE, today_in


class NoticeKind(StrEnum):
    """The kinds of news."""

    ASSIGNED = "assigned"  # A task was given to them.
    CAME_BACK = "came_back"  # A task they snoozed is in the queue again.
    TAKEN_OVER = "taken_over"  # A task was taken out of their hand.
    WARNING = "warning"  # A task will be late soon.
    BREACH = "breach"  # A task is late.
    CHAIN = "chain"  # Overdue for so long that the next level is notified.
    MENTIONED = "mentioned"  # A comment mentions them.
    RETURNED = "returned"  # A checker sent their outcome back.
    REFUSED = "refused"  # A checker let their outcome fall.
    OVERTURNED = "overturned"  # A second review and a senior came to another outcome than theirs.
    UPHELD = "upheld"  # A senior found their outcome right after a difference.
    UNDELIVERED = "undelivered"  # A card would not take its decision: a senior is to put its task back.
    UNUSUAL_READING = "unusual_reading"  # (Compliance) a person reveals numbers or PINs unusually often.
    ACCESS = "access"  # (Compliance) an account was made, invited, reset or switched, or a role given or taken.
    POLICY = "policy"  # A version of a policy document waits for a second person, was published or refused.
    ANSWERED_INSIDE = "answered_inside"  # A desk that they asked for a ticket has answered.
    GOODWILL = "goodwill"  # A goodwill payment that they proposed was paid or refused.
    DECLINED = "declined"  # A colleague declined what they proposed about money.
    CLOCK = "clock"  # (Operations) a worker's clock is off the payment gateway's.
    REPAIR = "repair"  # A repair waits for a second person, was agreed to or refused, stopped automatically or ended.
    CARD_ENDED = "card_ended"  # Operations ended a card that they held, had decided on, or had begun to write about.
    ALERT = "alert"  # (Its owner) an alert of the operations desk fired.
    ALERT_OVER = "alert_over"  # (Its owner) it is over.
    REPLY_UNDELIVERED = "reply_undelivered"  # A mail with their reply did not reach the customer.
    HAND_OVER = "hand_over"  # A colleague offers them a ticket, or answered their offer.
    TICKET = "ticket"  # Something happened to a ticket that they follow.
    STAND_IN = "stand_in"  # They stand in for a colleague from now on.


# A missed deadline costs money: it is sent immediately, regardless of digest and quiet hours.
URGENT = frozenset({NoticeKind.BREACH, NoticeKind.CHAIN, NoticeKind.ALERT})
# Urgent but not overdue: it would be useless after the digest interval, so it skips the digest, but not quiet hours.
SOON = frozenset(
    {
        NoticeKind.WARNING,
        NoticeKind.UNDELIVERED,
        NoticeKind.REPLY_UNDELIVERED,
        NoticeKind.UNUSUAL_READING,
        NoticeKind.ACCESS,
        NoticeKind.POLICY,
        NoticeKind.CLOCK,
        NoticeKind.REPAIR,
        NoticeKind.CARD_ENDED,
        NoticeKind.HAND_OVER,
        NoticeKind.ALERT_OVER,
    }
)


@dataclass(frozen=True)
class NoticePreferences:
    """A person's settings for notifications outside the console. `quiet` is from–until in `zone`, over midnight when until is earlier."""

    mail: bool = False
    webhook_url: str | None = None
    digest_minutes: int = 15
    quiet: tuple[time, time] | None = None
    zone: ZoneInfo = BUSINESS_ZONE


def delivered_from(
    kind: NoticeKind, moment: datetime, preferences: NoticePreferences, joins: datetime | None = None
) -> datetime:
    """Return when news of `moment` is sent out: urgent news at once, other news with the digest that it `joins` or its own, never in quiet hours."""
    if kind in URGENT:
        return moment
    ordinary = joins or moment + timedelta(minutes=preferences.digest_minutes)
    planned = moment if kind in SOON else ordinary
    return quiet_until(planned, preferences) or planned


def quiet_until(moment: datetime, preferences: NoticePreferences) -> datetime | None:
    """Return the end (UTC) of the quiet hours that `moment` falls into; None when it falls into none."""
    if preferences.quiet is None:
        return None
    begins, ends = preferences.quiet
    today = today_in(preferences.zone, moment)
    for day in (today - timedelta(days=1), today):
        # In UTC: two moments of one zone are compared by their clock faces, which a change of summer time repeats.
        start = datetime.combine(day, begins, preferences.zone).astimezone(UTC)
        last_day = day if begins < ends else day + timedelta(days=1)
        end = datetime.combine(last_day, ends, preferences.zone).astimezone(UTC)
        if start <= moment < end:
            return end
    return None
