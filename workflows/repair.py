"""One repair: the rows say what is next, and this workflow does it, step by step, until they say that it is over."""

from __future__ import annotations

from datetime import timedelta

from temporalio import workflow

from workflows import repair_steps

with workflow.unsafe.imports_passed_through():
    from services.ops.repairs.progress import Next, RepairStep


@workflow.defn
class RepairWorkflow:
    """Its id is `repair:<repair id>`. It carries only that id and always continues from the rows."""

    def __init__(self) -> None:
        self._changed = False

    @workflow.run
    async def run(self, repair_id: str) -> None:
        """Returns when the repair is over."""
        while True:
            self._changed = False
            step = await repair_steps.advance(repair_id)
            if step.what is Next.END:
                return
            await self._take(repair_id, step)
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(repair_id)

    async def _take(self, repair_id: str, step: RepairStep) -> None:
        if step.what is Next.ACT:
            await repair_steps.act(repair_id, step.limit, step.rate_per_s)
        elif step.what is Next.LOOK:
            await self._wait(timedelta(seconds=step.wait_s))
            await repair_steps.look(repair_id)
        else:
            await self._wait(None)

    async def _wait(self, at_most: timedelta | None) -> None:
        try:
            await workflow.wait_condition(lambda: self._changed, timeout=at_most)
        except TimeoutError:
            return

    @workflow.signal
    def changed(self) -> None:
        """Note that a person has suspended, resumed or cancelled the repair: the rows say which."""
        self._changed = True
