"""The figures of support are right: a small world counted by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.quality.insight import ALL, Span
from database.reads.support import figures
from database.reads.support.figures import About, Agent, Contacts, Promised, Rated, Reopened, nearest
from database.reads.support.times import Waited, first_answers, solutions
from database.tables.cards import CardEventRow, CardRow
from database.tables.ops.workers import WorkerBuildRow
from database.tables.support.tickets import TicketClockRow, TicketMessageRow
from database.tables.work import ClockIntervalRow, WorkItemRow
from domain.cards.card import Stage
from domain.identifiers import new_id, ticket_task
from domain.support.tickets import ClockKind, MessageKind, TicketCategory, TicketChannel
from domain.work.deadlines import ClockOwner
from tests.builders.installation import a_ticket
from tests.database.desk import Town

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)  # Twelve o'clock in Shanghai, a Friday.
WEEK = Span(date(2026, 11, 14), date(2026, 11, 20), SHANGHAI)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LATE, REJECTED, OTHER = TicketCategory.PAYOUT_LATE, TicketCategory.CARD_REJECTED, TicketCategory.OTHER


async def a_card(town: Town, brand: str, created_at: datetime) -> str:
    card_id = await town.card(brand=brand)
    await town.session.execute(update(CardRow).where(CardRow.id == card_id).values(created_at=created_at))
    return card_id


async def test_what_tickets_are_about_and_how_many_there_are_per_card(session: AsyncSession) -> None:
    town = Town(session)
    jd, starbucks = await a_card(town, "jd", NOON - DAY), await a_card(town, "starbucks", NOON - DAY)
    await a_card(town, "jd", NOON - 2 * DAY)
    await a_card(town, "jd", NOON - 30 * DAY)
    for stage, at in ((Stage.VERIFICATION, NOON - 5 * HOUR), (Stage.PAYOUT, NOON - HOUR)):
        session.add(CardEventRow(card_id=jd, at=at, stage=stage, actor="machine", what="offer.made"))
    for build, first in (("old", NOON - 90 * DAY), ("new", NOON - 3 * HOUR)):
        session.add(WorkerBuildRow(build_id=build, first_at=first, last_at=NOON))
    await session.flush()
    await a_ticket(session, NOON - 4 * HOUR, LATE, card_id=jd)  # At verification, of the old release.
    await a_ticket(session, NOON - 10 * MINUTE, LATE, card_id=jd)
    await a_ticket(session, NOON - 5 * MINUTE, LATE, card_id=jd)
    await a_ticket(session, NOON - DAY, REJECTED, card_id=starbucks)
    await a_ticket(session, NOON - DAY, OTHER)
    await a_ticket(session, NOON - DAY, OTHER, solution="spam")
    await a_ticket(session, NOON - 30 * DAY, OTHER)
    assert await figures.causes(session, WEEK) == (
        About("payout_late", "jd", "payout", "new", 2), About("card_rejected", "starbucks", "intake", "old", 1),
        About("other", "", "", "old", 1), About("payout_late", "jd", "verification", "old", 1),
    )  # fmt: skip
    assert await figures.contacts(session, WEEK) == (
        Contacts(ALL, 5, 3), Contacts("jd", 3, 2), Contacts("starbucks", 1, 1),
    )  # fmt: skip
    assert Contacts(ALL, 5, 3).per_thousand == 16_666
    of_jd = Span(WEEK.first, WEEK.last, SHANGHAI, brand="jd")
    assert await figures.contacts(session, of_jd) == (Contacts(ALL, 3, 2), Contacts("jd", 3, 2))
    assert [day.opened for day in await figures.flow(session, WEEK)] == [0, 0, 0, 0, 0, 2, 3]
    assert {hour.hour: hour.opened for hour in await figures.hours(session, WEEK) if hour.opened} == {
        8: 1,
        11: 2,
        12: 2,
    }


async def test_waiting_is_counted_in_working_time_without_the_customers_own(session: AsyncSession) -> None:
    opened = NOON - 2 * DAY + HOUR  # One in the afternoon: the desk is back from lunch.
    for minutes in (10, 20, 60):
        answered = await a_ticket(session, opened, LATE, first_replied_at=opened + minutes * MINUTE)
    session.add(ClockIntervalRow(  # The agent had more to do after the first answer.
        id=new_id(), task_id=ticket_task(answered), owner=ClockOwner.SUPPORT, runs=True, started_at=opened,
        ended_at=opened + 3 * HOUR,
    ))  # fmt: skip
    ticket_id = await a_ticket(session, opened, REJECTED, first_replied_at=NOON - 20 * DAY, solved_at=opened + 4 * HOUR)
    for owner, starts, ends in (
        (ClockOwner.SUPPORT, opened, opened + HOUR), (ClockOwner.SELLER, opened + HOUR, opened + 3 * HOUR),
        (ClockOwner.SUPPORT, opened + 3 * HOUR, opened + 4 * HOUR),
    ):  # fmt: skip
        session.add(ClockIntervalRow(
            id=new_id(), task_id=ticket_task(ticket_id), owner=owner, runs=owner is ClockOwner.SUPPORT, started_at=starts,
            ended_at=ends,
        ))  # fmt: skip
    await a_ticket(session, opened - 30 * DAY, OTHER, first_replied_at=opened - 29 * DAY)
    await session.flush()
    assert await first_answers(session, WEEK) == (Waited(ALL, 3, 1200, 3600), Waited("payout_late", 3, 1200, 3600))
    assert await solutions(session, WEEK) == (Waited(ALL, 1, 7200, 7200), Waited("card_rejected", 1, 7200, 7200))


async def test_a_night_is_no_working_time(session: AsyncSession) -> None:
    evening = datetime(2026, 11, 18, 23, 30, tzinfo=SHANGHAI)
    await a_ticket(session, evening, LATE, first_replied_at=evening + 11 * HOUR)
    every, _ = await first_answers(session, WEEK)
    assert 0 < every.p50_s < 3 * 3600


async def test_each_promise_counts_for_the_desk_that_had_the_ticket(session: AsyncSession) -> None:
    ticket_id, late = await a_ticket(session, NOON - DAY, LATE), NOON - HOUR
    kinds = (ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE, ClockKind.RESOLUTION)
    runs: tuple[tuple[ClockKind, dict[str, Any]], ...] = (
        (kinds[0], {"met_at": late, "met_by": "support"}),
        (kinds[1], {"met_at": late, "met_by": "support_lead"}),
        (kinds[1], {"breached_at": late, "breached_by": "ops", "met_at": NOON, "met_by": "support"}),
        (kinds[2], {"breached_at": late, "breached_by": "finance"}),
        (kinds[2], {"void_at": late}),
        (kinds[2], {"met_at": NOON - 30 * DAY, "met_by": "support"}),
        (kinds[2], {}),
    )
    for number, (kind, ended) in enumerate(runs):
        session.add(TicketClockRow(
            ticket_id=ticket_id, kind=kind, name=f"{kind}:{number}", started_at=NOON - DAY, budget_s=1, policy="-",
            policy_version=1, warn_at=NOON, due_at=NOON, **ended,
        ))  # fmt: skip
    await session.flush()
    assert await figures.clocks(session, WEEK) == (
        Promised("first_response", 1, 1), Promised("next_response", 2, 1), Promised("resolution", 1, 0),
    )  # fmt: skip
    assert await figures.tiers(session, WEEK) == (
        Promised("finance", 1, 0), Promised("ops", 1, 0), Promised("support", 1, 1), Promised("support_lead", 1, 1),
    )  # fmt: skip


async def test_solved_again_and_rated(session: AsyncSession) -> None:
    solved = [await a_ticket(session, NOON - DAY, LATE, solved_at=NOON) for _ in range(3)]
    await a_ticket(session, NOON - DAY, LATE, reopened=2)
    await a_ticket(session, NOON - DAY, OTHER)
    assert await figures.reopened(session, WEEK) == (Reopened(ALL, 4, 1), Reopened("payout_late", 4, 1))
    for ticket_id, good, at in zip(solved, (True, False, True), (NOON, NOON, NOON - 30 * DAY), strict=True):
        await session.execute(
            text("INSERT INTO ticket_rating (ticket_id, good, words, first_at, at) VALUES (:id, :good, '', :at, :at)"),
            {"id": ticket_id, "good": good, "at": at},
        )
    assert await figures.satisfaction(session, WEEK) == (Rated(ALL, 2, 1), Rated("payout_late", 2, 1))


async def test_who_wrote_how_much_in_how_many_hours(session: AsyncSession) -> None:
    town = Town(session)
    lin, wu = await town.person("Lin"), await town.person("Wu")
    ticket_id = await a_ticket(session, NOON - DAY, LATE, solved_by=lin, solved_at=NOON)
    held = await a_ticket(session, NOON - DAY, LATE)
    await session.execute(update(WorkItemRow).where(WorkItemRow.id == ticket_task(held)).values(assigned_to=wu))
    for at, gone in (
        (NOON, False),
        (NOON + MINUTE, False),
        (NOON + 2 * HOUR, False),
        (NOON, True),
        (NOON - 30 * DAY, False),
    ):
        session.add(TicketMessageRow(
            id=new_id(), ticket_id=ticket_id, kind=MessageKind.REPLY, author=f"person:{lin}", words="-",
            channel=TicketChannel.WEB, at=at, withdrawn_at=NOON if gone else None,
        ))  # fmt: skip
    await session.flush()
    found = await figures.workload(session, WEEK)
    assert found == (Agent(lin, "Lin", 3, 2, 1, 0), Agent(wu, "Wu", 0, 0, 0, 1))
    assert (found[0].tenths_an_hour, found[1].tenths_an_hour) == (15, None)
    assert {hour.hour: hour.replies for hour in await figures.hours(session, WEEK) if hour.replies} == {12: 2, 14: 1}
    assert [day.solved for day in await figures.flow(session, WEEK)][-1] == 1


async def test_an_empty_desk_has_no_figures_and_no_errors(session: AsyncSession) -> None:
    assert len(await figures.flow(session, WEEK)) == 7
    assert {(one.opened, one.replies) for one in await figures.hours(session, WEEK)} == {(0, 0)}
    for figure in (
        first_answers, solutions, figures.clocks, figures.tiers, figures.reopened, figures.contacts, figures.causes, figures.satisfaction,
        figures.workload,
    ):  # fmt: skip
        assert await figure(session, WEEK) == (), figure.__name__


@pytest.mark.parametrize(("percent", "value"), [(0, 1), (50, 2), (75, 3), (90, 4), (100, 4)])
def test_a_percentile_is_a_value_that_was_there(percent: int, value: int) -> None:
    assert nearest([1, 2, 3, 4], percent) == value
