"""The page that explains a ticket's deadlines, in both languages, and the way from its run to the ticket."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest
from chinese_calendar import is_workday

from database.tables.people import SellerRow
from domain.identifiers import new_id, ticket_task
from domain.people.roles import Role
from domain.places import BUSINESS_ZONE, business_day
from domain.support.tickets import TicketCategory
from tests.builders.ticket_clocks import TicketScene
from tests.reviewer_ui.conftest import House


async def a_scene(house: House) -> TicketScene:
    seller = SellerRow(id=new_id(), phone_sealed=b"-", phone_index=new_id(), phone_masked="138****0000")
    async with house.database.transaction() as session:
        session.add(seller)
    agent = await house.cards.person(Role.SUPPORT, "Su Min")
    made = TicketScene(house, f"seller:{seller.id}", agent)  # type: ignore[arg-type]  # It has the parts that are used.
    made.now = _in_office_hours(datetime.now(UTC) - timedelta(days=9))
    return made


def _in_office_hours(moment: datetime) -> datetime:
    """Ten in the morning of the newest working day up to that moment: time at night is nobody's."""
    day = business_day(moment)
    while not is_workday(day) or day.weekday() > 4:
        day -= timedelta(days=1)
    return datetime.combine(day, time(10), BUSINESS_ZONE).astimezone(UTC)


SAID = {
    "en": ("First response: done in time", "Resolution: paused;", "Support, Su Min:", "legal source has not been confirmed"),
    "zh-CN": ("首次响应：已按时完成", "解决：暂停计时，客户回复后还剩", "（Su Min）：", "法律依据尚未核实"),
}  # fmt: skip


@pytest.mark.parametrize("language", SAID)
async def test_due_time_of_a_ticket_is_explained_by_promise(house: House, language: str) -> None:
    scene = await a_scene(house)
    ticket_id = await scene.opened(TicketCategory.PRIVACY)
    await scene.taken(ticket_id)
    scene.now += timedelta(hours=2)
    await scene.replied(ticket_id)
    agent = await house.as_(Role.SUPPORT)
    page = await agent.get(f"/work/{ticket_task(ticket_id)}/why-due", headers={"accept-language": language})
    assert page.status_code == 200
    missing = [words for words in SAID[language] if words not in page.text]
    assert missing == []
    assert "due_reason" not in page.text


async def test_a_tickets_run_leads_to_the_ticket(house: House) -> None:
    ticket_id = new_id()
    answer = await (await house.as_(Role.OPS)).get(f"/operations/runs/ticket:{ticket_id}")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/tickets/{ticket_id}")
