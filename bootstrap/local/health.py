"""Ways to ask a program whether it can work yet."""

import asyncio
import functools
import ssl
from collections.abc import Awaitable, Callable

import httpx

Check = Callable[[], Awaitable[bool]]
_ANSWER_SECONDS_MAX = 3.0


@functools.cache
def _authorities() -> ssl.SSLContext:
    """Read once: a start asks a hundred times, and reading the list of authorities takes 25 ms of a processor."""
    return httpx.create_ssl_context(trust_env=False)


def answers(url: str) -> Check:
    """Make a check that the address answers 200; the body is not read."""

    async def check() -> bool:
        try:
            async with httpx.AsyncClient(timeout=_ANSWER_SECONDS_MAX, trust_env=False, verify=_authorities()) as client:
                return (await client.get(url)).status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False  # Not listening yet, or busy: asked again soon.

    return check


def all_answer(urls: list[str]) -> Check:
    """Make a check that every address answers 200."""
    checks = [answers(url) for url in urls]

    async def check() -> bool:
        return all(await asyncio.gather(*(one() for one in checks)))

    return check


def in_thread(blocking: Callable[[], bool]) -> Check:
    """Make a check from a function that blocks."""

    async def check() -> bool:
        return await asyncio.to_thread(blocking)

    return check
