"""The rate at which Temporal gives out the tasks of a provider's queues: none in maintenance, few while it is resumed.

Temporal's server keeps the rate, so that it holds over all workers, and a task that waits for it has neither begun nor failed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, UpdateTaskQueueConfigRequest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.ops.maintenance import Window, rate_of
from domain.ops.providers import Provider, ProviderKind, provider_named
from domain.rules.brands import brands_of_issuer, providers
from workflows.policies import FX_QUEUE, OUTLET_QUEUE, PAYOUT_QUEUE, issuer_queue, store_queue

AGAIN_S = 30.0  # A rate is set again after so long, since Temporal may have been restored or replaced.
CALL = timedelta(seconds=5)
IDENTITY = "cardloop-maintenance"
_ONE = {ProviderKind.OUTLET: OUTLET_QUEUE, ProviderKind.FX: FX_QUEUE, ProviderKind.PAYOUT: PAYOUT_QUEUE}
_OF_ISSUERS: dict[ProviderKind, Callable[[str, str], str]] = {
    ProviderKind.ISSUER: issuer_queue,
    ProviderKind.STORE: store_queue,
}


def queues_of(provider: Provider, brand: str = "") -> tuple[str, ...]:
    """Return the task queues on which a provider is asked, or one of its brands; none for text messages."""
    if provider.kind in _ONE:
        return (_ONE[provider.kind],)
    queue_of = _OF_ISSUERS.get(provider.kind)
    if queue_of is None:
        return ()
    brands = (brand,) if brand else ("", *brands_of_issuer(provider.issuer))
    return tuple(dict.fromkeys(queue_of(provider.issuer, one) for one in brands))


def limits_of(
    windows: Sequence[Window], usual_per_s: Callable[[Provider], float]
) -> dict[str, tuple[float | None, str]]:
    """Return the rate that the open windows want of each queue, None for as many as usual, and why; the slowest counts."""
    wanted: dict[str, tuple[float | None, str]] = {}
    for window in windows:
        provider = provider_named(window.provider)
        if provider is None:
            continue
        rate = rate_of(window, usual_per_s(provider))
        for queue in queues_of(provider, window.brand):
            before = wanted.get(queue)
            if before is None or _slower(rate, before[0]):
                wanted[queue] = (rate, f"{window.state.value} {window.id}")
    return wanted


class QueueRates:
    """Makes the queues' rates what the open windows want. `usual_per_s` gives a provider's usual calls a second.

    A server that keeps no rates is left alone: the workers hold the calls themselves (`jobs.held_calls`).
    """

    def __init__(self, client: Client, usual_per_s: Callable[[Provider], float]) -> None:
        self._client = client
        self._usual_per_s = usual_per_s
        self._set: dict[str, tuple[tuple[float | None, str], float]] = {}  # What was set last, and when (monotonic).
        self._searched = False

    async def limit(self, windows: Sequence[Window]) -> None:
        """Set every rate that is not known to hold. Raises RPCError where Temporal does not take it."""
        try:
            await self._set_all(limits_of(windows, self._usual_per_s))
        except RPCError as refused:
            if refused.status is not RPCStatusCode.UNIMPLEMENTED:
                raise
            self._set, self._searched = {}, False  # All are set once the server offers it.

    async def _set_all(self, wanted: Mapping[str, tuple[float | None, str]]) -> None:
        if not self._searched:
            await self._release_strays(wanted)
            self._searched = True
        self._set = {queue: known for queue, known in self._set.items() if queue in wanted}
        for queue, (rate, why) in wanted.items():
            known = self._set.get(queue)
            if known is None or known[0] != (rate, why) or time.monotonic() - known[1] > AGAIN_S:
                await self._update(queue, rate, why)
                self._set[queue] = ((rate, why), time.monotonic())

    async def _release_strays(self, wanted: Collection[str]) -> None:
        """Take away limits of ours that no window wants: after a restore the window may be gone and its limit still there."""
        queues = (queue for provider in providers() for queue in queues_of(provider) if queue not in wanted)
        for queue in queues:
            request = DescribeTaskQueueRequest(
                namespace=self._client.namespace, task_queue=TaskQueue(name=queue),
                task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY, report_config=True,
            )  # fmt: skip
            found = await self._client.workflow_service.describe_task_queue(request, timeout=CALL)
            limit = found.config.queue_rate_limit
            if limit.HasField("rate_limit") and limit.metadata.update_identity == IDENTITY:
                await self._update(queue, None, "no window wants it")

    async def _update(self, queue: str, rate: float | None, why: str) -> None:
        """None takes the limit away: what workers declare of the queue holds again."""
        limit = UpdateTaskQueueConfigRequest.RateLimitUpdate(reason=why)
        if rate is not None:
            limit.rate_limit.requests_per_second = rate
        request = UpdateTaskQueueConfigRequest(
            namespace=self._client.namespace, identity=IDENTITY, task_queue=queue,
            task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY, update_queue_rate_limit=limit,
        )  # fmt: skip
        await self._client.workflow_service.update_task_queue_config(request, timeout=CALL)


def _slower(rate: float | None, than: float | None) -> bool:
    return rate is not None and (than is None or rate < than)
