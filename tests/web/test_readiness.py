"""`/readyz` says whether a program can serve, asks at most once in two seconds, and gives nothing away."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import httpx
import pytest
from sqlalchemy import text
from starlette.applications import Starlette

from bootstrap.readiness import ready
from database.schema import newest, schema_state
from database.session import Database
from web.readiness import KEPT_S, Missing, Readiness


async def asked(readiness: Readiness) -> tuple[int, object]:
    app = Starlette(routes=[readiness.route])
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://one.test") as client:
        answer = await client.get("/readyz")
    return answer.status_code, answer.json()


async def test_what_is_missing_is_named_and_the_status_is_503() -> None:
    missing: dict[str, str] = {}

    async def ask() -> Missing:
        return missing

    assert await asked(Readiness(ask)) == (200, {"status": "ready"})
    missing["database"] = "unreachable"
    assert await asked(Readiness(ask)) == (503, {"status": "not_ready", "missing": {"database": "unreachable"}})


async def test_a_flood_of_questions_is_one_question() -> None:
    times, clock = [0], [100.0]

    async def ask() -> Missing:
        times[0] += 1
        await asyncio.sleep(0)
        return {}

    readiness = Readiness(ask, lambda: clock[0])
    await asyncio.gather(*(asked(readiness) for _ in range(20)))
    assert times == [1]
    clock[0] += KEPT_S
    await asked(readiness)
    assert times == [2]


async def test_a_database_is_ready_at_the_schema_of_this_release_alone(
    make_migrated: Callable[[str], str], worker: str
) -> None:
    database = Database(make_migrated(f"ready_{worker}"), pool_size=2)
    try:
        assert await ready(database)() == {}
        for version, said in (("0001", "behind"), ("9999", "ahead")):
            async with database.transaction() as session:
                await session.execute(text("UPDATE alembic_version SET version_num = :version"), {"version": version})
            assert await ready(database)() == {"migrations": said}
        async with database.transaction() as session:
            await session.execute(text("DROP TABLE alembic_version"))
        assert await ready(database)() == {"migrations": "behind"}
    finally:
        await database.dispose()


@pytest.mark.parametrize(("version", "said"), [(newest(), ""), ("0001", "behind"), (None, "behind"), ("x", "ahead")])
def test_a_schema_is_compared_with_this_releases(version: str | None, said: str) -> None:
    assert schema_state(version) == said


async def test_a_database_that_is_away_is_named_without_its_address() -> None:
    database = Database("postgresql://one:hush@127.0.0.1:1/away", pool_size=1)
    assert await ready(database)() == {"database": "unreachable"}
    await database.dispose()
