"""A privacy request at the console: compliance prepares the copy after step-up, and two people erase."""

from __future__ import annotations

import re

from sqlalchemy import update

from database.tables.cards import CardRow, SubmissionRow
from database.tables.people import ConsoleSessionRow, PartnerRow
from database.tables.support.tickets import TicketRow
from domain.identifiers import new_id
from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.privacy_requests import a_privacy_request


async def test_privacy_request_takes_two_compliance_members(house: House) -> None:
    ticket = await a_privacy_request(house)
    here, one, two = f"/tickets/{ticket}/privacy", await house.as_(Role.COMPLIANCE, "Ann"), await house.as_(Role.COMPLIANCE, "Bo")  # fmt: skip
    page = (await one.get(here)).text
    assert "Prepare the copy" in page
    assert (await post(one, f"{here}/copy")).status_code == 303
    assert "Ann" in (await two.get(here)).text
    assert (await post(one, f"{here}/erasure")).status_code == 303
    mine, theirs = (await one.get(here)).text, (await two.get(here)).text
    confirm = re.findall(rf'action="({here}/erasure/\w+/confirm)"', theirs)
    assert (len(confirm), "/confirm" in mine) == (1, False)
    assert (await post(one, confirm[0])).status_code == 403
    assert (await post(two, confirm[0])).status_code == 303
    assert "Erased: proposed by Ann, agreed by Bo" in (await one.get(here)).text


async def test_erasure_page_lists_what_is_kept(house: House) -> None:
    ticket, partner_id = await a_privacy_request(house), new_id()
    waiting, own = [await house.cards.waiting() for _ in range(2)]
    async with house.database.transaction() as session:
        seller = (await session.get_one(TicketRow, ticket)).requester
        session.add(PartnerRow(id=partner_id, name="Riverside Cards"))
        for one, owner in ((own, seller), (waiting, f"partner:{partner_id}")):
            card = await session.get_one(CardRow, one.card_id)
            submission = await session.get_one(SubmissionRow, card.submission_id)
            submission.owner, submission.payee_index = owner, f"index-{ticket}"
    page = (await (await house.as_(Role.COMPLIANCE)).get(f"/tickets/{ticket}/privacy")).text
    assert "ask who runs the mail server to delete it" in page
    assert "<strong>Riverside Cards</strong> (1)" in page


async def test_preparing_a_copy_requires_step_up(house: House) -> None:
    ticket, person = await a_privacy_request(house), await house.as_(Role.COMPLIANCE)
    async with house.database.transaction() as session:
        await session.execute(update(ConsoleSessionRow).values(stepped_up_at=None))
    for act in ("copy", "erasure/NONE/confirm"):
        asked = await post(person, f"/tickets/{ticket}/privacy/{act}")
        assert (asked.status_code, "step_up_" in asked.text) == (403, True), act


async def test_a_lead_of_support_prepares_and_does_not_erase(house: House) -> None:
    ticket, lead = await a_privacy_request(house), await house.as_(Role.SUPPORT_LEAD)
    page = (await lead.get(f"/tickets/{ticket}/privacy")).text
    assert "Two people of compliance" in page
    assert f"/tickets/{ticket}/privacy/erasure" not in page
    assert (await lead.get("/tickets/NOBODY/privacy")).status_code == 404
