"""A partner's settlement: its own periods, their statements to download, and to confirm or dispute them."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Header, Path, Query

from api.caller import Caller, Partner
from api.settlement_models import (
    AnswerTaken,
    ConfirmIn,
    DisputeIn,
    LineOut,
    RunOut,
    RunsOut,
    RunWholeOut,
    StatementFileOut,
    StatementOut,
)
from api.submissions import KEY
from database.reads.finance import settlements as reads
from domain.errors.general import IdempotencyKeyMissing, NotFound
from domain.finance.settlement import SettlementDeed, SettlementState
from domain.finance.settlement_acts import SettlementAct
from gateways.pictures.store import PhotoMissing
from services.finance.settlement.statement_files import MEDIA_TYPES

router = APIRouter(prefix="/v1/settlements", tags=["settlement"])
Id = Annotated[str, Path(pattern=r"^[0-9A-Z]{26}$")]
Key = Annotated[str, Header(alias="idempotency-key")]
PAGE_MOST = 100


@router.get("")
async def listed(
    partner: Partner,
    state: SettlementState | None = None,
    before: Annotated[str | None, Query(pattern=r"^[0-9A-Z]{26}$")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_MOST)] = 20,
) -> RunsOut:
    """List your settlement runs, the newest period first."""
    async with partner.services.database.transaction() as session:
        found = await reads.runs(
            session, state=state, partner=partner.partner_id, before=before or "", limit=limit + 1
        )  # fmt: skip
    shown = found[:limit]
    return RunsOut(
        settlements=[RunOut.of(one) for one in shown], next=shown[-1].run.id if len(found) > limit else None
    )  # fmt: skip


@router.get("/{settlement_id}")
async def shown(
    partner: Partner, settlement_id: Id, after: Annotated[int, Query(ge=0, le=2**63 - 1)] = 0
) -> RunWholeOut:
    """Return a run with its lines, page by page, and every version of its statement."""
    async with partner.services.database.transaction() as session:
        one = await reads.record(session, settlement_id, after=after, partner=partner.partner_id)
    return RunWholeOut(
        **RunOut.of(one).model_dump(), lines=[LineOut.of(line, one) for line in one.lines],
        next_line=one.lines[-1].entry_id if len(one.lines) == reads.LINES else None,
        statements=[StatementOut.of(row) for row in one.statements], ticket_id=one.run.ticket_id,
    )  # fmt: skip


@router.get("/{settlement_id}/statements/{version}/{name}")
async def statement(
    partner: Partner, settlement_id: Id, version: Annotated[int, Path(ge=1, le=10_000)],
    name: Annotated[str, Path(pattern=r"^(pdf|csv)\.(zh_CN|en)$")],
) -> StatementFileOut:  # fmt: skip
    """Return a file of one version of the statement: `pdf.zh_CN`, `pdf.en`, `csv.zh_CN` or `csv.en`."""
    async with partner.services.database.transaction() as session:
        await reads.line_of(session, settlement_id, partner=partner.partner_id)
        digest = await reads.statement_file(session, settlement_id, version, name)
    try:
        content = await asyncio.to_thread(partner.services.photos.read, digest)
    except PhotoMissing:
        raise NotFound(statement=settlement_id) from None
    return StatementFileOut.of(name, MEDIA_TYPES[name.partition(".")[0]], digest, content)


@router.post("/{settlement_id}/confirm")
async def confirm(partner: Partner, settlement_id: Id, said: ConfirmIn) -> AnswerTaken:
    """Confirm a version of the statement; confirmed before, nothing changes."""
    act = SettlementAct(
        settlement_id, SettlementDeed.CONFIRM, partner.owner, said.version, reference=said.reference or ""
    )  # fmt: skip
    return await _answered(partner, act)


@router.post("/{settlement_id}/dispute")
async def dispute(partner: Partner, settlement_id: Id, said: DisputeIn, idempotency_key: Key = "") -> AnswerTaken:
    """Dispute a version of the statement: a ticket is opened, and the run waits for our answer. The same key is one dispute."""
    if not KEY.fullmatch(idempotency_key):
        raise IdempotencyKeyMissing()
    await partner.limits.tickets.hit("tickets", partner.partner_id)
    act = SettlementAct(
        settlement_id, SettlementDeed.DISPUTE, partner.owner, said.version, said.words, tuple(said.lines),
        token=idempotency_key,
    )  # fmt: skip
    return await _answered(partner, act)


async def _answered(partner: Caller, act: SettlementAct) -> AnswerTaken:
    async with partner.services.database.transaction() as session:
        one = await reads.line_of(session, act.run_id, partner=partner.partner_id)
    state = await partner.services.settlements.act(one.party.id, one.run.period, act)
    async with partner.services.database.transaction() as session:
        now = await reads.line_of(session, act.run_id, partner=partner.partner_id)
    ticket = now.run.ticket_id if act.deed is SettlementDeed.DISPUTE else None
    return AnswerTaken(settlement_id=act.run_id, state=state, ticket_id=ticket)
