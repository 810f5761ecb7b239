"""What grows is judged by category, brand and step, against the same hours of the days before."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.ops.ticket_growth import Cause, growing
from database.session import Database
from domain.support.tickets import TicketCategory
from languages import LOCALES
from services.notices.alert_words import in_words
from tests.builders import installation as rows

NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LATE, REJECTED = TicketCategory.PAYOUT_LATE, TicketCategory.CARD_REJECTED


async def tickets(
    session: AsyncSession, number: int, opened_at: datetime, category: TicketCategory, card: str = ""
) -> None:
    for _ in range(number):
        await rows.a_ticket(session, opened_at, category, card_id=card)


@pytest.mark.asyncio(loop_scope="session")
async def test_tickets_about_one_brand_and_step_are_counted_apart(installation: Database) -> None:
    async with installation.transaction() as session:
        card = await rows.a_card(session, NOON - DAY)
        await tickets(session, 1, NOON - 20 * DAY, LATE)
        await tickets(session, 6, NOON - HOUR, LATE, card)
        await tickets(session, 4, NOON - HOUR, LATE)
        await tickets(session, 6, NOON - 8 * HOUR, REJECTED)  # Before the window.
        found = await growing(session, 4, NOON)
    assert found == {Cause("payout_late", "jd", "intake"): 6}
    assert [cause.subject for cause in found] == ["payout_late/jd/intake"]


@pytest.mark.asyncio(loop_scope="session")
async def test_baseline_is_the_same_hours_of_other_days(installation: Database) -> None:
    async with installation.transaction() as session:
        for day in range(1, 29):
            await tickets(session, 5, NOON - day * DAY - HOUR, LATE)
            await tickets(session, 5, NOON - day * DAY - 12 * HOUR, REJECTED)  # At night.
        await tickets(session, 9, NOON - HOUR, LATE)
        await tickets(session, 9, NOON - HOUR, REJECTED)
        found = await growing(session, 4, NOON)
    assert found == {Cause("card_rejected", "", ""): 9}


@pytest.mark.asyncio(loop_scope="session")
async def test_spam_and_merged_tickets_are_not_counted(installation: Database) -> None:
    async with installation.transaction() as session:
        first = await rows.a_ticket(session, NOON - 20 * DAY, LATE)
        for _ in range(9):
            await rows.a_ticket(session, NOON - HOUR, LATE, solution="spam")
            await rows.a_ticket(session, NOON - HOUR, LATE, merged_into=first)
        assert await growing(session, 4, NOON) == {}


@pytest.mark.parametrize("locale", LOCALES)
def test_alert_text_names_its_subject(locale: str) -> None:
    said = in_words("payout_late/jd/payout", locale)
    assert said.count(" · ") == 2
    assert "payout_late" not in said
    assert in_words("payout_late/-/-", locale) == said.partition(" · ")[0]
    assert in_words("cards workflow", locale) == "cards workflow"
