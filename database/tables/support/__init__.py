"""Support. Importing this package knows every table of it."""

from database.tables.support import callbacks, escalations, goodwill, tickets

__all__ = ["callbacks", "escalations", "goodwill", "tickets"]
