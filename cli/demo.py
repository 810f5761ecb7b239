"""`make demo`: the sample cards of all five types, against the platform that runs or one started for it."""

from rich.console import Console

from bootstrap.local.lock import StateLock, is_taken
from bootstrap.platform import Platform
from bootstrap.settings import Settings


async def run(settings: Settings) -> int:
    """Return 0 only when every card reached the state that it should."""
    from bootstrap.demo.run import run_demo

    if is_taken(settings.state_dir):
        return int(not await run_demo(settings))
    console = Console(highlight=False)
    with StateLock(settings.state_dir):
        platform = Platform(settings, lambda line: console.print(line, style="dim"))
        try:
            await platform.start()
            return int(not await run_demo(settings))
        finally:
            await platform.stop()
