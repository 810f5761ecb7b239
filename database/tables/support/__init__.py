"""Support. Importing this package knows every table of it."""

from database.tables.support import callbacks, tickets

__all__ = ["callbacks", "tickets"]
