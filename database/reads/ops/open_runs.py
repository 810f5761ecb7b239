"""Every open workflow, by one statement per type, and how the stuck ones among them are found.

The state of a run is what its own rows say: its workflow writes them, in the transaction of each step. A new type adds one
line to `OPEN`.
"""

from __future__ import annotations

from collections.abc import Mapping

from domain.ops.runs import RunKind

# The columns that every type gives: workflow_id, kind, subject, stage, waiting_for, since, until, card_type, brand, started.
OPEN: Mapping[RunKind, str] = {
    RunKind.CARD: """
        SELECT 'card:' || id AS workflow_id, 'card' AS kind, id AS subject, stage, waiting_for, since, until, card_type, brand,
               started_at
        FROM card WHERE outcome IS NULL
    """,
    RunKind.REPAIR: """
        SELECT 'repair:' || id AS workflow_id, 'repair' AS kind, id AS subject, state AS stage,
               CASE state WHEN 'running' THEN 'machine' ELSE 'person' END AS waiting_for,
               coalesce(suspended_at, acted_at, started_at, drafted_at) AS since, CAST(NULL AS timestamptz) AS until,
               '' AS card_type, '' AS brand,
               coalesce(started_at, CASE WHEN heard_revision >= revision THEN coalesce(decided_at, submitted_at) END) AS started_at
        FROM repair WHERE state IN ('running', 'suspended')
    """,
    RunKind.GOODWILL: """
        SELECT 'goodwill:' || g.id AS workflow_id, 'goodwill' AS kind, g.id AS subject, 'payout' AS stage,
               CASE WHEN o.state = 'unknown' THEN 'gateway' ELSE 'machine' END AS waiting_for,
               coalesce(o.prepared_at, g.checked_at) AS since, CAST(NULL AS timestamptz) AS until,
               '' AS card_type, '' AS brand, g.started_at
        FROM goodwill g LEFT JOIN goodwill_order o ON o.goodwill_id = g.id WHERE g.state = 'agreed'
    """,
    # A workflow runs from the first signal about its rows on.
    RunKind.TICKET: """
        SELECT 'ticket:' || id AS workflow_id, 'ticket' AS kind, id AS subject, state AS stage,
               CASE WHEN state IN ('waiting_customer', 'solved') THEN 'customer' ELSE 'person' END AS waiting_for,
               coalesce(solved_at, waits_since, heard_at, opened_at) AS since, CAST(NULL AS timestamptz) AS until,
               '' AS card_type, '' AS brand, CASE WHEN heard_revision > 0 THEN opened_at END AS started_at
        FROM ticket WHERE state <> 'closed'
    """,
    # Its subject is what its workflow is named by: the counterparty and the period.
    RunKind.SETTLEMENT: """
        SELECT 'settlement:' || r.counterparty_id || ':' || r.period AS workflow_id, 'settlement' AS kind,
               r.counterparty_id || ':' || r.period AS subject, r.state AS stage,
               CASE r.state WHEN 'collecting' THEN 'machine' WHEN 'answer' THEN 'customer' WHEN 'paying' THEN
                    CASE WHEN EXISTS (SELECT FROM settlement_order o WHERE o.run_id = r.id AND o.state = 'unknown')
                         THEN 'gateway' ELSE 'machine' END
               ELSE 'person' END AS waiting_for,
               coalesce((SELECT max(at) FROM settlement_event e WHERE e.run_id = r.id), r.made_at) AS since,
               CAST(NULL AS timestamptz) AS until, '' AS card_type, '' AS brand,
               CASE WHEN r.heard_revision > 0 THEN r.made_at END AS started_at
        FROM settlement_run r WHERE r.state <> 'closed'
    """,
}
OPEN_RUNS = " UNION ALL ".join(OPEN.values())

# Money at stake: the newest quote, else the face value where it is in the same currency.
VALUE = """
    coalesce(
        (SELECT amount_minor FROM quote WHERE card_id = run.subject ORDER BY created_at DESC LIMIT 1),
        (SELECT face_value_minor FROM card WHERE id = run.subject AND currency = 'CNY'),
        0
    )
"""
