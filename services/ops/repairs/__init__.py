"""Repairs: drafted, previewed, agreed to, run item by item, and proven."""
