"""The mark that a restore leaves: until what it brought back is reconciled, no worker runs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from bootstrap.settings import Settings


def mark(settings: Settings, taken_at: str) -> None:
    """Record that a backup of that moment (ISO 8601, UTC) was restored."""
    _path(settings).write_text(taken_at)


def restored_at(settings: Settings) -> datetime | None:
    """Return the moment of the backup that was restored and not reconciled since; None without one."""
    path = _path(settings)
    return datetime.fromisoformat(path.read_text()) if path.is_file() else None


def reconciled(settings: Settings) -> None:
    """Record that the restored backup has been reconciled: workers may run."""
    _path(settings).unlink(missing_ok=True)


def _path(settings: Settings) -> Path:
    return settings.state_dir / "restored"
