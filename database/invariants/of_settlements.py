"""Settlement runs: owed to the counterparty until an order is prepared, gone from the rail when paid; their corrections, and what they net."""

from __future__ import annotations

from database.invariants.source import Source

_PAYABLE = "CASE WHEN c.kind = 'provider' THEN 'issuer_payable' ELSE 'partner_share:' || c.owner END"
_COST = "CASE WHEN c.kind = 'provider' THEN 'issuer_cost' ELSE 'partner_cost' END"
SETTLEMENTS = Source(
    "settlement",
    f"""
SELECT o.run_id, line.code, o.currency, line.sign * o.amount_minor
FROM settlement_order o JOIN settlement_run r ON r.id = o.run_id JOIN counterparty c ON c.id = r.counterparty_id
CROSS JOIN LATERAL (VALUES
    ({_PAYABLE}, 1), (CASE WHEN o.state = 'paid' THEN 'cash:' ELSE 'in_flight:' END || o.rail, -1)
) AS line (code, sign)
WHERE o.state <> 'refused'
UNION ALL
SELECT l.run_id, line.code, r.currency, line.sign * l.amount_minor
FROM settlement_line l JOIN settlement_run r ON r.id = l.run_id JOIN counterparty c ON c.id = r.counterparty_id
CROSS JOIN LATERAL (VALUES ({_COST}, 1), ({_PAYABLE}, -1)) AS line (code, sign)
WHERE l.what = 'settlement_corrected'
UNION ALL
SELECT l.run_id, line.code, r.currency, line.sign * l.amount_minor
FROM settlement_line l JOIN settlement_run r ON r.id = l.run_id JOIN counterparty c ON c.id = r.counterparty_id
CROSS JOIN LATERAL (VALUES ('partner_share:' || c.owner, -1), ('partner_receivable:' || c.owner, 1)) AS line (code, sign)
WHERE l.what = 'settlement_netted'
""",  # noqa: S608  # Expressions of our own.
)
OPENINGS = Source(
    "counterparty",
    f"""
SELECT c.id, line.code, c.currency, line.sign * c.opening_minor
FROM counterparty c CROSS JOIN LATERAL (VALUES ({_COST}, 1), ({_PAYABLE}, -1)) AS line (code, sign)
WHERE c.opening_minor <> 0
""",  # noqa: S608  # Expressions of our own.
)
