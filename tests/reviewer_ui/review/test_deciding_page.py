"""Deciding at the page: the suggestion is taken by one button, the next card opens, and the last decision can be undone."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from sqlalchemy import select

from database.session import Database
from database.tables.cards import AnswerRow
from database.tables.people import AuditRow, PersonRow
from database.tables.review import ReviewDecisionRow
from database.tables.work import ReasonCodeRow, ReviewDraftRow, WorkItemRow
from domain.cards.review import AskedItem, ReviewOutcome
from domain.people.roles import Role
from reviewer_ui.sessions import COOKIE
from reviewer_ui.undoing import COOKIE as UNDO_COOKIE
from tests.cases import the_first
from tests.reviewer_ui.conftest import House, a_house, post
from tests.reviewer_ui.deciding import changed, confirmation, decide, decisions, read_as, suggested, taken, with_undo
from tests.reviewer_ui.waiting_cards import NUMBER, OTHER_NUMBER, PIN, Waiting


async def test_clear_card_is_approved_by_one_button_and_the_next_opens(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    first, second = await taken(house, browser), await house.cards.waiting()
    page = (await browser.get(f"/cards/{first.card_id}")).text
    assert "approve unchanged" in page
    mark = suggested(page)
    answer = await decide(browser, first, act="accept", suggested=mark, then="next")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/cards/{second.card_id}")
    assert (await house.cards.task(second)).leased_by is not None
    (made,) = await decisions(house, first)
    assert (made.outcome, made.suggestion) == (ReviewOutcome.APPROVE, "approve")
    last = await decide(browser, second, act="approve", then="next")
    assert last.headers["location"].startswith("/review?")


async def test_overruled_suggestion_is_recorded(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    assert (await decide(browser, waiting, act="reject:damaged")).status_code == 303
    (made,) = await decisions(house, waiting)
    assert (made.outcome, made.reason_code, made.suggestion) == (ReviewOutcome.REJECT, "damaged", "approve")


async def test_outdated_suggestion_is_refused(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    mark = suggested((await browser.get(f"/cards/{waiting.card_id}")).text)
    await changed(house, AnswerRow, waiting, details={"pin": "wrong"})
    answer = await decide(browser, waiting, act="accept", suggested=mark, note="looked twice")
    assert answer.status_code == 409
    assert "looked twice" in answer.text
    assert await decisions(house, waiting) == []


async def test_a_wrong_pin_is_asked_for_again(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    await changed(house, AnswerRow, waiting, details={"pin": "wrong"})
    mark = suggested((await browser.get(f"/cards/{waiting.card_id}")).text)
    assert (await decide(browser, waiting, act="accept", suggested=mark)).status_code == 303
    (made,) = await decisions(house, waiting)
    assert (made.outcome, made.asked_item, made.reason_code) == (ReviewOutcome.ASK_AGAIN, AskedItem.PIN, "mismatch")


async def test_a_number_from_the_photo_corrects_the_card_without_being_shown(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    await changed(house, AnswerRow, waiting, status="unknown")
    await read_as(house, waiting, 9_700, number=OTHER_NUMBER)
    page = (await browser.get(f"/cards/{waiting.card_id}")).text
    assert OTHER_NUMBER not in page
    assert OTHER_NUMBER[-4:] in page
    assert (await decide(browser, waiting, act="accept", suggested=suggested(page))).status_code == 303
    assert (await house.cards.card(waiting)).number_tail == OTHER_NUMBER[-4:]


async def test_store_check_is_requested_and_an_unknown_reason_is_refused(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    for act in ("hand_to_store", "hand_to_store:bored", "reject:bored", "ask_again:blurred"):
        assert (await decide(browser, waiting, act=act)).status_code == 422, act
    assert (await decide(browser, waiting, act="hand_to_store:value_doubtful")).status_code == 303


async def test_undone_decision_reopens_the_card_with_its_input(house: House) -> None:
    with_undo(house)
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    answer = await decide(
        browser,
        waiting,
        act="approve_corrected",
        number=OTHER_NUMBER,
        note="second line",
        then="next",
        confirmed=confirmation(house, waiting, OTHER_NUMBER),
    )
    (made,) = await decisions(house, waiting)
    assert house.desk.told == []
    shown = (await browser.get("/review")).text
    assert f'action="/decisions/{made.id}/undo"' in shown
    assert "Max-Age=8" in answer.headers["set-cookie"]
    undone = await post(browser, f"/decisions/{made.id}/undo")
    assert (undone.status_code, undone.headers["location"]) == (303, f"/cards/{waiting.card_id}")
    page = (await browser.get(f"/cards/{waiting.card_id}")).text
    assert f'value="{OTHER_NUMBER}"' in page
    assert 'value="second line"' in page
    assert "/undo" not in page
    confirmed = confirmation(house, waiting, OTHER_NUMBER)
    again = await decide(browser, waiting, act="approve_corrected", number=OTHER_NUMBER, confirmed=confirmed)
    assert again.status_code == 303
    assert len(await decisions(house, waiting)) == 2


async def test_sent_decision_and_a_colleagues_decision_cannot_be_undone(
    console_url: str, pool_of: Callable[[str], Database], tmp_path: Path
) -> None:
    ahead = timedelta(0)
    async with a_house(pool_of(console_url), tmp_path, undo_s=8, now=lambda: datetime.now(UTC) + ahead) as house:
        waiting, browser, made = await _decided(house)
        ahead = timedelta(seconds=9)
        late = await post(browser, f"/decisions/{made.id}/undo")
    assert late.status_code == 409
    assert "can no longer be undone" in late.text
    assert 'class="undo-bar"' not in late.text
    assert waiting.task_id == made.task_id


async def _decided(house: House) -> tuple[Waiting, httpx.AsyncClient, ReviewDecisionRow]:
    """A card approved a moment ago, the browser that did it, and the decision, which another may not undo."""
    browser, other = await house.as_(Role.REVIEWER), await house.as_(Role.SENIOR)
    waiting = await taken(house, browser)
    await decide(browser, waiting, act="approve")
    (made,) = await decisions(house, waiting)
    assert (await post(other, f"/decisions/{made.id}/undo")).status_code == 404
    return waiting, browser, made


async def test_undo_is_not_offered_without_a_window(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    answer = await decide(browser, waiting, act="approve")
    assert UNDO_COOKIE not in answer.headers.get("set-cookie", "")


async def test_forged_undo_cookie_has_no_effect(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    for forged in ("x", "0" * 26 + ".99999999999999", '"><script>'):
        browser.cookies.set(UNDO_COOKIE, forged)
        page = await browser.get("/cards")
        assert page.status_code == 200
        assert "undo-bar" not in page.text


async def test_a_double_click_decides_once_and_opens_one_card(house: House) -> None:
    with_undo(house)
    browser = await house.as_(Role.REVIEWER)
    waiting, following = await taken(house, browser), await house.cards.waiting()
    first = await decide(browser, waiting, act="approve", then="next")
    second = await decide(browser, waiting, act="approve", then="next")
    assert first.headers["location"] == second.headers["location"] == f"/cards/{following.card_id}"
    assert len(await decisions(house, waiting)) == 1


async def test_next_card_uses_the_last_queue_filter(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    await house.cards.waiting()
    regional = await house.cards.waiting(brand_code="hualian")
    await browser.get("/review?type=regional")
    answer = await decide(browser, waiting, act="approve", then="next")
    assert answer.headers["location"] == f"/cards/{regional.card_id}"


async def test_draft_is_visible_only_to_its_author(house: House) -> None:
    token = await house.sessions.open(await house.cards.person(Role.REVIEWER, "Ann"))
    browser, other = house.browser(token), await house.as_(Role.SENIOR, "Bo")
    waiting = await taken(house, browser)
    draft = {"task_id": waiting.task_id, "number": OTHER_NUMBER, "note": "half of it"}
    assert (await post(browser, f"/cards/{waiting.card_id}/draft", **draft)).status_code == 204
    again = house.browser(token)  # The computer crashed; the same person comes back.
    assert f'value="{OTHER_NUMBER}"' in (await again.get(f"/cards/{waiting.card_id}")).text
    for path in (f"/cards/{waiting.card_id}", "/review"):
        page = (await other.get(path)).text
        assert OTHER_NUMBER not in page
        assert "half of it" not in page
    reason = {"task_id": waiting.task_id, "reason_code": "urgent"}
    assert (await post(other, f"/cards/{waiting.card_id}/take-over", **reason)).status_code == 303
    assert "half of it" not in (await other.get(f"/cards/{waiting.card_id}")).text
    lost = await decide(again, waiting, act="approve_corrected", number=OTHER_NUMBER, note="half of it")
    assert lost.status_code == 409
    assert "Bo" in lost.text
    assert "half of it" in lost.text
    assert OTHER_NUMBER in (await again.get(f"/cards/{waiting.card_id}")).text
    assert (await decide(other, waiting, act="approve")).status_code == 303
    assert "half of it" not in (await again.get(f"/cards/{waiting.card_id}")).text
    async with house.database.transaction() as session:
        left = select(ReviewDraftRow).where(ReviewDraftRow.task_id == waiting.task_id)
        assert (await session.execute(left)).scalars().all() == []


async def test_draft_needs_an_open_task(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    for task_id in ("nonsense", f"{waiting.task_id}0"):
        answer = await post(browser, f"/cards/{waiting.card_id}/draft", task_id=task_id, note="x")
        assert answer.status_code == 409


async def test_task_is_snoozed_or_escalated_with_a_reason(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    where, form = f"/cards/{waiting.card_id}", {"task_id": waiting.task_id}
    assert (await post(browser, f"{where}/snooze", reason_code="call_store", **form)).status_code == 422
    assert (await post(browser, f"{where}/escalate", reason_code="tired", **form)).status_code == 422
    off = await post(browser, f"{where}/snooze", reason_code="call_store", until="hour", then="next", **form)
    assert (off.status_code, off.headers["location"][:8]) == (303, "/review?")
    assert (await house.cards.task(waiting)).snoozed_until is not None
    other = await taken(house, browser)
    form = {"task_id": other.task_id, "reason_code": "suspicious", "note": "three alike"}
    assert (await post(browser, f"/cards/{other.card_id}/escalate", **form)).status_code == 303
    assert (await house.cards.task(other)).escalated
    mine = await taken(house, await house.as_(Role.SENIOR, "Bo"))
    form = {"task_id": mine.task_id, "reason_code": "urgent"}
    assert (await post(browser, f"/cards/{mine.card_id}/take-over", **form)).status_code == 403


async def test_next_task_is_named_and_not_claimed(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting, following = await taken(house, browser), await house.cards.waiting(brand_code="hualian", number=None)
    named = await browser.get(f"/review/next-preview?but={waiting.task_id}", headers={"hx-request": "true"})
    assert "Hualian" in named.text
    task = await house.cards.task(following)
    assert (task.leased_by, task.leased_until) == (None, None)
    assert (await house.cards.task(waiting)).leased_by is not None
    async with house.database.transaction() as session:
        looks = select(AuditRow.act).where(AuditRow.subject == following.card_id)
        assert (await session.execute(looks)).scalars().all() == []
    nothing = await browser.get(f"/review/next-preview?but={following.task_id}", headers={"hx-request": "true"})
    assert "Hualian" not in nothing.text


@pytest.mark.parametrize("locale", the_first(1, ["zh-CN", "en"]))
async def test_decision_pages_show_no_secrets(house: House, locale: str) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    await read_as(house, waiting, 9_900, number=NUMBER, pin=PIN)
    page = await browser.get(f"/cards/{waiting.card_id}", headers={"accept-language": locale})
    assert 'name="act" value="accept"' in page.text
    assert NUMBER not in page.text
    assert PIN not in page.text


async def test_keys_are_changed_turned_off_and_reset(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    assert (await post(browser, "/account/keys", **{"key-a": "y"})).status_code == 303
    assert html.unescape((await browser.get("/cards")).text).count('data-keys=\'{"a": "y"}\'') == 1
    for wrong in ({"key-a": "r"}, {"key-a": "1"}, {"key-a": "ab"}):
        assert (await post(browser, "/account/keys", **wrong)).status_code == 422
    assert (await post(browser, "/account/keys", off="yes")).status_code == 303
    assert '{"off": true}' in html.unescape((await browser.get("/cards")).text)
    assert (await post(browser, "/account/keys", usual="yes")).status_code == 303
    async with house.database.transaction() as session:
        person = await house.sessions.person(str(browser.cookies[COOKIE]))
        assert person is not None
        assert (await session.get_one(PersonRow, person.id)).shortcuts == {}


async def test_reasons_are_added_renamed_and_retired_with_audit(house: House) -> None:
    admin, browser = await house.as_(Role.ADMIN), await house.as_(Role.REVIEWER)
    assert (await browser.get("/setup/reasons")).status_code == 403
    new = {"code": "torn", "letter": "t", "zh": "卡面撕裂", "en": "The card is torn", "seller_reason": "damaged"}
    for wrong, why in (
        ({"letter": "f"}, "uses this letter"), ({"letter": "?"}, "one letter"), ({"zh": " "}, "both languages"), ({"code": "Torn!"}, "lowercase letters"),
    ):  # fmt: skip
        refused = await post(admin, "/setup/reasons/reject", **(new | wrong))
        assert (refused.status_code, why in refused.text) == (422, True), wrong
    assert (await post(admin, "/setup/reasons/reject", **new)).status_code == 303
    assert (await post(admin, "/setup/reasons/reject", **new)).status_code == 422
    waiting = await taken(house, browser)
    assert "The card is torn" in (await browser.get(f"/cards/{waiting.card_id}")).text
    renamed = new | {"en": "Torn in two", "place": "2"}
    assert (await post(admin, "/setup/reasons/reject/torn", **renamed)).status_code == 303
    assert (await post(admin, "/setup/reasons/reject/torn/use", active="no")).status_code == 303
    page = (await browser.get(f"/cards/{waiting.card_id}")).text
    assert "Torn in two" not in page
    assert (await decide(browser, waiting, act="reject:torn")).status_code == 422
    assert "Torn in two" in (await admin.get("/setup/reasons")).text
    async with house.database.transaction() as session:
        on_it = select(AuditRow.act).where(AuditRow.subject == "reject:torn").order_by(AuditRow.id)
        acts = (await session.execute(on_it)).scalars().all()
        assert acts == ["console:reason:add", "console:reason:change", "console:reason:retire"]
        await session.delete(await session.get_one(ReasonCodeRow, ("reject", "torn")))
    kept = await post(admin, "/setup/reasons/ask_again/mismatch/use", active="no")
    assert (kept.status_code, "cannot be retired" in kept.text) == (422, True)  # The machine suggests with it.
    for path in ("/setup/reasons/juggle", "/setup/reasons/reject/nothing"):
        assert (await post(admin, path, **new)).status_code == 404


async def test_decided_task_is_in_no_queue_until_undone(house: House) -> None:
    with_undo(house)
    browser, other = await house.as_(Role.REVIEWER), await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    await decide(browser, waiting, act="approve")
    assert (await post(other, "/review/next")).headers["location"].startswith("/review?")
    async with house.database.transaction() as session:
        assert (
            await session.execute(select(WorkItemRow.decided).where(WorkItemRow.id == waiting.task_id))
        ).scalar_one()
