"""`repair` on the command line: preview, run, suspend, resume, status and cancel, with their exit codes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bootstrap.os_user import os_user
from bootstrap.words import Problem
from cli.app import app
from database.tables.people import AuditRow, PersonRow
from domain.identifiers import new_id
from tests.builders.repairing import Repairing
from tests.builders.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def ran(*arguments: str, typed: str = "", code: int = 0) -> str:
    """What a command prints that ends with this code; it starts an event loop, so it runs in a thread."""
    done = await asyncio.to_thread(CliRunner().invoke, app, ["repair", *arguments], typed)
    if isinstance(done.exception, Problem):
        raise done.exception
    assert done.exit_code == code, (done.output, done.exception)
    return done.output


async def as_json(*arguments: str, typed: str = "", code: int = 0) -> Any:
    return json.loads(await ran(*arguments, "--json", typed=typed, code=code))


async def test_a_repair_is_previewed_run_suspended_resumed_and_cancelled(
    world: World, world_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARDLOOP_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", world_url)
    monkeypatch.setenv("LC_ALL", "C")
    repairing = Repairing(world)
    cards = [await repairing.a_failing_card() for _ in range(22)]
    email = f"{new_id()}@example.com".lower()
    async with world.database.transaction() as session:
        person = await session.get_one(PersonRow, await repairing.a_person())
        person.email = email
    by = ("--as", email, "--reason", "provider_back")
    found = await as_json("preview", "retry_now", "--runs", "-", *by, typed=f"{cards[0]}, 01UNKNOWN")
    assert (found["state"], found["counts"]["waiting"], found["excluded"]) == ("previewed", 1, {"unknown": 1})
    await as_json("status", found["id"], code=3)
    assert "running" in await ran("run", found["id"], "--as", email)
    for act, state in (("suspend", "suspended"), ("resume", "running"), ("cancel", "cancelled")):
        assert (await as_json(act, found["id"], "--as", email))["state"] == state
    assert (await as_json("status", found["id"], code=4))["counts"]["left"] == 1
    recorded = {
        row.act: row.facts for row in await world.rows(AuditRow, subject=found["id"], actor=f"person:{person.id}")
    }
    for act in ("preview", "run", "suspend", "resume", "cancel"):
        assert recorded[f"cli:repair:{act}"] == {"os_user": os_user()}
    with pytest.raises(Problem, match="state of this repair has changed"):
        await ran("resume", found["id"], "--as", email)
    with pytest.raises(Problem, match="No person here"):
        await ran("resume", found["id"], "--as", "nobody@example.com")

    several = tmp_path / "cards"
    several.write_text("\n".join(cards))
    options = ("--option", "first_s=2", "--canary", "1", "--rate", "5")
    large = await as_json("preview", "change_retry", "--runs", str(several), *by, *options)
    assert (large["options"]["first_s"], large["canary"], large["rate_per_s"]) == (2, 1, 5)
    assert (await as_json("run", large["id"], "--as", email, code=5))["state"] == "waiting"
    assert large["id"] in await ran("status")
    await ran("cancel", large["id"], "--as", email)
