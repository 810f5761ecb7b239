"""A review queue of a benchmark's own: a migrated PostgreSQL that writes durably, with as many waiting tasks as asked for."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import text

from bootstrap.local.postgres import EmbeddedPostgres, throwaway
from database.migrate import upgrade
from database.session import Database

# Spread over types, brands, values and a week of opening; foreign keys are not looked up, for no card is asked about.
_FILL = """
INSERT INTO work_item (id, kind, card_id, card_type, brand, language, seller, team, priority, value_minor, reasons, opened_at,
    phase, band, order_at, escalation_reason, came_back_reason, snooze_reason, warn_at, due_at, escalated, waiting, decided,
    maker_circle, barred, linked, blind, plan_version, replan)
SELECT 'bench:' || lpad(n::text, 8, '0'), 'review', 'card' || n, (ARRAY['supermarket', 'dining', 'regional'])[1 + n % 3],
    (ARRAY['hualian', 'starbucks', 'bailian', 'jd'])[1 + n % 4], 'zh_CN', 'seller:' || n % 5000, 'cards', 'normal',
    10000 + n % 977 * 100, '["card_type"]', opened, 'review', CASE WHEN n % 50 = 0 THEN 1 ELSE 3 END, opened, '', '', '',
    opened + interval '1 hour', opened + interval '2 hours', false, false, false, '[]', '[]', '[]', false, 1, false
FROM (SELECT n, now() - (7 * n % :many)::float8 / :many * interval '7 days' AS opened
      FROM generate_series(1, :many) AS n) AS made
"""
_PEOPLE = """
INSERT INTO person (id, email, name, password_hash, roles, locale, timezone, team, skill_types, skill_brands, skill_languages,
    capacity, on_duty, shortcuts, totp_step, active, created_at)
SELECT 'person' || n, n || '@example.com', 'Reviewer ' || n, '', '["reviewer"]', 'zh_CN', 'Asia/Shanghai', 'cards', '[]', '[]',
    '[]', 0, true, '{}', 0, true, now()
FROM generate_series(1, :many) AS n
"""
FILLED_WITHIN_S = 1_800.0  # Longer than any statement of the product may take.


@asynccontextmanager
async def queue_server() -> AsyncIterator[EmbeddedPostgres]:
    """A server whose commits reach the disk, as in production; the tests' own throws that away for speed."""
    with tempfile.TemporaryDirectory(prefix="cardloop-bench-", ignore_cleanup_errors=True) as folder:
        with replace(throwaway(Path(folder)), options={}).running() as server:
            yield server


@asynccontextmanager
async def database_of(server: EmbeddedPostgres, name: str, *, pool: int = 8) -> AsyncIterator[Database]:
    """A migrated, empty database of its own."""
    server.create_database(name)
    upgrade(server.url(name))
    database = Database(server.url(name), pool_size=pool, command_timeout_s=FILLED_WITHIN_S)
    try:
        yield database
    finally:
        await database.dispose()


@asynccontextmanager
async def queue_of(
    server: EmbeddedPostgres, name: str, tasks: int, people: int, *, pool: int = 8
) -> AsyncIterator[Database]:
    """A database of its own with so many waiting tasks and reviewers (`person1` …), its statistics fresh."""
    async with database_of(server, name, pool=pool) as database:
        await with_queue(database, tasks=tasks, people=people)
        yield database


async def with_queue(database: Database, *, tasks: int, people: int) -> None:
    """Fills a migrated, empty database with reviewers (`person1` …) and waiting tasks."""
    async with database.transaction() as session:
        await session.execute(text(_PEOPLE), {"many": people})
    await refill(database, tasks)


async def refill(database: Database, tasks: int) -> None:
    """Return an empty queue, without a trace of what was there."""
    async with database.transaction() as session:
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(text("TRUNCATE work_item CASCADE"))
        await session.execute(text(_FILL), {"many": tasks})
    async with database.statement() as connection:
        await connection.execute(text("VACUUM ANALYZE work_item"))
