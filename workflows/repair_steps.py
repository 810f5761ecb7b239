"""The steps of a repair as its workflow calls them: each activity bound to its policy, once."""

from __future__ import annotations

from temporalio import workflow

from workflows.policies import DATABASE, REPAIR_ACT, REPAIR_LOOK

with workflow.unsafe.imports_passed_through():
    from activities.repairs import RepairActivities
    from services.ops.repairs.progress import RepairStep


async def advance(repair_id: str) -> RepairStep:
    """Decides from the rows what comes next."""
    return await workflow.execute_local_activity_method(RepairActivities.advance, repair_id, **DATABASE)


async def act(repair_id: str, limit: int, rate_per_s: int) -> int:
    """Acts on the next runs."""
    return await workflow.execute_activity_method(
        RepairActivities.act, args=[repair_id, limit, rate_per_s], **REPAIR_ACT
    )


async def look(repair_id: str) -> int:
    """Looks at runs that are not proven yet."""
    return await workflow.execute_activity_method(RepairActivities.look, repair_id, **REPAIR_LOOK)
