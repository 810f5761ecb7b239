"""An agent asks another desk at the console; the desk reads and answers, and the answer is shown beside the ticket."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from database.tables.quality import BlindReviewRow
from domain.people.roles import Role
from domain.support.tickets import InsideDesk
from services.support.desk import SupportDesk
from services.support.escalating import Escalations
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.escalation_scenes import a_held_ticket, a_question
from tests.reviewer_ui.waiting_cards import NUMBER, PIN


async def test_a_question_is_asked_answered_and_read(house: House) -> None:
    ticket = await a_held_ticket(house, await house.cards.waiting())
    agent, here = house.browser(await house.sessions.open(ticket.agent)), f"/tickets/{ticket.ticket_id}/ask"
    form = await agent.get(here)
    assert 'name="question"' in form.text
    refused = await post(agent, here, desk="ops", reason_code="stuck", question="")
    assert (refused.status_code, 'value="ops" checked' in refused.text) == (422, True)
    sent = await post(agent, here, desk="ops", reason_code="stuck", question="Is it stuck?", card_id=ticket.card_id)
    assert (sent.status_code, sent.headers["location"]) == (303, f"/tickets/{ticket.ticket_id}")
    assert "Unclaimed" in (await agent.get(here)).text
    wei = await house.as_(Role.OPS, "Wei")
    taken = await post(wei, "/review/next", kind="opsask")
    page = await wei.get(taken.headers["location"])
    assert "Is it stuck?" in page.text
    assert "It was promised for Monday." in page.text
    assert NUMBER not in page.text
    assert PIN not in page.text
    assert "With Wei since" in (await agent.get(here)).text
    question = taken.headers["location"].rpartition("/")[2]
    wrong = await post(wei, f"/escalations/{question}/answer", answer_code="", words="Restarted.")
    assert (wrong.status_code, "Restarted." in wrong.text) == (422, True)
    done = await post(wei, f"/escalations/{question}/answer", answer_code="mended", words="Restarted.")
    assert done.status_code == 303
    back = (await agent.get(here)).text
    assert "Fixed; the card continues" in back
    assert "Restarted." in back


async def test_desk_opens_only_its_own_questions(house: House) -> None:
    question = await a_question(house, await a_held_ticket(house, await house.cards.waiting()), InsideDesk.FINANCE)
    for role, status in ((Role.FINANCE, 200), (Role.OPS, 403), (Role.COMPLIANCE, 403), (Role.SUPPORT, 403)):
        assert (await (await house.as_(role)).get(f"/escalations/{question}")).status_code == status
    assert (await post(await house.as_(Role.OPS), f"/escalations/{question}/take")).status_code == 403
    assert (await (await house.as_(Role.OPS)).get("/escalations")).headers["location"] == "/review?kind=opsask"


async def test_a_comment_that_is_refused_stays_on_the_questions_page(house: House) -> None:
    question = await a_question(house, await a_held_ticket(house, await house.cards.waiting()))
    wei = await house.as_(Role.OPS, "Wei")
    refused = await post(wei, f"/work/escalation:{question}:opsask:1/comments", words="number 6222021234567890123")
    assert (refused.status_code, "6222021234567890123" in refused.text) == (422, True)
    assert (await post(wei, f"/work/escalation:{question}:opsask:1/comments", words="looking")).status_code == 303
    assert "looking" in (await wei.get(f"/escalations/{question}")).text


async def test_withdrawn_question_is_marked(house: House) -> None:
    ticket = await a_held_ticket(house, await house.cards.waiting())
    question = await a_question(house, ticket)
    agent = house.browser(await house.sessions.open(ticket.agent))
    path = f"/tickets/{ticket.ticket_id}/escalations/{question}/withdraw"
    assert (await post(agent, path)).status_code == 303
    assert (await post(agent, path)).status_code == 409
    assert "Withdrawn" in (await (await house.as_(Role.OPS)).get(f"/escalations/{question}")).text


@pytest.mark.parametrize(("locale", "words"), [("en", "What is new"), ("zh-CN", "新的情况")])
async def test_blind_reviewer_sees_the_evidence_and_not_the_first_decision(
    house: House, locale: str, words: str
) -> None:
    one = await house.cards.waiting()
    mei = await house.as_(Role.REVIEWER, "Mei")
    await post(mei, f"/cards/{one.card_id}/take", task_id=one.task_id)
    await post(
        mei,
        f"/cards/{one.card_id}/decision",
        task_id=one.task_id,
        outcome="reject",
        reject_reason="forged",
        note="edges",
    )
    ticket = await a_held_ticket(house, one)
    question = await Escalations(SupportDesk(house.database, house.keyring, house.photos)).ask(
        ticket.agent, ticket.ticket_id, InsideDesk.REVIEW, "The hologram is genuine.", "new_evidence", one.card_id
    )
    async with house.database.transaction() as session:
        found = select(BlindReviewRow.id).where(BlindReviewRow.escalation_id == question)
        review_id = (await session.execute(found)).scalar_one()
    bo = await house.as_(Role.REVIEWER, "Bo")
    bo.headers["accept-language"] = locale
    page = await bo.get(f"/quality/second/{review_id}")
    assert (page.status_code, words in page.text, "The hologram is genuine." in page.text) == (200, True, True)
    assert "Mei" not in page.text
    assert (await mei.get(f"/quality/second/{review_id}")).status_code == 403
    assert (await bo.get(f"/quality/second/{review_id}/files/NOBODY")).status_code == 404
