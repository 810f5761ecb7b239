"""Static files under addresses that hold their content's hash: kept for a year, and never stale after a release."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import os
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

HASH_CHARACTERS = 10
COMPRESSED = frozenset({".css", ".js", ".svg"})
FOREVER = "public, max-age=31536000, immutable"
BRIEFLY = "public, max-age=60"


class StaticFiles:
    """The files below `folder`, served at `/static/<name>`; a file is hashed once per change of its time and size."""

    def __init__(self, folder: Path, prefix: str = "/static") -> None:
        self._folder = folder.resolve()
        self._prefix = prefix
        self._hashes: dict[tuple[str, int, int], str] = {}
        self._compressed: dict[str, bytes] = {}

    @property
    def route(self) -> Route:
        """To be added to the application's routes."""
        return Route(self._prefix + "/{name:path}", self._serve, name="static")

    def url(self, name: str) -> str:
        """`/static/app.css?v=<hash>`; a file that is not there gives its plain address, which answers 404."""
        try:
            return f"{self._prefix}/{name}?v={self._hash(f'{self._folder}/{name}')}"
        except (OSError, ValueError):
            return f"{self._prefix}/{name}"

    async def _serve(self, request: Request) -> Response:
        path = self._found(request.path_params["name"])
        current = request.query_params.get("v") == self._hash(path)
        headers = {"cache-control": FOREVER if current else BRIEFLY, "vary": "accept-encoding"}
        if path.suffix in COMPRESSED and "gzip" in request.headers.get("accept-encoding", ""):
            kind = mimetypes.guess_type(path.name)[0]
            return Response(self._gzipped(path), headers=headers | {"content-encoding": "gzip"}, media_type=kind)
        return FileResponse(path, headers=headers)

    def _found(self, name: str) -> Path:
        """The file of that name inside the folder; 404 for any other, also for a name that no file can have."""
        try:
            path = (self._folder / name).resolve()
            inside = path.is_relative_to(self._folder) and path.is_file()
        except (ValueError, OSError):  # A NUL, or too long.
            inside = False
        if not inside:
            raise HTTPException(404)
        return path

    def _gzipped(self, path: Path) -> bytes:
        """Only these files are compressed: a page holds a secret token beside what a person typed (BREACH)."""
        found = self._hash(path)
        if found not in self._compressed:
            self._compressed[found] = gzip.compress(path.read_bytes())
        return self._compressed[found]

    def _hash(self, path: Path | str) -> str:
        """Look at the file's time alone where it is known: a page names a hundred addresses. Raises OSError where no file is."""
        about = os.stat(path)  # Without a Path for each address.
        key = (str(path), about.st_mtime_ns, about.st_size)
        if key not in self._hashes:
            self._hashes[key] = hashlib.sha256(Path(path).read_bytes()).hexdigest()[:HASH_CHARACTERS]
        return self._hashes[key]
