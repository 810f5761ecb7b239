"""The Temporal server that holds every card's workflow: our dev server on an SQLite file, or one by its address."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, Interceptor, TLSConfig
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime
from temporalio.service import RPCError

from bootstrap.local.rpc_timeouts import CALL, RpcTimeouts
from bootstrap.settings import Settings

# State survives a restart at the speed of memory: 25 workflows/s with these two, 9/s without.
SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")
START_SECONDS_MAX = 60.0


def dev_server_command(cli: Path, settings: Settings) -> list[str]:
    """The dev server in the foreground on this project's file and ports; SIGTERM ends it cleanly."""
    ports = ["--port", str(settings.temporal_port), "--ui-port", str(settings.temporal_ui_port)]
    return [
        str(cli), "server", "start-dev", "--ip", "127.0.0.1", *ports,
        "--db-filename", str(settings.state_dir / "temporal.db"),
        "--ui-codec-endpoint", settings.codec_url,
        "--namespace", settings.temporal_namespace,
        "--log-level", "warn",
        *storage_arguments(),
    ]  # fmt: skip


def storage_arguments() -> list[str]:
    """Arguments that every dev server of ours gets, tests' too: pragmas of its storage."""
    return [part for pragma in SQLITE_PRAGMAS for part in ("--sqlite-pragma", pragma)]


async def connect(
    settings: Settings,
    data_converter: DataConverter | None = None,
    runtime: Runtime | None = None,
    *,
    lazy: bool = False,
) -> Client:
    """Connect to the Temporal server that the settings name; raises RuntimeError when it does not answer.

    A lazy client connects at its first call.
    """
    return await Client.connect(
        settings.temporal_target,
        namespace=settings.temporal_namespace,
        data_converter=data_converter or DataConverter.default,
        runtime=runtime,
        lazy=lazy,
        interceptors=[RpcTimeouts(), *_tracing(settings)],
        tls=_tls(settings),
        api_key=settings.temporal_api_key.get_secret_value() if settings.temporal_api_key else None,
    )


def _tracing(settings: Settings) -> list[Interceptor]:
    """Carries a trace from who starts or signals a workflow to its steps, where traces are wanted; workers take it over too."""
    if settings.otlp_endpoint is None:
        return []
    from temporalio.contrib.opentelemetry import TracingInterceptor

    return [TracingInterceptor()]


def _tls(settings: Settings) -> bool | TLSConfig:
    files = (settings.temporal_tls_ca_file, settings.temporal_tls_cert_file, settings.temporal_tls_key_file)
    if any(files):
        authority, certificate, key = (file.read_bytes() if file else None for file in files)
        return TLSConfig(server_root_ca_cert=authority, client_cert=certificate, client_private_key=key)
    return settings.temporal_tls or settings.temporal_api_key is not None


async def connect_patiently(
    settings: Settings, data_converter: DataConverter, runtime: Runtime | None = None
) -> Client:
    """Connect, waiting at most START_SECONDS_MAX for a server that starts beside us; raises RuntimeError after that."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while True:
        try:
            return await connect(settings, data_converter, runtime)
        except RuntimeError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


async def serves(settings: Settings) -> bool:
    """Tell whether the server answers and knows our namespace."""
    try:
        client = await asyncio.wait_for(connect(settings), 5)
        await client.count_workflows(rpc_timeout=timedelta(seconds=5))
    except (RuntimeError, RPCError, TimeoutError):
        return False
    return True


async def polled(client: Client, queues: Sequence[str]) -> bool:
    """Tell whether a worker polls each task queue for activities or workflows."""
    return all([await _polled(client, queue) for queue in queues])


async def _polled(client: Client, queue: str) -> bool:
    for kind in (TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY, TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW):
        request = DescribeTaskQueueRequest(
            namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind
        )
        if (await client.workflow_service.describe_task_queue(request, timeout=CALL)).pollers:
            return True
    return False
