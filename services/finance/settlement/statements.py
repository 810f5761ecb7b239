"""Make a run's statement: what it says by the run's rows alone, its hash, and its files in both languages."""

from __future__ import annotations

import asyncio
import hashlib
import json
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.finance.settlement import (
    CounterpartyRow,
    SettlementLineRow,
    SettlementRunRow,
    SettlementStatementRow,
)
from domain.finance.counterparties import CounterpartyKind
from domain.finance.postings.settlement import NETTED
from domain.finance.settlement import (
    UNSETTLED,
    Settled,
    SettlementNeed,
    SettlementState,
    Terms,
    ending_of,
    settled,
)
from domain.finance.settlement_periods import end_of
from domain.money import Money
from domain.places import business_day
from gateways.pictures.store import PhotoStore
from services.finance.settlement import netting, work
from services.finance.settlement.statement_files import files_of
from services.finance.settlement.story import MAILED, close, earlier, happened, locked, moved, tell


async def issue(session: AsyncSession, store: PhotoStore, run_id: str, now: datetime) -> None:
    """Make the next version of the statement and give it to the counterparty; a version is made once.

    Nothing happens while an earlier run may still change what this one begins with. A run of nothing is closed without one.
    """
    run, party = await locked(session, run_id)
    if run.version >= run.lines_version or run.state not in UNSETTLED or run.collected_at is None:
        return
    before = await earlier(session, run)
    if before is not None and before.state in UNSETTLED:
        return
    version = run.lines_version
    lines = await lines_of(session, run.id, version)
    run.carried_in_minor = before.carried_out_minor if before is not None else 0
    if (await netting.net(session, run, party, version, _comes_to(run, lines).payable, now)).lines:
        lines = await lines_of(session, run.id, version)
    comes_to, owed = _comes_to(run, lines), await netting.owed(session, party)
    run.lines_minor, run.held_back_minor = comes_to.lines.amount_minor, comes_to.held_back.amount_minor
    run.payable_minor, run.carried_out_minor = comes_to.payable.amount_minor, comes_to.carried_out.amount_minor
    if not lines and not run.carried_in_minor:
        await close(session, run, party, ending_of(0, owed.amount_minor), "machine", now, owed)
        return
    made_on = business_day(now)
    answer_until = made_on + timedelta(days=Terms(**run.terms).answer_days)
    content = content_of(run, party, lines, version, made_on, answer_until, owed)
    made = await asyncio.to_thread(files_of, content)
    kept = {name: await asyncio.to_thread(store.write, file) for name, file in made.items()}
    session.add(
        SettlementStatementRow(
            run_id=run.id, version=version, content_hash=hash_of(content), content=content, files=kept, made_at=now
        )
    )
    run.version, run.deadline_at, run.overdue_at = version, end_of(answer_until), None
    await moved(session, run, SettlementState.ANSWER)
    facts = {"version": str(version), "sha256": hash_of(content), "amount": str(Money(run.payable_minor, run.currency))}
    happened(session, run, "machine", "stated", now, **facts)
    await tell(session, run, party, MAILED)
    asks_us = party.kind is CounterpartyKind.PROVIDER  # It is answered with the provider's invoice.
    await work.needs(session, run, party, SettlementNeed.ANSWER if asks_us else None, now)


async def lines_of(session: AsyncSession, run_id: str, version: int) -> tuple[SettlementLineRow, ...]:
    """Return the lines that a version of the run's statement shows, in the order of their entries."""
    own = (SettlementLineRow.run_id == run_id, SettlementLineRow.version <= version)
    found = select(SettlementLineRow).where(*own).order_by(SettlementLineRow.entry_id)
    return tuple((await session.execute(found)).scalars())


def content_of(
    run: SettlementRunRow, party: CounterpartyRow, lines: tuple[SettlementLineRow, ...], version: int, made_on: date,
    answer_until: date, owed: Money | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return what a version of the statement says: of the same rows, always the same. `owed` was left of returned sales then."""
    comes_to = _comes_to(run, lines)
    still = {} if owed is None or not owed.amount_minor else {"still_owed": owed.amount_minor}
    return {
        "settlement": run.id, "version": version, "period": run.period, "first": run.starts_on.isoformat(),
        "last": run.ends_on.isoformat(), "made_on": made_on.isoformat(), "answer_until": answer_until.isoformat(),
        "counterparty": party.name, "account": party.owner, "kind": party.kind.value, "currency": run.currency.value,
        "terms": dict(run.terms), "carried_in": comes_to.carried_in.amount_minor, "sum": comes_to.lines.amount_minor,
        "held_back": comes_to.held_back.amount_minor, "payable": comes_to.payable.amount_minor,
        "carried_out": comes_to.carried_out.amount_minor, "lines": [_line(one) for one in lines],
        **still,
    }  # fmt: skip


def hash_of(content: dict[str, Any]) -> str:
    """Return the hash (SHA-256, hex) of a statement's content, written as canonical JSON."""
    written = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(written.encode()).hexdigest()


def _comes_to(run: SettlementRunRow, lines: tuple[SettlementLineRow, ...]) -> Settled:
    together = Money(sum(one.amount_minor for one in lines), run.currency)
    netted = Money(sum(one.amount_minor for one in lines if one.what == NETTED), run.currency)
    return settled(Money(run.carried_in_minor, run.currency), together, Terms(**run.terms), netted)


def _line(one: SettlementLineRow) -> dict[str, Any]:
    return {
        "entry": str(one.entry_id), "on": one.happened_on.isoformat(), "what": one.what, "cause": one.cause,
        "card": one.card_id or "", "amount": one.amount_minor, "late": one.late, "note": one.note,
    }  # fmt: skip
