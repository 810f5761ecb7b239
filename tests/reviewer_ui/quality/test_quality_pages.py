"""Second reviews in the console: blind, one's own never, differences for seniors, and figures that say on what they rest."""

from __future__ import annotations

from sqlalchemy import text

from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.quality_scenes import drawn
from tests.reviewer_ui.waiting_cards import NUMBER, PIN


async def test_blind_reviewer_sees_the_photo_and_not_the_first_outcome(house: House) -> None:
    one, _, review_id = await drawn(house)
    bo = await house.as_(Role.REVIEWER, "Bo")
    photo = f"/cards/{one.card_id}/photos/{one.photo_id}"
    assert (await bo.get(photo)).status_code == 404
    taken = await post(bo, "/quality/second/next")
    assert taken.headers["location"] == f"/quality/second/{review_id}"
    # The list of keys at the end of every page names the outcomes there are.
    page = (await bo.get(f"/quality/second/{review_id}")).text.split('id="keys"')[0]
    assert "Decide independently" in page
    for told in ("Mei", "Approve", "accepted", NUMBER, PIN):
        assert told not in page
    assert (await bo.get(photo)).status_code == 200
    story = await bo.get(f"/cards/{one.card_id}")
    assert (story.status_code, story.headers["location"]) == (303, f"/quality/second/{review_id}")
    done = await post(bo, f"/quality/second/{review_id}/decide", outcome="approve")
    assert done.headers["location"] == "/quality/second?none=true"


async def test_own_work_is_never_offered_for_blind_review(house: House) -> None:
    _, mei, review_id = await drawn(house)
    assert (await post(mei, "/quality/second/next")).headers["location"] == "/quality/second?none=true"
    assert (await mei.get(f"/quality/second/{review_id}")).status_code == 403
    assert (await post(mei, f"/quality/second/{review_id}/decide", outcome="approve")).status_code == 403


async def test_difference_is_settled_by_a_senior_who_sees_both(house: House) -> None:
    _, _, review_id = await drawn(house)
    bo, senior = await house.as_(Role.REVIEWER, "Bo"), await house.as_(Role.SENIOR, "Jin")
    await post(bo, "/quality/second/next")
    unclear = await post(bo, f"/quality/second/{review_id}/decide", outcome="reject", note="the edge is blurred")
    assert unclear.status_code == 422
    assert "the edge is blurred" in unclear.text
    form = {"outcome": "reject", "reason": "forged", "note": "the edge is blurred"}
    await post(bo, f"/quality/second/{review_id}/decide", **form)
    assert (await bo.get(f"/quality/second/{review_id}")).status_code == 404
    page = (await senior.get(f"/quality/second/{review_id}")).text
    for told in ("Mei", "Bo", "the edge is blurred", "Two reviewers disagree"):
        assert told in page
    assert f"/quality/second/{review_id}" in (await senior.get("/quality")).text
    settled = await post(senior, f"/quality/second/{review_id}/settle", outcome="reject")
    assert settled.headers["location"] == "/quality"
    figures = (await senior.get("/quality/figures.csv")).text.splitlines()
    assert "all,,1,0,0,1,1,1,1,0,0" in figures
    assert any(line.startswith("reviewer,Mei,1,") for line in figures)
    # One case of one is no certainty: the page says between what the true share may lie.
    for language, share in (("en", "100 % (20–100 %)"), ("zh-CN", "100%（20–100%）")):
        assert share in (await senior.get("/quality", headers={"accept-language": language})).text


async def test_empty_page_explains_itself_and_empty_file_has_a_header(house: House) -> None:
    async with house.database.transaction() as session:
        await session.execute(text("DELETE FROM blind_review"))
    senior = await house.as_(Role.SENIOR)
    assert "No blind reviews yet" in (await senior.get("/quality?days=90")).text
    assert (await senior.get("/quality?days=0")).status_code == 422
    assert "all,,0,0,,0,0,0,0,0,0" in (await senior.get("/quality/figures.csv")).text


async def test_labels_are_exported_masked_and_only_by_admins(house: House) -> None:
    await drawn(house)
    admin = await house.as_(Role.ADMIN)
    table = (await admin.get("/quality/labels.csv")).text
    assert "pin" in table
    assert NUMBER not in table
    assert PIN not in table
    assert (await (await house.as_(Role.SENIOR)).get("/quality/labels.csv")).status_code == 403


async def test_a_difference_is_not_shown_to_the_maker_of_the_decision(house: House) -> None:
    one, _, review_id = await drawn(house)
    bo, judge = await house.as_(Role.SENIOR, "Bo"), await house.as_(Role.SENIOR, "Jin")
    await post(bo, "/quality/second/next")
    form = {"outcome": "reject", "reason": "forged", "note": "copied"}
    assert (await post(bo, f"/quality/second/{review_id}/decide", **form)).status_code == 303
    photo = f"/cards/{one.card_id}/photos/{one.photo_id}"
    assert (await bo.get(f"/quality/second/{review_id}")).status_code == 403
    assert (await bo.get(photo)).status_code == 404
    assert review_id not in (await bo.get("/quality")).text
    assert (await judge.get(f"/quality/second/{review_id}")).status_code == 200
    assert (await judge.get(photo)).status_code == 200
