"""Foreign positions valued at the end of months: the difference to what they were booked at, and its reversal the day after."""

from __future__ import annotations

from database.invariants.source import Source

_DIFFERENCE = """
SELECT r.currency || ':' || r.month, line.code, 'CNY', line.sign * (r.after_minor - r.before_minor)
FROM fx_revaluation r CROSS JOIN LATERAL (VALUES ('fx_position', 1), ('fx_difference', -1)) AS line (code, sign)
"""
REVALUATIONS = Source("revaluation", _DIFFERENCE)
REVALUATION_ENDS = Source(
    "revaluation_end",
    f"SELECT id, code, currency, -minor FROM ({_DIFFERENCE} WHERE r.ended_on IS NOT NULL) AS due (id, code, currency, minor)",  # noqa: S608  # Only a statement of ours is put in.
)
