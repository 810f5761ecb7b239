"""Support. Importing this package knows every table of it."""

from database.tables.support import callbacks, search, tickets

__all__ = ["callbacks", "search", "tickets"]
