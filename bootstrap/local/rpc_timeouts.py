"""Every call to Temporal has an end: the SDK waits without one unless each call names it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import client

CALL = timedelta(seconds=10)
# An update answers when the card has: entering a one-time code waits up to 50 seconds for the issuer.
UPDATE = timedelta(seconds=60)
Asked = TypeVar("Asked")


class RpcTimeouts(client.Interceptor):
    """Gives every call that names no time-out of its own one of ours. Calls end with RPCError or TimeoutError."""

    def intercept_client(self, next: client.OutboundInterceptor) -> client.OutboundInterceptor:  # noqa: A002  # The SDK's name.
        """Intercept calls between the client and the SDK."""
        return _Bounded(next)


class _Bounded(client.OutboundInterceptor):
    async def start_workflow(self, input: client.StartWorkflowInput) -> client.WorkflowHandle[Any, Any]:  # noqa: A002
        return await super().start_workflow(_within(input, CALL))

    async def signal_workflow(self, input: client.SignalWorkflowInput) -> None:  # noqa: A002
        await super().signal_workflow(_within(input, CALL))

    async def query_workflow(self, input: client.QueryWorkflowInput) -> Any:  # noqa: A002
        return await super().query_workflow(_within(input, CALL))

    async def describe_workflow(self, input: client.DescribeWorkflowInput) -> client.WorkflowExecutionDescription:  # noqa: A002
        return await super().describe_workflow(_within(input, CALL))

    async def count_workflows(self, input: client.CountWorkflowsInput) -> client.WorkflowExecutionCount:  # noqa: A002
        return await super().count_workflows(_within(input, CALL))

    async def cancel_workflow(self, input: client.CancelWorkflowInput) -> None:  # noqa: A002
        await super().cancel_workflow(_within(input, CALL))

    async def terminate_workflow(self, input: client.TerminateWorkflowInput) -> None:  # noqa: A002
        await super().terminate_workflow(_within(input, CALL))

    def list_workflows(self, input: client.ListWorkflowsInput) -> client.WorkflowExecutionAsyncIterator:  # noqa: A002
        return super().list_workflows(_within(input, CALL))

    async def start_workflow_update(self, input: client.StartWorkflowUpdateInput) -> client.WorkflowUpdateHandle[Any]:  # noqa: A002
        return await super().start_workflow_update(_within(input, UPDATE))


def _within(asked: Asked, limit: timedelta) -> Asked:
    given: Any = asked
    return asked if given.rpc_timeout is not None else replace(given, rpc_timeout=limit)
