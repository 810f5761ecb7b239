"""Support. Importing this package knows every table of it."""

from database.tables.support import callbacks, escalations, goodwill, payee_requests, tickets

__all__ = ["callbacks", "escalations", "goodwill", "payee_requests", "tickets"]
