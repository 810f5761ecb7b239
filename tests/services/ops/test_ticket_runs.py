"""Tickets are open runs: the sweep misses the workflow of one that was signalled, and not of one that is new or closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text, update

from database.reads.ops.open_runs import OPEN
from database.tables.support.tickets import TicketRow
from domain.ops.runs import RUN_TYPES, RunKind, subject_of
from domain.support.tickets import TicketState
from services.ops import sweep
from tests.builders.ticket_clocks import TicketScene
from tests.builders.ticket_clocks import scene as scene
from tests.builders.ticket_clocks import ticket_url as ticket_url
from tests.builders.ticket_clocks import ticket_world as ticket_world


def test_every_watched_type_has_a_name_open_runs_and_an_end() -> None:
    assert set(RUN_TYPES) == set(OPEN) == set(RunKind)
    assert subject_of("ticket:T1") == (RunKind.TICKET, "T1")


@pytest.mark.asyncio(loop_scope="session")
async def test_a_ticket_without_its_workflow_is_missed_once_it_was_signalled(scene: TicketScene) -> None:
    told, new, closed = [await scene.opened() for _ in range(3)]
    now = datetime.now(UTC)
    async with scene.world.database.transaction() as session:
        long_ago = update(TicketRow).values(opened_at=now - timedelta(hours=1))
        await session.execute(long_ago.where(TicketRow.id.in_([told, new, closed])))
        heard = update(TicketRow).values(heard_revision=1)
        await session.execute(heard.where(TicketRow.id.in_([told, closed])))
        ended = update(TicketRow).values(state=TicketState.CLOSED, closed_at=now)
        await session.execute(ended.where(TicketRow.id == closed))
    async with scene.world.database.transaction() as session:
        found = await sweep.drift(session, RunKind.TICKET, [f"ticket:{closed}", "ticket:unknown"], now)
        stage = await session.execute(text(OPEN[RunKind.TICKET]))
    assert f"ticket:{told}" in found.missing
    assert f"ticket:{new}" not in found.missing
    assert found.unexpected == ("ticket:unknown",), "one that has just closed may still be ending"
    assert {row.subject: row.waiting_for for row in stage}[told] == "person"
