"""Take a sale back: asked for by one person of finance with a reason, done when a second agrees."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.reads.finance.debts import lost_of
from database.repositories import cards, ledger
from database.session import Database
from database.tables.finance.sales import SaleRow
from domain.errors.general import NotFound
from domain.errors.sales import ReturnOver, ReturnWaits, SaleReturned
from domain.finance.fx import realised
from domain.finance.ledger import Postings
from domain.finance.postings.sales import buyer_receivable
from domain.finance.sales import PaidFrom, SaleMode
from domain.money import Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.work.reason_codes import ReasonedAct
from services.finance.available import available
from services.finance.brokered_payments import require_unpaid
from services.finance.claimed_stock import take_out
from services.finance.positions import position
from services.finance.recoveries import recover
from services.finance.sales import post_difference, prove
from services.finance.second_person import Proposal, notify_declined, require_apart
from services.finance.selling import owed_back
from services.people.acting import standing
from services.people.permissions import require
from services.work.reason_codes import require_reason


class SaleReturns:
    """Returns of sales with their second persons. `person` is a person's id, of finance."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def ask(self, person: str, sale_id: str, reason_code: str) -> None:
        """Ask for a sale to be taken back; nothing is posted yet. Asked for by them already, nothing changes.

        Refuse NotAllowed, NotFound, ReasonUnknown, SaleReturned, SellerPaid, and ReturnWaits where another was faster
        or the reason differs.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            await require_reason(session, ReasonedAct.RETURN_SALE, reason_code)
            row = await _locked(session, sale_id)
            if row.reversed_at is not None:
                raise SaleReturned()
            if row.return_asked_at is not None:
                if (row.return_asked_by, row.reversed_why) == (person, reason_code):
                    return
                raise ReturnWaits()
            await require_unpaid(session, row)
            row.return_asked_at, row.return_asked_by, row.reversed_why = self._now(), person, reason_code
            row.return_askers = sorted((await standing(session, person, self._now())).circle)
            prove(session, person, "return_ask", row, reason=reason_code)

    async def agree(self, person: str, sale_id: str) -> None:
        """Reverse the sale as the second person: its postings are reversed as of today, and the card may be sold again.

        Where a claim stands on the card, it is worth nothing and its cost leaves the stock at once, by the claim's cause. What the buyer had paid is then to their credit, less what of their debt was written off, what a partner had been paid it owes, and our commission that had arrived we owe to the provider. Done by them already,
        nothing changes. Refuse NotAllowed, NotFound, ReturnOver where nobody asks for it, SaleReturned, and OwnWork to those who asked.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            row = await _asked(session, sale_id)
            if row.reversed_at is not None:
                if row.reversed_by == f"person:{person}":
                    return
                raise SaleReturned()
            who = await standing(session, person, self._now())
            await require_apart(session, who, row.return_askers, self._now())
            await self._reverse(session, row)
            row.reversed_at, row.reversed_by = self._now(), f"person:{person}"
            prove(session, person, "take_back", row, reason=row.reversed_why or "")

    async def decline(self, person: str, sale_id: str) -> None:
        """Reject the return request, or withdraw one's own. Refuse as `agree`, but OwnWork."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            row = await _asked(session, sale_id)
            if row.reversed_at is not None:
                raise SaleReturned()
            prove(session, person, "return_decline", row, reason=row.reversed_why or "")
            await notify_declined(session, row.return_asked_by, person, Proposal.SALE_RETURN, f"/sales/{row.id}")
            row.return_asked_at = row.return_asked_by = row.reversed_why = None
            row.return_askers = []

    async def _reverse(self, session: AsyncSession, row: SaleRow) -> None:
        today, cause = business_day(self._now()), f"sale:{row.id}"
        if row.rate is not None or row.mode is SaleMode.BROKERED:
            await acquire(session, AdvisoryLock.FX_POSITION)  # Before any account, as whatever moves a position does.
        restored = await self._restored(session, row, today)
        if row.rate is not None:
            back = Money(-row.total_minor, row.currency)
            difference = realised(*await position(session, row.currency), back, Money(-row.booked_minor))
            row.difference_minor += difference.amount_minor
            await post_difference(session, row, difference, "returned", today)
        owed = await owed_back(session, row)
        row.reversed_on = today
        row.owed_back = [
            {"account": one.account.code, "minor": one.amount.amount_minor, "currency": one.amount.currency.value}
            for moved in (restored, *owed)
            for one in moved
        ]
        for number, moved in enumerate(owed, 1):
            await ledger.post(
                session, f"{cause}:owed-back:{number}", row.card_id, "sale_owed_back", moved, happened_on=today, cause=cause
            )  # fmt: skip
        await ledger.reverse(session, f"{cause}:returned", cause, "sale_returned", happened_on=today)
        if row.mode is SaleMode.OWN:
            await take_out(session, row.card_id, today)

    async def _restored(self, session: AsyncSession, row: SaleRow, today: date) -> Postings:
        """Post what of the buyer's debt was written off and this return takes back: they never paid it, so that it is not to their credit."""
        if row.mode is not SaleMode.OWN or row.paid_from is not PaidFrom.RECEIVABLE:
            return ()
        debt, total = buyer_receivable(row.buyer), Money(row.total_minor, row.currency)
        owes = await available(session, debt, row.currency)
        lost, cause = await lost_of(session, debt, row.currency), f"sale:{row.id}"
        late, key = min(lost.amount, total - min(owes, total)), f"{cause}:written-off"
        posted = await recover(session, debt, lost, late, key)
        if posted:
            await ledger.post(session, key, row.card_id, "sale_owed_back", posted, happened_on=today, cause=cause)
        return posted


async def _locked(session: AsyncSession, sale_id: str) -> SaleRow:
    """The sale, the card of an own one locked before it as everywhere, so that it is not claimed meanwhile. Refuse NotFound."""
    known = await session.get(SaleRow, sale_id[:26])
    if known is None:
        raise NotFound(sale=sale_id[:26])
    if known.mode is SaleMode.OWN:
        await cards.load_for_update(session, known.card_id)
    return await session.get_one(SaleRow, known.id, with_for_update=True, populate_existing=True)


async def _asked(session: AsyncSession, sale_id: str) -> SaleRow:
    row = await _locked(session, sale_id)
    if row.return_asked_at is None:
        raise ReturnOver()
    return row
