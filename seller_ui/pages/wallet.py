"""A seller's wallet: what they are owed, what is on its way, what was paid and what they owe; a statement by month; an objection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from database.reads.finance import wallet as reads
from database.reads.finance.claims import ClaimView, claims_of
from domain.errors.general import FieldInvalid, NotFound
from domain.finance.periods import month_of
from domain.finance.rollback import RollbackState
from domain.places import business_day
from domain.rules.brands import catalogue
from domain.support.tickets import WORDS_MAX, TicketCategory, TicketChannel
from languages import has, translate
from seller_ui.site import NO_FAULTS, REFUSED, Faults, SellerVisit, Visit, require_filled, status_of, texts, typed
from services.finance.rollbacks import Rollbacks
from services.support.opening import NewTicket
from web.spreadsheet import download, given

router = APIRouter()
MONTH_LENGTH = 7


@dataclass(frozen=True)
class WalletPage:
    """Context of wallet.html. `chosen` is the month of the statement."""

    wallet: reads.Wallet
    statement: reads.MonthStatement
    months: Sequence[str]
    chosen: str
    brand_names: Mapping[str, str]
    typed: Mapping[str, str]
    objecting: str  # The claim whose form came back.
    faults: Faults = NO_FAULTS
    words_max: int = WORDS_MAX
    section: str = "wallet"


@router.get("/wallet")
async def show(visit: SellerVisit, month: Annotated[str, Query(max_length=MONTH_LENGTH)] = "") -> Response:
    """Show the wallet, with the statement of a month: this one unless another is asked for."""
    return await visit.page("wallet.html", await _page(visit, month))


@router.get("/wallet.csv")
async def statement(visit: SellerVisit, month: Annotated[str, Query(max_length=MONTH_LENGTH)] = "") -> Response:
    """Give the statement of a month as a file; amounts in fen, so that no spreadsheet takes a negative one for a formula."""
    async with visit.site.services.database.transaction() as session:
        found = await _statement(session, visit.owner, month)
    names = {code: entry.names[visit.locale] for code, entry in catalogue().items()}
    heads = [
        translate(f"wallet.head.{name}", visit.locale)
        for name in ("on", "what", "card", "brand", "amount_fen", "balance_fen")
    ]
    first = (found.month, translate("wallet.before", visit.locale), None, None, None, found.before.amount_minor)
    rows = [
        (
            line.on.isoformat(), _what(line, visit.locale), None if line.card_id is None else line.card_id[-6:],
            names.get(line.brand or "", line.brand), line.amount.amount_minor, line.balance.amount_minor,
        )
        for line in found.lines
    ]  # fmt: skip
    return download(f"cardloop-{found.month}", heads, given([first, *rows]))


@router.post("/wallet/claims/{claim_id}/object")
async def object_to(visit: SellerVisit, claim_id: str) -> Response:
    """Object to a claim: it is a ticket, and nothing is offset until it has an answer."""
    sent = texts(await visit.request.form())
    claim = await _own_claim(visit, claim_id)
    try:
        words = require_filled(sent, "words")
        if len(words) > WORDS_MAX:
            raise FieldInvalid(field="words", why="too_long")
        if claim.row.objected_at is None:
            await visit.site.ticket_throttle.hit("ticket", visit.owner)
        subject = translate("wallet.objection", visit.locale, {"amount": str(claim.amount)})
        new = NewTicket(
            TicketCategory.OTHER, subject, words, (claim.row.card_id,), key=f"objection-{claim.row.id}"
        )  # Sent twice, it is one ticket.
        ticket_id = await visit.site.opening.open(visit.owner, new, TicketChannel.WEB)
        services = visit.site.services
        await Rollbacks(services.database, services.keyring).object(visit.owner, claim.row.id, ticket_id)
    except REFUSED as refused:
        page = await _page(visit, "", sent, claim.row.id, visit.faults(refused))
        return await visit.page("wallet.html", page, status=status_of(refused))
    return visit.go(f"/tickets/{ticket_id}")


async def _own_claim(visit: Visit, claim_id: str) -> ClaimView:
    """Return the seller's own open claim. Refuse NotFound."""
    async with visit.site.services.database.transaction() as session:
        found = await claims_of(session, visit.owner)
    for one in found:
        if one.row.id == claim_id and one.row.state is RollbackState.CLAIMED:
            return one
    raise NotFound(claim=claim_id[:26])


async def _page(
    visit: Visit, month: str, sent: Mapping[str, str] | None = None, objecting: str = "", faults: Faults = NO_FAULTS
) -> WalletPage:
    async with visit.site.services.database.transaction() as session:
        found = await reads.wallet(session, visit.owner, datetime.now(UTC))
        month_statement = await _statement(session, visit.owner, month)
        months = await reads.months(session, visit.owner)
    names = {code: entry.names[visit.locale] for code, entry in catalogue().items()}
    return WalletPage(
        found, month_statement, months, month_statement.month, names, typed(sent or {}, "words"), objecting, faults
    )


async def _statement(session: AsyncSession, owner: str, month: str) -> reads.MonthStatement:
    try:
        return await reads.statement(session, owner, month or month_of(business_day(datetime.now(UTC))))
    except ValueError:
        raise NotFound(month=month) from None


def _what(line: reads.WalletLine, locale: str) -> str:
    """Say the step to a seller; what has no words for them has those of the books."""
    key = f"posted.{line.what}"
    said = translate(key if has(key, locale) else f"ledger_step.{line.what}", locale)
    return f"{said} · {translate('wallet.on_the_way', locale)}" if line.on_its_way else said
