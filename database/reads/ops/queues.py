"""Task queues and the workers that poll them, as Temporal described them last."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession


@dataclass(frozen=True)
class WorkerSeen:
    """A worker that asked a queue for work lately."""

    identity: str
    build_id: str
    seen_at: datetime | None


@dataclass(frozen=True)
class QueueSeen:
    """One task queue. Rates are tasks per second; `backlog_age_s` is how long the oldest waiting task has waited."""

    queue: str
    kind: str
    workers: tuple[WorkerSeen, ...]
    backlog: int
    backlog_age_s: float
    added_per_s: float
    dispatched_per_s: float
    seen_at: datetime


async def queues(session: AsyncSession) -> tuple[QueueSeen, ...]:
    """Return every task queue: those without workers first, then those with the longest wait."""
    wanted = "SELECT * FROM task_queue ORDER BY pollers > 0, backlog_age_s DESC, queue, kind"
    return tuple(
        QueueSeen(
            row["queue"], row["kind"], tuple(_worker(one) for one in row["described"].get("pollers", ())), row["backlog"],
            row["backlog_age_s"], row["added_per_s"], row["dispatched_per_s"], row["seen_at"],
        )
        for row in (await session.execute(text(wanted))).mappings()
    )  # fmt: skip


def _worker(one: dict[str, str]) -> WorkerSeen:
    seen = one.get("seen_at", "")
    return WorkerSeen(one.get("identity", ""), one.get("build_id", ""), datetime.fromisoformat(seen) if seen else None)
