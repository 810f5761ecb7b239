"""What asking about a card cost, by the answers that were paid for."""

from __future__ import annotations

from database.invariants.source import Source

ANSWERS = Source(
    "answers",
    """
SELECT a.card_id, line.code, 'CNY', line.sign * a.cost_fen
FROM answer a CROSS JOIN LATERAL (VALUES ('issuer_cost', 1), ('issuer_payable', -1)) AS line (code, sign)
WHERE a.cost_fen > 0
""",
)
