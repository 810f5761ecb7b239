"""Each container's folder of keys: its own and no others, replaced whole, and seen by a process that runs."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bootstrap import backup, container_keys, keys
from bootstrap.container_keys import CONTAINERS, hand_out
from bootstrap.party_keys import PARTIES
from bootstrap.settings import PROJECT_ROOT, Settings
from cli.app import app

KEYS = {
    "api": {
        "keyring.json",
        "outside/messages.json",
        "forms.secret",
        "alipay/alipay_public_key.pem",
        "wechat/wechat_public_key.pem",
        "wechat/apiv3.key",
    },
    "console": {"keyring.json", "forms.secret"},
    "codec": {"keyring.json"},
    "worker-cards": {
        "keyring.json",
        "alipay/app_private_key.pem",
        "alipay/alipay_public_key.pem",
        "wechat/apiclient_key.pem",
        "wechat/wechat_public_key.pem",
        *(f"outside/{party}.json" for party in PARTIES),
    },
    "worker-reading": {"keyring.json"},
}
SIGNS = """
import sys
from bootstrap.keys import Secrets
from bootstrap.settings import Settings
from gateways.signatures import key_id
signing = Secrets(Settings()).signing("issuer")
for _ in sys.stdin:
    print(key_id(signing()), flush=True)
"""


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("CARDLOOP_HOME", str(tmp_path))
    monkeypatch.setenv("LC_ALL", "C")
    settings = Settings()
    keys.ensure(settings)
    (settings.alipay_keys / "alipay_public_key.pem").write_text("theirs")
    (settings.wechat_keys / "wechat_public_key.pem").write_text("theirs")
    return settings


def command(*arguments: str) -> str:
    done = CliRunner().invoke(app, list(arguments))
    assert done.exception is None, done.exception
    return done.output


def held(settings: Settings, container: str) -> dict[str, bytes]:
    folder = settings.keys / container_keys.FOLDER / container
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize("container", sorted(CONTAINERS))
def test_a_container_holds_the_keys_that_it_uses_and_no_others(made: Settings, container: str) -> None:
    hand_out(made)
    assert held(made, container) == {name: (made.keys / name).read_bytes() for name in KEYS[container]}


def test_only_the_worker_that_pays_has_the_key_that_pays() -> None:
    assert {name for name, files in CONTAINERS.items() if any("private" in one for one in files)} == {"worker-cards"}


def test_a_file_of_no_use_to_a_container_is_taken_away(made: Settings) -> None:
    stray = hand_out(made) / "console" / "outside" / "issuer.json"
    stray.parent.mkdir()
    stray.write_text("{}")
    hand_out(made)
    assert set(held(made, "console")) == KEYS["console"]


def test_copies_are_their_owner_s_alone_and_unchanged_ones_stay(made: Settings) -> None:
    folder = hand_out(made)
    files = {one: one.stat() for one in folder.rglob("*")}
    assert {status.st_mode & 0o777 for one, status in files.items() if one.is_file()} == {0o600}
    assert {status.st_mode & 0o777 for one, status in files.items() if one.is_dir()} == {0o700}
    hand_out(made)
    assert {one: one.stat().st_ino for one in files} == {one: status.st_ino for one, status in files.items()}


@pytest.fixture
def worker(made: Settings) -> Iterator[subprocess.Popen[str]]:
    """A process that has the cards worker's folder of keys, and says at each line which key signs to issuers."""
    command("keys", "hand-out")
    environment = {
        "CARDLOOP_KEYS_DIR": str(made.keys / container_keys.FOLDER / "worker-cards"),
        "PYTHONPATH": str(PROJECT_ROOT),
    }
    process = subprocess.Popen(
        [sys.executable, "-c", SIGNS], env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with process:
        yield process
        process.kill()


def signs(worker: subprocess.Popen[str]) -> str:
    assert worker.stdin
    assert worker.stdout
    worker.stdin.write("\n")
    worker.stdin.flush()
    return worker.stdout.readline().strip()


def test_a_worker_that_runs_signs_with_the_new_key_from_the_switch_on(worker: subprocess.Popen[str]) -> None:
    old = signs(worker)
    command("keys", "rotate", "issuer")
    assert signs(worker) == old
    command("keys", "switch", "issuer")
    new = signs(worker)
    assert new != old
    assert f"issuer: current {new}" in command("keys", "list")


def test_no_copy_appears_without_a_delivery(made: Settings) -> None:
    command("keys", "rotate", "issuer")
    command("keys", "rotate")
    assert not (made.keys / container_keys.FOLDER).exists()


def test_every_command_that_changes_a_key_hands_it_out(made: Settings) -> None:
    command("keys", "hand-out")
    for act in (["rotate"], ["rotate", "fx"], ["switch", "fx"], ["retire", "fx"]):
        command("keys", *act)
        assert held(made, "worker-cards") == {name: (made.keys / name).read_bytes() for name in KEYS["worker-cards"]}, (
            act
        )


def test_a_backup_keeps_no_copies(made: Settings) -> None:
    hand_out(made)
    names = {name for name, _ in backup._keys(made)}
    assert "keys/keyring.json" in names
    assert not any(container_keys.FOLDER in name for name in names)
