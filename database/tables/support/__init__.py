"""Support. Importing this package knows every table of it."""

from database.tables.support import callbacks, desk, mail, search, tickets

__all__ = ["callbacks", "desk", "mail", "search", "tickets"]
