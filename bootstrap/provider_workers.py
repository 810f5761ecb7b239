"""Workers of providers' queues: one for each provider, whose rate the server holds over all processes; issuers come and go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AsyncExitStack
from typing import Any

import structlog
from temporalio.client import Client
from temporalio.worker import Interceptor, Worker

from bootstrap.maintenance import usual_rate
from bootstrap.settings import Settings
from bootstrap.worker_options import worker_options
from domain.ops.providers import issuer as an_issuer
from domain.ops.providers import store as a_store
from domain.rules.brands import issuers as issuers_of_today
from jobs.maintenance import queues_of

Task = Callable[..., Any]
log = structlog.get_logger()


class IssuerWorkers:
    """Starts a worker for each issuer that a new version of the catalogue brings; those at the start run already.

    A worker whose issuer has left the catalogue runs until the process ends: its cards may still be asked about.
    """

    def __init__(
        self,
        settings: Settings,
        client: Client,
        asked: Sequence[Task],
        stack: AsyncExitStack,
        interceptors: Sequence[Interceptor] = (),
    ) -> None:
        self._interceptors = interceptors
        self._settings = settings
        self._client = client
        self._asked = asked
        self._stack = stack
        self._running = _queues_of_issuers(issuers_of_today())

    async def start_new(self) -> int:
        """Start the workers that are missing; return how many."""
        missing = sorted(_queues_of_issuers(issuers_of_today()) - self._running)
        for queue in missing:
            [issuer] = [one for one in issuers_of_today() if queue in _queues_of_issuers([one])]
            worker = _issuer_worker(self._settings, self._client, issuer, queue, self._asked, self._interceptors)
            await self._stack.enter_async_context(worker)
            self._running.add(queue)
            log.info("issuer_worker_started", issuer=issuer, queue=queue)
        return len(missing)


def _queues_of_issuers(codes: Iterable[str]) -> set[str]:
    """The queues of these issuers and of their stores."""
    return {queue for code in codes for provider in (an_issuer(code), a_store(code)) for queue in queues_of(provider)}


def issuer_workers(
    settings: Settings, client: Client, codes: Iterable[str], asked: Sequence[Task], interceptors: Sequence[Interceptor]
) -> list[Worker]:
    """Build the workers of these issuers' queues and of their stores'."""
    return [
        _issuer_worker(settings, client, code, queue, asked, interceptors)
        for code in codes
        for queue in sorted(_queues_of_issuers([code]))
    ]


def _issuer_worker(
    settings: Settings,
    client: Client,
    code: str,
    queue: str,
    asked: Sequence[Task],
    interceptors: Sequence[Interceptor],
) -> Worker:
    """Issuers' own queues serve their stores too: cards from before stores had queues ask there."""
    stores = queue in queues_of(a_store(code))
    tasks = [task for task in asked if task.__name__ == "ask_store"] if stores else asked
    return provider_worker(client, queue, tasks, usual_rate(settings)(an_issuer(code)), interceptors)


def provider_worker(
    client: Client, queue: str, tasks: Sequence[Task], per_s: float, interceptors: Sequence[Interceptor]
) -> Worker:
    """Build the worker of one queue; the server holds the rate over all workers of the queue, however many there are."""
    return Worker(
        client,
        task_queue=queue,
        activities=tasks,
        max_task_queue_activities_per_second=per_s,
        max_concurrent_activity_task_polls=2,
        **worker_options(interceptors),
    )
