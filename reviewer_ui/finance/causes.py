"""From a line of the books to what caused it: each source says on which page its row is seen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import quote

from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from database.tables.cards import QuoteRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rollback import ClaimReceiptRow
from database.tables.finance.statements import BreakRow, StatementLineRow
from database.tables.support.goodwill import GoodwillRow
from domain.identifiers import goodwill_key
from reviewer_ui.visit import At, BooksReader, see_other

router = APIRouter(prefix="/money/causes")
Finder = Callable[[AsyncSession, str], Awaitable[str]]


async def _quote(session: AsyncSession, row_id: str) -> str:
    row = await session.get(QuoteRow, row_id)
    return f"/cards/{row.card_id}?tab=money" if row is not None else ""


async def _payout(session: AsyncSession, key: str) -> str:
    row = await session.get(PayoutRow, key)
    return f"/payouts/{row.key}" if row is not None else ""


async def _goodwill(session: AsyncSession, row_id: str) -> str:
    row = await session.get(GoodwillRow, row_id)
    if row is None:
        return ""
    return f"/tickets/{row.ticket_id}" if row.ticket_id is not None else f"/payouts/{goodwill_key(row.id)}"


async def _answers(_session: AsyncSession, card_id: str) -> str:
    return f"/cards/{card_id}?tab=evidence"


async def _line(session: AsyncSession, row_id: str) -> str:
    row = await session.get(StatementLineRow, row_id)
    return f"/reconciliation/statements/{row.statement_id}?after={row.number - 1}" if row is not None else ""


async def _break(session: AsyncSession, row_id: str) -> str:
    return f"/reconciliation/breaks/{row_id}" if await session.get(BreakRow, row_id) is not None else ""


async def _sale(_session: AsyncSession, sale_id: str) -> str:
    return f"/sales/{sale_id}"


async def _sale_difference(_session: AsyncSession, of_sale: str) -> str:
    return f"/sales/{of_sale.partition(':')[2]}"


async def _brokered(_session: AsyncSession, payment_id: str) -> str:
    return f"/sales/brokered#payment-{payment_id}"


async def _provider_repaid(_session: AsyncSession, repayment_id: str) -> str:
    return f"/sales/brokered#repayment-{repayment_id}"


async def _receipt(_session: AsyncSession, receipt_id: str) -> str:
    return f"/sales/buyers#receipt-{receipt_id}"


async def _debt_write_off(_session: AsyncSession, write_off_id: str) -> str:
    return f"/sales/debts#write-off-{write_off_id}"


async def _deposit_refunded(_session: AsyncSession, refund_id: str) -> str:
    return f"/sales/debts#refund-{refund_id}"


async def _revaluation(_session: AsyncSession, _month: str) -> str:
    return "/fx"


async def _exchange(_session: AsyncSession, exchange_id: str) -> str:
    return f"/fx#exchange-{exchange_id}"


# By the name of the source, which is before the colon of a cause.
async def _rollback(_session: AsyncSession, claim_id: str) -> str:
    return f"/claims#claim-{claim_id}"


async def _claim_receipt(session: AsyncSession, receipt_id: str) -> str:
    row = await session.get(ClaimReceiptRow, receipt_id)
    return f"/claims#claim-{row.claim_id}" if row is not None else ""


async def _settlement(_session: AsyncSession, run_id: str) -> str:
    return f"/settlements/{run_id}"


async def _counterparty(_session: AsyncSession, party_id: str) -> str:
    return f"/counterparties/{party_id}"


async def _suspense(_session: AsyncSession, clearing_id: str) -> str:
    return f"/reconciliation/suspense#clearing-{clearing_id}"


FINDERS: Mapping[str, Finder] = {
    "quote": _quote,
    "payout": _payout,
    "withholding": _payout,  # Withheld from that order.
    "goodwill": _goodwill,
    "answers": _answers,
    "sale": _sale,
    "sale_difference": _sale_difference,
    "brokered": _brokered,
    "provider_repaid": _provider_repaid,
    "receipt": _receipt,
    "debt_write_off": _debt_write_off,
    "deposit_refunded": _deposit_refunded,
    "exchange": _exchange,
    "revaluation": _revaluation,
    "revaluation_end": _revaluation,
    "rollback": _rollback,
    "claim_receipt": _claim_receipt,
    "settlement": _settlement,
    "counterparty": _counterparty,
    "line": _line,
    "break": _break,
    "suspense": _suspense,
}


@router.get("/{cause}")
async def lead(console: At, person: BooksReader, cause: str) -> Response:  # noqa: ARG001
    """Lead to the page of what caused a posting; where there is none, to everything that it caused."""
    name, _, row_id = cause.partition(":")
    finder, found = FINDERS.get(name), ""
    if finder is not None:
        async with console.services.database.transaction() as session:
            found = await finder(session, row_id[:200])
    return see_other(found or f"/money/journal?cause={quote(cause[:200], safe='')}")
