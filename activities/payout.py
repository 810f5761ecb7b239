"""Money leaves here and nowhere else: one key per order, asked about before anything is sent twice, settled once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import update
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import PayoutUnknown, translated
from activities.paying import (
    heard_first,
    ordered_with,
    owner_of,
    prepared_first,
    refused_on,
    settle_once,
    settled_report,
    verdict_on,
)
from database.repositories import cards, ledger
from database.repositories.cards import Change
from database.session import Database
from database.tables.columns import now
from database.tables.intake import SubmissionRow
from database.tables.payout import PaymentNotificationRow, PayoutRow
from database.tables.pricing import QuoteRow
from domain.cards import Stage, WaitingFor
from domain.facts import NotificationVerdict, PaymentReport, PayoutFacts
from domain.identifiers import short
from domain.ledger import payout_prepared
from domain.money import Money
from domain.payout import PayoutOrder, PayoutOutcome, PayoutReport, PayoutState
from domain.pricing import QuoteState
from domain.refusals import AmountMismatch, NotFound, SignatureInvalid
from domain.sealing import KeyRing
from gateways.errors import GatewayRefused, ReportRefused
from gateways.payout.alipay import DEALING, NOT_FOUND, AlipayGateway

# With these words the gateway says that it has the order: only waiting helps, sending again never does.
GATEWAY_HAS_IT = frozenset({DEALING, "AMOUNT_DIFFERS"})
NOTIFY_ID_LENGTH_MAX = 128


@dataclass(frozen=True)
class _Ordered:
    """An order as it is sent, and whether it may have been sent before."""

    order: PayoutOrder
    card_id: str
    perhaps_sent: bool
    settled: PayoutReport | None = field(default=None)


class Payout:
    """Prepares, sends, reconciles and settles payment orders, and hears the gateway's notifications."""

    def __init__(self, database: Database, keyring: KeyRing, gateway: AlipayGateway) -> None:
        self._database = database
        self._keyring = keyring
        self._gateway = gateway

    @activity.defn(name="payout.prepare")
    @translated
    async def prepare(self, card_id: str, quote_id: str, key: str) -> None:
        """Writes the order and its postings down before anything is sent; prepared once per key.

        Raises a non-retryable failure for a quote that was not accepted: nothing is paid without acceptance.
        """
        async with self._database.transaction() as session:
            card = await cards.load_for_update(session, card_id)
            quote = await session.get_one(QuoteRow, quote_id)
            if quote.state is not QuoteState.ACCEPTED or quote.card_id != card_id:
                raise ApplicationError("the quote was not accepted", type="not_accepted", non_retryable=True)
            amount = Money(quote.amount_minor, quote.currency)
            if await prepared_first(session, PayoutRow(key=key, card_id=card_id, amount_minor=amount.amount_minor)):
                owner = await owner_of(session, card)
                postings = payout_prepared(owner, amount)
                await ledger.post(session, f"{key}:prepared", card_id, "payout_prepared", postings)
                facts = {"key": key, "amount": str(amount)}
                change = Change(Stage.PAYOUT, WaitingFor.MACHINE, None, "payout.prepared", facts)
                await cards.record(session, card_id, change)

    @activity.defn(name="payout.send")
    @translated
    async def send(self, key: str) -> PayoutFacts:
        """Sends the order. One that may have been sent before is asked about first, and sent again, under the same key,
        only when the gateway says for certain that it has none.

        Unknown is returned while the gateway works on it; without any word the activity fails and is tried again.
        """
        ordered = await self._taken_up(key)
        if ordered.settled is not None:
            return _facts(ordered.settled)
        report = await self._asked(ordered.order) if ordered.perhaps_sent else None
        if report is None or report.code == NOT_FOUND:
            report = await self._transferred(ordered.order)
        await self._keep_reference(report)
        if report.outcome is PayoutOutcome.UNKNOWN and report.code not in GATEWAY_HAS_IT:
            await self._announce_unknown(ordered, report)
            raise PayoutUnknown(report.code)
        return _facts(report)

    @activity.defn(name="payout.reconcile")
    @translated
    async def reconcile(self, key: str) -> PayoutFacts:
        """Asks what became of the order until it is paid or refused; never sends. Fails, to be tried again, until then."""
        ordered = await self._taken_up(key)
        report = ordered.settled or await self._asked(ordered.order)
        if report.outcome is PayoutOutcome.UNKNOWN:
            raise PayoutUnknown(report.code)
        await self._keep_reference(report)
        return _facts(report)

    @activity.defn(name="payout.settle")
    @translated
    async def settle(self, key: str, outcome: PayoutOutcome, code: str | None) -> None:
        """Posts the outcome and ends the card with it, once. An unknown outcome settles nothing: it fails for good."""
        if outcome is PayoutOutcome.UNKNOWN:
            raise ApplicationError("an unknown payment is not settled", type="payout_unknown", non_retryable=True)
        async with self._database.transaction() as session:
            row = await session.get_one(PayoutRow, key, with_for_update=True)
            if row.settled_at is None:
                await settle_once(session, row, outcome, code)

    async def receive_notification(self, form: Mapping[str, str]) -> PaymentReport:
        """The gateway's notification, by its form fields. It is kept with our verdict and moves no money by itself.

        Refuses SignatureInvalid, AmountMismatch and NotFound (no order of ours); the verdict is kept all the same.
        """
        notify_id = form.get("notify_id", "")[:NOTIFY_ID_LENGTH_MAX]
        try:
            report = self._gateway.verify_notification(form)
        except ReportRefused as refused:
            async with self._database.transaction() as session:
                await refused_on(session, now())
            raise SignatureInvalid(why=refused.reason) from None
        return await self._heard(notify_id, report)

    async def _heard(self, notify_id: str, report: PayoutReport) -> PaymentReport:
        async with self._database.transaction() as session:
            row = await session.get(PayoutRow, report.key)
            verdict = verdict_on(row, report)
            amount = None if report.amount is None else report.amount.amount_minor
            heard = PaymentNotificationRow(notify_id=notify_id, key=report.key, verdict=verdict, amount_minor=amount)
            if not await heard_first(session, heard) and verdict is NotificationVerdict.ACCEPTED:
                verdict = NotificationVerdict.DUPLICATE
        if verdict is NotificationVerdict.AMOUNT_MISMATCH:
            raise AmountMismatch()
        if row is None:
            raise NotFound()
        return PaymentReport(row.card_id, report.key, verdict)

    async def _taken_up(self, key: str) -> _Ordered:
        """Marks the order as perhaps sent before anything is, so that no second sender takes it for new."""
        columns: Any = PayoutRow
        marking = (
            update(PayoutRow)
            .where(columns.key == key, columns.state == PayoutState.PREPARED)
            .values(state=PayoutState.UNKNOWN)
            .returning(columns.key)
            .execution_options(synchronize_session=False)
        )
        async with self._database.transaction() as session:
            fresh = (await session.execute(marking)).scalar_one_or_none() is not None
            row, submission = await ordered_with(session, key)
        return _Ordered(self._opened(row, submission), row.card_id, not fresh, settled_report(row))

    def _opened(self, row: PayoutRow, submission: SubmissionRow) -> PayoutOrder:
        place = f"submission:{submission.id}"
        open_text = self._keyring.open_text
        return PayoutOrder(
            key=row.key,
            amount=Money(row.amount_minor, row.currency),
            payee_account=open_text(
                submission.payee_account_sealed, purpose="submission", aad=f"{place}:payee_account"
            ),
            payee_name=open_text(submission.payee_name_sealed, purpose="submission", aad=f"{place}:payee_name"),
            title=f"Cardloop {short(row.card_id)}",
        )

    async def _asked(self, order: PayoutOrder) -> PayoutReport:
        try:
            return (await self._gateway.query(order)).report
        except GatewayRefused as refused:
            raise PayoutUnknown(refused.code) from None

    async def _transferred(self, order: PayoutOrder) -> PayoutReport:
        """A request that was not accepted as such did nothing: a person mends our side, and it is tried again."""
        try:
            return (await self._gateway.transfer(order)).report
        except GatewayRefused as refused:
            raise PayoutUnknown(refused.code) from None

    async def _keep_reference(self, report: PayoutReport) -> None:
        if report.gateway_reference is None:
            return
        columns: Any = PayoutRow
        kept = update(PayoutRow).where(columns.key == report.key).values(gateway_reference=report.gateway_reference)
        async with self._database.transaction() as session:
            await session.execute(kept)

    async def _announce_unknown(self, ordered: _Ordered, report: PayoutReport) -> None:
        """Told once per order: the seller sees that the payment is being cleared up."""
        if ordered.perhaps_sent:
            return
        facts = {"key": ordered.order.key, "code": report.code or ""}
        change = Change(Stage.PAYOUT, WaitingFor.GATEWAY, None, "payout.unknown", facts)
        async with self._database.transaction() as session:
            await cards.record(session, ordered.card_id, change)


def _facts(report: PayoutReport) -> PayoutFacts:
    return PayoutFacts(report.outcome, report.code)
