"""Support. Importing this package knows every table of it."""

from database.tables.support import callbacks, mail, tickets

__all__ = ["callbacks", "mail", "tickets"]
