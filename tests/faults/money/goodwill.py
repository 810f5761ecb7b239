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
from tests.faults.money.gateway import Status, Transfer

AMOUNT = 20_00


@dataclass
class Gift:
    """The payment, by its id."""

    id: str

    @property
    def key(self) -> str:
        """The key of its order."""
        return goodwill_key(self.id)

    def next(self, row: Any, scene: Any) -> tuple[Callable[[], Awaitable[Any]], frozenset[str]]:
        """Return what its workflow does next, and the orders that cannot have been sent when it begins."""
        payout = scene.payout
        if row["key"] is None:
            return lambda: payout.prepare_goodwill(self.id, self.key), frozenset()
        if row["answered"] is not None:
            return lambda: payout.conclude(self.key), frozenset()
        fresh = row["state"] == "prepared" and self.key not in scene.sent()
        return lambda: payout.send(self.key), frozenset({self.key} if fresh else ())

    def due(self, row: Any) -> Iterator[tuple[str, int]]:
        """Yield what must stand on the accounts because of it."""
        if row["key"] is not None and row["state"] != "refused":
            yield "goodwill", row["amount_minor"]
            yield f"{'cash' if row['state'] == 'paid' else 'in_flight'}:alipay", -row["amount_minor"]

    def wrong(self, row: Any, made: Transfer | None) -> Iterator[str]:
        """List what does not hold: it is settled as the gateway has it, and never at the gateway before our rows say so."""
        if made is not None and row["state"] in (None, "prepared"):
            yield f"I4 {self.key} is at the gateway, and our rows have not sent it"
        if made is not None and made.amount.amount_minor != AMOUNT:
            yield f"I4 {self.key} went out with {made.amount}"
        due = {"paid": Status.SUCCESS, "refused": Status.FAIL}.get(str(row["state"]))
        if due is not None and (made is None or made.status is not due):
            yield f"I4 {self.key} is {row['state']}, and the gateway has it as {made}"
        if row["given"] != (row["state"] if due is not None else "agreed"):
            yield f"I4 goodwill {self.id} is {row['given']} with its order {row['state']}"


async def given(
    session: AsyncSession, owner: str, paid_key: str, by: tuple[str, str], number: int
) -> tuple[str, list[Gift]]:
    """Write so many payments that two people agreed to, in a ticket of the seller whose order was paid; return the ticket, too."""
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
    return ticket, gifts
