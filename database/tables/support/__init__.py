"""Support. Importing this package knows every table of it."""

from database.tables.support import (
    callbacks,
    contact_links,
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
    "contact_links",
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
