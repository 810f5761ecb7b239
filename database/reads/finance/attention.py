"""What finance looks at first: payments whose outcome is unknown, what waits for one of them, and what for a second."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.awaited import AWAITED_KEYS
from database.reads.finance.part_returns import count_undecided
from database.reads.finance.paybacks import parts_to_propose, to_propose
from database.repositories.orders import ORDER_TABLES
from database.tables.finance.rails import ContradictionRow
from domain.finance.routing import LOOKED_AT
from domain.money import Money

_ORDERS = " UNION ALL ".join(
    f"SELECT key, rail, amount_minor, prepared_at FROM {table.__tablename__} WHERE state = 'unknown'"  # noqa: S608  # Our own.
    for table in ORDER_TABLES.values()
)
# Not those that wait where they should: for a bank's file, or for their receiver's confirmation.
_UNKNOWN = text(f"""
SELECT rail, count(*) AS many, sum(amount_minor) AS minor, min(prepared_at) AS since FROM ({_ORDERS}) AS orders
WHERE key <> ALL(CAST(:awaited AS varchar[]))
GROUP BY rail ORDER BY min(prepared_at)
""")  # noqa: S608  # Names of our own tables.
_SECONDS = text("""
SELECT (SELECT count(*) FROM payee_correction WHERE applied_at IS NULL AND refused_at IS NULL AND NOT proposers ? :me) AS payees,
       (SELECT count(*) FROM payout_wait WHERE ended_at IS NULL AND asked_at IS NOT NULL AND NOT askers ? :me) AS other_payees,
       (SELECT count(*) FROM goodwill WHERE state = 'proposed' AND NOT proposers ? :me) AS goodwill,
       (SELECT count(*) FROM ledger_closing WHERE state = 'asked' AND NOT askers ? :me) AS months,
       (SELECT count(*) FROM reconciled_day WHERE closed_at IS NULL AND NOT askers ? :me) AS days,
       (SELECT count(*) FROM sale WHERE return_asked_at IS NOT NULL AND reversed_at IS NULL AND NOT return_askers ? :me) AS returns,
       (SELECT count(*) FROM brokered_payment WHERE confirmed_at IS NULL AND declined_at IS NULL AND NOT recorders ? :me) AS brokered,
       (SELECT count(*) FROM provider_repayment WHERE confirmed_at IS NULL AND declined_at IS NULL AND NOT recorders ? :me) AS repayments,
       (SELECT count(*) FROM fx_exchange WHERE posted_at IS NULL AND declined_at IS NULL AND NOT recorders ? :me) AS exchanges,
       (SELECT count(*) FROM rollback WHERE state = 'proposed' AND NOT proposers ? :me) AS claims,
       (SELECT count(*) FROM rollback WHERE state = 'claimed' AND write_off_asked_at IS NOT NULL AND NOT write_off_askers ? :me) AS write_offs,
       (SELECT count(*) FROM claim_receipt WHERE reverse_asked_at IS NOT NULL AND reversed_at IS NULL AND NOT reverse_askers ? :me) AS claim_receipts,
       (SELECT count(*) FROM buyer_receipt WHERE reverse_asked_at IS NOT NULL AND reversed_at IS NULL AND NOT reverse_askers ? :me) AS receipts_back,
       (SELECT count(*) FROM fx_exchange WHERE reverse_asked_at IS NOT NULL AND reversed_at IS NULL AND NOT reverse_askers ? :me) AS exchanges_back,
       (SELECT count(*) FROM debt_write_off WHERE ended_at IS NULL AND declined_at IS NULL AND NOT write_off_askers ? :me) AS debts,
       (SELECT count(*) FROM deposit_refund WHERE confirmed_at IS NULL AND declined_at IS NULL AND NOT recorders ? :me) AS refunds,
       (SELECT count(*) FROM deposit_refund WHERE reverse_asked_at IS NOT NULL AND reversed_at IS NULL AND NOT reverse_askers ? :me) AS refunds_back,
       (SELECT count(*) FROM stated_outcome WHERE agreed_at IS NULL AND declined_at IS NULL AND NOT staters ? :me) AS outcomes,
       (SELECT count(*) FROM rail_switch WHERE on_at IS NULL AND asked_by IS NOT NULL AND NOT askers ? :me) AS rails,
       (SELECT count(*) FROM counterparty_payee WHERE state = 'proposed' AND NOT proposers ? :me) AS party_payees,
       (SELECT count(*) FROM bank_batch WHERE state = 'proposed' AND NOT proposers ? :me) AS batches,
       (SELECT count(*) FROM statement_break WHERE state = 'proposed' AND NOT deciders ? :me) AS breaks,
       (SELECT count(*) FROM suspense_clearing WHERE agreed_at IS NULL AND declined_at IS NULL AND NOT proposers ? :me) AS suspense,
       (SELECT count(*) FROM decision_reversal WHERE agreed_at IS NULL AND declined_at IS NULL AND NOT askers ? :me) AS reversals,
       (SELECT count(*) FROM part_return WHERE agreed_at IS NULL AND declined_at IS NULL AND NOT proposers ? :me) AS parts
""")
_TO_DO = text("""
SELECT (SELECT count(*) FROM payout_wait WHERE ended_at IS NULL AND released_by IS NULL AND asked_at IS NULL AND reasons ?| CAST(:looked_at AS text[])) AS held,
       (SELECT count(*) FROM bank_line WHERE batch_id IS NULL AND outcome IS NULL) AS unbatched,
       (SELECT count(*) FROM bank_batch WHERE state = 'approved') AS to_take,
       (SELECT count(*) FROM bank_batch WHERE state = 'taken') AS to_answer,
       (SELECT count(*) FROM rollback WHERE state = 'claimed' AND objected_at IS NOT NULL AND objection_answered_at IS NULL) AS objections,
       (SELECT count(*) FROM sale s JOIN sale_split p ON p.sale_id = s.id AND p.part = 'seller' AND p.amount_minor > 0
        WHERE s.mode = 'brokered' AND s.reversed_at IS NULL AND NOT EXISTS (
            SELECT FROM brokered_payment b WHERE b.sale_id = s.id AND b.declined_at IS NULL)) AS brokered,
       (SELECT count(*) FROM settlement_run WHERE state = 'approval') AS approvals,
       (SELECT count(*) FROM settlement_run WHERE state = 'disputed') AS disputes,
       (SELECT count(*) FROM settlement_run WHERE state = 'payee') AS no_payee
""")
_WAITING_PAYEE = text("SELECT count(*) FROM card WHERE waiting_for = 'seller_payee'")


@dataclass(frozen=True)
class UnknownPayments:
    """Payments of one rail whose outcome is still unknown."""

    rail: str
    many: int
    amount: Money
    since: datetime


@dataclass(frozen=True)
class Seconds:
    """How much waits for a second person."""

    payees: int
    other_payees: int
    goodwill: int
    months: int
    days: int
    returns: int
    brokered: int
    repayments: int
    exchanges: int
    claims: int
    write_offs: int
    claim_receipts: int
    receipts_back: int
    exchanges_back: int
    debts: int
    refunds: int
    refunds_back: int
    outcomes: int
    rails: int
    party_payees: int
    batches: int
    breaks: int
    suspense: int
    reversals: int
    parts: int

    @property
    def elsewhere(self) -> int:
        """How much of it the home page has no line of its own for."""
        counts: tuple[int, ...] = astuple(self)
        return sum(counts) - self.claims - self.outcomes - self.months


@dataclass(frozen=True)
class ToDo:
    """How much waits for one person of finance."""

    held: int
    returned_in_part: int
    unbatched: int
    to_take: int
    to_answer: int
    objections: int
    paybacks: int
    parts_owed: int
    brokered: int
    approvals: int
    disputes: int
    no_payee: int


async def unknown(session: AsyncSession) -> tuple[UnknownPayments, ...]:
    """Return them by rail, the oldest first; not those that wait where they should."""
    waiting = sorted((await session.execute(AWAITED_KEYS)).scalars())
    found = await session.execute(_UNKNOWN, {"awaited": waiting})
    return tuple(UnknownPayments(row.rail, int(row.many), Money(int(row.minor)), row.since) for row in found)


async def contradicted(session: AsyncSession) -> tuple[ContradictionRow, ...]:
    """Return the orders against which a provider's word stands that nobody has looked at, the oldest first."""
    wanted = select(ContradictionRow).where(ContradictionRow.cleared_at.is_(None))
    return tuple((await session.execute(wanted.order_by(ContradictionRow.heard_at, ContradictionRow.key))).scalars())


async def seconds(session: AsyncSession, me: str = "") -> Seconds:
    """Return what waits for a second person of finance; without what `me` (a person's id) is the first person of."""
    row = (await session.execute(_SECONDS, {"me": me})).one()
    return Seconds(**{name: int(count) for name, count in row._mapping.items()})


async def to_do(session: AsyncSession) -> ToDo:
    """Return what waits for a person of finance."""
    given = {"looked_at": sorted(one.value for one in LOOKED_AT)}
    row = (await session.execute(_TO_DO, given)).one()
    counts = {name: int(count) for name, count in row._mapping.items()}
    return ToDo(
        **counts, paybacks=await to_propose(session), parts_owed=await parts_to_propose(session),
        returned_in_part=await count_undecided(session),
    )  # fmt: skip


async def waiting_for_payee(session: AsyncSession) -> int:
    """Return how many cards are owed for and have no payee that the gateway takes."""
    return int((await session.execute(_WAITING_PAYEE)).scalar_one())
