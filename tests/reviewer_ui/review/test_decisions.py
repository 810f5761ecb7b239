"""One task, two reviewers: who holds it decides it, once, and what was typed is never lost."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.deciding import confirmation
from tests.reviewer_ui.waiting_cards import NUMBER, OTHER_NUMBER, PIN


async def test_next_claims_the_first_task_and_opens_its_card(house: House) -> None:
    first = await house.cards.waiting()
    await house.cards.waiting()
    answer = await post(await house.as_(Role.REVIEWER), "/review/next")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/cards/{first.card_id}")
    assert (await house.cards.task(first)).leased_by is not None


async def test_escalated_task_is_claimed_only_by_seniors(house: House) -> None:
    waiting = await house.cards.waiting(escalated=True)
    nothing = await post(await house.as_(Role.REVIEWER), "/review/next")
    assert nothing.headers["location"] == "/review?nothing=true"
    taken = await post(await house.as_(Role.SENIOR), "/review/next")
    assert taken.headers["location"] == f"/cards/{waiting.card_id}"


async def test_two_reviewers_race_for_one_task(house: House) -> None:
    waiting = await house.cards.waiting()
    browsers = [await house.as_(Role.REVIEWER, name) for name in ("Ann", "Bo")]
    answers = await asyncio.gather(
        *(post(one, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id) for one in browsers)
    )
    assert sorted(answer.status_code for answer in answers) == [303, 409]
    winner = next(name for name, answer in zip(("Ann", "Bo"), answers, strict=True) if answer.status_code == 303)
    assert winner in next(answer.text for answer in answers if answer.status_code == 409)


async def test_approval_is_sent_to_the_card_and_closes_the_task(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    answer = await post(browser, f"/cards/{waiting.card_id}/decision", task_id=waiting.task_id, outcome="approve")
    assert answer.status_code == 303
    assert [card_id for card_id, _ in house.desk.told] == [waiting.card_id]
    assert (await house.cards.task(waiting)).closed_at is not None


async def test_decision_without_the_lease_is_refused_and_the_draft_is_kept(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    form = {"task_id": waiting.task_id, "outcome": "reject", "reject_reason": "forged", "note": "edges are blurred"}
    answer = await post(browser, f"/cards/{waiting.card_id}/decision", **form)
    assert answer.status_code == 409
    assert "edges are blurred" in answer.text
    assert house.desk.told == []


async def test_expired_lease_is_renewed_by_the_decision(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    await house.cards.run_out(waiting)
    form = {"task_id": waiting.task_id, "outcome": "approve_corrected", "number": OTHER_NUMBER}
    form["confirmed"] = confirmation(house, waiting, OTHER_NUMBER)
    late = await post(browser, f"/cards/{waiting.card_id}/decision", **form)
    assert late.status_code == 409
    assert 'name="retake"' in late.text
    assert f'value="{OTHER_NUMBER}"' in late.text
    again = await post(browser, f"/cards/{waiting.card_id}/decision", retake="true", **form)
    assert again.status_code == 303
    assert (await house.cards.card(waiting)).number_tail == OTHER_NUMBER[-4:]


async def test_first_holder_is_refused_after_another_decided(house: House) -> None:
    waiting = await house.cards.waiting()
    first, second = await house.as_(Role.REVIEWER, "Ann"), await house.as_(Role.REVIEWER, "Bo")
    await post(first, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    await house.cards.run_out(waiting)
    await post(second, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    form = {"task_id": waiting.task_id, "outcome": "approve", "note": "looks genuine"}
    held = await post(first, f"/cards/{waiting.card_id}/decision", **form)
    assert held.status_code == 409
    assert (await post(second, f"/cards/{waiting.card_id}/decision", **form)).status_code == 303
    decided = await post(
        first, f"/cards/{waiting.card_id}/decision", **(form | {"outcome": "reject", "reject_reason": "forged"})
    )
    assert decided.status_code == 409
    assert "looks genuine" in decided.text
    assert len(house.desk.told) == 1


async def test_released_task_is_claimed_by_another(house: House) -> None:
    waiting, first = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await post(first, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    assert (await post(first, f"/cards/{waiting.card_id}/release", task_id=waiting.task_id)).status_code == 303
    second = await house.as_(Role.REVIEWER)
    assert (await post(second, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)).status_code == 303


async def test_renewal_extends_the_lease(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    before = (await house.cards.task(waiting)).leased_until
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    after = (await house.cards.task(waiting)).leased_until
    assert before is not None
    assert after is not None
    assert after > before > datetime.now(UTC)


async def test_decision_is_sent_later_while_temporal_is_unavailable(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    house.desk.away = True
    answer = await post(browser, f"/cards/{waiting.card_id}/decision", task_id=waiting.task_id, outcome="approve")
    assert answer.status_code == 503
    assert "/decision/deliver" in answer.text
    house.desk.away = False
    assert (await post(browser, f"/cards/{waiting.card_id}/decision/deliver")).status_code == 303
    assert (await house.cards.task(waiting)).closed_at is not None


async def test_a_regional_card_needs_entered_fields(house: House) -> None:
    waiting = await house.cards.waiting(brand_code="hualian", number=None)
    browser = await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    as_it_stands = await post(browser, f"/cards/{waiting.card_id}/decision", task_id=waiting.task_id, outcome="approve")
    assert as_it_stands.status_code == 422
    entered = {"number": "12345 67890", "pin": "604128", "face_value": "500.00"}
    entered["confirmed"] = confirmation(house, waiting, "1234567890")
    answer = await post(
        browser, f"/cards/{waiting.card_id}/decision", task_id=waiting.task_id, outcome="approve_corrected", **entered
    )
    assert answer.status_code == 303
    assert (await house.cards.card(waiting)).number_tail == "7890"


@pytest.mark.parametrize(
    "form",
    [
        {"outcome": ""},
        {"outcome": "reject"},
        {"outcome": "ask_again"},
        {"outcome": "approve_corrected"},
        {"outcome": "approve_corrected", "number": "8104223199076640"},
        {"outcome": "approve_corrected", "face_value": "five hundred"},
        {"outcome": "approve_corrected", "expiry": "31/03/2031"},
        {"outcome": "approve", "number": OTHER_NUMBER},
    ],
    ids=["nothing", "no reason", "no item", "no field", "check digit", "amount", "date", "typed but as it stands"],
)
async def test_invalid_form_decides_nothing(house: House, form: dict[str, str]) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    answer = await post(browser, f"/cards/{waiting.card_id}/decision", task_id=waiting.task_id, **form)
    assert answer.status_code == 422
    assert house.desk.told == []


async def test_form_without_token_is_refused(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    answer = await browser.post(f"/cards/{waiting.card_id}/take", data={"task_id": waiting.task_id})
    assert answer.status_code == 400
    assert (await house.cards.task(waiting)).leased_by is None


async def test_pages_contain_no_secrets(house: House) -> None:
    waiting = await house.cards.waiting()
    holder = await house.as_(Role.REVIEWER)
    await post(holder, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    browsers = [holder, *[await house.as_(role) for role in Role]]
    for browser in browsers:
        for path in (
            f"/cards/{waiting.card_id}",
            "/review",
            f"/cards?id={waiting.card_id}",
            "/payouts",
            f"/trail/{waiting.card_id}",
        ):
            page = await browser.get(path)
            assert NUMBER not in page.text
            assert PIN not in page.text


async def test_a_secret_is_revealed_for_a_reason_and_never_stored(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    bare = await post(browser, f"/cards/{waiting.card_id}/reveal", field="pin", reason_code="  ")
    assert bare.status_code == 422
    assert PIN not in bare.text
    shown = await post(browser, f"/cards/{waiting.card_id}/reveal", field="pin", reason_code="call")
    assert PIN in shown.text
    assert shown.headers["cache-control"] == "no-store"
    assert 'http-equiv="refresh" content="20' in shown.text


async def test_uncovered_photo_requires_the_lease(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    path = f"/cards/{waiting.card_id}/photos/{waiting.photo_id}"
    assert (await browser.get(path)).status_code == 404
    assert len((await browser.get(f"{path}/preview")).content) < 2000
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    sharp = await browser.get(path)
    assert (sharp.status_code, sharp.headers["content-type"], sharp.headers["cache-control"]) == (
        200,
        "image/jpeg",
        "no-store",
    )
