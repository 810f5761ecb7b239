"""A backup is encrypted for a key kept elsewhere, whole or refused, and comes back as it was."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from bootstrap import backup, keys, restored
from bootstrap.local.postgres import EmbeddedPostgres
from bootstrap.platform import embedded_postgres, make_state_folders
from bootstrap.settings import Settings
from bootstrap.words import Problem

pytestmark = [pytest.mark.timeout(120), pytest.mark.xdist_group("embedded_postgres")]
SECRET = b"a sealed photo"


def installation(home: Path) -> Settings:
    given: dict[str, Any] = {"home": home, "demo": True}
    settings = Settings(**given)
    make_state_folders(settings)
    keys.ensure(settings)
    return settings


def with_a_row(server: EmbeddedPostgres, value: str) -> None:
    server.create_database("cardloop")
    psql(server, f"CREATE TABLE IF NOT EXISTS kept (word text); INSERT INTO kept VALUES ('{value}')")  # noqa: S608  # Our own words.


def psql(server: EmbeddedPostgres, statement: str) -> str:
    command = [server._program("psql"), "-h", str(server.socket_dir), "-U", "postgres", "-d", "cardloop", "-XAtq"]
    return subprocess.run([*command, "-c", statement], check=True, capture_output=True, text=True).stdout


def silent(_line: str) -> None:
    """Discard the output."""


BackedUp = tuple[Settings, Path, Path]


@pytest.fixture(scope="module")
def backed_up(tmp_path_factory: pytest.TempPathFactory) -> BackedUp:
    """An installation, its backup, and the key that opens it: for tests that leave all three as they are."""
    return _backed_up(tmp_path_factory.mktemp("backed_up"))


def _backed_up(folder: Path) -> BackedUp:
    settings, identity = installation(folder / "here"), folder / "key"
    public = backup.make_key(identity)
    (settings.photos / "ab").mkdir()
    (settings.photos / "ab" / "cd").write_bytes(SECRET)
    out = folder / "all.backup"
    with embedded_postgres(settings).running() as server:
        with_a_row(server, "before")
        backup.back_up(settings, public, out, silent)
        with_a_row(server, "after")
    return settings, out, identity


def test_what_was_backed_up_comes_back_and_what_came_later_does_not(tmp_path: Path) -> None:
    here, out, identity = _backed_up(tmp_path)
    assert set(backup.verify(out, identity).files) == {"database.dump", "photos/ab/cd"}
    (here.photos / "ab" / "cd").write_bytes(b"changed since")
    (here.state_dir / "temporal.db").write_bytes(b"workflows")
    with pytest.raises(Problem, match="--replace"):
        backup.restore(here, out, identity, silent)
    backup.restore(here, out, identity, silent, replace=True)
    assert (here.photos / "ab" / "cd").read_bytes() == SECRET
    assert restored.restored_at(here) is not None
    assert [path.name[:19] for path in here.state_dir.glob("temporal.db*")] == ["temporal.db.before-"]
    elsewhere = installation(tmp_path / "elsewhere")
    for path in elsewhere.keys.rglob("*"):
        if path.is_file():
            path.unlink()
    backup.restore(elsewhere, out, identity, silent)
    for settings in (here, elsewhere):
        with embedded_postgres(settings).running() as server:
            assert psql(server, "SELECT word FROM kept").split() == ["before"]
        assert keys.load(settings).keyring.to_json() == keys.load(here).keyring.to_json()


def test_a_photo_that_is_erased_meanwhile_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The platform runs while it is backed up: a photo may be listed and gone before it is read."""
    settings, identity = installation(tmp_path / "here"), tmp_path / "key"
    public, out = backup.make_key(identity), tmp_path / "all.backup"
    (settings.photos / "kept").write_bytes(SECRET)
    listed = backup._below

    def with_one_that_goes(folder: Path, name: str) -> list[tuple[str, Path]]:
        return [*listed(folder, name), (f"{name}/gone", folder / "gone")]

    monkeypatch.setattr(backup, "_below", with_one_that_goes)
    with embedded_postgres(settings).running() as server:
        with_a_row(server, "before")
        backup.back_up(settings, public, out, silent)
    assert {name for name in backup.verify(out, identity).files if name.startswith("photos/")} == {"photos/kept"}


def test_nothing_of_a_backup_can_be_read_without_its_key(backed_up: BackedUp, tmp_path: Path) -> None:
    _, out, _ = backed_up
    for path in (out, backup.keys_beside(out)):
        content = path.read_bytes()
        assert SECRET not in content
        assert b"PGDMP" not in content
        assert path.stat().st_mode & 0o077 == 0
    other = tmp_path / "other"
    backup.make_key(other)
    with pytest.raises(Problem, match="another key"):
        backup.verify(out, other)


@pytest.mark.parametrize("place", [0, 200, -1])
def test_a_damaged_or_cut_backup_is_refused_before_anything_is_changed(
    backed_up: BackedUp, tmp_path: Path, place: int
) -> None:
    here, whole, identity = backed_up
    out = Path(shutil.copy(whole, tmp_path))
    shutil.copy(backup.keys_beside(whole), backup.keys_beside(out))
    content = bytearray(out.read_bytes())
    content[place] ^= 1
    out.write_bytes(content)
    with pytest.raises(Problem, match="damaged"):
        backup.restore(here, out, identity, silent, replace=True)
    out.write_bytes(content[: len(content) // 2])
    with pytest.raises(Problem, match="damaged"):
        backup.restore(here, out, identity, silent, replace=True)
    with embedded_postgres(here).running() as server:
        assert psql(server, "SELECT word FROM kept ORDER BY 1").split() == ["after", "before"]
    assert restored.restored_at(here) is None


def test_the_commands_refuse_what_they_cannot_use(backed_up: BackedUp, tmp_path: Path) -> None:
    here, out, identity = backed_up
    with pytest.raises(Problem, match="public key"):
        backup.back_up(here, "age1nobody", tmp_path / "x", silent)
    with pytest.raises(Problem, match="there already"):
        backup.make_key(identity)
    with pytest.raises(Problem, match="cannot be read"):
        backup.verify(tmp_path / "absent", identity)
    nonsense = tmp_path / "nonsense"
    nonsense.write_text(json.dumps({}))
    with pytest.raises(Problem, match="damaged"):
        backup.verify(nonsense, identity)
    with pytest.raises(Problem, match="damaged"):
        backup.verify(out, nonsense)
