"""Names of what statements make our books post: an adjustment for a line, or for something that no line showed."""

from __future__ import annotations

ADJUSTED = "statement_adjusted"


def line_cause(line_id: str) -> str:
    """Return the cause of a posting that a line of a statement led to."""
    return f"line:{line_id}"


def break_cause(break_id: str) -> str:
    """Return the cause of a posting for something of our books that no statement shows."""
    return f"break:{break_id}"


def adjusted_key(cause: str, reversed_before: int = 0) -> str:
    """Return the ledger key of the one adjustment of this cause in force, after that many reversed ones."""
    return f"{cause}:adjusted:{reversed_before + 1}" if reversed_before else f"{cause}:adjusted"
