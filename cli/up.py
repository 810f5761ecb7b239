"""`make up`: everything starts, a table says where it is and what to try, and Ctrl-C stops it all cleanly."""

import asyncio
import signal
import time
from contextlib import suppress

from rich.console import Console

from bootstrap.local.lock import StateLock
from bootstrap.platform import Platform
from bootstrap.settings import Settings
from bootstrap.words import say
from cli.welcome import welcome


async def keep_up(settings: Settings) -> None:
    """Start the platform and keep it until SIGINT or SIGTERM; raises Problem when it cannot start."""
    console = Console(highlight=False)
    stopping = _signalled()
    with StateLock(settings.state_dir):
        platform = Platform(settings, lambda line: console.print(f"[dim]{time.strftime('%H:%M:%S')}[/dim] {line}"))
        try:
            if await _started(platform, stopping):
                welcome(settings, console)
                await stopping.wait()
        finally:
            await platform.stop()
    console.print(say("已全部停止，数据均已保存。", "Everything is stopped, and nothing is lost."))


async def _started(platform: Platform, stopping: asyncio.Event) -> bool:
    """Start, and give up the start when a signal comes first; tell whether it was started."""
    starting = asyncio.create_task(platform.start())
    stop_asked = asyncio.create_task(stopping.wait())
    await asyncio.wait({starting, stop_asked}, return_when=asyncio.FIRST_COMPLETED)
    stop_asked.cancel()
    if not starting.done():
        starting.cancel()
        with suppress(asyncio.CancelledError):
            await starting
        return False
    starting.result()
    return True


def _signalled() -> asyncio.Event:
    event = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, event.set)
    return event
