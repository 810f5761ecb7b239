"""What payment gateways report: kept with our verdict, it moves no money; who waits asks the gateway itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.orders import OrderRow, order
from database.session import Database
from database.tables.cards import CardRow
from database.tables.columns import now
from database.tables.finance.payout import PaymentNotificationRow, PayoutRow
from domain.cards.card import WaitingFor
from domain.cards.facts import NotificationVerdict, PaymentReport
from domain.errors.finance import AmountMismatch
from domain.errors.general import NotFound, SignatureInvalid
from domain.finance.payout import RETURNED, Heard, PayoutReport, PayoutState
from domain.finance.rails import Rail
from gateways.errors import ReportRefused
from services.finance.contradictions import contradicts, keep
from services.finance.payout_orders import heard_first, refused_on, verdict_on
from services.finance.returned import claimed

NOTIFY_ID_LENGTH_MAX = 128
WAITING = frozenset({WaitingFor.GATEWAY, WaitingFor.SELLER_CONFIRM})  # A card that waits so asks at once when it hears.
# Reads a report from its bytes and headers (names in small letters). Raises ReportRefused.
Reader = Callable[[bytes, Mapping[str, str]], tuple[str, PayoutReport]]


class PaymentNotices:
    """Judges and keeps the gateways' notices. It holds no key that pays."""

    def __init__(self, database: Database, readers: Mapping[Rail, Reader]) -> None:
        self._database = database
        self._readers = readers

    async def receive(
        self, body: bytes, rail: Rail = Rail.ALIPAY, headers: Mapping[str, str] | None = None
    ) -> PaymentReport:
        """Receive a gateway's notice, as its bytes came. It is kept with our verdict and moves no money on its own.

        Refuses SignatureInvalid, AmountMismatch and NotFound (no order of ours on that rail); the verdict is kept all the same.
        """
        reader = self._readers.get(rail)
        if reader is None:
            raise NotFound()
        try:
            notify_id, report = reader(body, headers or {})
        except ReportRefused as refused:
            async with self._database.transaction() as session:
                await refused_on(session, now(), rail)
            raise SignatureInvalid(why=refused.reason) from None
        async with self._database.transaction() as session:
            row_of_order, verdict = await _judged(session, notify_id[:NOTIFY_ID_LENGTH_MAX], report, rail)
            card = await session.get_one(CardRow, row_of_order.card_id) if isinstance(row_of_order, PayoutRow) else None
        if verdict is NotificationVerdict.AMOUNT_MISMATCH:
            raise AmountMismatch()
        if row_of_order is not None and card is None:  # Its workflow asks the gateway automatically.
            return PaymentReport("", report.key, verdict, waited_for=False)
        if card is None:
            raise NotFound()
        # An order that is just being sent gets its answer there: the card need not be woken for it.
        return PaymentReport(card.id, report.key, verdict, card.waiting_for in WAITING)


async def _judged(
    session: AsyncSession, notify_id: str, report: PayoutReport, rail: Rail
) -> tuple[OrderRow | None, NotificationVerdict]:
    row = await order(session, report.key)
    if row is not None and row.rail is not rail:
        row = None  # Another rail's order: it is none of theirs to report on.
    verdict = verdict_on(row, report)
    if row is not None and verdict is NotificationVerdict.ACCEPTED and contradicts(row, report.outcome, report.code):
        verdict = NotificationVerdict.CONTRADICTS
        await keep(session, row, report.outcome, Heard.NOTICE, now())
    amount = None if report.amount is None else report.amount.amount_minor
    # Each rail counts separately: one must not use up another's number.
    notify_id = notify_id if rail is Rail.ALIPAY else f"{rail.value}:{notify_id}"
    heard = PaymentNotificationRow(notify_id=notify_id, key=report.key, verdict=verdict, amount_minor=amount, rail=rail)
    if not await heard_first(session, heard) and verdict in (
        NotificationVerdict.ACCEPTED,
        NotificationVerdict.CONTRADICTS,
    ):
        verdict = NotificationVerdict.DUPLICATE
    says_returned = report.code == RETURNED and row is not None and row.state is PayoutState.PAID
    if says_returned and verdict is NotificationVerdict.ACCEPTED and report.amount is not None:
        await claimed(session, report.key, report.amount, now())  # The gateway is asked before anything is booked.
    return row, verdict
