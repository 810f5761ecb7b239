"""Money leaves here and nowhere else: one key per order, asked about before anything is sent twice, settled once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.counting import PAYOUTS
from activities.failures import PayoutUnknown, PayoutWaits, translated
from activities.heartbeats import beating
from database.reads.finance.routing import is_off
from database.repositories import cards
from database.repositories.cards import Change
from database.repositories.orders import OrderRow, orders_of, the_order
from database.session import Database
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.columns import now
from database.tables.finance.payout import PayoutRow
from domain.cards.card import Stage, WaitingFor
from domain.cards.facts import PaymentHeld, PayoutFacts
from domain.finance.payout import (
    AMOUNT_DIFFERS,
    CONFIRMED_WITHIN,
    DEALING,
    NOT_FOUND,
    WAITS_FOR_RECEIVER,
    PaymentGateway,
    PayoutOrder,
    PayoutOutcome,
    PayoutReport,
    PayoutState,
)
from domain.finance.rails import Rail
from domain.identifiers import payout_key
from domain.money import Money
from domain.sealing import KeyRing
from gateways.errors import GatewayRefused
from services.cards.payable import why_not
from services.finance import bank_lines, confirmations, goodwill_orders
from services.finance.failover import fall_over
from services.finance.order_kinds import kind_of
from services.finance.payout_orders import known_report, settle_once
from services.finance.preparing import NewOrder, prepared
from services.finance.routing import count, until_counted
from services.work import sla

# With these words the gateway says that it has the order: only waiting helps, sending again never does.
GATEWAY_HAS_IT = frozenset({DEALING, AMOUNT_DIFFERS, WAITS_FOR_RECEIVER})


@dataclass(frozen=True)
class _Ordered:
    """An order as it is sent, and whether it may have been sent before."""

    order: PayoutOrder
    rail: Rail
    card_id: str | None  # None: no card's order.
    perhaps_sent: bool
    known: PayoutReport | None = field(default=None)


class Payout:
    """Prepares, sends, reconciles and settles payment orders, each on its own rail: nothing of it ever goes to another."""

    def __init__(self, database: Database, keyring: KeyRing, gateways: Mapping[Rail, PaymentGateway]) -> None:
        self._database = database
        self._keyring = keyring
        self._gateways = gateways

    @activity.defn(name="payout.prepare")
    @translated
    async def prepare(self, card_id: str, quote_id: str, key: str) -> PaymentHeld | None:
        """Writes the order and its postings down before anything is sent; prepared once per key.

        Returns why the payment must wait instead, where nothing may leave now: no order is made then. Everything that lets
        money leave is read again from our own rows. Raises `not_accepted` for good for a quote that
        was not accepted, and `not_payable`, tried again, when anything else is missing: a person must look then.
        """
        return await until_counted(lambda: self._prepared(card_id, quote_id, key))

    async def _prepared(self, card_id: str, quote_id: str, key: str) -> PaymentHeld | None:
        async with self._database.transaction() as session:
            card = await cards.load_for_update(session, card_id)
            attempt = await self._attempt(session, card, key)
            if attempt is None:
                return None
            quote = await session.get_one(QuoteRow, quote_id)
            await _require_payable(session, card, quote)
            submission = await session.get_one(SubmissionRow, card.submission_id)
            made = await prepared(session, self._keyring, NewOrder(submission, card, quote, key, attempt), now())
            if isinstance(made, PaymentHeld):
                return made
            if made is not None:
                facts = {"key": key, "amount": str(Money(made.row.amount_minor, made.row.currency))}
                if made.row.offset_minor:
                    facts["offset"] = str(Money(made.row.offset_minor, made.row.currency))
                if made.tax.tax.amount_minor:
                    facts |= {"proceeds": str(made.tax.proceeds), "withheld": str(made.tax.tax)}
                change = Change(Stage.PAYOUT, WaitingFor.MACHINE, None, "payout.prepared", facts)
                await cards.note(session, card_id, change)
                if attempt > 1:  # The seller had it.
                    await sla.follow(session, card_id, WaitingFor.MACHINE, now())
                await count(session, made.payment, now())
        return None

    async def _attempt(self, session: AsyncSession, card: CardRow, key: str) -> int | None:
        """The attempt that this key is for, None when its order is there; it follows only orders that were refused for certain."""
        rows = await session.execute(select(PayoutRow.key, PayoutRow.state).where(PayoutRow.card_id == card.id))
        earlier = {row.key: row.state for row in rows}
        if key in earlier:
            return None
        attempt = len(earlier) + 1
        if key != payout_key(card.id, attempt) or any(state is not PayoutState.REFUSED for state in earlier.values()):
            raise ApplicationError(f"{len(earlier)} orders, not all refused", type="not_payable")
        return attempt

    @activity.defn(name="payout.prepare_goodwill")
    @translated
    async def prepare_goodwill(self, goodwill_id: str, key: str) -> PaymentHeld | None:
        """Writes the order of a goodwill payment and its postings down; prepared once per key, or returns why it waits.

        Raises `not_payable`, tried again, for one that no second person has agreed to: a person must look then.
        """
        try:
            return await until_counted(lambda: self._prepared_goodwill(goodwill_id, key))
        except goodwill_orders.NotAgreed as not_agreed:
            raise ApplicationError(str(not_agreed), type="not_payable") from None

    async def _prepared_goodwill(self, goodwill_id: str, key: str) -> PaymentHeld | None:
        async with self._database.transaction() as session:
            return await goodwill_orders.prepare(session, self._keyring, goodwill_id, key)

    @activity.defn(name="payout.send")
    @translated
    async def send(self, key: str, concludes: bool = False) -> PayoutFacts:
        """Sends the order. One that may have been sent before is asked about first, and sent again, under the same key,
        only when the gateway says for certain that it has none.

        Unknown is returned while the gateway works on it; without any word the activity fails and is tried again. With
        `concludes` a certain answer is posted at once, as `conclude` does; it is kept before that, so that an attempt which
        ends in between is followed by one that only posts.
        """
        async with beating():
            facts = await self._sent(await self._taken_up(key))
            if concludes and facts.outcome is not PayoutOutcome.UNKNOWN:
                return await self._concluded(key)
            return facts

    async def _sent(self, ordered: _Ordered) -> PayoutFacts:
        if ordered.known is not None:
            return _facts(ordered.known)
        report = await self._asked(ordered) if ordered.perhaps_sent else None
        if report is None or report.code == NOT_FOUND:
            if (known := await self._about_to_send(ordered.order.key)) is not None:
                return _facts(known)  # Two people stated it meanwhile.
            report = await self._transferred(ordered)
        await self._keep(report)
        if report.code == WAITS_FOR_RECEIVER:
            await self._to_confirm(ordered, report)
        if report.outcome is PayoutOutcome.UNKNOWN and report.code not in GATEWAY_HAS_IT:
            await self._announce_unknown(ordered, report)
            raise PayoutUnknown(report.code)
        return _facts(report)

    @activity.defn(name="payout.reconcile")
    @translated
    async def reconcile(self, key: str) -> PayoutFacts:
        """Asks what became of the order until it is paid or refused; never sends. Fails, to be tried again, until then."""
        async with beating():
            ordered = await self._taken_up(key)
            report = ordered.known or await self._asked(ordered)
            if report.outcome is PayoutOutcome.UNKNOWN:
                raise await self._still_unknown(ordered, report)
        await self._keep(report)
        return _facts(report)

    async def _still_unknown(self, ordered: _Ordered, report: PayoutReport) -> PayoutUnknown | PayoutWaits:
        """Classify an open order: a planned wait for the receiver or the bank, else unknown; pass on a seller's wish to cancel."""
        if report.code == WAITS_FOR_RECEIVER:
            await self._to_confirm(ordered, report)
            return PayoutWaits(report.code)
        if report.code in GATEWAY_HAS_IT:  # Its silence closes nothing.
            async with self._database.transaction() as session:
                await confirmations.closed(session, report.key)
        if ordered.rail is Rail.BANK and report.code == DEALING:
            return PayoutWaits(report.code)
        return PayoutUnknown(report.code)

    async def _to_confirm(self, ordered: _Ordered, report: PayoutReport) -> None:
        until = (ordered.order.ordered_at or now()) + CONFIRMED_WITHIN
        async with self._database.transaction() as session:
            await confirmations.opened(session, self._keyring, ordered.card_id, report, until)
            called_off = await confirmations.cancelling(session, report.key)
        if called_off:
            await self._gateway(ordered.rail).cancel(ordered.order)
            async with self._database.transaction() as session:
                await confirmations.cancel_sent(session, report.key)

    @activity.defn(name="payout.settle")
    @translated
    async def settle(self, key: str, outcome: PayoutOutcome, code: str | None) -> None:  # noqa: ARG002  # Of old histories.
        """Posts the outcome and ends the card with it, once. An unknown outcome settles nothing: it fails for good.

        Of journeys from before `conclude`. The outcome must be the one that the gateway gave us.
        """
        if outcome is PayoutOutcome.UNKNOWN:
            raise ApplicationError("an unknown payment is not settled", type="payout_unknown", non_retryable=True)
        async with self._database.transaction() as session:
            row = await session.get_one(PayoutRow, key, with_for_update=True)
            if row.answered is not outcome:
                raise ApplicationError("the gateway did not say so", type="payout_unknown")
            if fresh := row.settled_at is None:
                await settle_once(session, row, outcome, ends=True)
        _count(outcome, fresh=fresh)

    @activity.defn(name="payout.conclude")
    @translated
    async def conclude(self, key: str) -> PayoutFacts:
        """Posts the outcome that the gateway gave us, once: paid ends the card, refused makes it wait for another payee.

        Raises `payout_unknown`, tried again, while there is no certain answer.
        """
        return await self._concluded(key)

    async def _concluded(self, key: str) -> PayoutFacts:
        async with self._database.transaction() as session:
            row = await the_order(session, key, lock=True)
            if row.answered is None:
                raise PayoutUnknown(None)
            if fresh := row.settled_at is None:
                await self._settle(session, row, row.answered)
                await confirmations.closed(session, key)
                await bank_lines.leave(session, row, now())
        _count(row.answered, fresh=fresh)
        return PayoutFacts(row.answered, row.refusal_code)

    async def _settle(self, session: AsyncSession, row: OrderRow, outcome: PayoutOutcome) -> None:
        await kind_of(row).settle(session, row, outcome)
        if isinstance(row, PayoutRow) and outcome is PayoutOutcome.REFUSED:
            await fall_over(session, self._keyring, row, now())

    async def _taken_up(self, key: str) -> _Ordered:
        """Marks the order as perhaps sent before anything is, so that no second sender takes it for new.

        An order that was never sent stays as it is while its rail is switched off: raises `rail_off`, tried again.
        """
        table = orders_of(key)
        marking = (
            update(table)
            .where(table.key == key, table.state == PayoutState.PREPARED)
            .values(state=PayoutState.UNKNOWN)
            .returning(table.rail)
            .execution_options(synchronize_session=False)
        )
        async with self._database.transaction() as session:
            rail = (await session.execute(marking)).scalar_one_or_none()
            if (fresh := rail is not None) and await is_off(session, rail):
                raise _rail_off(rail)
            row = await the_order(session, key)
            order, card_id = await kind_of(row).opened(session, self._keyring, row), _card_of(row)
            return _Ordered(order, row.rail, card_id, not fresh, known_report(row))

    async def _about_to_send(self, key: str) -> PayoutReport | None:
        """Return the outcome where it is certain by now; else note that the order is about to be sent.

        Raises `rail_off`, tried again, while its rail is switched off. A statement of the outcome locks the same row, and
        waits for a sending that has begun.
        """
        async with self._database.transaction() as session:
            row = await the_order(session, key, lock=True)
            if (known := known_report(row)) is not None:
                return known
            if await is_off(session, row.rail):
                raise _rail_off(row.rail)
            row.tried_at = now()
        return None

    def _gateway(self, rail: Rail) -> PaymentGateway:
        """The order's own rail; one that is not set up here leaves it unknown, for no other may have it."""
        if (found := self._gateways.get(rail)) is None:
            raise PayoutUnknown(f"NO_RAIL_{rail.value.upper()}")
        return found

    async def _asked(self, ordered: _Ordered) -> PayoutReport:
        try:
            return (await self._gateway(ordered.rail).query(ordered.order)).report
        except GatewayRefused as refused:
            raise PayoutUnknown(refused.code) from None

    async def _transferred(self, ordered: _Ordered) -> PayoutReport:
        """A request that was not accepted as such did nothing: a person fixes our side, and it is tried again."""
        try:
            return (await self._gateway(ordered.rail).transfer(ordered.order)).report
        except GatewayRefused as refused:
            raise PayoutUnknown(refused.code) from None

    async def _keep(self, report: PayoutReport) -> None:
        """Keeps the gateway's reference, and its answer once it is certain: the first certain answer stays."""
        reference = report.gateway_reference
        kept: dict[str, Any] = {} if reference is None else {"gateway_reference": reference}
        if report.outcome is not PayoutOutcome.UNKNOWN:
            kept |= {"answered": report.outcome, "refusal_code": report.code}
        if kept:
            table = orders_of(report.key)
            statement = update(table).where(table.key == report.key, table.answered.is_(None)).values(kept)
            async with self._database.statement() as connection:
                await connection.execute(statement)

    async def _announce_unknown(self, ordered: _Ordered, report: PayoutReport) -> None:
        """Record once per order that the payment is being cleared up; the seller sees it."""
        if ordered.perhaps_sent:
            return
        if ordered.card_id is not None:
            facts = {"key": ordered.order.key, "code": report.code or ""}
            change = Change(Stage.PAYOUT, WaitingFor.GATEWAY, None, "payout.unknown", facts)
            async with self._database.plain() as plain:
                await cards.note(plain, ordered.card_id, change)
        _count(PayoutOutcome.UNKNOWN, fresh=True)


def _rail_off(rail: Rail) -> ApplicationError:
    return ApplicationError(f"{rail.value} is switched off", type="rail_off")


def _card_of(row: OrderRow) -> str | None:
    return row.card_id if isinstance(row, PayoutRow) else None


def _count(outcome: PayoutOutcome, *, fresh: bool) -> None:
    """Count an order once, after its transaction holds."""
    if fresh:
        PAYOUTS.labels(outcome.value).inc()


async def _require_payable(session: AsyncSession, card: CardRow, quote: QuoteRow) -> None:
    missing = await why_not(session, card, quote)
    if missing == "not_accepted":
        raise ApplicationError("the quote was not accepted", type="not_accepted", non_retryable=True)
    if missing is not None:
        raise ApplicationError(missing, type="not_payable")


def _facts(report: PayoutReport) -> PayoutFacts:
    return PayoutFacts(report.outcome, report.code)
