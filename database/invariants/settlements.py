"""What must hold of settlement runs: their amounts are those of the ledger's entries, each is paid once, and by enough people."""

from __future__ import annotations

from database.invariants.base import Invariant


class SettlementsAddUp(Invariant):
    """A run's amounts are the sums of its entries and what the run before left; it is paid at most once."""

    code, name = "I4", "settlements_add_up"
    sql = """
WITH line AS (
    SELECT l.run_id, l.version, l.amount_minor AS said, -e.amount_minor AS posted
    FROM settlement_line l JOIN entry e ON e.id = l.entry_id
), summed AS (
    SELECT r.id, coalesce(sum(l.said) FILTER (WHERE l.version <= r.version), 0) AS minor
    FROM settlement_run r LEFT JOIN line l ON l.run_id = r.id GROUP BY r.id
), chained AS (
    SELECT r.*, lag(carried_out_minor) OVER (PARTITION BY counterparty_id ORDER BY ends_on) AS before
    FROM settlement_run r
), ordered AS (
    SELECT run_id, count(*) FILTER (WHERE state = 'paid') AS paid, count(*) FILTER (WHERE state <> 'refused') AS alive,
           min(amount_minor) FILTER (WHERE state <> 'refused') AS least,
           max(amount_minor) FILTER (WHERE state <> 'refused') AS most
    FROM settlement_order GROUP BY run_id
)
SELECT 'settlement ' || run_id || ' shows ' || said || ' for an entry of ' || posted FROM line WHERE said <> posted
UNION ALL
SELECT 'settlement ' || r.id || ' says its lines are ' || r.lines_minor || ' where they sum to ' || s.minor
FROM settlement_run r JOIN summed s USING (id) WHERE r.version > 0 AND r.lines_minor <> s.minor
UNION ALL
SELECT 'settlement ' || id || ' does not come to what it pays and carries over' FROM settlement_run
WHERE version > 0 AND carried_in_minor + lines_minor <> payable_minor + carried_out_minor
UNION ALL
SELECT 'settlement ' || id || ' begins with ' || carried_in_minor || ' where the one before left ' || coalesce(before, 0)
FROM chained WHERE version > 0 AND carried_in_minor <> coalesce(before, 0)
UNION ALL
SELECT 'settlement ' || r.id || ' is ' || r.state || ' with ' || coalesce(o.paid, 0) || ' paid orders of '
       || coalesce(o.alive, 0) || ' that were not refused'
FROM settlement_run r LEFT JOIN ordered o ON o.run_id = r.id
WHERE coalesce(o.alive, 0) > 1 OR (coalesce(o.paid, 0) = 1) <> (r.ending IS NOT DISTINCT FROM 'paid')
   OR coalesce(o.alive, 0) > 0 AND r.state NOT IN ('paying', 'closed')
   OR o.least <> r.payable_minor OR o.most <> r.payable_minor
UNION ALL
SELECT 'settlement ' || o.run_id || ' ordered ' || o.amount_minor || ', which no version of its statement says'
FROM settlement_order o WHERE NOT EXISTS (
    SELECT FROM settlement_statement s WHERE s.run_id = o.run_id AND (s.content ->> 'payable')::bigint = o.amount_minor)
"""


class SettlementsByTwo(Invariant):
    """A run's payment was agreed to by enough people, none of whom had changed or answered for what is owed."""

    code, name, often = "I8", "settlements_by_two", True
    sql = """
SELECT 'settlement ' || r.id || ' was paid on the word of too few' FROM settlement_run r
WHERE EXISTS (SELECT FROM settlement_order o WHERE o.run_id = r.id AND o.state <> 'refused')
  AND (SELECT count(DISTINCT p) FROM jsonb_array_elements_text(r.approved_by) AS p WHERE NOT r.hands ? p)
      < CASE WHEN r.payable_minor >= r.two_people_from_minor THEN 2 ELSE 1 END
"""
