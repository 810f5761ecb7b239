"""Hold a part of a buyer's deposit for a card that they are to have: the sale posts it, a person gives it up, or its time is over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards, holds
from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance.ledger import HoldRow
from domain.errors.general import FieldInvalid, IdempotencyKeyReused, NotFound
from domain.errors.sales import CardReserved, ReservationOver
from domain.finance.chart import account_of
from domain.finance.holds import RESERVED_FOR, HoldState, reserved_cause, reserved_key
from domain.finance.sales import PaidFrom
from domain.people.roles import Permission
from services.finance.sales import KEY_MAX, SaleAsked, Sales, require_deposit, reserved
from services.people.permissions import require


class Reservations:
    """What is held of deposits for cards. `person` is a person's id, of finance."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._sales = Sales(database, now)
        self._now = now

    async def reserve(self, person: str, key: str, asked: SaleAsked) -> None:
        """Hold what the sale would take of the buyer's deposit, once per key, for RESERVED_FOR; the card is reserved for this buyer until then.

        Refuse what `Sales.record` refuses, FieldInvalid (`paid_from`) for a sale that no deposit pays, and CardReserved where
        the card is held for a buyer already.
        """
        if not 0 < len(key) <= KEY_MAX or not key.isprintable():
            raise FieldInvalid(field="key", why="missing")
        if asked.paid_from is not PaidFrom.DEPOSIT:
            raise FieldInvalid(field="paid_from", why="out_of_range")
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            await cards.load_for_update(session, asked.card_id)
            worked = await self._sales.worked(session, asked)
            known = await reserved(session, worked)
            if known is not None and known.key != reserved_key(key):
                raise CardReserved(buyer=asked.buyer)
            await require_deposit(session, worked, known)
            until, cause = self._now() + RESERVED_FOR, reserved_cause(asked.card_id)
            try:
                payer = account_of(worked.payer)
                fresh = await holds.reserve(session, reserved_key(key), payer, worked.total, until, cause)
            except holds.HeldDifferently:
                raise IdempotencyKeyReused() from None
            if not fresh:
                await _require_same(session, key, cause)
            else:
                facts = {"buyer": asked.buyer, "amount": str(worked.total), "until": until.isoformat()}
                session.add(by_person(person, "console:sale:reserve", asked.card_id, facts=facts))

    async def give_up(self, person: str, key: str) -> None:
        """Release the hold; an ended hold stays ended. Refuse NotAllowed, NotFound, and ReservationOver once it was sold."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            row = await _known(session, key)
            try:
                ended = await holds.void(session, row.key)
            except holds.HoldEnded:
                raise ReservationOver() from None
            if ended:
                session.add(by_person(person, "console:sale:give_up", row.cause.partition(":")[2]))


async def _require_same(session: AsyncSession, key: str, cause: str) -> None:
    """Refuse IdempotencyKeyReused for a key that held for another card, and ReservationOver for one whose hold has ended."""
    row = await _known(session, key)
    if row.cause != cause:
        raise IdempotencyKeyReused()
    if row.state is not HoldState.HELD:
        raise ReservationOver()


async def _known(session: AsyncSession, key: str) -> HoldRow:
    row = await session.get(HoldRow, reserved_key(key[:KEY_MAX])) if key.isprintable() else None
    if row is None:
        raise NotFound(reservation=key[:KEY_MAX])
    return row
