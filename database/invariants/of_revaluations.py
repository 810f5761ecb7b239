"""Foreign positions valued at the end of months: the difference to what they were booked at."""

from __future__ import annotations

from database.invariants.source import Source

REVALUATIONS = Source(
    "revaluation",
    """
SELECT r.currency || ':' || r.month, line.code, 'CNY', line.sign * (r.after_minor - r.before_minor)
FROM fx_revaluation r CROSS JOIN LATERAL (VALUES ('fx_position', 1), ('fx_difference', -1)) AS line (code, sign)
""",
)
