"""I2: what each source's postings left on the accounts is what the source's own rows say; and no posting is without a source.

A source is a kind of row that moves money: an accepted quote, a payment order. Its postings name it by their cause,
`<name>:<id>`. Each area brings its own: a module `of_<name>.py` with one `Source`, and a line in `SOURCES`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.invariants.base import Invariant, Look
from database.invariants.books import NEWEST
from database.invariants.of_answers import ANSWERS
from database.invariants.of_brokered import BROKERED
from database.invariants.of_claim_receipts import CLAIM_RECEIPTS
from database.invariants.of_debts import DEBT_WRITE_OFFS, DEPOSIT_REFUNDS
from database.invariants.of_exchanges import EXCHANGES
from database.invariants.of_goodwill import GOODWILL
from database.invariants.of_payouts import PAYOUTS
from database.invariants.of_provider_repayments import PROVIDER_REPAYMENTS
from database.invariants.of_quotes import QUOTES
from database.invariants.of_receipts import RECEIPTS
from database.invariants.of_revaluations import REVALUATION_ENDS, REVALUATIONS
from database.invariants.of_rollbacks import ROLLBACKS
from database.invariants.of_sales import SALE_DIFFERENCES, SALES
from database.invariants.of_settlements import OPENINGS, SETTLEMENTS
from database.invariants.of_statements import BREAKS, LINES
from database.invariants.of_suspense import SUSPENSE
from database.invariants.of_withholding import WITHHOLDING
from database.invariants.source import Source

SOURCES: tuple[Source, ...] = (
    QUOTES, PAYOUTS, WITHHOLDING, GOODWILL, ANSWERS, SALES, SALE_DIFFERENCES, BROKERED, PROVIDER_REPAYMENTS, RECEIPTS, REVALUATIONS, REVALUATION_ENDS, ROLLBACKS,
    CLAIM_RECEIPTS, EXCHANGES, DEBT_WRITE_OFFS, DEPOSIT_REFUNDS, SETTLEMENTS, OPENINGS, LINES, BREAKS, SUSPENSE,
)  # fmt: skip

_LATELY = text(f"""
SELECT DISTINCT split_part(cause, ':', 1), substr(cause, strpos(cause, ':') + 1)
FROM ledger_transaction WHERE id > ({NEWEST})
""")  # noqa: S608  # Only a statement of ours is put in.
_COMPARE = """
WITH posted AS (
    SELECT substr(t.cause, length(:name) + 2) AS id, e.currency, sum(e.amount_minor) AS minor,
           CASE WHEN split_part(a.code, ':', 1) = ANY (CAST(:by_class AS text[])) THEN split_part(a.code, ':', 1) ELSE a.code END AS code
    FROM ledger_transaction t JOIN entry e ON e.transaction_id = t.id JOIN account a ON a.id = e.account_id
    WHERE t.cause <> '' AND {of_the_source}
    GROUP BY 1, 2, 4
), due AS (
    SELECT id, code, currency, sum(minor) AS minor FROM ({due}) AS row (id, code, currency, minor)
    WHERE {of_the_row} GROUP BY 1, 2, 3
)
SELECT format('%s:%s left %s %s on %s where its row says %s', CAST(:name AS text), id, coalesce(posted.minor, 0), currency,
              code, coalesce(due.minor, 0))
FROM posted FULL JOIN due USING (id, code, currency)
WHERE coalesce(posted.minor, 0) <> coalesce(due.minor, 0)
ORDER BY 1 LIMIT :most
"""
_UNEXPLAINED = f"""
SELECT 'transaction ' || key || ' (' || what || ') has the cause ' || coalesce(nullif(cause, ''), 'of nothing')
       || ', which no rows of ours explain'
FROM ledger_transaction WHERE (:whole OR id > ({NEWEST})) AND split_part(cause, ':', 1) <> ALL (CAST(:known AS text[]))
ORDER BY 1 LIMIT :most
"""  # noqa: S608  # Only a statement of ours is put in.


@dataclass(frozen=True)
class Compared:
    """Which rows of a source are compared: those of `ids`, or all."""

    source: Source
    ids: tuple[str, ...] | None = None


class SourcesAgree(Invariant):
    """For each row that moves money, the sum of its postings on each account is what the row says on its own."""

    code, name, often = "I2", "sources_agree", True

    async def broken(self, session: AsyncSession, look: Look) -> list[str]:
        """Compare every row of every source, or those whose postings are recent."""
        wanted = [Compared(one) for one in SOURCES] if look.whole else await _lately(session)
        return [line for one in wanted for line in await _differences(session, one, look)][: look.most]


class PostingsHaveSources(Invariant):
    """Every transaction names a source that explains it: money moves for a reason that can be looked up."""

    code, name, often = "I2", "postings_have_sources", True

    async def broken(self, session: AsyncSession, look: Look) -> list[str]:
        """List transactions whose cause no source knows."""
        given = {"whole": look.whole, "known": [one.name for one in SOURCES], "most": look.most}
        return list((await session.execute(text(_UNEXPLAINED), given)).scalars())


async def _lately(session: AsyncSession) -> list[Compared]:
    ids: dict[str, list[str]] = {}
    for name, one in await session.execute(_LATELY):
        ids.setdefault(name, []).append(one)
    return [Compared(one, tuple(ids[one.name])) for one in SOURCES if one.name in ids]


async def _differences(session: AsyncSession, one: Compared, look: Look) -> list[str]:
    given: dict[str, Any] = {"name": one.source.name, "most": look.most, "by_class": list(one.source.by_class)}
    if one.ids is None:
        sql = _COMPARE.format(
            due=one.source.due, of_the_source="split_part(t.cause, ':', 1) = :name", of_the_row="true"
        )
    else:
        sql = _COMPARE.format(
            due=one.source.due, of_the_source="t.cause = ANY(CAST(:causes AS text[]))",
            of_the_row="id = ANY(CAST(:ids AS text[]))",
        )  # fmt: skip
        given |= {"ids": list(one.ids), "causes": [f"{one.source.name}:{each}" for each in one.ids]}
    return list((await session.execute(text(sql), given)).scalars())
