"""The card page: fields with their rules and answers, related data, and the clock's owner."""

from __future__ import annotations

import random
import re
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from sqlalchemy import select, text

from database.reads.cards import similar
from database.tables.cards import AnswerRow, CardRow, PhotoRow
from database.tables.people import PersonRow
from database.tables.work import WorkItemRow
from domain.cards.card import CardStatus, Outcome, Stage, WaitingFor
from domain.cards.review import ReviewReason
from domain.cards.verification import Party
from domain.money import Currency
from domain.people.roles import Role
from domain.review.card_risks import Risk, Severity, Surroundings, risks_of
from domain.rules.assessment import neighbours_of
from domain.rules.brands import brand
from domain.work.task import CameBack
from services.work.ordering import sent_back
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.scenes import change, risks_in, show_photo, sold_by, with_fingerprint
from tests.reviewer_ui.waiting_cards import NUMBER, PIN, Waiting

OWN = "seller:OWN"


def _text(page: str) -> str:
    """What a page says, without its tags."""
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def _row(page: str, name: str) -> str:
    found = re.search(rf'<tr data-field="{name}".*?</tr>', page, re.S)
    assert found is not None
    return found[0]


async def _seen(house: House, waiting: Waiting, role: Role = Role.REVIEWER) -> str:
    answer = await (await house.as_(role)).get(f"/cards/{waiting.card_id}")
    assert answer.status_code == 200
    return answer.text


async def _answers(house: House, waiting: Waiting, **values: Any) -> None:
    row: dict[str, Any] = {
        "card_id": waiting.card_id, "party": Party.ISSUER, "operation": "inquire", "request_id": f"r{waiting.card_id}", "fields_revision": 0,
        "status": CardStatus.ACTIVE, "currency": Currency.CNY, "cost_fen": 0, "latency_ms": 10,
    }  # fmt: skip
    async with house.database.transaction() as session:
        session.add(AnswerRow(**(row | values)))


async def _a_card_of(house: House, owner: str, **values: Any) -> Waiting:
    waiting = await house.cards.waiting(number=None)
    await sold_by(house, waiting, owner)
    if values:
        await change(house, CardRow, waiting.card_id, **values)
    return waiting


async def test_the_number_is_checked_place_by_place_with_only_its_end_in_the_clear(house: House) -> None:
    page = await _seen(house, await house.cards.waiting())
    row = _row(page, "number")
    shown = re.findall(r'class="place [a-z]*" aria-hidden="true"><span>(.)</span><span>(.)</span>', row)
    assert "".join(one for one, _ in shown) == "•" * 12 + NUMBER[-4:]
    assert {sign for _, sign in shown} == {"✓"}
    for words in ("16 characters", "prefix 81", "check digit 3"):
        assert words in _text(row)
    assert NUMBER not in page
    assert PIN not in page


async def test_invalid_number_shows_place_and_expected_digit(house: House) -> None:
    wrong = NUMBER[:5] + "O" + NUMBER[6:-1] + "9"
    row = _row(await _seen(house, await house.cards.waiting(number=wrong)), "number")
    signs = re.findall(r'class="place [a-z]*" aria-hidden="true"><span>.</span><span>(.)</span>', row)
    assert [place for place, sign in enumerate(signs) if sign == "✗"] == [5]
    assert "character not allowed" in _text(row)
    assert "check digit 9, should be" in _text(row)


async def test_differing_place_is_marked_even_when_the_last_four_agree(house: House) -> None:
    typed = "8104223199976643"  # The reading says ...0766..., the card ...9766...; both end alike.
    row = _row(await _seen(house, await house.cards.waiting(number=typed)), "number")
    signs = re.findall(r'class="place [a-z]*" aria-hidden="true"><span>.</span><span>(.)</span>', row)
    assert [place for place, sign in enumerate(signs) if sign == "≠"] == [10]
    assert "photo reading differs" in _text(row)


async def test_contradicting_answer_is_explained(house: House) -> None:
    waiting = await house.cards.waiting()
    await _answers(house, waiting, balance_minor=30_000, expires_on=datetime(2030, 1, 1, tzinfo=UTC).date())
    page = await _seen(house, waiting)
    assert "Issuer ¥300.00 differs" in _text(_row(page, "face_value"))
    assert "Issuer 2030-01-01 differs" in _text(_row(page, "expiry"))
    assert "differs" not in _text(_row(page, "pin"))


async def test_fields_have_number_keys(house: House) -> None:
    page = await _seen(house, await house.cards.waiting())
    assert re.findall(r'<tr data-field="([a-z_]+)" data-key="([0-9])"', page) == [
        ("number", "1"), ("pin", "2"), ("face_value", "3"), ("expiry", "4"),
    ]  # fmt: skip


async def test_the_same_photo_on_another_card_is_found_and_linked(house: House) -> None:
    mine, theirs, unlike = [await house.cards.waiting() for _ in range(3)]
    for waiting, name in (
        (mine, "tmall-300-partly-used.jpg"),
        (theirs, "tmall-300-partly-used.jpg"),
        (unlike, "wanda-100.jpg"),
    ):
        await show_photo(house, waiting, name)
    await sold_by(house, mine, OWN)
    page = await _seen(house, mine)
    assert f'href="/cards/{theirs.card_id}"' in page
    similar_part = re.search(r'<div class="similar">.*?</div>', page, re.S)
    assert similar_part is not None
    assert unlike.card_id not in similar_part[0]
    assert "another seller · same photo" in _text(similar_part[0])
    assert "Another seller submitted the same photo (1)" in _text(risks_in(page, "high"))
    assert "High risk" in _text(risks_in(page, "high"))


async def test_list_and_risks_use_one_rule_for_equal_photos(house: House) -> None:
    mine, theirs = await house.cards.waiting(), await house.cards.waiting()
    await sold_by(house, mine, OWN)
    look = random.Random("one rule").getrandbits(63)
    await change(house, PhotoRow, mine.photo_id, look=look)
    for other, in_list, as_risk in (
        (look, "same photo", "the same photo"),
        (look ^ 1, "similar photo", "a similar photo"),
    ):
        await change(house, PhotoRow, theirs.photo_id, look=other)
        page = await _seen(house, mine)
        told = _text(page)
        assert f"another seller · {in_list}" in told
        assert f"Another seller submitted {as_risk} (1)" in _text(risks_in(page, "high"))
        assert told.count("Another seller submitted") == 1


@pytest.mark.parametrize("flipped", [(), (63,), (0, 17, 34, 51), (3, 4, 5, 6, 7), (1, 20, 40, 60, 61)])
async def test_photos_within_five_bits_are_found(house: House, flipped: tuple[int, ...]) -> None:
    mine, theirs = await house.cards.waiting(), await house.cards.waiting()
    turned = look = random.Random(str(flipped)).getrandbits(63)  # Each case its own, since all share one database.
    for bit in flipped:
        turned ^= 1 << bit
    await change(house, PhotoRow, mine.photo_id, look=look)
    await change(house, PhotoRow, theirs.photo_id, look=turned - (1 << 64) if turned >> 63 else turned)
    async with house.database.transaction() as session:
        found = await similar.look_alikes(session, mine.card_id, "seller:1")
        assert [(one.card_id, one.bits) for one in found if one.card_id == theirs.card_id] == [
            (theirs.card_id, len(flipped))
        ]


async def test_photo_search_uses_the_hash_indexes(house: House) -> None:
    condition = similar._candidates(0x5A3C_0F96_A5C3_F069)
    async with house.database.transaction() as session:
        await session.execute(text("SET LOCAL enable_seqscan = off"))
        statement = str(select(PhotoRow.id).where(condition).compile())
        plan = "\n".join((await session.execute(text(f"EXPLAIN {statement}"))).scalars())
    assert [f"photo_look_{quarter}" in plan for quarter in range(4)] == [True] * 4


async def test_neighbouring_numbers_are_found_and_none_is_shown(house: House) -> None:
    known = brand("starbucks")
    near = next(iter(neighbours_of(known, NUMBER)))
    mine, theirs = await house.cards.waiting(), await house.cards.waiting(number=near)
    await with_fingerprint(house, theirs, known.issuer, near)
    await sold_by(house, mine, OWN)
    page = await _seen(house, mine)
    assert "Adjacent card numbers: 1" in _text(page)
    assert "Other sellers submitted adjacent numbers (1)" in _text(risks_in(page, "high"))
    assert near not in page
    assert f'href="/cards/{theirs.card_id}"' in page


async def test_empty_result_is_stated_on_the_page(house: House) -> None:
    waiting = await house.cards.waiting(number=None, reasons=())
    await sold_by(house, waiting, f"seller:{waiting.card_id}")
    told = _text(await _seen(house, waiting))
    for words in ("no photo to compare", "card number not known yet", "no other cards", "The seller's first card"):
        assert words in told


async def test_other_cards_of_the_seller_are_counted_by_outcome(house: House) -> None:
    mine = await house.cards.waiting()
    owner = f"seller:{mine.card_id}"
    await sold_by(house, mine, owner)
    ended = {"stage": Stage.ENDED, "waiting_for": WaitingFor.NOBODY, "live": False}
    for _ in range(2):
        await _a_card_of(house, owner, outcome=Outcome.PAID, **ended)
    await _a_card_of(house, owner, outcome=Outcome.REJECTED, reason_detail="forged", **ended)
    waiting = await _a_card_of(house, owner)
    page = await _seen(house, mine)
    told = _text(page)
    assert "2 sold, 1 rejected, 1 in progress" in told
    assert "1 problem cards" in told
    assert "The seller has submitted problem cards before (1)" in _text(risks_in(page, "high"))
    assert f'href="/cards/{waiting.card_id}"' in page


async def test_times_are_shown_in_the_viewers_time_zone(house: House) -> None:
    waiting = await house.cards.waiting()
    await change(house, WorkItemRow, waiting.task_id, due_at=datetime(2030, 6, 3, 6, 2, tzinfo=UTC))
    for zone, clock in (("Asia/Shanghai", "14:02"), ("America/New_York", "02:02"), ("No/Such", "14:02")):
        person = await house.cards.person(Role.REVIEWER)
        await change(house, PersonRow, person, timezone=zone)
        page = (await house.browser(await house.sessions.open(person)).get(f"/cards/{waiting.card_id}")).text
        assert f'title="3 Jun 2030 {clock}"' in page, zone


async def test_page_activity_renews_only_the_own_lease(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    await change(house, WorkItemRow, waiting.task_id, leased_until=datetime.now(UTC) + timedelta(seconds=30))
    kept = await post(browser, f"/cards/{waiting.card_id}/keep", task_id=waiting.task_id)
    assert kept.status_code == 200
    until = (await house.cards.task(waiting)).leased_until
    assert until is not None
    assert until > datetime.now(UTC) + timedelta(minutes=5)
    assert datetime.fromisoformat(kept.json()["until"]) == until
    other = await house.as_(Role.REVIEWER)
    assert (await post(other, f"/cards/{waiting.card_id}/keep", task_id=waiting.task_id)).status_code == 409
    assert (await post(await house.as_(Role.SUPPORT), f"/cards/{waiting.card_id}/keep", task_id="x")).status_code == 403


async def test_another_photo_of_the_card_can_be_chosen(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    second = f"P{waiting.card_id}"[:26]
    async with house.database.transaction() as session:
        first = await session.get_one(PhotoRow, waiting.photo_id)
        values = first.values() | {"id": second, "position": 1}
        session.add(PhotoRow(**values))
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    page = (await browser.get(f"/cards/{waiting.card_id}")).text
    assert f'<image href="/cards/{waiting.card_id}/photos/{waiting.photo_id}"' in page
    assert f'href="/cards/{waiting.card_id}?photo={second}"' in page
    chosen = (await browser.get(f"/cards/{waiting.card_id}?photo={second}")).text
    assert f'<g data-turned>\n        <image href="/cards/{waiting.card_id}/photos/{second}"' in chosen


def test_risks_are_ordered_by_weight() -> None:
    found = risks_of(
        Surroundings(reasons=(ReviewReason.LOW_CONFIDENCE, ReviewReason.CARD_TYPE), photos_of_others=2, seller_cards=9, seller_last_day=6)
    )  # fmt: skip
    assert [(one.risk, one.severity, one.count) for one in found] == [
        (Risk.SAME_PHOTO_OF_OTHERS, Severity.HIGH, 2), (Risk.MANY_IN_A_DAY, Severity.MEDIUM, 6), (Risk.LOW_CONFIDENCE, Severity.LOW, 0),
    ]  # fmt: skip
    assert risks_of(Surroundings(reasons=(ReviewReason.CARD_TYPE,), seller_cards=3, seller_last_day=4)) == ()


@pytest.mark.parametrize(
    ("brand_code", "reasons", "shown"),
    [
        ("carrefour", ("spendable",), True),  # Its issuer neither locks nor redeems.
        ("starbucks", ("card_type",), True),
        ("walmart", ("high_value",), False),
        ("walmart", ("issuer_unknown",), True),  # Approved without the issuer's word it is not locked either.
    ],
)
async def test_page_warns_while_the_seller_can_spend_the_card(
    house: House, brand_code: str, reasons: tuple[str, ...], shown: bool
) -> None:
    waiting, browser = await house.cards.waiting(brand_code=brand_code, reasons=reasons), await house.as_(Role.REVIEWER)
    english = (await browser.get(f"/cards/{waiting.card_id}")).text
    assert ("The seller can still use the card after payment" in english) is shown
    assert ("Still usable by the seller after payment" in english) is ("spendable" in reasons)
    chinese = await browser.get(f"/cards/{waiting.card_id}", headers={"accept-language": "zh-CN"})
    assert ("付款后卖家仍可使用此卡" in chinese.text) is shown


async def test_only_after_a_reveal_the_number_and_its_reading_are_compared_in_the_clear(house: House) -> None:
    typed = "8104223199976643"
    waiting, browser = await house.cards.waiting(number=typed), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    assert typed not in (await browser.get(f"/cards/{waiting.card_id}")).text
    shown = await post(browser, f"/cards/{waiting.card_id}/reveal", field="number", reason_code="compare")
    assert shown.status_code == 200
    rows = re.findall(r'<div class="compared">(.*?)</div>', shown.text, re.S)
    spelled = [re.findall(r'aria-hidden="true"><span>(.)</span><span>(.)</span>', row) for row in rows]
    assert ["".join(one for one, _ in row) for row in spelled] == [typed, NUMBER]
    assert [place for place, (_, sign) in enumerate(spelled[0]) if sign == "≠"] == [10]


async def test_comment_renews_the_lease(house: House) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    await post(browser, f"/cards/{waiting.card_id}/take", task_id=waiting.task_id)
    soon = datetime.now(UTC) + timedelta(seconds=30)
    await change(house, WorkItemRow, waiting.task_id, leased_until=soon)
    await post(browser, f"/cards/{waiting.card_id}/comments", words="The edge is cut.")
    until = (await house.cards.task(waiting)).leased_until
    assert until is not None
    assert until > soon


async def test_bar_shows_priority_and_return_reason(house: House) -> None:
    waiting = await house.cards.waiting()
    browser = await house.as_(Role.REVIEWER)
    bar = _text((await browser.get(f"/cards/{waiting.card_id}")).text)
    assert "Priority: High value · Waiting time" in bar
    async with house.database.transaction() as session:
        task = await session.get_one(WorkItemRow, waiting.task_id)
        sent_back(task, CameBack.SNOOZE_OVER, "call_store", datetime.now(UTC))
    bar = _text((await browser.get(f"/cards/{waiting.card_id}")).text)
    assert "Snooze ended: Call the store later" in bar


async def test_missing_answers_never_count_as_differences(house: House) -> None:
    browser, waiting = await house.as_(Role.REVIEWER), await house.cards.waiting()
    for party, operation in (
        (Party.FX, "lock"),
        (Party.FX, "licence"),
        (Party.OUTLET, "ask"),
        (Party.OUTLET, "silence"),
    ):
        async with house.database.transaction() as session:
            session.add(
                AnswerRow(
                    card_id=waiting.card_id, party=party, operation=operation, request_id=f"{waiting.card_id}-{operation}",
                    fields_revision=0, status=CardStatus.UNKNOWN, details={}, cost_fen=0, latency_ms=1,
                )
            )  # fmt: skip
        page = (await browser.get(f"/cards/{waiting.card_id}")).text
        assert "differs" not in page, (party, operation)


async def test_answer_of_unknown_card_counts_as_a_difference(house: House) -> None:
    browser, waiting = await house.as_(Role.REVIEWER), await house.cards.waiting()
    async with house.database.transaction() as session:
        session.add(
            AnswerRow(
                card_id=waiting.card_id, party=Party.ISSUER, operation="inquire", request_id=f"{waiting.card_id}-i",
                fields_revision=0, status=CardStatus.UNKNOWN, details={}, cost_fen=0, latency_ms=1,
            )
        )  # fmt: skip
    assert "differs" in (await browser.get(f"/cards/{waiting.card_id}")).text
