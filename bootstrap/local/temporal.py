"""The Temporal server that holds every card's workflow: our dev server on an SQLite file, or one by its address."""

import asyncio
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import structlog
from temporalio.api.enums.v1 import IndexedValueType, TaskQueueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client, Interceptor, TLSConfig
from temporalio.converter import DataConverter
from temporalio.runtime import Runtime
from temporalio.service import RPCError, RPCStatusCode

from bootstrap.local.rpc_timeouts import CALL, RpcTimeouts
from bootstrap.settings import Settings
from workflows.search_attributes import ALL

# State survives a restart at the speed of memory: 25 workflows/s with these two, 9/s without.
SQLITE_PRAGMAS = ("journal_mode=WAL", "synchronous=NORMAL")
START_SECONDS_MAX = 60.0
KEYWORD = IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD
_log = structlog.get_logger("temporal")


def dev_server_command(cli: Path, settings: Settings) -> list[str]:
    """Return the command for the dev server in the foreground on this project's file and ports; SIGTERM ends it cleanly."""
    ports = ["--port", str(settings.temporal_port), "--ui-port", str(settings.temporal_ui_port)]
    return [
        str(cli), "server", "start-dev", "--ip", "127.0.0.1", *ports,
        "--db-filename", str(settings.state_dir / "temporal.db"),
        "--ui-codec-endpoint", settings.codec_url,
        "--namespace", settings.temporal_namespace,
        "--log-level", "warn",
        *storage_arguments(),
        *(part for key in ALL for part in ("--search-attribute", f"{key.name}=Keyword")),
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


async def register_search_attributes(client: Client) -> None:
    """Have the namespace know our search attributes; the log says so where that is an administrator's to do."""
    namespace, service = client.namespace, client.operator_service
    try:
        listed = await service.list_search_attributes(ListSearchAttributesRequest(namespace=namespace), timeout=CALL)
        missing = {key.name: KEYWORD for key in ALL if key.name not in listed.custom_attributes}
        if missing:
            wanted = AddSearchAttributesRequest(namespace=namespace, search_attributes=missing)
            await service.add_search_attributes(wanted, timeout=CALL)
    except RPCError as refused:
        if refused.status is not RPCStatusCode.ALREADY_EXISTS:  # Another worker was faster.
            _log.warning("search_attributes_not_registered", namespace=namespace, reason=refused.message)


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
