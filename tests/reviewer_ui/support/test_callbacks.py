"""Support at the console: the queue of requests, one request's page, and its answer."""

from __future__ import annotations

import re

import pytest

from domain.people.roles import Role
from tests.reviewer_ui.callbacks import PHONE, a_request
from tests.reviewer_ui.conftest import House, post


async def test_agent_claims_the_next_request_and_answers_it(house: House) -> None:
    await house.cards.empty_the_queue()
    one = await house.cards.waiting()
    task, agent = await a_request(house, one), await house.as_(Role.SUPPORT, "Su")
    listed = (await agent.get("/review")).text  # The first queue that is theirs.
    assert f'href="/callbacks/{task}"' in listed
    assert f'href="/cards/{one.card_id}" data-open' not in listed
    assert "Appeal against a decision" in listed
    taken = await post(agent, "/review/next")
    assert taken.headers["location"] == f"/callbacks/{task}"
    page = await agent.get(f"/callbacks/{task}")
    assert "Why was it not bought?" in page.text
    assert "138****8888" in page.text
    assert PHONE not in page.text
    called = await post(agent, f"/callbacks/{task}/telephone")
    assert PHONE in called.text
    assert called.headers["cache-control"] == "no-store"
    assert (await post(agent, f"/callbacks/{task}/close", reason_code="explained", note="called")).status_code == 303
    closed = (await agent.get(f"/callbacks/{task}")).text
    assert "We explained the reasons for the decision" in closed
    assert f"/callbacks/{task}/close" not in closed
    again = await post(agent, f"/callbacks/{task}/close", reason_code="reached")
    assert again.status_code == 409


async def test_refused_answer_keeps_the_input(house: House) -> None:
    task, agent = await a_request(house, await house.cards.waiting()), await house.as_(Role.SUPPORT)
    await post(agent, f"/work/{task}/take")
    refused = await post(
        agent, f"/callbacks/{task}/close", reason_code="explained", note="it says 8800 1234 1234 1234 5"
    )
    assert refused.status_code == 422
    assert "it says 8800" in refused.text
    assert (await post(agent, f"/callbacks/{task}/close", note="kept")).status_code == 422


async def test_a_request_is_snoozed_escalated_taken_over_and_commented_on(house: House) -> None:
    task, agent = await a_request(house, await house.cards.waiting()), await house.as_(Role.SUPPORT)
    senior, here = await house.as_(Role.SENIOR), f"/callbacks/{task}"
    assert (await post(agent, f"/work/{task}/take")).headers["location"] == here
    assert (await post(senior, f"/work/{task}/take-over", reason_code="urgent")).status_code in (303, 422)
    await post(agent, f"/work/{task}/comments", words="He calls back at six")
    assert "He calls back at six" in (await agent.get(here)).text
    await post(agent, f"/work/{task}/take")
    snoozed = await post(agent, f"/work/{task}/snooze", until="tomorrow", reason_code="call_store")
    assert snoozed.status_code in (303, 409)
    assert (await agent.get("/review?kind=callback&snoozed=yes")).status_code == 200


@pytest.mark.parametrize("about_no_card", [False, True], ids=["about_a_card", "about_no_card"])
async def test_refused_comment_keeps_its_text_and_status_code(house: House, about_no_card: bool) -> None:
    task = await a_request(house, await house.cards.waiting(), about_no_card=about_no_card)
    agent = await house.as_(Role.SUPPORT)
    refused = await post(agent, f"/work/{task}/comments", words="she reads 8800 1234 1234 1234 5")
    assert refused.status_code == 422
    assert 'value="she reads 8800 1234 1234 1234 5"' in refused.text
    assert "Why was it not bought?" in refused.text, "it is the page of the request"
    assert (await post(agent, f"/work/{task}/comments", words="")).status_code == 422
    barred = await post(
        await house.as_(Role.REVIEWER), f"/work/{task}/comments", words="she reads 8800 1234 1234 1234 5"
    )
    assert "Why was it not bought?" not in barred.text


async def test_both_queues_link_to_each_other(house: House) -> None:
    one = await house.cards.waiting()
    task = await a_request(house, one)
    senior, reviewer = await house.as_(Role.SENIOR), await house.as_(Role.REVIEWER)
    reviews, requests = (await senior.get("/review?all=yes")).text, (await senior.get("/review?kind=callback")).text
    assert 'href="/review?kind=callback"' in reviews
    assert task not in reviews
    assert task in requests
    assert one.task_id not in requests
    assert 'href="/review?kind=callback"' not in (await reviewer.get("/review?all=yes")).text
    assert (await reviewer.get("/review?kind=callback")).status_code == 403
    agent = await house.as_(Role.SUPPORT)
    assert (await agent.get("/review?kind=review")).status_code == 403
    assert (await agent.get(f"/review/tasks/{task}/who")).status_code == 200
    assert (await agent.get(f"/review/tasks/{one.task_id}/who")).status_code == 403


async def test_request_queue_is_filtered_by_request_type(house: House) -> None:
    task, agent = await a_request(house, await house.cards.waiting()), await house.as_(Role.SUPPORT)
    page = (await agent.get("/review?kind=callback&reason=appeal")).text
    assert 'name="reason" value="appeal" checked>Appeal against a decision' in page
    assert 'name="type"' not in page
    assert task in page
    assert task not in (await agent.get("/review?kind=callback&reason=call")).text


async def test_next_after_a_review_is_a_review(house: House) -> None:
    await house.cards.empty_the_queue()
    one, other = await house.cards.waiting(), await house.cards.waiting()
    await a_request(house, one)
    senior = await house.as_(Role.SENIOR)
    await post(senior, f"/cards/{one.card_id}/take", task_id=one.task_id)
    await senior.get("/review?kind=callback")
    assert "Starbucks" in (await senior.get(f"/review/next-preview?but={one.task_id}")).text
    until = {"until": "tomorrow", "reason_code": "call_store", "then": "next"}
    gone = await post(senior, f"/cards/{one.card_id}/snooze", task_id=one.task_id, **until)
    assert gone.headers["location"] == f"/cards/{other.card_id}"
    assert (await post(senior, "/review/next")).headers["location"].startswith("/callbacks/")


async def test_holding_a_callback_does_not_allow_deciding_a_card(house: House) -> None:
    """A request's id in the form of a review decides nothing."""
    one = await house.cards.waiting()
    task, senior = await a_request(house, one), await house.as_(Role.SENIOR)
    await post(senior, f"/work/{task}/take")
    answer = await post(senior, f"/cards/{one.card_id}/decision", task_id=task, act="approve")
    assert answer.status_code in (404, 409)
    assert not (await house.cards.task(one)).decided


async def test_a_request_takes_files_with_and_without_a_card(house: House) -> None:
    one, agent = await house.cards.waiting(), await house.as_(Role.SUPPORT)
    about_card = await a_request(house, one)
    without = await a_request(house, await house.cards.waiting(), about_no_card=True)
    reviewer = await house.as_(Role.REVIEWER)
    for task, files in ((about_card, f"/cards/{one.card_id}/files/"), (without, f"/work/{without}/files/")):
        token = re.search(r'name="csrf" value="([^"]+)"', (await agent.get(f"/callbacks/{task}")).text)
        assert token is not None
        sent = [("files", ("receipt.txt", b"paid 200", "text/plain"))]
        form = {"csrf": token[1], "words": "See the receipt"}
        assert (await agent.post(f"/work/{task}/comments", data=form, files=sent)).status_code == 303
        page = (await agent.get(f"/callbacks/{task}")).text
        assert "See the receipt" in page
        link = re.search(rf'href="({files}[0-9A-Z]+)"', page)
        assert link is not None
        kept = await agent.get(link[1])
        assert (kept.content, kept.headers["content-type"]) == (b"paid 200", "text/plain; charset=utf-8")
        assert kept.headers["content-disposition"].startswith("attachment")
        large = [("files", ("large.txt", b"a" * 1024 * 1024, "text/plain"))]
        assert (await agent.post(f"/work/{task}/comments", data=form, files=large)).status_code == 303
        assert (await reviewer.get(link[1])).status_code == (200 if task == about_card else 403)


async def test_due_time_of_a_request_is_explained_on_a_linked_page(house: House) -> None:
    task, agent = await a_request(house, await house.cards.waiting()), await house.as_(Role.SUPPORT)
    there = f"/work/{task}/why-due"
    for page in (f"/callbacks/{task}", "/review?kind=callback"):
        assert f'href="{there}"' in (await agent.get(page)).text
    page_text = (await agent.get(there)).text
    assert "The policy “callback” (version" in page_text
    assert "allows 8 h." in page_text
    assert "Only working hours of the calendar" in page_text
    assert f'href="/callbacks/{task}"' in page_text
    agent.cookies.set("cardloop_locale", "zh_CN")
    chinese = (await agent.get(there, headers={"accept-language": "zh-CN", "hx-request": "true"})).text
    assert chinese.strip().startswith('<div class="why-due">')
    assert "允许用时 8 小时" in chinese
    without = await a_request(house, await house.cards.waiting(), about_no_card=True)
    assert "allows 8 h." in (await (await house.as_(Role.SENIOR)).get(f"/work/{without}/why-due")).text
    assert (await (await house.as_(Role.REVIEWER)).get(f"/work/{without}/why-due")).status_code == 403
    assert (await agent.get("/work/card:nobody:callback:1/why-due")).status_code == 404


async def test_the_queue_of_requests_is_a_page_of_support(house: House) -> None:
    """Title, rail and breadcrumbs name it; its rows name the brand, and its chip counts what it leads to."""
    await house.cards.empty_the_queue()
    task, agent = await a_request(house, await house.cards.waiting()), await house.as_(Role.SUPPORT)
    page = (await agent.get("/review?kind=callback")).text
    assert "<h1>Callbacks and appeals</h1>" in page
    assert re.search(r'href="/callbacks"\s+aria-current="page"', page)
    assert re.search(r"Waiting <strong>1</strong>", page)
    row = page.split(f'data-row="{task}"')[1].split("</tr>")[0]
    assert "Starbucks" in row
    assert "Face value" not in page
    crumbs = (await agent.get(f"/callbacks/{task}")).text.split('class="crumbs"')[1].split("</nav>")[0]
    assert f"Request {task.split(':')[1][-6:]}" in crumbs
    await house.cards.empty_the_queue()
    assert "Sellers ask for a call" in (await agent.get("/review?kind=callback")).text


async def test_answer_is_kept_after_the_lease_expired(house: House) -> None:
    task, agent = await a_request(house, await house.cards.waiting()), await house.as_(Role.SUPPORT)
    await post(agent, f"/work/{task}/take")
    await post(agent, f"/work/{task}/release")
    late = await post(agent, f"/callbacks/{task}/close", reason_code="explained", note="called at six")
    assert late.status_code == 409
    form = late.text.split(f'action="/callbacks/{task}/take"')[1].split("</form>")[0]
    assert "called at six" in form
    assert 'name="reason_code" value="explained"' in form
    taken = await post(agent, f"/callbacks/{task}/take", reason_code="explained", note="called at six")
    answer = taken.text.split(f'action="/callbacks/{task}/close"')[1].split("</form>")[0]
    assert "called at six" in answer
    assert re.search(r'value="explained"[^>]* checked', answer)


async def test_a_snooze_ends_early_from_the_page(house: House) -> None:
    task, agent = await a_request(house, await house.cards.waiting()), await house.as_(Role.SUPPORT)
    await post(agent, f"/work/{task}/take")
    await post(agent, f"/work/{task}/snooze", until="tomorrow", reason_code="call_store")
    assert f'action="/callbacks/{task}/take"' not in (await agent.get(f"/callbacks/{task}")).text
    woken = await post(agent, f"/work/{task}/wake")
    assert woken.headers["location"] == f"/callbacks/{task}"
    assert f'action="/callbacks/{task}/take"' in (await agent.get(f"/callbacks/{task}")).text
