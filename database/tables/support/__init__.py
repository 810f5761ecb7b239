"""Support. Importing this package knows every table of it."""

from database.tables.support import callbacks, desk, mail, privacy, ratings, search, tickets

__all__ = ["callbacks", "desk", "mail", "privacy", "ratings", "search", "tickets"]
