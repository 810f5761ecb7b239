"""Support. Importing this package knows every table of it."""

from database.tables.support import callbacks, privacy, ratings, tickets

__all__ = ["callbacks", "privacy", "ratings", "tickets"]
