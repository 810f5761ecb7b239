"""Adjustments for lines of statements, and for what no line shows: each by the break that it closed."""

from __future__ import annotations

from database.invariants.source import Source

_OWN = "CASE b.source WHEN 'issuer' THEN 'issuer_payable' ELSE 'cash:' || b.source END"
_AGAINST = "CASE WHEN b.against IN ('suspense', 'rail_fee') THEN b.against || ':' || b.source ELSE b.against END"
# What the line says, less what the expectation that it belongs to says, or all those of the batch that it stands for. An
# adjustment is no expectation of its own.
LINES = Source(
    "line",
    f"""
SELECT l.id, account.code, says.currency, account.sign * says.minor
FROM statement_break b
JOIN statement_line l ON l.id = coalesce(b.line_id, CASE WHEN b.verb = 'replace_link' THEN b.link END)
CROSS JOIN LATERAL (
    SELECT l.currency, l.amount_minor UNION ALL
    SELECT x.currency, -x.amount_minor FROM expectation x
    WHERE x.entry_id = l.entry_id AND x.line_id IS NULL OR x.line_id = l.id AND x.cause NOT LIKE 'line:%') AS says (currency, minor)
CROSS JOIN LATERAL (VALUES ({_OWN}, 1), ({_AGAINST}, -1)) AS account (code, sign)
WHERE b.posted_key LIKE 'line:%' AND says.minor IS NOT NULL
""",  # noqa: S608  # Expressions of ours.
)
BREAKS = Source(
    "break",
    f"""
SELECT b.id, account.code, b.currency, account.sign * b.difference_minor
FROM statement_break b CROSS JOIN LATERAL (VALUES ({_OWN}, 1), ({_AGAINST}, -1)) AS account (code, sign)
WHERE b.posted_key LIKE 'break:%'
""",  # noqa: S608  # Expressions of ours.
)
