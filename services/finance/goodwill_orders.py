"""The payment order of a goodwill payment: written before anything is sent, opened for sending, settled once.

One that pays what is owed to the seller, for a dropped claim or a part of a payment that came back, is no gift: it takes from that.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.repositories import ledger
from database.repositories.notices import tell
from database.sealed import GOODWILL_ACCOUNT, GOODWILL_NAME, ORDER_ACCOUNT, ORDER_NAME
from database.tables.columns import now
from database.tables.finance.payout import PayoutRow
from database.tables.support.goodwill import GoodwillOrderRow, GoodwillRow
from database.tables.support.tickets import TicketRow
from domain.cards.facts import PaymentHeld
from domain.errors.general import NotFound
from domain.finance.ledger import goodwill_prepared, goodwill_refused, payout_paid, payout_prepared, payout_refused
from domain.finance.order_kinds import Journey, OrderCode
from domain.finance.payout import RETURNED, PayoutOrder, PayoutOutcome, PayoutState
from domain.finance.postings.returned import goodwill_returned, payout_returned
from domain.finance.routing import Wait
from domain.identifiers import goodwill_key, short, subject_of
from domain.money import Money
from domain.notices.kinds import NoticeKind
from domain.places import business_day
from domain.rules.tax import tax_in_force
from domain.sealing import KeyRing
from domain.support.goodwill import GoodwillState
from services.finance.owed_payments import came_to
from services.finance.returned import Found, judged
from services.finance.routing import Payment, count, refused_again, route
from services.finance.waiting import goes_on, hold, payment_of_goodwill
from services.finance.whose import Whose


class NotAgreed(Exception):
    """No second person has agreed to the payment, or the key is not its own: nothing is written."""


async def prepare(session: AsyncSession, keyring: KeyRing, goodwill_id: str, key: str) -> PaymentHeld | None:
    """Write the order with its payee and postings, once per key, or return why it must wait. Raises NotAgreed and LimitsMoved."""
    row = await session.get_one(GoodwillRow, goodwill_id, with_for_update=True, populate_existing=True)
    if await session.get(GoodwillOrderRow, key) is not None:
        return None
    agreed = row.state is GoodwillState.AGREED and row.checked_by is not None and row.checked_by not in row.proposers
    if not agreed or key != goodwill_key(goodwill_id):
        raise NotAgreed(f"goodwill {goodwill_id} is {row.state.value}")
    paid = await session.get_one(PayoutRow, row.paid_key)
    account, name = _payee(keyring, paid)
    payment = payment_of_goodwill(keyring, row, paid, key)
    chosen = await route(session, keyring, payment, now())
    if isinstance(chosen, Wait):
        return await hold(session, payment, chosen, now())
    order = GoodwillOrderRow(
        key=key, goodwill_id=row.id, amount_minor=row.amount_minor, currency=row.currency, rail=chosen.rail,
        payee_account_sealed=GOODWILL_ACCOUNT.seal(keyring, key, account),
        payee_name_sealed=GOODWILL_NAME.seal(keyring, key, name),
        routing_version=chosen.version, routed=dict(chosen.facts),
    )  # fmt: skip
    if await insert_once(session, order, "key"):
        await goes_on(session, key, now())
        amount, cause = Money(row.amount_minor, row.currency), f"goodwill:{row.id}"
        back = row.is_owed
        what = "payback_prepared" if back else "goodwill_prepared"
        postings = payout_prepared(row.owner, amount, order.rail) if back else goodwill_prepared(amount, order.rail)
        await ledger.post(session, f"{key}:prepared", None, what, postings, cause=cause)
        await count(session, payment, now())
    return None


async def opened(_: AsyncSession, keyring: KeyRing, row: GoodwillOrderRow) -> PayoutOrder:
    """Return the order as it is sent."""
    account = GOODWILL_ACCOUNT.open(keyring, row.key, row.payee_account_sealed)
    name = GOODWILL_NAME.open(keyring, row.key, row.payee_name_sealed)
    title = f"Cardloop {short(row.goodwill_id)}"
    return PayoutOrder(row.key, Money(row.amount_minor, row.currency), account, name, title, row.prepared_at)


async def settle(session: AsyncSession, row: GoodwillOrderRow, outcome: PayoutOutcome) -> None:
    """Post the certain outcome and end the payment with it; the caller holds the order's row and knows it unsettled."""
    amount, paid = Money(row.amount_minor, row.currency), outcome is PayoutOutcome.PAID
    moment: datetime = now()
    row.state, row.settled_at = PayoutState.PAID if paid else PayoutState.REFUSED, moment
    given = await session.get_one(GoodwillRow, row.goodwill_id, with_for_update=True)
    if paid and not given.is_owed:  # What is owed was judged as the price that it is a part of.
        rules = tax_in_force(business_day(moment))
        row.taxable, row.tax_version = rules.goodwill_taxable, rules.version
    what, postings = "payout_paid", payout_paid(amount, row.rail)
    if not paid and given.is_owed:
        what, postings = "payback_refused", payout_refused(given.owner, amount, row.rail)
    elif not paid:
        what, postings = "goodwill_refused", goodwill_refused(amount, row.rail)
    await ledger.post(session, f"{row.key}:settled", None, what, postings, cause=f"goodwill:{row.goodwill_id}")
    if not paid:
        await refused_again(session, row.rail, amount, row.prepared_at)
    given.state, given.ended_at = GoodwillState.PAID if paid else GoodwillState.REFUSED, moment
    await _tell(session, given, row, moment)


async def returned(session: AsyncSession, key: str, amount: Money, reference: str | None, moment: datetime) -> Found:
    """Book once that the money of a paid order came back: nothing was given. The caller has the gateway's own word."""
    row = await session.get_one(GoodwillOrderRow, key, with_for_update=True, populate_existing=True)
    if (found := await judged(session, row, amount, reference, moment)) is not Found.BOOKED:
        return found
    row.state, row.answered, row.refusal_code = PayoutState.REFUSED, PayoutOutcome.REFUSED, RETURNED
    given = await session.get_one(GoodwillRow, row.goodwill_id, with_for_update=True)
    given.state = GoodwillState.REFUSED
    what, postings = "goodwill_returned", goodwill_returned(amount, row.rail)
    if given.is_owed:
        what, postings = "payback_returned", payout_returned(given.owner, amount, row.rail)
    await ledger.post(session, f"{key}:returned", None, what, postings, cause=f"goodwill:{given.id}")
    await _tell(session, given, row, moment, "returned")
    return found


async def payment(session: AsyncSession, keyring: KeyRing, key: str, _moment: datetime) -> Payment | None:
    """Return the payment as it would be made now; None where its order is there."""
    if await session.get(GoodwillOrderRow, key) is not None:
        return None
    given = await session.get_one(GoodwillRow, subject_of(key))
    return payment_of_goodwill(keyring, given, await session.get_one(PayoutRow, given.paid_key), key)


async def whose(session: AsyncSession, key: str) -> Whose:
    """Return whose the payment is; who proposed it, with everyone they act for, are its makers. Refuse NotFound."""
    given = await session.get(GoodwillRow, subject_of(key)[:26])
    if given is None:
        raise NotFound(payout=key[:80])
    paid = await session.get_one(PayoutRow, given.paid_key)
    return Whose(given.owner, paid.card_id, makers=frozenset(given.proposers))


async def journey(_: AsyncSession, key: str) -> Journey:
    """Return the payment whose workflow carries the order."""
    return Journey(OrderCode.GOODWILL, key, subject_of(key))


async def _tell(
    session: AsyncSession, given: GoodwillRow, row: GoodwillOrderRow, moment: datetime, again: str = ""
) -> None:  # fmt: skip
    """Write the end of a payment into its ticket's history, and notify who proposed it; `again` names an end after another."""
    ticket = None if given.ticket_id is None else await session.get_one(TicketRow, given.ticket_id)
    what, code = f"goodwill_{given.state.value}", row.refusal_code or ""
    came_to(session, given, ticket, "gateway", what, moment, code=code)
    about = ":".join(filter(None, (NoticeKind.GOODWILL, given.id, again)))
    news = {"goodwill_state": given.state.value, "amount": str(Money(row.amount_minor, row.currency))}
    if ticket is None:
        news["page"] = f"/payouts/{row.key}"
    task = None if ticket is None else ticket.task_id
    await tell(session, [given.proposed_by], NoticeKind.GOODWILL, about, task_id=task, **news)


def _payee(keyring: KeyRing, paid: PayoutRow) -> tuple[str, str]:
    if paid.payee_account_sealed is None or paid.payee_name_sealed is None:
        raise NotAgreed(f"order {paid.key} kept no payee")
    account = ORDER_ACCOUNT.open(keyring, paid.key, paid.payee_account_sealed)
    return account, ORDER_NAME.open(keyring, paid.key, paid.payee_name_sealed)
