"""`cardloop provider maintenance`: what it prints, its JSON and its exit codes."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner

from bootstrap.os_user import os_user
from cli.app import app
from tests.conftest import apart


@pytest.fixture
def installation(database_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("DATABASE_URL", database_url.replace("+asyncpg", ""))
    monkeypatch.setenv("LC_ALL", "en_GB.UTF-8")
    _emptied(database_url)
    return database_url


def _emptied(url: str) -> None:
    from database.session import Database

    async def empty() -> None:
        database = Database(url)
        async with database.transaction() as session:
            await session.execute(text("DELETE FROM provider_window"))
        await database.dispose()

    apart(lambda: asyncio.run(empty()))


def said(*arguments: str) -> tuple[int, str]:
    found: list[tuple[int, str]] = []

    def run() -> None:
        done = CliRunner().invoke(app, ["provider", "maintenance", *arguments])
        found.append((done.exit_code, done.output))

    apart(run)
    return found[0]


def shown() -> tuple[int, list[dict[str, Any]]]:
    code, output = said("status", "--json")
    return code, json.loads(output)


def test_on_status_and_off_with_their_exit_codes(installation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):  # Whoever the environment says they are.
        monkeypatch.setenv(name, "somebody-else")
    assert shown() == (0, [])
    code, output = said("on", "issuer:jd", "--reason", "New data centre", "--for", "90", "--json")
    assert code == 0
    window = json.loads(output)["window"]
    code, [row] = shown()
    assert (code, row["window"], row["state"], row["by"]) == (3, window, "draining", f"system:{os_user()}")
    code, output = said("on", "issuer:jd", "--reason", "again", "--json")
    assert (code, json.loads(output)["refused"]) == (1, "maintenance_overlaps")
    assert said("change-end", "issuer:jd")[0] == 2
    assert said("change-end", "issuer:jd", "--until", "2020-01-01T00:00+08:00")[0] == 1
    code, output = said("change-end", "issuer:jd", "--for", "240", "--json")
    assert (code, json.loads(output)["window"]) == (0, window)
    assert shown()[1][0]["ends_at"] == json.loads(output)["ends_at"]
    assert said("change-end", "issuer:jd", "--open")[0] == 0
    assert shown()[1][0]["ends_at"] is None
    assert said("off", "issuer:jd")[0] == 0
    code, [row] = shown()
    assert (code, row["state"], row["share"]) == (3, "resuming", 1)
    assert said("change-end", "issuer:jd", "--open")[0] == 1
    code, output = said("off", "issuer:jd")
    assert code == 1
    assert "state: resuming" in output


def test_a_plan_is_no_maintenance_yet_and_a_moment_needs_its_zone(installation: str) -> None:
    starts = "2027-01-10T02:00+08:00"
    assert said("on", "payout", "--reason", "Certificates", "--starts", starts, "--for", "60")[0] == 0
    code, [row] = shown()
    assert (code, row["starts_at"], row["ends_at"]) == (0, "2027-01-09T18:00:00+00:00", "2027-01-09T19:00:00+00:00")
    assert said("on", "payout", "--reason", "x", "--starts", "2027-01-11T02:00")[0] == 1
    assert said("off", "payout")[0] == 0
    assert shown() == (0, [])
    assert said("off", "nobody")[0] == 1
