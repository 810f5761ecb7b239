"""What only this machine can measure: its disks, the age of its keys, certificates that end, and its clock."""

from __future__ import annotations

import asyncio
import functools
import shutil
import ssl
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from cryptography import x509

from bootstrap import clock, container_keys
from bootstrap.settings import Settings
from database.session import Database, DatabaseUnavailable
from domain.ops.health import Found, Measure

BASIS = 10_000
HANDSHAKE_S = 3.0
CERTIFICATES_S = 600.0  # A certificate is asked for once in so many seconds.


async def measure(settings: Settings, store: Database) -> Sequence[Found]:
    """Measure this machine; the clock is compared with the database's."""
    on_disk = await asyncio.to_thread(_on_disk, settings)
    return [*on_disk, await _certificate(settings), await _clock(store)]


def _on_disk(settings: Settings) -> list[Found]:
    return [disk(settings.state_dir), photos(settings.photos), oldest_key(settings.keys)]


def disk(folder: Path) -> Found:
    """Return the used share of the disk that a folder is on, or would be on."""
    share, free = _used(folder)
    return Found(Measure.DISK, share, {"free_bytes": str(free)})


def photos(folder: Path) -> Found:
    """Return the used share of the photos' disk; it failed when nothing can be written there."""
    share, free = _used(folder)
    try:
        with tempfile.TemporaryFile(dir=folder):
            failed = False
    except OSError:
        failed = True
    return Found(Measure.PHOTOS, share, {"free_bytes": str(free), "writable": "no" if failed else "yes"}, failed=failed)


def _used(folder: Path) -> tuple[float, int]:
    there = next(one for one in (folder, *folder.parents) if one.exists())
    usage = shutil.disk_usage(there)
    reachable = usage.used + usage.free  # Without what is reserved for the system.
    return usage.used * BASIS / max(1, reachable), usage.free


def oldest_key(folder: Path) -> Found:
    """Return the age of the key file that was written longest ago."""
    copies = folder / container_keys.FOLDER
    files = [one for one in folder.rglob("*") if one.is_file() and not one.is_relative_to(copies)]
    if not files:
        return Found(Measure.KEYS, None)
    oldest = min(files, key=lambda one: one.stat().st_mtime)
    return Found(
        Measure.KEYS, max(0.0, time.time() - oldest.stat().st_mtime), {"file": str(oldest.relative_to(folder))}
    )


async def _certificate(settings: Settings) -> Found:
    return await asyncio.to_thread(_kept_certificate, settings, int(time.monotonic() // CERTIFICATES_S))


@functools.lru_cache(maxsize=4)
def _kept_certificate(settings: Settings, _period: int) -> Found:
    try:
        return certificate(settings, datetime.now(UTC))
    except (OSError, ValueError):
        return Found(Measure.CERTIFICATE, None)


def certificate(settings: Settings, now: datetime, ask: Callable[[str, int], str] | None = None) -> Found:
    """Return the time until the first certificate ends: Temporal's client certificate, and those of our https addresses.

    `ask` returns the PEM text that a host and port show. Raises OSError and ValueError for what cannot be read or reached.
    """
    ask = ask or (lambda host, port: ssl.get_server_certificate((host, port), timeout=HANDSHAKE_S))
    ends: dict[str, datetime] = {}
    if settings.temporal_tls_cert_file is not None:
        ends["temporal"] = _ends(settings.temporal_tls_cert_file.read_bytes())
    for address in (settings.api_url, settings.console_url):
        parts = urlsplit(address)
        if parts.scheme == "https" and parts.hostname:
            ends[parts.hostname] = _ends(ask(parts.hostname, parts.port or 443).encode())
    if not ends:
        return Found(Measure.CERTIFICATE, None, absent=True)
    name, first = min(ends.items(), key=lambda one: one[1])
    return Found(Measure.CERTIFICATE, (first - now).total_seconds(), {"name": name})


def _ends(pem: bytes) -> datetime:
    return x509.load_pem_x509_certificate(pem).not_valid_after_utc


async def _clock(store: Database) -> Found:
    try:
        return Found(Measure.CLOCK, abs(await clock.off_database_s(store)))
    except DatabaseUnavailable:
        return Found(Measure.CLOCK, None)
