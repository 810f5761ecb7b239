"""Drains as the program that starts the workers asks for them."""

from __future__ import annotations

from database import direct


async def is_drained(url: str, name: str) -> bool:
    """Tell whether a drain of the worker of this name holds; a database that does not answer drains no worker.

    Before the first migration there is no table to ask, which is no answer either.
    """
    try:
        return bool(await direct.value(url, "SELECT drain_at IS NOT NULL FROM worker_process WHERE name = $1", name))
    except direct.NoAnswer:
        return False
