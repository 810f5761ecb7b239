"""The subjects of the runbook: what can be wrong with an installation, each with the page on which it is seen."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Topic(StrEnum):
    """One section of the runbook. Its words are `ops_topic`, `ops_means`, `ops_do` and `ops_expect` in `languages/locale/`."""

    STUCK = "stuck"
    STUCK_OLDEST = "stuck_oldest"
    DEADLINES = "deadlines"
    PAYOUT_UNKNOWN = "payout_unknown"
    QUOTES = "quotes"
    WORKERS = "workers"
    TEMPORAL = "temporal"
    LOOKS = "looks"
    CONNECTIONS = "connections"
    TRANSACTION = "transaction"
    DATABASE_SIZE = "database_size"
    REPLICATION = "replication"
    OUTBOX = "outbox"
    WEBHOOKS = "webhooks"
    NOTICES = "notices"
    SET_ASIDE = "set_aside"
    LOOPS = "loops"
    PHOTOS = "photos"
    DISK = "disk"
    KEYS = "keys"
    CERTIFICATE = "certificate"
    CLOCK = "clock"
    INVARIANTS = "invariants"
    CHECKED = "checked"
    BACKUP = "backup"
    TICKET_GROWTH = "ticket_growth"


HEALTH_PAGE = "/operations/health"
# Where each is seen; what is not named here is seen on the page of health.
_SEEN_ON: Mapping[Topic, str] = {
    Topic.STUCK: "/operations",
    Topic.STUCK_OLDEST: "/operations",
    Topic.DEADLINES: "/review?all=yes&sort=due",
    Topic.PAYOUT_UNKNOWN: "/payouts?state=unknown",
    Topic.QUOTES: "/operations",
    Topic.WORKERS: "/operations/queues",
    Topic.OUTBOX: "/operations/deliveries",
    Topic.TICKET_GROWTH: "/insight/support",
    Topic.WEBHOOKS: "/operations/deliveries",
    Topic.INVARIANTS: "/operations/invariants",
}


def page_of(topic: Topic) -> str:
    """Return the page of the console that shows it."""
    return _SEEN_ON.get(topic, HEALTH_PAGE)


def section_of(topic: Topic) -> str:
    """Return the address of its section in the runbook."""
    return f"/operations/runbook#{topic}"
