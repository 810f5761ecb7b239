"""What a simulator remembers: records of JSON in memory, or in one SQLite file so that a restart forgets nothing."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

Record = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS record (
    id INTEGER PRIMARY KEY AUTOINCREMENT, program TEXT NOT NULL, kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    UNIQUE (program, kind, key)
)"""
PUT = """
INSERT INTO record (program, kind, key, value) VALUES (?, ?, ?, ?)
ON CONFLICT (program, kind, key) DO UPDATE SET value = excluded.value"""


class Store:
    """Records of one program by kind and key. Several programs may share one file; each sees only its own."""

    def __init__(self, path: Path | None, program: str) -> None:
        self._program = program
        self._empty: set[str] = set()  # Kinds without a record: loops ask for some of them twenty times a second.
        self._connection = sqlite3.connect(path or ":memory:", isolation_level=None, check_same_thread=False)
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.execute("PRAGMA busy_timeout = 5000")
        self._connection.execute(SCHEMA)

    def put(self, kind: str, key: str, value: Record) -> None:
        """Writes the record, in place of one with the same key; it keeps its place in the order."""
        self._empty.discard(kind)
        self._connection.execute(PUT, (self._program, kind, key, json.dumps(value, ensure_ascii=False)))

    def get(self, kind: str, key: str) -> Record | None:
        """Return the record, or None."""
        found = self._rows("kind = ? AND key = ?", (kind, key))
        return found[0] if found else None

    def newest_first(self, kind: str) -> list[Record]:
        """All records of a kind, the one written first last."""
        if kind in self._empty:
            return []
        found = self._rows("kind = ?", (kind,))
        if not found:
            self._empty.add(kind)
        return found

    def delete(self, kind: str, key: str) -> None:
        """Forgets one record."""
        self._connection.execute(
            "DELETE FROM record WHERE program = ? AND kind = ? AND key = ?", (self._program, kind, key)
        )

    def clear(self) -> None:
        """Forgets everything this program knows."""
        self._connection.execute("DELETE FROM record WHERE program = ?", (self._program,))

    def close(self) -> None:
        """Lets go of the file."""
        self._connection.close()

    def _rows(self, condition: str, values: tuple[str, ...]) -> list[Record]:
        # The condition is one of the two literals above; every value is bound.
        sql = f"SELECT value FROM record WHERE program = ? AND {condition} ORDER BY id DESC"  # noqa: S608
        return [json.loads(value) for (value,) in self._connection.execute(sql, (self._program, *values))]
