"""Back up and restore: the database and the photos in one file, the keys in another, both encrypted for a key kept elsewhere.

The database is the truth of every journey, so Temporal's own store is not kept: after a restore every card that has not
ended is restarted from its rows, and the gateway's list says what was paid since (`bootstrap.reconciling`). Photos are
copied after the database, which therefore names none that is missing.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pyrage

from bootstrap import container_keys, restored
from bootstrap.local.lock import StateLock
from bootstrap.local.postgres import EmbeddedPostgres, wheel_programs
from bootstrap.platform import embedded_postgres, make_state_folders
from bootstrap.settings import Settings
from bootstrap.words import Problem, say

FORMAT = 1
DATABASE = "cardloop"
DUMP, MANIFEST, PHOTOS, KEYS = "database.dump", "manifest.json", "photos", "keys"
KEYS_SUFFIX = ".keys"
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Manifest:
    """What a backup holds: its moment (ISO 8601, UTC), and SHA-256 (hex) of each file by its name in the archive."""

    format: int
    taken_at: str
    files: dict[str, str]


def make_key(path: Path) -> str:
    """Write a new secret key, which opens backups, readable by its owner only; returns the public key that seals them.

    Raises Problem when the file is there already.
    """
    identity = pyrage.x25519.Identity.generate()
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise Problem(f"{path} 已存在，不会覆盖。", f"{path} is there already and is not overwritten.") from None
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{identity}\n")
    return str(identity.to_public())


def back_up(settings: Settings, recipient: str, out: Path, tell: Tell) -> Manifest:
    """Write `out` (database and photos) and `out`.keys for the holder of the key that `recipient` belongs to.

    Consistent while the platform runs. Raises Problem for a recipient that is none, and when the database cannot be dumped.
    """
    try:
        public = pyrage.x25519.Recipient.from_str(recipient)
    except pyrage.RecipientError:
        raise Problem("--to 不是有效的公钥（age1…）。", "--to is no public key (age1…).") from None
    with tempfile.TemporaryDirectory(dir=settings.state_dir, prefix="backup-") as name:
        folder = Path(name)
        tell(say("导出数据库", "Dumping the database"))
        _dump(settings, folder / DUMP)
        tell(say("打包照片", "Packing the photos"))
        entries = [(DUMP, folder / DUMP), *_below(settings.photos, PHOTOS)]
        manifest = _sealed_archive(entries, folder / "data.tar", out, public)
        _sealed_archive(_keys(settings), folder / "keys.tar", keys_beside(out), public)
    return manifest


def verify(path: Path, identity_file: Path) -> Manifest:
    """Read a backup to its end and compare every file with its hash. Raises Problem when anything is wrong."""
    with _opened(path, identity_file) as archive:
        return _verified(archive)


def restore(settings: Settings, path: Path, identity_file: Path, tell: Tell, *, replace: bool = False) -> Manifest:
    """Put database, photos and, where none are here, keys back; the next start reconciles before any card continues.

    Everything is verified before anything is changed. What was here is kept beside it under `.before-<time>`. Raises
    Problem when the platform runs, when the backup is damaged or sealed for another key, and without `replace` when
    there is a database with cards already.
    """
    make_state_folders(settings)
    with StateLock(settings.state_dir), tempfile.TemporaryDirectory(dir=settings.state_dir, prefix="restore-") as name:
        folder = Path(name)
        tell(say("校验备份", "Verifying the backup"))
        with _opened(path, identity_file) as archive:
            manifest = _verified(archive)
            archive.extractall(folder, filter="data")
        stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        tell(say("恢复数据库", "Restoring the database"))
        _load(settings, folder / DUMP, replace=replace)
        tell(say("恢复照片", "Restoring the photos"))
        _put(folder / PHOTOS, settings.photos, stamp)
        _restore_keys(settings, keys_beside(path), identity_file, folder)
        for leftover in settings.state_dir.glob("temporal.db*"):
            leftover.rename(leftover.with_name(f"{leftover.name}.before-{stamp}"))
        restored.mark(settings, manifest.taken_at)
    return manifest


def keys_beside(path: Path) -> Path:
    """Where the keys of a backup are written, to be kept somewhere else."""
    return path.with_name(path.name + KEYS_SUFFIX)


def _below(folder: Path, name: str) -> list[tuple[str, Path]]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return [(f"{name}/{path.relative_to(folder)}", path) for path in files]


def _keys(settings: Settings) -> list[tuple[str, Path]]:
    """The key files; the containers' copies are made again by `keys hand-out`."""
    copies = settings.keys / container_keys.FOLDER
    return [(name, path) for name, path in _below(settings.keys, KEYS) if not path.is_relative_to(copies)]


def _sealed_archive(
    entries: list[tuple[str, Path]], draft: Path, out: Path, recipient: pyrage.x25519.Recipient
) -> Manifest:
    taken_at = datetime.now(UTC).isoformat()
    with tarfile.open(draft, "w") as archive:
        added = {name: _added(archive, name, path) for name, path in entries}
        manifest = Manifest(FORMAT, taken_at, {name: digest for name, digest in added.items() if digest is not None})
        written = json.dumps(asdict(manifest)).encode()
        about = tarfile.TarInfo(MANIFEST)
        about.size = len(written)
        archive.addfile(about, io.BytesIO(written))
    part = out.with_name(out.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with draft.open("rb") as plain, os.fdopen(descriptor, "wb") as sealed:
        pyrage.encrypt_io(plain, sealed, [recipient])
        sealed.flush()
        os.fsync(sealed.fileno())
    part.replace(out)
    return manifest


def _added(archive: tarfile.TarFile, name: str, path: Path) -> str | None:
    """Add a file and return its SHA-256 (hex); None for one that was erased after the files had been listed."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return None
    with file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        archive.addfile(archive.gettarinfo(arcname=name, fileobj=file), file)
    return digest


@contextmanager
def _opened(path: Path, identity_file: Path) -> Iterator[tarfile.TarFile]:
    """Decrypt the archive into a private file that is deleted afterwards."""
    try:
        identity = pyrage.x25519.Identity.from_str(identity_file.read_text().strip())
        with path.open("rb") as sealed, tempfile.TemporaryFile(dir=path.parent) as plain:
            _decrypt(sealed, plain, identity)
            with tarfile.open(fileobj=plain) as archive:
                yield archive
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        raise Problem(f"无法读取备份：{error}。", f"The backup cannot be read: {error}.") from None
    except (pyrage.IdentityError, pyrage.DecryptError, tarfile.TarError, ValueError, OSError) as error:
        raise Problem(
            f"{path} 已损坏，或不是为该密钥加密的。", f"{path} is damaged, or was sealed for another key."
        ) from error


def _decrypt(sealed: BinaryIO, plain: BinaryIO, identity: pyrage.x25519.Identity) -> None:
    pyrage.decrypt_io(sealed, plain, [identity])
    plain.seek(0)


def _verified(archive: tarfile.TarFile) -> Manifest:
    """Raises ValueError for a file that is missing, changed, or of no backup."""
    about = archive.extractfile(MANIFEST) if MANIFEST in archive.getnames() else None
    if about is None:
        raise ValueError("no manifest")
    manifest = Manifest(**json.load(about))
    if manifest.format != FORMAT or set(archive.getnames()) != {MANIFEST, *manifest.files}:
        raise ValueError("another format, or other files than named")
    for name, expected in manifest.files.items():
        content = archive.extractfile(name)
        if content is None or hashlib.file_digest(content, "sha256").hexdigest() != expected:  # type: ignore[arg-type]
            raise ValueError(f"{name} is not as it was")
    return manifest


def _put(given: Path, place: Path, stamp: str) -> None:
    if any(place.iterdir()):
        shutil.move(place, place.with_name(f"{place.name}.before-{stamp}"))
    else:
        place.rmdir()
    given.mkdir(exist_ok=True)
    shutil.move(given, place)
    place.chmod(0o700)


def _restore_keys(settings: Settings, path: Path, identity_file: Path, folder: Path) -> None:
    """Keys that are here stay: they may have been rotated since."""
    if any(one.is_file() for one in settings.keys.rglob("*")) or not path.is_file():
        return
    with _opened(path, identity_file) as archive:
        _verified(archive)
        archive.extractall(folder, filter="data")
    shutil.copytree(folder / KEYS, settings.keys, dirs_exist_ok=True)


def _dump(settings: Settings, out: Path) -> None:
    """A dump of one snapshot, which pg_restore can read."""
    _run([_program(settings, "pg_dump"), *_address(settings), "-Fc", "-f", str(out)])
    _run([_program(settings, "pg_restore"), "--list", str(out)])


def _program(settings: Settings, name: str) -> str:
    """The embedded server's own client program, or the one in PATH for a server of one's own."""
    return str(wheel_programs() / name) if settings.embedded_postgres else name


def _address(settings: Settings) -> list[str]:
    if settings.embedded_postgres:
        return ["-h", str(settings.postgres_socket_dir), "-U", "postgres", "-d", DATABASE]
    return ["-d", settings.sqlalchemy_url.replace("postgresql+asyncpg", "postgresql")]


def _load(settings: Settings, dump: Path, *, replace: bool) -> None:
    if not settings.embedded_postgres:
        _run(
            [
                _program(settings, "pg_restore"),
                *_address(settings),
                "--clean",
                "--if-exists",
                "--no-owner",
                "--exit-on-error",
                str(dump),
            ]
        )
        return
    with embedded_postgres(settings).running() as server:
        _require_empty(server, replace=replace)
        server.execute(f'DROP DATABASE IF EXISTS "{DATABASE}" WITH (FORCE)')
        server.create_database(DATABASE)
        _run([_program(settings, "pg_restore"), *_address(settings), "--no-owner", "--exit-on-error", str(dump)])


def _require_empty(server: EmbeddedPostgres, *, replace: bool) -> None:
    there = server.execute(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'").strip()  # noqa: S608  # Our own name.
    if there and not replace:
        raise Problem(
            "这里已有数据库；如确要覆盖，请加 --replace。",
            "There is a database here already: say --replace to put the backup in its place.",
        )


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, check=False, capture_output=True, text=True)
    except FileNotFoundError:
        raise Problem(
            f"缺少程序 {command[0]}，请安装 PostgreSQL 客户端。",
            f"{command[0]} is missing: install PostgreSQL's client.",
        ) from None
    if done.returncode:
        last = (done.stderr.strip() or command[0]).splitlines()[-1]
        raise Problem(f"{Path(command[0]).name} 失败：{last}", f"{Path(command[0]).name} failed: {last}")
