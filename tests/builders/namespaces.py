"""Namespaces of Temporal that hold nothing of other tests."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from google.protobuf.duration_pb2 import Duration
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from domain.identifiers import new_id


async def namespace_of_its_own(client: Client) -> Client:
    """A client of a namespace that was just registered and knows none of our attributes."""
    name = f"bare-{new_id().lower()}"
    await client.workflow_service.register_namespace(
        RegisterNamespaceRequest(namespace=name, workflow_execution_retention_period=Duration(seconds=24 * 3600))
    )
    for _ in range(200):  # Known everywhere some moments after it was made.
        with suppress(RPCError):
            bare = await Client.connect(client.service_client.config.target_host, namespace=name)
            await bare.count_workflows()
            return bare
        await asyncio.sleep(0.1)
    raise TimeoutError("the namespace never came")
