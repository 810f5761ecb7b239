"""Keeps each process's policies as the database has them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

from bootstrap.reporting import reported
from database.session import Database, DatabaseUnavailable
from jobs.registry import Job
from services.policies.reading import LOOK_S, PolicyReader

if TYPE_CHECKING:
    from fastapi import FastAPI  # No worker has a use for it.

ALL = 1000  # More kinds than there are: a look reads them all.


def policy_job(reader: PolicyReader) -> Job:
    """Return the loop that takes up new versions within seconds."""
    return Job("policies", LOOK_S, reader.refresh, ALL)


def follow_policies(app: FastAPI, store: Database, program: str, *others: Job) -> None:
    """Let a web program (`program` is its name) read the policies when it starts, and new versions while it runs.

    `others` run beside that loop, and another writes down how all of them fare.

    It starts without the database too: until that answers, no page of it can decide anything.
    """
    before = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(started: FastAPI) -> AsyncIterator[None]:
        reader = PolicyReader(store)
        with suppress(DatabaseUnavailable):  # The job logs it, and reads them as soon as it can.
            await reader.refresh()
        jobs = reported(store, program, [policy_job(reader), *others]).jobs.values()
        looking = [asyncio.create_task(job.run(), name=f"job:{job.name}") for job in jobs]
        try:
            async with before(started):
                yield
        finally:
            for one in looking:
                one.cancel()
            await asyncio.gather(*looking, return_exceptions=True)

    app.router.lifespan_context = lifespan
