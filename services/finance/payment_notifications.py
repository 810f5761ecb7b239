"""Hear what the payment gateway reports: kept with our verdict, it moves no money; the card asks the gateway itself."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.orders import OrderRow, order
from database.session import Database
from database.tables.cards import CardRow
from database.tables.columns import now
from database.tables.finance import PaymentNotificationRow, PayoutRow
from domain.cards.card import WaitingFor
from domain.cards.facts import NotificationVerdict, PaymentReport
from domain.errors.finance import AmountMismatch
from domain.errors.general import NotFound, SignatureInvalid
from domain.finance.payout import PayoutReport
from gateways.alipay.notices import AlipayNotices
from gateways.errors import ReportRefused
from services.finance.payout_orders import heard_first, refused_on, verdict_on

NOTIFY_ID_LENGTH_MAX = 128


class PaymentNotices:
    """Judges and keeps the gateway's notices. It holds no key that pays."""

    def __init__(self, database: Database, notices: AlipayNotices) -> None:
        self._database = database
        self._notices = notices

    async def receive(self, body: bytes) -> PaymentReport:
        """Receive the gateway's notice, as its bytes came. It is kept with our verdict and moves no money by itself.

        Refuses SignatureInvalid, AmountMismatch and NotFound (no order of ours); the verdict is kept all the same.
        """
        try:
            notify_id, report = self._notices.read(body)
        except ReportRefused as refused:
            async with self._database.transaction() as session:
                await refused_on(session, now())
            raise SignatureInvalid(why=refused.reason) from None
        async with self._database.transaction() as session:
            row_of_order, verdict = await _judged(session, notify_id[:NOTIFY_ID_LENGTH_MAX], report)
            card = await session.get_one(CardRow, row_of_order.card_id) if isinstance(row_of_order, PayoutRow) else None
        if verdict is NotificationVerdict.AMOUNT_MISMATCH:
            raise AmountMismatch()
        if row_of_order is not None and card is None:  # Its workflow asks the gateway by itself.
            return PaymentReport("", report.key, verdict, waited_for=False)
        if card is None:
            raise NotFound()
        # An order that is just being sent gets its answer there: the card need not be woken for it.
        return PaymentReport(card.id, report.key, verdict, card.waiting_for is WaitingFor.GATEWAY)


async def _judged(
    session: AsyncSession, notify_id: str, report: PayoutReport
) -> tuple[OrderRow | None, NotificationVerdict]:
    row = await order(session, report.key)
    verdict = verdict_on(row, report)
    amount = None if report.amount is None else report.amount.amount_minor
    heard = PaymentNotificationRow(notify_id=notify_id, key=report.key, verdict=verdict, amount_minor=amount)
    if not await heard_first(session, heard) and verdict is NotificationVerdict.ACCEPTED:
        verdict = NotificationVerdict.DUPLICATE
    return row, verdict
