"""A goodwill payment of a seed: agreed to by two people, and paid once to the payee of an order that was paid."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.columns import now
from database.tables.support.goodwill import GoodwillRow
from database.tables.support.tickets import TicketRow
from database.tables.work import WorkItemRow
from domain.identifiers import goodwill_key, new_id
from domain.people.roles import Permission
from domain.support.goodwill import GoodwillState
from domain.support.tickets import TICKET, TicketCategory, TicketChannel
from tests.faults.money.gateway import Status

AMOUNT = 20_00
ORDER = (
    "SELECT key, state, answered, amount_minor, settled_at IS NOT NULL AS settled FROM goodwill_order WHERE key = $1"
)
GIVEN = "SELECT state FROM goodwill WHERE id = $1"


@dataclass
class Gift:
    """The payment, by its id."""

    id: str

    @property
    def key(self) -> str:
        """The key of its order."""
        return goodwill_key(self.id)

    def order(self, scene: Any) -> Any:
        """Return its order as it stands, None while there is none."""
        rows = scene.rows(ORDER, self.key)
        return rows[0] if rows else None

    def next(self, scene: Any) -> tuple[Callable[[], Awaitable[Any]], frozenset[str]]:
        """Return what its workflow does next, and the orders that nobody can have sent when it begins."""
        order, payout = self.order(scene), scene.payout
        if order is None:
            return lambda: payout.prepare_goodwill(self.id, self.key), frozenset()
        if order["answered"] is not None:
            return lambda: payout.conclude(self.key), frozenset()
        fresh = order["state"] == "prepared" and self.key not in scene.sent()
        return lambda: payout.send(self.key), frozenset({self.key} if fresh else ())

    def due(self, scene: Any) -> Iterator[tuple[str, int]]:
        """Yield what must stand on the accounts because of it."""
        order = self.order(scene)
        if order is not None and order["state"] != "refused":
            yield "goodwill", order["amount_minor"]
            where = "cash" if order["state"] == "paid" else "in_flight"
            yield f"{where}:alipay", -order["amount_minor"]

    def wrong(self, scene: Any) -> Iterator[str]:
        """List what does not hold: it is settled as the gateway has it, and never at the gateway before our rows say so."""
        order, made = self.order(scene), scene.gateway.transfers.get(self.key)
        (given,) = scene.rows(GIVEN, self.id)
        state = None if order is None else order["state"]
        if made is not None and state in (None, "prepared"):
            yield f"I4 {self.key} is at the gateway, and our rows have not sent it"
        if made is not None and made.amount.amount_minor != AMOUNT:
            yield f"I4 {self.key} went out with {made.amount}"
        due = {"paid": Status.SUCCESS, "refused": Status.FAIL}.get(str(state))
        if due is not None and (made is None or made.status is not due):
            yield f"I4 {self.key} is {state}, and the gateway has it as {made}"
        ended = {"paid": "paid", "refused": "refused"}.get(str(state), "agreed")
        if given["state"] != ended:
            yield f"I4 goodwill {self.id} is {given['state']} with its order {state}"


async def given(session: AsyncSession, owner: str, paid_key: str, by: tuple[str, str], number: int) -> list[Gift]:
    """Write so many payments that two people agreed to, in a ticket of the seller whose order was paid."""
    ticket, item = new_id(), f"ticket:{new_id()}:ticket:1"
    moment = now()
    session.add(
        WorkItemRow(
            id=item, kind=TICKET, language="en", seller=owner, value_minor=0, reasons=[], warn_at=moment, due_at=moment
        )
    )  # fmt: skip
    await session.flush()
    session.add(
        TicketRow(
            id=ticket, task_id=item, category=TicketCategory.PAYOUT_LATE, channel=TicketChannel.WEB, subject="Money",
            requester=owner, opened_by=owner,
        )
    )  # fmt: skip
    await session.flush()
    gifts = [Gift(new_id()) for _ in range(number)]
    session.add_all(
        GoodwillRow(
            id=one.id, ticket_id=ticket, owner=owner, paid_key=paid_key, payee_masked="138****", amount_minor=AMOUNT,
            reason_code="late", state=GoodwillState.AGREED, needs=Permission.AGREE_GOODWILL, policy_version="machine",
            proposed_by=by[0], proposers=[by[0]], checked_by=by[1],
        )
        for one in gifts
    )  # fmt: skip
    return gifts
