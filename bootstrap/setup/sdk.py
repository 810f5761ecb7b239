"""The Temporal SDK's own downloads, which work where the internet is reached; tried once, for a bounded time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from bootstrap.setup.commands import CommandFailed

if TYPE_CHECKING:  # A set-up that has everything loads no SDK.
    from temporalio.testing import WorkflowEnvironment

_SECONDS_MAX = 15.0
_refused: list[str] = []  # Why the first download of this process failed; the next would wait for nothing.


async def start_dev_server(folder: str) -> WorkflowEnvironment:
    """Start the dev server after downloading the Temporal CLI into ``folder``."""
    from temporalio.testing import WorkflowEnvironment

    return await WorkflowEnvironment.start_local(download_dest_dir=folder)


async def start_test_server(folder: str) -> WorkflowEnvironment:
    """Start the time-skipping server after downloading it into ``folder``."""
    from temporalio.testing import WorkflowEnvironment

    return await WorkflowEnvironment.start_time_skipping(download_dest_dir=folder)


def fetch(start: Callable[[str], Awaitable[WorkflowEnvironment]], folder: Path, name: str) -> Path:
    """Return the downloaded program whose file name begins with ``name``; raises CommandFailed with the reason."""
    if _refused:
        raise CommandFailed(["download"], _refused[0])
    folder.mkdir(parents=True, exist_ok=True)
    try:
        asyncio.run(asyncio.wait_for(_start_once(start, str(folder)), _SECONDS_MAX))
    except (RuntimeError, TimeoutError) as error:
        _refused.append((str(error) or f"no answer in {_SECONDS_MAX:.0f} s").splitlines()[0][:120])
        raise CommandFailed(["download"], _refused[0]) from error
    for file in folder.iterdir():
        if file.is_file() and file.name.startswith(name):
            return file
    raise CommandFailed(["download"], "the SDK left no program")


async def _start_once(start: Callable[[str], Awaitable[WorkflowEnvironment]], folder: str) -> None:
    environment = await start(folder)
    await environment.shutdown()
