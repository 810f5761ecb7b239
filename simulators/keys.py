"""Which keys the platform may sign with to each simulator, and what the simulators sign with themselves.

The folder holds a JSON file per party, as the platform keeps them; each is read again for every call, so that a key that is
rotated is good, or good no more, at once.
"""

from __future__ import annotations

import json
from pathlib import Path

REPORTS = "outlet-reports"


class Keys:
    """The keys of `folder`; without a folder one `secret` serves all, for a simulator that is tried out alone."""

    def __init__(self, folder: Path | None, secret: str) -> None:
        self._folder = folder
        self._secret = secret

    def accepted(self, party: str) -> list[str]:
        """With which keys a call to this party may be signed: two during a rotation, none without its file."""
        if self._folder is None:
            return [self._secret]
        return list(self._file(party).values())

    def signing(self, party: str) -> str:
        """With what a program signs as a caller or sender of this kind."""
        return self._secret if self._folder is None else self._file(party).get("current", self._secret)

    def _file(self, party: str) -> dict[str, str]:
        path = Path(self._folder or ".") / f"{party}.json"
        kept: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
        return kept
