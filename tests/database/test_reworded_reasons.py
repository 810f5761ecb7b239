"""Check the migration that rewords the seeded reasons."""

from __future__ import annotations

from importlib import import_module

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncEngine

REWORDING = import_module("database.migrations.versions.0068_plain_reasons")
EDIT = "UPDATE reason_code SET en = 'Off sick' WHERE act = 'take_over' AND code = 'absent'"
READ = "SELECT en FROM reason_code WHERE act = 'take_over' AND code = 'absent'"


def run_again(connection: Connection) -> None:
    with Operations.context(MigrationContext.configure(connection)):
        REWORDING.upgrade()


@pytest.mark.parametrize(("language", "table"), [("en", REWORDING._ENGLISH), ("zh", REWORDING._CHINESE)])
async def test_each_old_wording_is_replaced(
    engine: AsyncEngine, language: str, table: tuple[tuple[str, str, str, str], ...]
) -> None:
    """A misspelt old wording would leave its row unchanged."""
    async with engine.connect() as connection:
        rows = await connection.execute(text(f"SELECT act, code, {language} FROM reason_code ORDER BY act, code"))  # noqa: S608  # Ours.
        words = {(act, code): shown for act, code, shown in rows}
    assert {(act, code): words[act, code] for act, code, _, _ in table} == {
        (act, code): new for act, code, _, new in table
    }


async def test_a_reason_that_a_person_reworded_is_kept(engine: AsyncEngine) -> None:
    async with engine.connect() as connection:
        await connection.execute(text(EDIT))
        await connection.run_sync(run_again)
        assert (await connection.execute(text(READ))).scalar_one() == "Off sick"
