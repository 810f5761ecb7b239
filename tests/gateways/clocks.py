"""A payment gateway that tells a time, for what compares clocks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from pydantic import HttpUrl

from bootstrap.settings import Settings


@asynccontextmanager
async def a_gateway_at(moment: datetime) -> AsyncIterator[HttpUrl]:
    """A payment gateway that answers anything with that moment as its time."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        written = format_datetime(moment, usegmt=True)
        writer.write(f"HTTP/1.1 404 Not Found\r\ndate: {written}\r\ncontent-length: 0\r\n\r\n".encode())
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield HttpUrl(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    finally:
        server.close()
        await server.wait_closed()


def settings_with(home: Path, gateway: HttpUrl) -> Settings:
    """Settings whose payment gateway is there."""
    given: dict[str, Any] = {"home": home, "alipay_url": gateway}
    return Settings(**given)
