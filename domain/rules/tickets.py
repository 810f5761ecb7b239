"""How urgent a ticket is, and what silence and time do to it. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind, built_in_file
from domain.policies.schema import money, one_of, record, rows, several, text, whole, yes_or_no
from domain.support.tickets import TicketCategory, TicketChannel
from domain.work.task import Priority

TICKETS = Path(__file__).with_name("tickets.json")
RULES_MAX = 50


@dataclass(frozen=True)
class PriorityRule:
    """Tickets of these categories and channels (none: all) that are worth this much, CNY minor units, have this priority."""

    categories: frozenset[TicketCategory]
    channels: frozenset[TicketChannel]
    value_minor_from: int
    priority: Priority

    def matches(self, category: TicketCategory, channel: TicketChannel, value_minor: int) -> bool:
        """Return whether the rule is this ticket's."""
        return (
            (not self.categories or category in self.categories)
            and (not self.channels or channel in self.channels)
            and value_minor >= self.value_minor_from
        )


@dataclass(frozen=True)
class TicketRules:
    """One version of the rules.

    A customer who is silent for `silence_notice_days` is reminded that the ticket will be closed, and after
    `silence_close_days` more it is solved by silence. A solved ticket closes for good after `reopen_days`. An offered
    hand-over waits `hand_over_minutes`; a reply leaves after `reply_undo_s`. `privacy_time_verified`: a person has
    confirmed the source of the time that privacy requests have.
    """

    version: str
    priorities: tuple[PriorityRule, ...]
    silence_notice_days: int
    silence_close_days: int
    reopen_days: int
    hand_over_minutes: int
    reply_undo_s: int
    privacy_time_verified: bool

    def priority_of(self, category: TicketCategory, channel: TicketChannel, value_minor: int) -> Priority:
        """Return the priority by the first rule that matches, else the normal one."""
        found = (rule.priority for rule in self.priorities if rule.matches(category, channel, value_minor))
        return next(found, Priority.NORMAL)


KIND = PolicyKind(
    "tickets",
    record(
        silence_notice_days=whole(1, 90, "days"),
        silence_close_days=whole(1, 90, "days"),
        reopen_days=whole(1, 180, "days"),
        hand_over_minutes=whole(1, 2880, "min"),
        reply_undo_s=whole(0, 300, "s"),
        privacy_time_verified=yes_or_no(),
        priorities=rows(
            record(
                code=text(40),
                categories=several(one_of(TicketCategory, "ticket_category")),
                channels=several(one_of(TicketChannel, "ticket_channel")),
                value_minor_from=money(),
                priority=one_of(Priority, "priority"),
            ),
            "code",
            RULES_MAX,
            ordered=True,
        ),
    ),
    lambda: built_in_file("tickets", TICKETS, "tickets"),
)


def tickets_in_force(on: date) -> TicketRules:
    """Return the rules that hold on a day. Raises LookupError when there are none yet."""
    return tickets_of(BOOK.in_force(KIND, on))


@lru_cache(maxsize=64)
def tickets_of(found: PolicyDocument) -> TicketRules:
    """Return one version of the rules."""
    given = dict(found.document)
    rules = tuple(
        PriorityRule(
            frozenset(TicketCategory(name) for name in one["categories"]),
            frozenset(TicketChannel(name) for name in one["channels"]),
            one["value_minor_from"],
            Priority(one["priority"]),
        )
        for one in given.pop("priorities")
    )
    return TicketRules(version=found.version, priorities=rules, **given)
