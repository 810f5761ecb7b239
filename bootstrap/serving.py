"""Run one of our processes until it is stopped: an HTTP program under uvicorn, or a worker's coroutine."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import uvicorn
import uvloop
from prometheus_client.registry import Collector

from bootstrap.loading import loading
from bootstrap.settings import Settings
from bootstrap.telemetry import logs, tracing
from bootstrap.telemetry.listener import give_metrics

_GRACE_SECONDS = 5
CODEC = "codec"  # It never asks Temporal.
API = "api"  # Photographs come in here.
Coro = Coroutine[Any, Any, None]


def serve(settings: Settings, name: str) -> None:
    """Serve "api", "console" or "codec" until SIGTERM or SIGINT; open requests get five seconds."""
    logs.configure(settings, name)
    tracing.configure(settings, name)
    collectors = [] if name == CODEC else [_of_temporal()]
    with loading():
        app = build(settings, name)
    give_metrics(settings, name, *collectors)
    if name == API:
        from gateways import decoding

        decoding.warm()  # The first photograph of a seller waits for nothing.
    uvicorn.run(app, **options(settings, name))


def _of_temporal() -> Collector:
    """Return the metrics of every client of Temporal that this process makes."""
    from temporalio.runtime import Runtime

    from bootstrap.telemetry.sdk_metrics import SdkMetrics

    measured = SdkMetrics()
    Runtime.set_default(measured.runtime)
    measured.keep_taking()
    return measured


def options(settings: Settings, name: str) -> dict[str, Any]:
    """How uvicorn serves a program: what is logged, and whose word about a caller's address is believed."""
    return {
        "host": settings.host,
        "port": int(getattr(settings, f"{name}_port")),
        "log_config": None,  # Our own: one line of JSON each.
        "access_log": False,  # Our own request log leaves out query strings, which may hold what a person typed.
        "server_header": False,
        "timeout_graceful_shutdown": _GRACE_SECONDS,
        "proxy_headers": settings.trusted_proxies is not None,
        "forwarded_allow_ips": settings.trusted_proxies or "",
    }


def build(settings: Settings, name: str) -> Any:
    """Build the ASGI program of that name."""
    builders: dict[str, Callable[[Settings], Any]] = {"api": _api, "console": _console, "codec": _codec}
    return builders[name](settings)


def work(settings: Settings, name: str) -> None:
    """Work as "cards" or "reading" until SIGTERM or SIGINT; running activities are finished first."""
    logs.configure(settings, f"worker-{name}")
    tracing.configure(settings, f"worker-{name}")
    runners: dict[str, Callable[[Settings], Coro]] = {"cards": _cards, "reading": _reading}
    with loading():
        logs.quiet_temporal()
        running = runners[name](settings)
    uvloop.run(until_signalled(running))


# Each program loads its own code alone: what the others need would cost it a second of its start, and memory.
def _api(settings: Settings) -> Any:
    from bootstrap.web.api import build_api

    return build_api(settings)


def _console(settings: Settings) -> Any:
    from bootstrap.web.console import build_console

    return build_console(settings)


def _codec(settings: Settings) -> Any:
    from bootstrap.web.codec import build_codec

    return build_codec(settings)


def _cards(settings: Settings) -> Coro:
    from bootstrap.workers import run_cards

    return run_cards(settings)


def _reading(settings: Settings) -> Coro:
    from bootstrap.reading import run_reading

    return run_reading(settings)


async def until_signalled(running: Coro) -> None:
    """Run a coroutine to its end, and cancel it at the first SIGTERM or SIGINT, which its own clean-up ends."""
    task = asyncio.create_task(running)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    await _without_cancellation(task)


async def _without_cancellation(task: Awaitable[None]) -> None:
    try:
        await task
    except asyncio.CancelledError:
        return  # We asked for it: a stop by signal is the ordinary end of a process.
