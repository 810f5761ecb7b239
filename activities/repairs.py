"""The steps of a repair: decide what is next, act on the next runs, and look at those that are not proven."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.failures import translated
from activities.heartbeats import beating
from database.session import Database
from domain.errors.base import Refusal
from domain.errors.faults import kind_and_place
from domain.errors.general import TemporarilyUnavailable
from domain.ops.repair_kinds import KINDS
from domain.ops.repairs import ItemState, RepairKind
from services.ops.repairs import items, progress, proofs
from services.ops.repairs.acts import Act, AlreadyCured, Declined, ItemAct, Look, LookedAt, NotOffered, RunEnded
from services.ops.repairs.items import Result
from services.ops.repairs.progress import RepairStep

AT_ONCE = 24  # Runs that are acted on at the same time.
WRITTEN_TOGETHER = 50  # So many results are written in one transaction: a crash has as many looked at again, at most.


class RepairActivities:
    """Every activity of repairs. `acts` does one kind's act on one run, `look` asks Temporal how a run fares."""

    def __init__(
        self,
        database: Database,
        acts: Mapping[RepairKind, Act],
        look: Look,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._acts = acts
        self._look = look
        self._now = now

    @activity.defn(name="repairs.advance")
    @translated
    async def advance(self, repair_id: str) -> RepairStep:
        """Decide from the rows what comes next; the repair may be suspended or ended by it."""
        async with self._database.transaction() as session:
            return await progress.advance(session, repair_id, self._now())

    @activity.defn(name="repairs.act")
    @translated
    async def act(self, repair_id: str, limit: int, rate_per_s: int) -> int:
        """Act on the next runs, at most `limit`, and return how many were written down.

        What an interrupted attempt had begun comes first and is looked at before it is acted on. Fails, to be tried again,
        while Temporal does not answer.
        """
        claim = _claim()
        async with beating():
            async with self._database.transaction() as session:
                to_act, unfit = await items.take(session, repair_id, claim, limit, self._now())
                if unfit:
                    await items.write(session, repair_id, claim, unfit, self._now())
            written = len(unfit)
            unknown = 0
            for batch in _batches(to_act, WRITTEN_TOGETHER):
                results = [one for one in await self._act_on(batch, rate_per_s) if one is not None]
                unknown += len(batch) - len(results)
                if results:
                    async with self._database.transaction() as session:
                        written += await items.write(session, repair_id, claim, results, self._now())
        if unknown:
            raise ApplicationError(f"Temporal did not answer for {unknown} runs", type="temporarily_unavailable")
        return written

    @activity.defn(name="repairs.look")
    @translated
    async def look(self, repair_id: str) -> int:
        """Ask Temporal about items that the workers reported nothing of; return how many were asked about."""
        async with self._database.transaction() as session:
            found = await proofs.to_look_at(session, repair_id, self._now())
        if not found:
            return 0
        answers = await asyncio.gather(*(self._looked(one) for one in found))
        async with self._database.transaction() as session:
            verdicts = {one.place: answer for one, answer in zip(found, answers, strict=True)}
            await proofs.looked(session, repair_id, verdicts, self._now())
        return len(found)

    async def _looked(self, one: LookedAt) -> bool | None:
        try:
            return await self._look(one)
        except TemporarilyUnavailable:
            return None

    async def _act_on(self, batch: Sequence[ItemAct], rate_per_s: int) -> list[Result | None]:
        """Act on the runs at this rate; None for those whose effect is unknown."""
        begun, at_once = asyncio.get_running_loop().time(), asyncio.Semaphore(AT_ONCE)

        async def in_turn(place: int, one: ItemAct) -> Result | None:
            await asyncio.sleep(begun + place / rate_per_s - asyncio.get_running_loop().time())
            async with at_once:
                return await self._done(one)

        return list(await asyncio.gather(*(in_turn(place, one) for place, one in enumerate(batch))))

    async def _done(self, one: ItemAct) -> Result | None:
        try:
            facts = await self._acts[one.kind](one)
        except TemporarilyUnavailable:
            return None
        except RunEnded:
            return Result(one.place, one.subject, ItemState.ENDED)
        except AlreadyCured:
            return Result(one.place, one.subject, ItemState.CURED)
        except NotOffered as missing:
            return Result(one.place, one.subject, ItemState.FAILED, error="not_offered", message=missing.call)
        except Declined as declined:
            return Result(one.place, one.subject, ItemState.FAILED, error=declined.word)
        except Refusal as refused:
            return Result(one.place, one.subject, ItemState.FAILED, error=refused.code)
        except Exception as error:  # noqa: BLE001  # One run's fault must not keep the others from being repaired.
            return Result(one.place, one.subject, ItemState.FAILED, error="unforeseen", message=kind_and_place(error))
        return Result(one.place, one.subject, items.done_state(KINDS[one.kind].proof), facts=facts)


def _claim() -> str:
    info = activity.info()
    return f"{info.workflow_run_id}:{info.activity_id}:{info.attempt}"


def _batches(given: Sequence[ItemAct], size: int) -> list[Sequence[ItemAct]]:
    return [given[first : first + size] for first in range(0, len(given), size)]
