"""The page of deliveries: what failed by receiver, one act for each, and what is said of a bad one."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete

from database.repositories.outbox import MAIL
from database.tables.columns import now
from database.tables.people import PartnerRow
from database.tables.platform import OutboxRow
from domain.identifiers import new_id
from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post


async def a_partner_that_is_away(house: House, name: str) -> str:
    """Its receiver, with two failed webhooks and one that was given up."""
    partner = PartnerRow(id=new_id(), name=name, webhook_url="https://example.com/hook")
    async with house.database.transaction() as session:
        session.add(partner)
        for given_up in (None, None, now()):
            session.add(
                OutboxRow(
                    id=new_id(), kind="webhook", destination=f"partner:{partner.id}", topic="card.paid", payload={},
                    attempts=4, due_at=now() + timedelta(hours=1), last_failure="webhook: http_503", given_up_at=given_up,
                )
            )  # fmt: skip
    return f"partner:{partner.id}"


async def test_failing_receiver_is_shown_and_its_deliveries_are_retried(house: House) -> None:
    receiver, browser = await a_partner_that_is_away(house, "Green & Sons"), await house.as_(Role.OPS)
    page = (await browser.get("/operations/deliveries")).text
    assert "Green &amp; Sons" in page
    assert "webhook: http_503" in page
    assert "/operations/deliveries" in (await browser.get("/operations")).text
    done = await post(browser, "/operations/deliveries/again", receiver=receiver, reason_code="provider_back")
    assert (done.status_code, done.headers["location"]) == (303, "/operations/deliveries?sent=2")
    both = await post(
        browser, "/operations/deliveries/again", receiver=receiver, reason_code="provider_back", given_up="yes"
    )
    assert both.headers["location"] == "/operations/deliveries?sent=1"


async def test_retry_without_a_reason_is_refused_and_keeps_the_selection(house: House) -> None:
    receiver, browser = await a_partner_that_is_away(house, "Left alone"), await house.as_(Role.OPS)
    refused = await post(browser, "/operations/deliveries/again", receiver=receiver, reason_code="")
    assert refused.status_code == 422
    assert f'<option value="{receiver}" selected>' in refused.text


async def test_read_only_role_sees_no_act(house: House) -> None:
    await a_partner_that_is_away(house, "Seen only")
    refused = await post(await house.as_(Role.REVIEWER), "/operations/deliveries/again", receiver="message")
    assert refused.status_code == 403


async def test_customer_mail_is_one_receiver_and_is_retried(house: House) -> None:
    async with house.database.transaction() as session:
        await session.execute(delete(OutboxRow).where(OutboxRow.kind == MAIL))
        for _ in range(2):
            session.add(
                OutboxRow(
                    id=new_id(), kind=MAIL, destination=f"contact:{new_id()}", topic="ticket.answered", payload={},
                    attempts=4, due_at=now() + timedelta(hours=1), last_failure="mail: connection",
                )
            )  # fmt: skip
    browser = await house.as_(Role.OPS)
    page = (await browser.get("/operations/deliveries")).text
    assert page.count('data-row="mail"') == 1
    assert "Mail server</strong>" in page
    assert '<option value="mail">Mail server</option>' in page
    done = await post(browser, "/operations/deliveries/again", receiver=MAIL, reason_code="provider_back")
    assert done.headers["location"] == "/operations/deliveries?sent=2"
