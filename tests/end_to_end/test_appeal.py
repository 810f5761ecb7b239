"""A customer appeals against a rejection: another reviewer decides blind, the card opens again, gets a new offer and is paid."""

from __future__ import annotations

import html
import re
import secrets
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from pwdlib import PasswordHash

from bootstrap.demo.logins import PARTNER_KEY
from bootstrap.store import database
from database.tables.people import PersonRow
from domain.cards.card import Outcome, Stage, WaitingFor
from domain.identifiers import new_id
from domain.people.roles import Role
from tests.whole import WHOLE, WholePlatform, starbucks_card

pytestmark = [WHOLE, pytest.mark.timeout(320)]
CSRF = re.compile(r'name="csrf" value="([^"]+)"')


class Staff:
    """One person at the console, by forms as a browser sends them."""

    def __init__(self, whole: WholePlatform, login: str, password: str) -> None:
        self._http = httpx.AsyncClient(base_url=whole.settings.console_url, timeout=20)
        self._login, self._password = login, password

    async def sign_in(self) -> Staff:
        await self.post("/sign-in", "/sign-in", email=self._login, password=self._password)
        return self

    async def page(self, path: str) -> str:
        answer = await self._http.get(path, follow_redirects=True)
        assert answer.is_success, (path, answer.status_code)
        return answer.text

    async def post(self, page: str, path: str, **fields: str) -> httpx.Response:
        """Send a form of a page; fail unless the console redirects to another page."""
        found = CSRF.search(await self.page(page))
        assert found is not None
        answer = await self._http.post(path, data={"csrf": html.unescape(found[1])} | fields)
        assert answer.status_code == 303, (path, answer.status_code, re.sub(r"<[^>]+>|\s+", " ", answer.text)[:800])
        return answer

    async def close(self) -> None:
        await self._http.aclose()


@pytest_asyncio.fixture(loop_scope="session")
async def desk(whole: WholePlatform) -> AsyncIterator[dict[str, Staff]]:
    """The first reviewer and the agent of the demo, and two people more who know nothing of the card."""
    people = {"first": whole.password(Role.REVIEWER), "agent": whole.password(Role.SUPPORT)}
    store = database(whole.settings)
    for name, role in (("second", Role.REVIEWER), ("senior", Role.SENIOR)):
        people[name] = (f"{new_id().lower()}@demo.example", secrets.token_urlsafe(12))
        row = PersonRow(id=new_id(), email=people[name][0], name=name, password_hash=PasswordHash.recommended().hash(people[name][1]), roles=[role])  # fmt: skip
        async with store.transaction() as session:
            session.add(row)
    await store.dispose()
    found = {name: await Staff(whole, *given).sign_in() for name, given in people.items()}
    yield found
    for one in found.values():
        await one.close()


async def test_an_appeal_changes_the_decision_and_the_card_is_offered_for_and_paid(
    whole: WholePlatform, desk: dict[str, Staff]
) -> None:
    card = await whole.hand_in(starbucks_card(), accepted=False)
    await rejected(whole, desk["first"], card)
    ticket = await appealed(whole, desk["agent"], card)
    ((review, item),) = await whole.rows(
        "SELECT s.id, w.due_at FROM blind_review s JOIN work_item w ON w.id = s.task_id WHERE s.card_id = :card",
        card=card,
    )
    assert item is not None  # The question has a deadline of its own desk.
    await decided_again(desk, review)
    again = await whole.reaches(card, lambda seen: seen.waiting_for is WaitingFor.SELLER_OFFER, 120)
    assert again.quote is not None
    async with whole.partner() as partner:
        await partner.accept(card, again.quote)
    end = await whole.paid(card, 120)
    assert (end.stage, end.paid_minor) == (Stage.ENDED, again.quote.amount_minor)
    assert [one["amount_minor"] for one in await whole.transfers(card)] == [again.quote.amount_minor]
    story = [
        row.what for row in await whole.rows("SELECT what FROM card_event WHERE card_id = :card ORDER BY id", card=card)
    ]
    assert story.index("review.decided") < story.index("review.appealed") < len(story) - 1
    asked = "SELECT e.answer_code, t.state FROM ticket_escalation e JOIN ticket t ON t.id = e.ticket_id WHERE t.id = :ticket"
    assert [tuple(row) for row in await whole.rows(asked, ticket=ticket)] == [("changed", "new")]
    assert await whole.violations() == []


async def rejected(whole: WholePlatform, reviewer: Staff, card: str) -> None:
    await whole.reaches(card, lambda seen: seen.waiting_for is WaitingFor.REVIEWER)
    ((task,),) = await whole.rows("SELECT id FROM work_item WHERE card_id = :card AND closed_at IS NULL", card=card)
    await reviewer.post(f"/cards/{card}", f"/cards/{card}/take", task_id=task)
    said = {"outcome": "reject", "reject_reason": "forged", "note": "The hologram looks wrong."}
    await reviewer.post(f"/cards/{card}", f"/cards/{card}/decision", task_id=task, **said)
    end = await whole.reaches(card, lambda seen: seen.outcome is not None)
    assert end.outcome is Outcome.REJECTED


async def appealed(whole: WholePlatform, agent: Staff, card: str) -> str:
    """The partner opens a ticket about the card; the agent asks for a review. Returns the ticket's id."""
    headers = {"authorization": f"Bearer {whole.secrets()[PARTNER_KEY]}", "idempotency-key": secrets.token_hex(8)}
    asked = {
        "category": "card_rejected",
        "subject": "Rejected?",
        "words": "The hologram is genuine.",
        "cards": [card],
    }
    async with httpx.AsyncClient(base_url=whole.settings.api_url, headers=headers, timeout=15) as http:
        answer = await http.post("/v1/tickets", json=asked)
    assert answer.status_code in (200, 201, 202), answer.text
    ticket = str(answer.json()["ticket_id"])
    await agent.post(f"/tickets/{ticket}", f"/tickets/{ticket}/take")
    why = {
        "desk": "review",
        "card_id": card,
        "reason_code": "new_evidence",
        "question": "The hologram is on the other side.",
    }
    await agent.post(f"/tickets/{ticket}/ask", f"/tickets/{ticket}/ask", **why)
    return ticket


async def decided_again(desk: dict[str, Staff], review: str) -> None:
    """Another reviewer would buy it; a senior sides with them."""
    second, senior, path = desk["second"], desk["senior"], f"/quality/second/{review}"
    page = await second.page(path)
    assert "looks wrong" not in page
    await second.post(path, f"{path}/decide", outcome="approve", note="The hologram is genuine.")
    await senior.post(path, f"{path}/settle", outcome="approve", note="I agree.")
