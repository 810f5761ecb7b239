"""Every step of a run: kept in its story and in the evidence, in the transaction of what happened."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import evidence, outbox
from database.repositories.audit import by_person
from database.tables.finance.settlement import CounterpartyRow, SettlementEventRow, SettlementRunRow
from domain.errors.general import NotFound
from domain.finance.settlement import UNSETTLED, SettlementEnding, SettlementState
from domain.money import Money

MAILED = "settlement.stated"


async def locked(session: AsyncSession, run_id: str) -> tuple[SettlementRunRow, CounterpartyRow]:
    """Return the run, locked, and its counterparty. Refuse NotFound."""
    run = await session.get(SettlementRunRow, run_id[:26], with_for_update=True, populate_existing=True)
    if run is None:
        raise NotFound(settlement=run_id[:26])
    return run, await session.get_one(CounterpartyRow, run.counterparty_id)


def happened(
    session: AsyncSession, run: SettlementRunRow, actor: str, what: str, moment: datetime, **facts: str
) -> None:
    """Write one event: `what` is the key of its sentence (`settlement_event.<what>`); no secret in `facts`."""
    kind, _, person = actor.partition(":")
    if kind == "person":
        session.add(by_person(person, f"console:settlement:{what}", run.id, facts=facts))
    session.add(SettlementEventRow(run_id=run.id, at=moment, actor=actor, what=what, facts=facts))
    body = {"settlement": run.id, "period": run.period, "actor": actor, "at": moment.isoformat(), "facts": facts}
    evidence.append(session, None, f"settlement.{what}", body)


async def tell(session: AsyncSession, run: SettlementRunRow, party: CounterpartyRow, topic: str) -> None:
    """Send the counterparty's program what happened, and by mail that there is a statement, where it has an address."""
    amount = Money(run.payable_minor, run.currency)
    payload = {
        "settlement_id": run.id, "period": run.period, "version": run.version, "state": run.state.value,
        "payable": {"amount_minor": amount.amount_minor, "currency": amount.currency.value},
        "answer_until": None if run.deadline_at is None else run.deadline_at.isoformat(),
    }  # fmt: skip
    if party.partner_id is not None:
        await outbox.put(session, "webhook", f"partner:{party.partner_id}", topic, payload)
    if party.mail_sealed is not None and topic == MAILED:
        facts = {"run_id": run.id, "version": run.version}
        await outbox.put(session, outbox.MAIL, f"counterparty:{party.id}", topic, facts)


async def moved(session: AsyncSession, run: SettlementRunRow, state: SettlementState) -> None:
    """Put the run into a state; once its amounts are settled, the next run of the counterparty may continue from them."""
    was, run.state = run.state, state
    if was in UNSETTLED and state not in UNSETTLED:
        await wake_later(session, run)


async def wake_later(session: AsyncSession, run: SettlementRunRow) -> None:
    """Have the later runs of the counterparty that wait for this one look again."""
    later = (
        SettlementRunRow.counterparty_id == run.counterparty_id,
        SettlementRunRow.ends_on > run.ends_on,
        SettlementRunRow.state == SettlementState.COLLECTING,
    )
    woken = update(SettlementRunRow).where(*later).values(revision=SettlementRunRow.revision + 1)
    await session.execute(woken.execution_options(synchronize_session=False))


async def earlier(session: AsyncSession, run: SettlementRunRow) -> SettlementRunRow | None:
    """Return the counterparty's run before this one."""
    found = (
        select(SettlementRunRow)
        .where(SettlementRunRow.counterparty_id == run.counterparty_id, SettlementRunRow.ends_on < run.ends_on)
        .order_by(SettlementRunRow.ends_on.desc())
        .limit(1)
    )
    return (await session.execute(found)).scalar_one_or_none()


async def close(
    session: AsyncSession,
    run: SettlementRunRow,
    party: CounterpartyRow,
    ending: SettlementEnding,
    actor: str,
    at: datetime,
    owed: Money | None = None,
) -> None:
    """End the run: end its workflow and notify the counterparty. `owed` is what it still owes of returned sales."""
    await moved(session, run, SettlementState.CLOSED)
    run.ending, run.closed_at = ending, at
    amount = Money(run.payable_minor if ending is SettlementEnding.PAID else run.carried_out_minor, run.currency)
    if ending is SettlementEnding.OWING and owed is not None:
        amount -= owed
    happened(session, run, actor, f"closed_{ending.value}", at, amount=str(amount))
    if run.version:
        await tell(session, run, party, f"settlement.{ending.value}")
