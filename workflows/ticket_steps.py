"""The step of a ticket as its workflow calls it: the activity bound to its policy, once."""

from __future__ import annotations

from temporalio import workflow

from workflows.policies import DATABASE

with workflow.unsafe.imports_passed_through():
    from activities.tickets import TicketActivities
    from services.support.advancing import TicketStep


async def advance(ticket_id: str) -> TicketStep:
    """Does what is due and says what comes next."""
    return await workflow.execute_local_activity_method(TicketActivities.advance, ticket_id, **DATABASE)
