"""Tickets at the console: an agent claims the next one, reads, replies, and continues; no input is lost, nothing is done twice."""

from __future__ import annotations

import re

import httpx

from database.reads.support.tickets import TicketRecord, record
from database.reads.work.queue import reason_words
from database.tables.people import AuditRow
from domain.people.roles import Role
from domain.support.tickets import TicketCategory, TicketState
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.ticket_scenes import tickets_in_every_state
from tests.reviewer_ui.tickets import Customer, a_customer


def shown(page: httpx.Response, name: str) -> str:
    """The value of a hidden field."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page.text)
    assert found is not None, name
    return found[1]


async def read(house: House, ticket_id: str) -> TicketRecord:
    async with house.database.transaction() as session:
        return await record(session, ticket_id)


async def held(house: House, role: Role = Role.SUPPORT) -> tuple[Customer, str, httpx.AsyncClient]:
    """A customer's ticket in the hand of an agent, and the agent's browser."""
    customer, agent = await a_customer(house), await house.as_(role, "Su")
    ticket_id = await customer.asks()
    assert (await post(agent, f"/tickets/{ticket_id}/take")).status_code == 303
    return customer, ticket_id, agent


async def test_ticket_is_answered_in_the_fewest_steps(house: House) -> None:
    customer, agent = await a_customer(house), await house.as_(Role.SUPPORT, "Su")
    ticket_id = await customer.asks()
    listed = await agent.get("/review?kind=ticket")
    assert f'href="/tickets/{ticket_id}"' in listed.text
    assert "My money has not come" in listed.text
    taken = await post(agent, "/review/next", filter="kind=ticket")
    assert taken.headers["location"] == f"/tickets/{ticket_id}"
    page = await agent.get(f"/tickets/{ticket_id}")
    assert "Where is my money?" in page.text
    assert customer.phone not in page.text
    reply = {"words": "It is on its way.", "act": "wait", "seen": shown(page, "seen"), "key": shown(page, "key")}
    assert [(await post(agent, f"/tickets/{ticket_id}/reply", **reply)).status_code for _ in range(2)] == [303, 303]
    found = await read(house, ticket_id)
    assert (found.ticket.state, len(found.said)) == (TicketState.WAITING_CUSTOMER, 2)
    assert "It is on its way." in (await agent.get(f"/tickets/{ticket_id}")).text
    waiting = await agent.get("/review?kind=ticket&waiting=yes")
    assert f'href="/tickets/{ticket_id}"' in waiting.text


async def test_reply_that_crosses_a_new_message_is_kept_as_a_draft(house: House) -> None:
    customer, ticket_id, agent = await held(house)
    seen = shown(await agent.get(f"/tickets/{ticket_id}"), "seen")
    await customer.writes(ticket_id, "I found it, thank you!")
    crossed = await post(agent, f"/tickets/{ticket_id}/reply", words="Which bank is it?", act="wait", seen=seen)
    assert crossed.status_code == 409
    assert "I found it, thank you!" in crossed.text
    assert ">Which bank is it?</textarea>" in crossed.text
    again = await post(agent, f"/tickets/{ticket_id}/reply", words="Good.", act="wait", seen=shown(crossed, "seen"))
    assert again.status_code == 303


async def test_refused_reply_keeps_its_text_and_masks_card_numbers(house: House) -> None:
    _, ticket_id, agent = await held(house)
    refused = await post(agent, f"/tickets/{ticket_id}/reply", words="Card 6222 0212 3456 7890 123?", act="wait")
    assert refused.status_code == 422
    assert "Card 6222 0212" in refused.text
    no_reason = await post(agent, f"/tickets/{ticket_id}/reply", words="Done.", act="solve:nothing")
    assert no_reason.status_code == 422
    note = await post(agent, f"/tickets/{ticket_id}/note", words="6222 0212 3456 7890 123")
    assert note.status_code == 422
    assert len((await read(house, ticket_id)).said) == 1


async def test_reply_after_a_takeover_is_kept_for_its_author(house: House) -> None:
    _, ticket_id, agent = await held(house)
    lead, task = await house.as_(Role.SUPPORT_LEAD, "Lea"), f"ticket:{ticket_id}:ticket:1"
    taken = await post(lead, f"/work/{task}/take-over", reason_code=await a_reason(house, "take_over"))
    assert taken.status_code == 303
    late = await post(agent, f"/tickets/{ticket_id}/reply", words="I was writing this", act="wait")
    assert late.status_code == 409
    assert "I was writing this" in late.text


async def test_undone_reply_becomes_a_draft(house: House) -> None:
    _, ticket_id, agent = await held(house)
    await post(agent, f"/tickets/{ticket_id}/reply", words="It was paid on Monday.", act="wait")
    (message,) = [one for one in (await read(house, ticket_id)).said if not one.by_customer]
    undone = await post(agent, f"/tickets/{ticket_id}/replies/{message.id}/take-back")
    assert undone.status_code == 303
    page = (await agent.get(f"/tickets/{ticket_id}")).text
    assert ">It was paid on Monday.</textarea>" in page
    assert (await read(house, ticket_id)).ticket.state is not TicketState.WAITING_CUSTOMER
    other = await house.as_(Role.SUPPORT, "Bo")
    assert (await post(other, f"/tickets/{ticket_id}/replies/{message.id}/take-back")).status_code == 404


async def test_draft_is_private_and_shows_that_its_author_is_typing(house: House) -> None:
    _, ticket_id, agent = await held(house)
    assert (await post(agent, f"/tickets/{ticket_id}/draft", words="half a sentence")).status_code == 204
    assert ">half a sentence</textarea>" in (await agent.get(f"/tickets/{ticket_id}")).text
    other = await house.as_(Role.SUPPORT, "Bo")
    assert "half a sentence" not in (await other.get(f"/tickets/{ticket_id}")).text
    beside = (await other.get(f"/tickets/{ticket_id}/beside")).text
    assert "Su are writing a reply" in beside
    assert "half a sentence" not in beside


async def test_internal_note_is_never_shown_to_the_customer(house: House) -> None:
    _, ticket_id, agent = await held(house)
    assert (await post(agent, f"/tickets/{ticket_id}/note", words="They sounded upset")).status_code == 303
    page = (await agent.get(f"/tickets/{ticket_id}")).text
    assert re.search(r"spoken-note.*?Internal note.*?hidden from the customer.*?They sounded upset", page, re.DOTALL)
    async with house.database.transaction() as session:
        assert "They sounded upset" not in [one.words for one in (await record(session, ticket_id)).said]


async def test_template_fills_the_reply_or_names_missing_values(house: House) -> None:
    _, ticket_id, agent = await held(house)
    filled = await post(agent, f"/tickets/{ticket_id}/template", words="Dear customer,", template="received")
    assert filled.status_code == 303
    page = (await agent.get(f"/tickets/{ticket_id}")).text
    assert "Dear customer,\n\n您好，您的反馈已收到" in page.replace("\r", "")
    assert ticket_id[-6:] in page
    missing = await post(agent, f"/tickets/{ticket_id}/template", words="Dear customer,", template="payout_ordered")
    assert missing.status_code == 422
    assert "{amount}" in missing.text
    assert ">Dear customer,</textarea>" in missing.text


async def test_macro_is_previewed_then_run(house: House) -> None:
    _, ticket_id, agent = await held(house)
    shown_first = await post(agent, f"/tickets/{ticket_id}/macro/preview", macro="to_the_leads")
    assert shown_first.status_code == 200
    assert "Escalate to the leads" in shown_first.text
    assert not (await read(house, ticket_id)).task.escalated
    form = {name: shown(shown_first, name) for name in ("revision", "ticket_revision")}
    sent = [
        (await post(agent, f"/tickets/{ticket_id}/macro/run", macro="to_the_leads", **form)).status_code
        for _ in range(2)
    ]
    assert sent == [303, 409]
    assert (await read(house, ticket_id)).task.escalated


async def test_a_ticket_is_sorted_linked_split_and_merged_from_its_page(house: House) -> None:
    customer, ticket_id, agent = await held(house)
    await post(agent, f"/tickets/{ticket_id}/sort", category="account", cause="sign_in", priority="high", language="en")
    found = await read(house, ticket_id)
    assert (found.ticket.category, found.ticket.language) == (TicketCategory.ACCOUNT, "en")
    message = await customer.writes(ticket_id, "And my phone number changed.")
    split = await post(agent, f"/tickets/{ticket_id}/messages/{message}/split", subject="Phone", category="account")
    other = split.headers["location"].rpartition("/")[2]
    merged = await post(agent, f"/tickets/{other}/merge", into=ticket_id)
    assert merged.headers["location"] == f"/tickets/{ticket_id}"
    closed = (await agent.get(f"/tickets/{other}")).text
    assert "This ticket was merged into" in closed
    assert 'action="/tickets/' + other + '/reply"' not in closed
    stranger = await a_customer(house)
    theirs = await stranger.asks()
    refused = await post(agent, f"/tickets/{ticket_id}/merge", into=theirs)
    assert refused.status_code == 409
    assert "different customers" in refused.text
    foreign = await post(agent, f"/tickets/{ticket_id}/link", card=stranger.card.card_id)
    assert foreign.status_code == 404
    page = (await agent.get(f"/tickets/{ticket_id}")).text
    assert "Category changed from “Payout late” to “Account”" in page


async def test_handover_is_shown_on_the_home_page_and_accepted(house: House) -> None:
    me = await house.cards.person(Role.SUPPORT, "Su")
    names = await tickets_in_every_state(house, me)
    agent = house.browser(await house.sessions.open(me))
    assert "Tickets that colleagues hand over to you" in (await agent.get("/")).text
    assert names["ticket_offered"] in (await agent.get("/support/offers")).text
    here = f"/tickets/{names['ticket_offered']}"
    assert "would like to hand this ticket over to you" in (await agent.get(here)).text
    unreasoned = await post(agent, f"{here}/hand-over/{names['offer']}/decline", note="")
    assert unreasoned.status_code == 422
    stranger = await house.as_(Role.SUPPORT, "Bo")
    assert (await post(stranger, f"{here}/hand-over/{names['offer']}/accept")).status_code == 403
    accepted = [(await post(agent, f"{here}/hand-over/{names['offer']}/accept")).status_code for _ in range(2)]
    assert accepted == [303, 409]
    assert (await read(house, names["ticket_offered"])).task.leased_by == me


async def test_ticket_is_opened_for_a_known_caller(house: House) -> None:
    customer, agent = await a_customer(house), await house.as_(Role.SUPPORT, "Su")
    found = await post(agent, "/support/new/caller", q=customer.phone)
    assert found.status_code == 200
    assert customer.phone not in found.text
    form = {
        "caller": customer.seller_id, "category": "payout_late", "subject": "No money yet", "words": "Sold on Monday.",
        "card": customer.card.card_id, "key": shown(found, "key"),
    }  # fmt: skip
    opened = [(await post(agent, "/support/new", **form)).headers["location"] for _ in range(2)]
    assert opened[0] == opened[1]
    ticket = await read(house, opened[0].rpartition("/")[2])
    assert (ticket.ticket.requester, ticket.ticket.channel) == (f"seller:{customer.seller_id}", "phone")
    assert [one.subject for one in ticket.links] == [customer.card.card_id]
    async with house.database.transaction() as session:
        kept = (await session.execute(AuditRow.__table__.select().where(AuditRow.act == "console:search:find"))).all()
    assert any(row.subject == f"seller:{customer.seller_id}" for row in kept)
    nobody = await post(agent, "/support/new/caller", q="+8613911110000")
    assert nobody.status_code == 422
    stranger = await a_customer(house)
    wrong = await post(agent, "/support/new", **{**form, "card": stranger.card.card_id, "key": "another"})
    assert wrong.status_code == 404


async def test_tickets_are_listed_on_customer_and_card_pages(house: House) -> None:
    customer, ticket_id, agent = await held(house)
    for page in (f"/sellers/{customer.seller_id}", f"/cards/{customer.card.card_id}"):
        assert f'href="/tickets/{ticket_id}"' in (await agent.get(page)).text, page
    assert (await post(agent, "/search", q=ticket_id)).headers["location"] == f"/tickets/{ticket_id}"
    assert ticket_id in (await post(agent, "/tickets", q="Where is my money")).text
    reviewer = await house.as_(Role.REVIEWER)
    assert f'href="/tickets/{ticket_id}"' not in (await reviewer.get(f"/cards/{customer.card.card_id}")).text


async def test_ticket_files_are_served_only_as_downloads(house: House) -> None:
    customer, ticket_id, agent = await held(house)
    page = await agent.get(f"/tickets/{ticket_id}")
    sent = await agent.post(
        f"/tickets/{ticket_id}/reply",
        data={"csrf": shown(page, "csrf"), "words": "The receipt.", "act": "open"},
        files={"files": ("receipt.txt", b"paid", "text/plain")},
    )
    assert sent.status_code == 303
    link = re.search(rf"/tickets/{ticket_id}/files/\w+", (await agent.get(f"/tickets/{ticket_id}")).text)
    assert link is not None
    got = await agent.get(link[0])
    assert (got.content, got.headers["x-content-type-options"]) == (b"paid", "nosniff")
    elsewhere = link[0].replace(ticket_id, await customer.asks())
    assert (await agent.get(elsewhere)).status_code == 404


async def test_leads_edit_templates_and_macros(house: House) -> None:
    lead = await house.as_(Role.SUPPORT_LEAD, "Lea")
    wrong = await post(lead, "/support/templates/new", name="Thanks", zh="谢谢 {nothing}", en="Thanks")
    assert wrong.status_code == 422
    assert "谢谢 {nothing}" in wrong.text
    assert (await post(lead, "/support/templates/new", name="Thanks", zh="谢谢", en="Thanks")).status_code == 303
    page = (await lead.get("/support/templates")).text
    assert "谢谢" in page
    empty = await post(lead, "/support/macros/new", name="Nothing", after="open")
    assert empty.status_code == 422
    assert 'value="Nothing"' in empty.text
    assert (await post(lead, "/support/macros/new", name="Urgent", priority="urgent", after="open")).status_code == 303
    assert "Urgent" in (await lead.get("/support/macros")).text
    agent = await house.as_(Role.SUPPORT)
    assert 'action="/support/macros/new"' not in (await agent.get("/support/macros")).text


async def a_reason(house: House, act: str) -> str:
    async with house.database.transaction() as session:
        return next(one.code for one in (await reason_words(session)).values() if one.act == act and one.active)
