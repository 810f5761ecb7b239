"""The payment orders of runs: written before anything is sent, opened for sending, settled once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.repositories import ledger
from database.sealed import COUNTERPARTY_ACCOUNT, COUNTERPARTY_NAME, SETTLEMENT_ACCOUNT, SETTLEMENT_NAME
from database.tables.columns import now
from database.tables.finance_settlement import SettlementOrderRow
from domain.finance.ledger import payout_paid
from domain.finance.payout import RETURNED as CAME_BACK
from domain.finance.payout import PayoutOrder, PayoutOutcome, PayoutState
from domain.finance.postings.settlement import (
    PREPARED,
    REFUSED,
    RETURNED,
    payable_to,
    settlement_prepared,
    settlement_refused,
    settlement_returned,
)
from domain.finance.settlement import SettlementEnding, SettlementNeed, SettlementState
from domain.identifiers import settlement_key, short
from domain.money import Money
from domain.sealing import KeyRing
from services.finance.settlement import work
from services.finance.settlement.answering import people_needed
from services.finance.settlement.payees import payee_of
from services.finance.settlement.story import close, happened, locked, moved


class NotPayable(Exception):
    """The run is not to be paid, or not under this key: nothing is written."""


async def prepare(session: AsyncSession, keyring: KeyRing, run_id: str, key: str) -> None:
    """Write the order with its payee and postings, once per key. Raises NotPayable."""
    run, party = await locked(session, run_id)
    if await session.get(SettlementOrderRow, key) is not None:
        return
    if run.state is not SettlementState.PAYING or key != settlement_key(run.id, run.attempt):
        raise NotPayable(f"settlement {run.id} is {run.state.value}, attempt {run.attempt}")
    if len(set(run.approved_by) - set(run.hands)) < people_needed(run):
        raise NotPayable(f"settlement {run.id} was not agreed to by enough people")
    earlier = select(SettlementOrderRow.state).where(SettlementOrderRow.run_id == run.id)
    if any(state is not PayoutState.REFUSED for state in (await session.execute(earlier)).scalars()):
        raise NotPayable(f"settlement {run.id} has an order that was not refused")
    payee = await payee_of(session, party, run)
    if payee is None:
        raise NotPayable(f"settlement {run.id} has no payee")
    account = COUNTERPARTY_ACCOUNT.open(keyring, payee.id, payee.account_sealed)
    name = COUNTERPARTY_NAME.open(keyring, payee.id, payee.name_sealed)
    order = SettlementOrderRow(
        key=key, run_id=run.id, attempt=run.attempt, amount_minor=run.payable_minor, currency=run.currency,
        payee_id=payee.id, rail=payee.rail, payee_account_sealed=SETTLEMENT_ACCOUNT.seal(keyring, key, account),
        payee_name_sealed=SETTLEMENT_NAME.seal(keyring, key, name), payee_masked=payee.masked,
    )  # fmt: skip
    if await insert_once(session, order, "key"):
        amount, cause = Money(run.payable_minor, run.currency), f"settlement:{run.id}"
        postings = settlement_prepared(payable_to(party.kind, party.owner), amount, order.rail)
        await ledger.post(session, f"{key}:prepared", None, PREPARED, postings, cause=cause)
        happened(session, run, "machine", "ordered", now(), key=key, amount=str(amount), rail=order.rail.value)


def opened(keyring: KeyRing, row: SettlementOrderRow) -> PayoutOrder:
    """Return the order as it is sent."""
    account = SETTLEMENT_ACCOUNT.open(keyring, row.key, row.payee_account_sealed)
    name = SETTLEMENT_NAME.open(keyring, row.key, row.payee_name_sealed)
    return PayoutOrder(row.key, Money(row.amount_minor, row.currency), account, name, f"Cardloop {short(row.run_id)}")


async def settle(session: AsyncSession, row: SettlementOrderRow, outcome: PayoutOutcome) -> None:
    """Post the certain outcome: paid closes the run, refused makes it wait for another payee. The caller holds the order's row."""
    amount, paid, moment = Money(row.amount_minor, row.currency), outcome is PayoutOutcome.PAID, now()
    run, party = await locked(session, row.run_id)
    row.state, row.settled_at = PayoutState.PAID if paid else PayoutState.REFUSED, moment
    payable = payable_to(party.kind, party.owner)
    postings = payout_paid(amount, row.rail) if paid else settlement_refused(payable, amount, row.rail)
    what, cause = "payout_paid" if paid else REFUSED, f"settlement:{run.id}"
    await ledger.post(session, f"{row.key}:settled", None, what, postings, cause=cause)
    facts = {"key": row.key, "amount": str(amount), "code": row.refusal_code or ""}
    happened(session, run, "gateway", f"payment_{outcome.value}", moment, **facts)
    if paid:
        await close(session, run, party, SettlementEnding.PAID, "gateway", moment)
        return
    run.attempt, run.payee_refused_at = run.attempt + 1, moment
    await moved(session, run, SettlementState.PAYEE)
    await work.needs(session, run, party, SettlementNeed.PAYEE, moment)


async def returned(session: AsyncSession, key: str, amount: Money, moment: datetime) -> bool:
    """Book that the money of a paid order came back: it is owed again, and the run waits for another payee.

    Return whether it is booked, now or before. The caller has the gateway's own word. An order that does not stand as
    paid, or of another amount, stays as it is.
    """
    row = await session.get_one(SettlementOrderRow, key, with_for_update=True, populate_existing=True)
    if row.state is PayoutState.REFUSED and row.refusal_code == CAME_BACK:
        return True
    if row.state is not PayoutState.PAID or amount != Money(row.amount_minor, row.currency):
        return False
    run, party = await locked(session, row.run_id)
    row.state, row.answered, row.refusal_code = PayoutState.REFUSED, PayoutOutcome.REFUSED, CAME_BACK
    postings = settlement_returned(payable_to(party.kind, party.owner), amount, row.rail)
    await ledger.post(session, f"{key}:returned", None, RETURNED, postings, cause=f"settlement:{run.id}")
    run.ending = run.closed_at = None
    run.attempt, run.payee_refused_at, run.revision = run.attempt + 1, moment, run.revision + 1
    await moved(session, run, SettlementState.PAYEE)
    happened(session, run, "gateway", "payment_returned", moment, key=key, amount=str(amount))
    await work.needs(session, run, party, SettlementNeed.PAYEE, moment)
    return True
