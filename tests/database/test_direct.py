"""One question over a connection of its own."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import make_url

from database import direct
from database.drains import is_drained


async def test_the_first_value_of_the_first_row_or_none(database_url: str) -> None:
    assert await direct.value(database_url, "SELECT 1 + $1::int, 7", 2) == 3
    assert await direct.value(database_url, "SELECT 1 WHERE false") is None


async def test_no_server_no_database_and_no_table_are_no_answer(database_url: str, tmp_path: Path) -> None:
    nowhere = f"postgresql+asyncpg://postgres@/cardloop?host={tmp_path}"
    absent = make_url(database_url).set(database="absent").render_as_string(hide_password=False)
    for url, sql in ((nowhere, "SELECT 1"), (absent, "SELECT 1"), (database_url, "SELECT 1 FROM absent")):
        with pytest.raises(direct.NoAnswer):
            await direct.value(url, sql)
    assert not await is_drained(nowhere, "cards@here")
    assert not await is_drained(database_url, "cards@nowhere")
