"""A kept file as an answer that a browser saves and never shows in our name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import quote

from starlette.responses import Response, StreamingResponse


def as_download(name: str, media_type: str, content: bytes) -> Response:
    """Return the file under its name."""
    return Response(content, headers=_headers(name), media_type=media_type)


def as_stream(name: str, media_type: str, content: AsyncIterator[bytes]) -> Response:
    """Return the file under its name, part by part."""
    return StreamingResponse(content, headers=_headers(name), media_type=media_type)


def _headers(name: str) -> dict[str, str]:
    return {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
    }
