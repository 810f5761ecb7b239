"""Support. Importing this package knows every table of it."""

from database.tables.support import (
    callbacks,
    desk,
    escalations,
    goodwill,
    mail,
    payee_requests,
    privacy,
    ratings,
    search,
    tickets,
)

__all__ = [
    "callbacks",
    "desk",
    "escalations",
    "goodwill",
    "mail",
    "payee_requests",
    "privacy",
    "ratings",
    "search",
    "tickets",
]
