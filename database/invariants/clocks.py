"""I11: clocks of cards, tasks and tickets are what their intervals, states and policies say."""

from __future__ import annotations

from sqlalchemy.ext.asyncio import AsyncSession

from database.clock_invariant import untrue_clocks
from database.invariants.base import Invariant, Look
from database.ticket_clock_invariant import untrue_ticket_clocks


class ClocksAreTrue(Invariant):
    """An item's clock is what its intervals say."""

    code, name = "I11", "clocks_are_true"

    async def broken(self, session: AsyncSession, look: Look) -> list[str]:
        """List clocks of cards and work items that say something else."""
        return (await untrue_clocks(session))[: look.most]


class TicketClocksAreTrue(Invariant):
    """Each promise to a customer has the clock that its intervals, state and policy give."""

    code, name = "I11", "ticket_clocks_are_true"

    async def broken(self, session: AsyncSession, look: Look) -> list[str]:
        """List clocks of tickets that say something else."""
        return (await untrue_ticket_clocks(session))[: look.most]
