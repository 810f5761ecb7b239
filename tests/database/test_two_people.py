"""Every table that keeps who asked for something is held by a check that another person agreed to it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from subprocess import CompletedProcess

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from database import tables
from database.invariants.base import sentences
from database.invariants.two_people import BY_TWO, ByTwo
from database.tables import metadata

KEEPS_FIRST = ("askers", "proposers", "recorders", "staters", "makers", "circle")
# Held by a check of their own, or by none, because nothing is done about money by them alone.
ELSEWHERE = {
    ("goodwill", "proposers"), ("ledger_closing", "askers"), ("repair", "makers"),
    ("work_item", "maker_circle"),  # Who decided a card is held by `decisions_by_two`.
    ("blind_review", "first_circle"), ("blind_review", "second_circle"),  # Quality alone.
    ("payee_request", "askers"),  # The seller is asked; what was held is judged in `payout_wait`.
    ("policy_document", "makers"),  # One person publishes most kinds.
    ("erasure", "proposers"),  # Of a person's data.
}  # fmt: skip


def test_every_table_that_keeps_a_first_person_is_held_by_a_check() -> None:
    kept = {
        (table.name, column.name)
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.endswith(KEEPS_FIRST)
    }
    held = {(one.table, one.firsts) for one in BY_TWO}
    assert kept - held - ELSEWHERE == set()
    assert (held | ELSEWHERE) - kept == set()


@pytest.mark.parametrize("one", BY_TWO, ids=lambda one: f"{one.table}-{one.second}".replace(" ", ""))
async def test_each_statement_runs(session: AsyncSession, one: ByTwo) -> None:
    assert await sentences(session, one.sql, 5) == []


def test_importing_the_tables_knows_every_table(python: Callable[..., CompletedProcess[str]]) -> None:
    """Else a migration is compared with less than there is."""
    shown = python("-c", "from database.tables import metadata; print(*sorted(metadata.tables))").stdout.split()
    for module in pkgutil.walk_packages(tables.__path__, "database.tables."):
        importlib.import_module(module.name)
    assert shown == sorted(metadata.tables)
