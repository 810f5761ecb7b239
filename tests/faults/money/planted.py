"""Payouts with a bug each, of the kinds that lose money; the machine must find every one of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from activities.failures import translated
from activities.payout import Payout
from database.repositories import holds, ledger, matching
from database.session import Database
from database.tables.finance.ledger import HoldRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import BankLineRow
from database.tables.finance.rollback import RollbackRow
from domain.finance.ledger import Postings, payout_paid, payout_prepared
from domain.finance.payout import WAITS_FOR_RECEIVER, PayoutOutcome, PayoutReport, PayoutState
from domain.identifiers import new_id
from domain.money import Money
from gateways.payout.alipay import NO_ANSWER
from services.finance import confirmations, payout_orders

Patch = Callable[[str, Any], None]


class SendsAgain(Payout):
    """Sends an unknown order again without asking what became of it."""

    async def _asked(self, ordered: Any) -> PayoutReport:
        return PayoutReport(ordered.order.key, PayoutOutcome.UNKNOWN, code="ORDER_NOT_EXIST")


class SendsUnderAnotherKey(Payout):
    """Sends an unanswered order again, under another key."""

    async def _transferred(self, ordered: Any) -> PayoutReport:
        report = await super()._transferred(ordered)
        if report.code != NO_ANSWER:
            return report
        order = ordered.order
        again = await super()._transferred(replace(ordered, order=replace(order, key=f"{order.key}-again")))
        return replace(again, key=order.key)


class TakesSilenceForRefusal(Payout):
    """Treats an unanswered payment as not made."""

    async def _transferred(self, ordered: Any) -> PayoutReport:
        report = await super()._transferred(ordered)
        if report.code == NO_ANSWER:
            return PayoutReport(ordered.order.key, PayoutOutcome.REFUSED, code="PAYEE_NOT_EXIST")
        return report


class MarksAfterSending(Payout):
    """Marks an order as sent only once the gateway has answered."""

    async def _taken_up(self, key: str) -> Any:
        ordered = await super()._taken_up(key)
        if not ordered.perhaps_sent:
            await self._set(key, PayoutState.PREPARED)
        return ordered

    async def _transferred(self, ordered: Any) -> PayoutReport:
        report = await super()._transferred(ordered)
        await self._set(ordered.order.key, PayoutState.UNKNOWN)
        return report

    async def _set(self, key: str, state: PayoutState) -> None:
        async with self._database.transaction() as session:
            await session.execute(update(PayoutRow).where(PayoutRow.key == key).values(state=state))


class TakesWaitingForRefused(Payout):
    """Takes a transfer that its receiver has not confirmed for one that is over."""

    async def _asked(self, ordered: Any) -> PayoutReport:
        report = await super()._asked(ordered)
        if report.code == WAITS_FOR_RECEIVER:
            return PayoutReport(ordered.order.key, PayoutOutcome.REFUSED, code="OVERDUE_CLOSE")
        return report


class BelievesItCalledOff(Payout):
    """Takes a transfer for refused as soon as it was asked to be called off."""

    async def _to_confirm(self, ordered: Any, report: PayoutReport) -> None:
        async with self._database.transaction() as session:
            called_off = await confirmations.cancelling(session, report.key)
        await super()._to_confirm(ordered, report)
        if called_off:
            await self._keep(PayoutReport(report.key, PayoutOutcome.REFUSED, code="CANCELLED"))


def post_outside(database: Database, patch: Patch) -> None:
    """Post an order's debt in a transaction of its own, before that of the order."""

    async def ordered_first(session: AsyncSession, row: PayoutRow, owner: str) -> bool:
        postings = payout_prepared(owner, Money(row.amount_minor, row.currency), row.rail)
        async with database.transaction() as own:
            await ledger.post(
                own, f"{row.key}:prepared", row.card_id, "payout_prepared", postings, cause=f"payout:{row.key}"
            )
        session.add(row)
        await session.flush()
        return True

    patch("services.finance.preparing.ordered_first", ordered_first)


def settle_each_time(_database: Database, patch: Patch) -> None:
    """Post an outcome again whenever it is concluded."""
    settle, post = payout_orders.settle_once, ledger.post

    async def posted(session: AsyncSession, key: str, *more: Any, **also: Any) -> bool:
        return await post(session, f"{key}:{new_id()}" if key.endswith(":settled") else key, *more, **also)

    async def concluded(self: Payout, key: str) -> None:
        async with self._database.transaction() as session:
            row = await session.get_one(PayoutRow, key, with_for_update=True)
            if row.answered is not None:
                await settle(session, row, row.answered, ends=False)

    patch("database.repositories.ledger.post", posted)
    patch("activities.payout.Payout.conclude", translated(concluded))


def keep_holds_open(_database: Database, patch: Patch) -> None:
    """Post what was held and keep it held."""

    async def post(session: AsyncSession, key: str, posted_key: str, what: str, postings: Postings) -> bool:
        row = await session.get_one(HoldRow, key, with_for_update=True)
        if row.state.value != "held":
            raise holds.HoldEnded(key, row.state)
        return await ledger.post(session, posted_key, None, what, postings, cause=row.cause)

    patch("database.repositories.holds.post", post)


def believe_notices(database: Database, patch: Patch) -> None:
    """Take a notice's word for what became of an order."""
    heard = payout_orders.verdict_on

    def verdict(row: PayoutRow, report: PayoutReport) -> Any:
        if row is not None and row.answered is None and report.outcome is not PayoutOutcome.UNKNOWN:
            row.answered, row.state = report.outcome, PayoutState.UNKNOWN
        return heard(row, report)

    patch("services.finance.payment_notifications.verdict_on", verdict)
    del database


def gather_again(_database: Database, patch: Patch) -> None:
    """Gather orders into a batch that may stand in another one."""

    async def waiting(session: AsyncSession) -> list[BankLineRow]:
        unanswered = select(BankLineRow).where(BankLineRow.outcome.is_(None)).order_by(BankLineRow.key)
        return list((await session.execute(unanswered)).scalars())

    patch("services.finance.bank_batches.waiting", waiting)


def keep_refused_goodwill(_database: Database, patch: Patch) -> None:
    """Post a refused goodwill payment as one that arrived."""
    patch("services.finance.goodwill_orders.goodwill_refused", payout_paid)


def sell_claimed(_database: Database, patch: Patch) -> None:
    """Sell cards whatever is claimed of them."""

    async def anything_goes(_session: AsyncSession, _card_id: str) -> None:
        pass

    patch("services.finance.selling.require_unclaimed", anything_goes)


def take_more_than_is_left(_database: Database, patch: Patch) -> None:
    """Record what a seller pays back however little is left."""

    async def plenty(_session: AsyncSession, row: RollbackRow) -> int:
        return row.price_minor * 2

    patch("services.finance.claim_payments.left_of", plenty)


def keep_what_was_offset(_database: Database, patch: Patch) -> None:
    """Owe nothing again when a claim is dropped of which a part was offset."""

    async def all_of_it(_session: AsyncSession, row: RollbackRow) -> int:
        return row.amount_minor

    patch("services.finance.dropped_claims.left_of", all_of_it)


def file_what_is_settled(_database: Database, patch: Patch) -> None:
    """Leave orders with the bank whose outcome is known."""

    async def waiting(session: AsyncSession) -> list[BankLineRow]:
        free = (BankLineRow.batch_id.is_(None), BankLineRow.outcome.is_(None))
        return list((await session.execute(select(BankLineRow).where(*free).order_by(BankLineRow.key))).scalars())

    async def nothing(*_: Any) -> int:
        return 0

    patch("services.finance.bank_batches.waiting", waiting)
    for name in ("leave", "leave_batch", "without_settled"):
        patch(f"services.finance.bank_lines.{name}", nothing)


def state_what_waits(_database: Database, patch: Patch) -> None:
    """Let two people state what a receiver or a bank can still carry out."""

    async def nobody(*_: Any) -> None:
        return None

    patch("services.finance.stating.carried_out_by", nobody)


def believe_the_bill(_database: Database, patch: Patch) -> None:
    """Take a transfer for paid that WeChat Pay's bill shows as gone."""
    patch("database.repositories.matching.PROVED", matching.PROVED.replace("AND l.source <> 'wechat'", ""))


def lose_what_came_back(_database: Database, patch: Patch) -> None:
    """Take no notice of a bank that gives a paid transfer back."""

    async def nothing(*_: Any) -> None:
        return None

    patch("services.finance.bank_batches.claimed", nothing)


CLASSES: Mapping[str, type[Payout]] = {
    "sends again": SendsAgain,
    "sends under another key": SendsUnderAnotherKey,
    "takes silence for refusal": TakesSilenceForRefusal,
    "marks after sending": MarksAfterSending,
    "takes waiting for refused": TakesWaitingForRefused,
    "believes it called off": BelievesItCalledOff,
}
PATCHES: Mapping[str, Callable[[Database, Patch], None]] = {
    "posts outside the transaction": post_outside,
    "settles each time": settle_each_time,
    "keeps holds open": keep_holds_open,
    "believes notices": believe_notices,
    "gathers again": gather_again,
    "keeps refused goodwill": keep_refused_goodwill,
    "sells what is claimed": sell_claimed,
    "takes more than is left": take_more_than_is_left,
    "keeps what was offset": keep_what_was_offset,
    "files what is settled": file_what_is_settled,
    "states what waits": state_what_waits,
    "believes the bill": believe_the_bill,
    "loses what came back": lose_what_came_back,
}
