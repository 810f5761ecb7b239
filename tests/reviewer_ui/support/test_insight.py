"""The page of support metrics: figures with their definitions and files, in both languages."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text

from database.tables.support.tickets import TicketClockRow, TicketMessageRow
from domain.identifiers import new_id
from domain.people.roles import Role
from domain.support.tickets import ClockKind, MessageKind, TicketCategory, TicketChannel
from reviewer_ui.support.insight_figures import MAKERS
from tests.builders.installation import a_ticket
from tests.reviewer_ui.conftest import House

PATH = "/insight/support"


async def a_busy_day(house: House) -> None:
    """Two tickets of today: one answered and solved by =Lin in time, one new and late."""
    lin = await house.cards.person(Role.SUPPORT, "=Lin")
    now = datetime.now(UTC)
    async with house.database.transaction() as session:
        await session.execute(text("UPDATE settlement_run SET ticket_id = NULL"))
        for table in (
            "goodwill_order",
            "goodwill",
            "payee_request",
            "blind_review",
            "ticket_escalation",
            "ticket_clock",
            "ticket_message",
            "ticket_event",
            "contact_link",
            "ticket_search",
            "ticket_link",
            "ticket_file",
            "ticket",
        ):
            await session.execute(text(f"DELETE FROM {table}"))  # noqa: S608  # Names of our own.
        solved = await a_ticket(
            session, now, TicketCategory.PAYOUT_LATE, first_replied_at=now, solved_at=now, solved_by=lin
        )
        late = await a_ticket(session, now, TicketCategory.CODE_TROUBLE)
        session.add(TicketMessageRow(
            id=new_id(), ticket_id=solved, kind=MessageKind.REPLY, author=f"person:{lin}", words="-",
            channel=TicketChannel.WEB, at=now,
        ))  # fmt: skip
        met: dict[str, Any] = {"met_at": now, "met_by": "support"}
        breached: dict[str, Any] = {"breached_at": now, "breached_by": "ops"}
        for ticket_id, ended in ((solved, met), (late, breached)):
            session.add(TicketClockRow(
                ticket_id=ticket_id, kind=ClockKind.FIRST_RESPONSE, name="first_response:1", started_at=now, budget_s=1,
                policy="-", policy_version=1, warn_at=now, due_at=now, **ended,
            ))  # fmt: skip


async def test_page_shows_figures_and_definitions_in_both_languages(house: House) -> None:
    await a_busy_day(house)
    browser = await house.as_(Role.SUPPORT_LEAD)
    page = (await browser.get(PATH, headers={"accept-language": "en"})).text
    for said in ("2 opened, 1 solved", "Payout late", "=Lin", "First response", "50 %"):
        assert said in page, said
    assert page.count("How is this calculated?") == len(MAKERS)
    assert "style=" not in page
    assert 'href="/insight?range=7"' in page
    chinese = (await browser.get(PATH, headers={"accept-language": "zh-CN"})).text
    for said in ("新增 2 张，解决 1 张", "客服数据", "首次回复"):
        assert said in chinese, said


async def test_empty_period_shows_an_explanation(house: House) -> None:
    for language, said in (("en", "No ticket was opened in this period."), ("zh-CN", "所选日期内没有新增工单。")):
        query = "range=custom&from=2021-01-01&to=2021-01-31&brand=wanda"
        page = (await (await house.as_(Role.OPS)).get(f"{PATH}?{query}", headers={"accept-language": language})).text
        assert said in page
        assert page.count("figure-empty") == len(MAKERS)


async def test_each_figure_is_a_file_that_opens_safely(house: House) -> None:
    await a_busy_day(house)
    browser = await house.as_(Role.FINANCE)
    for key in MAKERS:
        answer = await browser.get(f"{PATH}/{key}.csv?range=30")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8", key
        assert answer.content.startswith(b"\xef\xbb\xbf"), key
    work = (await browser.get(f"{PATH}/ticket_workload.csv")).content.decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(work)))[1] == ["'=Lin", "1", "1", "1.0", "1", "0"]
    assert (await browser.get(f"{PATH}/flow.csv")).status_code == 404
