"""The migrations make exactly the tables the code knows, however often and however many at once they are run."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from database.migrate import upgrade
from database.schema import MIGRATIONS, known, newest
from database.tables import metadata
from domain.work.reason_codes import ReasonedAct


def differences(connection: Connection) -> list[Any]:
    return list(compare_metadata(MigrationContext.configure(connection, opts={"compare_type": True}), metadata))


async def test_the_migrated_schema_is_that_of_the_tables(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


def test_revisions_are_known_by_the_names_of_their_files() -> None:
    chain = [one.revision for one in ScriptDirectory(str(MIGRATIONS)).walk_revisions()]
    assert (chain[0], sorted(chain)) == (newest(), list(known()))


@pytest.mark.thorough
async def test_four_that_migrate_a_new_database_at_once_all_succeed(
    make_database: Callable[[str], str], worker: str
) -> None:
    url = make_database(f"cardloop_migrated_{worker}")
    with ThreadPoolExecutor(4) as threads:
        await asyncio.gather(*(asyncio.get_running_loop().run_in_executor(threads, upgrade, url) for _ in range(4)))
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT version_num FROM alembic_version"))).scalars().all() == [newest()]
    await engine.dispose()


async def test_a_second_upgrade_inside_a_running_loop_changes_nothing(database_url: str) -> None:
    upgrade(database_url)
    engine = create_async_engine(database_url)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_every_amount_of_money_is_as_wide_as_the_ledgers(engine: AsyncEngine) -> None:
    narrow = (
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
        "AND (column_name LIKE '%\\_minor' OR column_name LIKE '%\\_fen') AND data_type <> 'bigint'"
    )
    async with engine.connect() as connection:
        assert (await connection.execute(text(narrow))).all() == []
        held = await connection.execute(text(narrow.replace("<> 'bigint'", "= 'bigint'")))
        assert ("card", "face_value_minor") in {(row[0], row[1]) for row in held}


async def test_every_reason_that_is_seeded_belongs_to_an_act_and_each_act_has_reasons(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        acts = (await connection.execute(text("SELECT DISTINCT act FROM reason_code ORDER BY act"))).scalars().all()
    assert acts == sorted(ReasonedAct)


async def test_the_stock_is_counted_from_an_index_of_its_own(engine: AsyncEngine) -> None:
    counting = "SELECT brand, count(*) FROM card WHERE outcome = 'paid' AND live AND since > now() GROUP BY brand"
    async with engine.connect() as connection:
        await connection.execute(text("SET LOCAL enable_seqscan = off"))
        plan = "\n".join((await connection.execute(text(f"EXPLAIN {counting}"))).scalars())
    assert "card_in_stock" in plan


async def test_renamed_tables_and_columns_keep_no_old_name(make_database: Callable[[str], str], worker: str) -> None:
    old = "(second_review|notice_wish|ticket_message_lea)"
    new = "(blind_review|notice_preference|ticket_message_(due|effective_at))"
    named = (
        "SELECT count(*) FROM (SELECT relname AS name FROM pg_class UNION SELECT conname FROM pg_constraint) AS every "
        "WHERE name ~ '^(ix_)?{}'"
    )
    url = make_database(f"cardloop_renamed_{worker}")
    upgrade(url)
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        there = (await connection.execute(text(named.format(new)))).scalar_one()
        assert (await connection.execute(text(named.format(old)))).scalar_one() == 0
        await connection.run_sync(_down_to, _before("0078"))
        assert (await connection.execute(text(named.format(new)))).scalar_one() == 0
        assert (await connection.execute(text(named.format(old)))).scalar_one() == there > 10
    await engine.dispose()


def _before(revision: str) -> str:
    before = ScriptDirectory(str(MIGRATIONS)).get_revision(revision)
    assert before is not None
    return str(before.down_revision)


def _down_to(connection: Connection, revision: str) -> None:
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    made.attributes["connection"] = connection
    command.downgrade(made, revision)
