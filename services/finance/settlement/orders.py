"""The payment orders of runs: written before anything is sent, opened for sending, settled once."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.repositories import ledger
from database.sealed import COUNTERPARTY_ACCOUNT, COUNTERPARTY_NAME, SETTLEMENT_ACCOUNT, SETTLEMENT_NAME
from database.tables.columns import now
from database.tables.finance.settlement import (
    CounterpartyPayeeRow,
    CounterpartyRow,
    SettlementOrderRow,
    SettlementRunRow,
)
from domain.cards.card import WaitingFor
from domain.cards.facts import PaymentHeld
from domain.finance.ledger import payout_paid
from domain.finance.order_kinds import Journey, OrderCode
from domain.finance.payee import payee_index_of
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
from domain.finance.routing import Wait
from domain.finance.settlement import SettlementEnding, SettlementNeed, SettlementState
from domain.identifiers import settlement_key, short, subject_of
from domain.money import Money
from domain.sealing import KeyRing
from services.finance.returned import Found, judged
from services.finance.routing import AgreedPayee, Payment, count, refused_again, route
from services.finance.settlement import work
from services.finance.settlement.again import stated_again
from services.finance.settlement.answering import people_needed
from services.finance.settlement.payees import payee_of
from services.finance.settlement.story import close, happened, locked, moved
from services.finance.waiting import goes_on, held_by, keep
from services.finance.whose import Whose


class NotPayable(Exception):
    """The run is not to be paid, or not under this key: nothing is written."""


async def prepare(
    session: AsyncSession, keyring: KeyRing, run_id: str, key: str, moment: datetime
) -> PaymentHeld | None:
    """Write the order with its payee and postings, once per key, or return why it must wait. Raises NotPayable and LimitsMoved."""
    run, party = await locked(session, run_id)
    if await session.get(SettlementOrderRow, key) is not None:
        return None
    payee = await _payee_to_pay(session, run, party, key)
    if await stated_again(session, run, party, moment):
        run.revision += 1  # The workflow waits now, and hears that it is to look again.
        return PaymentHeld(WaitingFor.MACHINE, None)
    paid = _payment(keyring, run, party, payee, key)
    chosen = await route(session, keyring, paid, moment)
    if isinstance(chosen, Wait):
        if await keep(session, paid, chosen, moment):
            facts = {"amount": str(paid.amount), "rail": paid.rail.value, "reasons": ",".join(chosen.reasons)}
            happened(session, run, "machine", "payment_waits", moment, **facts)
        return held_by(chosen)
    account = COUNTERPARTY_ACCOUNT.open(keyring, payee.id, payee.account_sealed)
    order = SettlementOrderRow(
        key=key, run_id=run.id, attempt=run.attempt, amount_minor=run.payable_minor, currency=run.currency,
        payee_id=payee.id, rail=chosen.rail, payee_account_sealed=SETTLEMENT_ACCOUNT.seal(keyring, key, account),
        payee_name_sealed=SETTLEMENT_NAME.seal(keyring, key, paid.payee_name), payee_masked=payee.masked,
        payee_index=paid.payee_index, routing_version=chosen.version, routed=dict(chosen.facts),
    )  # fmt: skip
    if await insert_once(session, order, "key"):
        await goes_on(session, key, moment)
        cause = f"settlement:{run.id}"
        postings = settlement_prepared(payable_to(party.kind, party.owner), paid.amount, order.rail)
        await ledger.post(session, f"{key}:prepared", None, PREPARED, postings, cause=cause)
        facts = {"key": key, "amount": str(paid.amount), "rail": order.rail.value}
        happened(session, run, "machine", "ordered", now(), **facts)
        await count(session, paid, moment)
    return None


async def _payee_to_pay(
    session: AsyncSession, run: SettlementRunRow, party: CounterpartyRow, key: str
) -> CounterpartyPayeeRow:
    """Return whom the run is paid to under this key. Raises NotPayable where it is not to be paid, or not so."""
    if run.state is not SettlementState.PAYING or key != settlement_key(run.id, run.attempt):
        raise NotPayable(f"settlement {run.id} is {run.state.value}, attempt {run.attempt}")
    if len(set(run.approved_by) - set(run.hands)) < people_needed(run):
        raise NotPayable(f"settlement {run.id} was not agreed to by enough people")
    earlier = select(SettlementOrderRow.state).where(SettlementOrderRow.run_id == run.id)
    states = (await session.execute(earlier.order_by(SettlementOrderRow.key))).scalars()
    if any(state is not PayoutState.REFUSED for state in states):
        raise NotPayable(f"settlement {run.id} has an order that was not refused")
    payee = await payee_of(session, party, run)
    if payee is None:
        raise NotPayable(f"settlement {run.id} has no payee")
    return payee


def _payment(
    keyring: KeyRing, run: SettlementRunRow, party: CounterpartyRow, payee: CounterpartyPayeeRow, key: str
) -> Payment:
    account = COUNTERPARTY_ACCOUNT.open(keyring, payee.id, payee.account_sealed)
    name = COUNTERPARTY_NAME.open(keyring, payee.id, payee.name_sealed)
    agreed = AgreedPayee(payee.id, party.id, party.name, payee.checked_at or payee.proposed_at)
    amount = Money(run.payable_minor, run.currency)
    index = payee_index_of(keyring, account)
    return Payment(key, None, party.owner, payee.rail, amount, payee.masked, index, name, agreed)


async def payment(session: AsyncSession, keyring: KeyRing, key: str, _moment: datetime) -> Payment | None:
    """Return the payment as it would be made now; None where its order is there, or the run waits for something else."""
    run, party = await locked(session, subject_of(key))
    if run.state is not SettlementState.PAYING or await session.get(SettlementOrderRow, key) is not None:
        return None
    payee = await payee_of(session, party, run)
    return None if payee is None else _payment(keyring, run, party, payee, key)


async def whose(session: AsyncSession, key: str) -> Whose:
    """Return whose the payment is; who proposed its payee, with everyone they act for, are its makers. Refuse NotFound."""
    run, party = await locked(session, subject_of(key))
    payee = await payee_of(session, party, run)
    also = "" if party.partner_id is None else f"partner:{party.partner_id}"
    return Whose(party.owner, None, also, frozenset(() if payee is None else payee.proposers))


async def journey(session: AsyncSession, key: str) -> Journey:
    """Return the run whose workflow carries the order."""
    run, _ = await locked(session, subject_of(key))
    return Journey(OrderCode.SETTLEMENT, key, run.id, run.counterparty_id, run.period)


async def opened(_: AsyncSession, keyring: KeyRing, row: SettlementOrderRow) -> PayoutOrder:
    """Return the order as it is sent."""
    account = SETTLEMENT_ACCOUNT.open(keyring, row.key, row.payee_account_sealed)
    name = SETTLEMENT_NAME.open(keyring, row.key, row.payee_name_sealed)
    title = f"Cardloop {short(row.run_id)}"
    return PayoutOrder(row.key, Money(row.amount_minor, row.currency), account, name, title, row.prepared_at)


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
    actor = "gateway" if row.stated_id is None else "machine"
    happened(session, run, actor, f"payment_{outcome.value}", moment, **facts)
    if paid:
        await close(session, run, party, SettlementEnding.PAID, "gateway", moment)
        return
    await refused_again(session, row.rail, amount, row.prepared_at)
    run.attempt, run.payee_refused_at = run.attempt + 1, moment
    await moved(session, run, SettlementState.PAYEE)
    await work.needs(session, run, party, SettlementNeed.PAYEE, moment)


async def returned(session: AsyncSession, key: str, amount: Money, reference: str | None, moment: datetime) -> Found:
    """Book once that the money of a paid order came back: it is owed again, and the run waits for another payee.

    The caller has the gateway's own word.
    """
    row = await session.get_one(SettlementOrderRow, key, with_for_update=True, populate_existing=True)
    if (found := await judged(session, row, amount, reference, moment)) is not Found.BOOKED:
        return found
    run, party = await locked(session, row.run_id)
    row.state, row.answered, row.refusal_code = PayoutState.REFUSED, PayoutOutcome.REFUSED, CAME_BACK
    postings = settlement_returned(payable_to(party.kind, party.owner), amount, row.rail)
    await ledger.post(session, f"{key}:returned", None, RETURNED, postings, cause=f"settlement:{run.id}")
    run.ending = run.closed_at = None
    run.attempt, run.payee_refused_at, run.revision = run.attempt + 1, moment, run.revision + 1
    await moved(session, run, SettlementState.PAYEE)
    happened(session, run, "gateway", "payment_returned", moment, key=key, amount=str(amount))
    await work.needs(session, run, party, SettlementNeed.PAYEE, moment)
    return found
