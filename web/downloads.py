"""A kept file as an answer that a browser saves and never shows in our name."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import Response


def as_download(name: str, media_type: str, content: bytes) -> Response:
    """Return the file under its name."""
    headers = {
        "content-disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
        "cache-control": "private, no-store",
    }
    return Response(content, headers=headers, media_type=media_type)
