"""I1 and the part of I2 that the books answer alone: sums of zero, and every kept balance is that of its entries."""

from __future__ import annotations

from typing import Any

from database.invariants.base import RECENT, Invariant, Look
from domain.finance.chart import CHART, Sign

# What a frequent check looks at: transactions behind this one.
NEWEST = f"SELECT coalesce(max(id), 0) - {RECENT} FROM ledger_transaction"  # noqa: S608  # A number of ours.


class EntriesSumToZero(Invariant):
    """The entries of each transaction sum to zero in each currency, and there are some."""

    code, name, often = "I1", "entries_sum_to_zero", True
    sql = f"""
SELECT 'transaction ' || t.key || ' is off by ' || sum(e.amount_minor) || ' ' || e.currency
FROM ledger_transaction t JOIN entry e ON e.transaction_id = t.id
WHERE :whole OR t.id > ({NEWEST})
GROUP BY t.key, e.currency HAVING sum(e.amount_minor) <> 0
UNION ALL
SELECT 'transaction ' || key || ' has no entries'
FROM ledger_transaction t
WHERE (:whole OR t.id > ({NEWEST})) AND NOT EXISTS (SELECT FROM entry WHERE transaction_id = t.id)
UNION ALL
SELECT 'entry ' || e.id || ' has no transaction or no account of its currency'
FROM entry e LEFT JOIN ledger_transaction t ON t.id = e.transaction_id
LEFT JOIN account a ON a.id = e.account_id AND a.currency = e.currency
WHERE (:whole OR e.transaction_id > ({NEWEST})) AND (t.id IS NULL OR a.id IS NULL)
"""  # noqa: S608  # Only statements of ours are put in.

    def given(self, look: Look) -> dict[str, Any]:
        """Return whether old transactions are looked at, too."""
        return {"whole": look.whole}


class CheckpointsHold(Invariant):
    """The newest checkpoint of each account is the sum of its entries up to there: a balance says what its entries say."""

    code, name = "I2", "checkpoints_hold"
    sql = """
SELECT 'account ' || a.code || ' ' || a.currency || ' was kept at ' || c.balance_minor || ' where its entries sum to '
       || coalesce(summed.minor, 0)
FROM (SELECT DISTINCT ON (account_id) account_id, upto, balance_minor FROM balance_checkpoint
      ORDER BY account_id, upto DESC) c
JOIN account a ON a.id = c.account_id
JOIN LATERAL (SELECT sum(amount_minor) AS minor FROM entry WHERE account_id = c.account_id AND id <= c.upto) summed ON true
WHERE c.balance_minor <> coalesce(summed.minor, 0)
"""


class ClosedMonthsHold(Invariant):
    """What was kept when a month was closed is still the sum of its entries: nothing came into it or left it."""

    code, name = "I2", "closed_months_hold"
    sql = """
WITH closed AS (
    SELECT month, CAST(month || '-01' AS date) + interval '1 month' AS ends FROM ledger_period
), summed AS (
    SELECT c.month, e.account_id, sum(e.amount_minor) AS minor
    FROM closed c JOIN ledger_transaction t ON t.effective_on < c.ends JOIN entry e ON e.transaction_id = t.id
    GROUP BY c.month, e.account_id
)
SELECT 'month ' || coalesce(s.month, b.month) || ' kept ' || coalesce(b.balance_minor, 0) || ' for account ' || a.code || ' '
       || a.currency || ' where its entries sum to ' || coalesce(s.minor, 0)
FROM summed s FULL JOIN ledger_period_balance b ON b.month = s.month AND b.account_id = s.account_id
JOIN account a ON a.id = coalesce(s.account_id, b.account_id)
WHERE coalesce(s.minor, 0) <> coalesce(b.balance_minor, 0)
"""


_WATCHED = " ".join(
    f"WHEN '{one.code}' THEN '{one.watched.value}'" for one in CHART.values() if one.watched is not Sign.EITHER
)


class SignsHold(Invariant):
    """No account has a balance, less what is held of it, with a sign that the chart does not allow.

    With the accounts whose sign is not held at commit, because every card uses them: money in flight and inventory.
    """

    code, name, often = "I2", "signs_hold", True
    sql = f"""
WITH chart AS (
    SELECT a.id, a.code, a.currency,
           CASE split_part(a.code, ':', 1) {_WATCHED} ELSE a.sign END AS sign
    FROM account a
), judged AS (
    SELECT a.id, a.code, a.currency, a.sign, account_balance(a.id) AS minor,
           (SELECT coalesce(sum(amount_minor), 0) FROM ledger_hold h WHERE h.account_id = a.id AND h.state = 'held') AS held
    FROM chart a
    WHERE a.sign <> 'either' AND (:whole OR a.id IN (
        SELECT account_id FROM entry WHERE transaction_id > ({NEWEST})))
)
SELECT 'account ' || code || ' ' || currency || ' may only have a ' || sign || ' balance: ' || minor || ' with ' || held || ' held'
FROM judged WHERE sign = 'credit' AND minor + held > 0 OR sign = 'debit' AND minor - held < 0
"""  # noqa: S608  # Only a statement of ours is put in.

    def given(self, look: Look) -> dict[str, Any]:
        """Return whether accounts that were not used lately are looked at, too."""
        return {"whole": look.whole}
