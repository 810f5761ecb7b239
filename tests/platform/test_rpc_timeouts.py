"""A Temporal that takes a call and never answers ends no process's work: each call of ours gives up in time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from temporalio.client import Client, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.converter import DataConverter
from temporalio.service import RPCError

from bootstrap.local import ports, rpc_timeouts, temporal
from bootstrap.settings import Settings
from tests.slowness import patience

ENDED = (RPCError, TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rpc_timeouts, "CALL", timedelta(milliseconds=300))
    monkeypatch.setattr(rpc_timeouts, "UPDATE", timedelta(milliseconds=300))
    monkeypatch.setattr(temporal, "CALL", timedelta(milliseconds=300))


@asynccontextmanager
async def _proxy(client: Client, port: int = 0) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """The address of a proxy that passes everything on until the event is set, and answers nothing after that."""
    host, _, behind = client.service_client.config.target_host.partition(":")
    silent = asyncio.Event()

    async def passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            if not silent.is_set():
                writer.write(data)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection(host, int(behind))
        writers.extend((writer, inner_writer))
        both = (passed(reader, inner_writer), passed(inner_reader, writer))
        serving.append(asyncio.gather(*both, return_exceptions=True))

    writers: list[asyncio.StreamWriter] = []
    serving: list[asyncio.Future[Any]] = []
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", silent
    finally:
        server.close()
        for writer in writers:
            writer.close()
        await asyncio.gather(*serving)


async def test_every_call_to_a_silent_server_ends(temporal_client: Client, tmp_path: Path, quick: None) -> None:
    async with _proxy(temporal_client) as (address, silent):
        given: dict[str, Any] = {"home": tmp_path, "temporal_address": address}
        client = await temporal.connect(Settings(**given))
        silent.set()
        ends = await asyncio.wait_for(asyncio.gather(*_calls(client), return_exceptions=True), patience(20))
    assert [one for one in ends if not isinstance(one, ENDED)] == []


def _calls(client: Client) -> list[Coroutine[Any, Any, Any]]:
    """One of every kind that we make."""
    handle = client.get_workflow_handle("card-nobody")
    return [
        client.count_workflows(),
        client.start_workflow("nothing", id="card-nobody", task_queue="nowhere"),
        handle.signal("nothing"),
        handle.query("nothing"),
        handle.describe(),
        handle.execute_update("nothing"),
        handle.cancel(),
        handle.terminate(),
        temporal.polled(client, ["nowhere"]),
    ]


async def test_a_server_that_starts_beside_us_is_waited_for(
    temporal_client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = ports.free()
    given: dict[str, Any] = {"home": tmp_path, "temporal_address": f"127.0.0.1:{port}"}
    settings = Settings(**given)
    monkeypatch.setattr(temporal, "START_SECONDS_MAX", 0.3)
    with pytest.raises(RuntimeError):
        await temporal.connect_patiently(settings, DataConverter.default)
    monkeypatch.setattr(temporal, "START_SECONDS_MAX", 30.0)
    connecting = asyncio.create_task(temporal.connect_patiently(settings, DataConverter.default))
    await asyncio.sleep(0.3)
    assert not connecting.done()
    async with _proxy(temporal_client, port):
        assert (await connecting).namespace == settings.temporal_namespace
