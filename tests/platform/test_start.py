"""An obstacle to a start is one sentence: a taken port, a start that runs already, a bad setting."""

import socket
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from bootstrap import platform
from bootstrap.local import temporal
from bootstrap.local.lock import StateLock, is_taken
from bootstrap.local.ports import check_free, free
from bootstrap.settings import Settings
from bootstrap.words import Problem, speaks_chinese
from cli.welcome import logins


def _settings(home: Path, **changes: object) -> Settings:
    return Settings(home=home, **changes)  # type: ignore[arg-type]  # Pydantic checks the words.


def test_a_taken_port_is_named_with_the_variable_that_moves_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Problem, match=f"{port}.*CARDLOOP_API_PORT"):
            check_free({"CARDLOOP_API_PORT": ("127.0.0.1", port)})
    check_free({"CARDLOOP_API_PORT": ("127.0.0.1", port)})


def test_every_port_of_a_start_is_checked(tmp_path: Path) -> None:
    looked_at = {port for _, port in platform.ports(_settings(tmp_path)).values()}
    assert looked_at == {8000, 8001, 8002, 7233, 8233, *range(8100, 8108)}


def test_external_services_take_no_port_of_ours(tmp_path: Path) -> None:
    settings = _settings(tmp_path, temporal_address="temporal.example:7233", simulators=False)
    assert {port for _, port in platform.ports(settings).values()} == {8000, 8001, 8002}
    assert platform.simulators(settings) == []


def test_a_second_start_says_that_the_first_is_running(
    tmp_path: Path, python: Callable[..., CompletedProcess[str]]
) -> None:
    with StateLock(tmp_path / "state"):
        assert is_taken(tmp_path / "state")
        second = python("-m", "cli", "up", CARDLOOP_HOME=str(tmp_path), LANG="C", LC_ALL="C")
    assert second.returncode == 1
    assert "already running" in second.stderr
    assert "Traceback" not in second.stderr
    assert not is_taken(tmp_path / "state")


def test_a_bad_setting_is_named(python: Callable[..., CompletedProcess[str]]) -> None:
    bad = python("-m", "cli", "settings", CARDLOOP_API_PORT="eighty", LC_ALL="zh_CN.UTF-8", PYTHONIOENCODING="utf-8")
    assert bad.returncode == 1
    assert "设置 CARDLOOP_API_PORT 无效" in bad.stderr


def test_database_url_is_used_as_given_with_our_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://card:pin@db.example/loop?ssl=require")
    settings = _settings(tmp_path)
    assert settings.sqlalchemy_url == "postgresql+asyncpg://card:pin@db.example/loop?ssl=require"
    assert not settings.embedded_postgres
    assert "pin" not in repr(settings)


def test_a_long_home_keeps_the_sockets_path_short_enough(tmp_path: Path) -> None:
    deep = tmp_path / ("a" * 90)
    assert len(str(_settings(deep).postgres_socket_dir / ".s.PGSQL.5432")) < 107


def test_the_dev_server_gets_file_pragmas_and_codec(tmp_path: Path) -> None:
    command = " ".join(temporal.dev_server_command(Path("temporal"), _settings(tmp_path)))
    for part in (
        "--sqlite-pragma journal_mode=WAL",
        "--sqlite-pragma synchronous=NORMAL",
        "--ui-codec-endpoint http://127.0.0.1:8002",
        f"--db-filename {tmp_path}/state/temporal.db",
    ):
        assert part in command


async def test_a_temporal_that_does_not_answer_is_no_trace(tmp_path: Path) -> None:
    away = _settings(tmp_path, temporal_address=f"127.0.0.1:{free()}")
    assert not await temporal.serves(away)
    assert not await platform.worker_polls(away, "cards")


def test_keys_and_photos_are_for_their_owner_alone(tmp_path: Path) -> None:
    settings = _settings(tmp_path)
    platform.make_state_folders(settings)
    assert {folder.stat().st_mode & 0o777 for folder in (settings.keys, settings.photos, settings.logs_dir)} == {0o700}


def test_the_locale_chooses_the_language() -> None:
    assert speaks_chinese({"LANG": "zh_CN.UTF-8"})
    assert not speaks_chinese({"LC_ALL": "C", "LANG": "zh_CN.UTF-8"})
    assert not speaks_chinese({})


def test_every_demo_login_is_in_the_table() -> None:
    table = logins({"logins": [{"role": "reviewer", "login": "li", "password": "x"}], "partner_api_key": "k"})
    assert table.row_count == 2
