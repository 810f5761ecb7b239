"""A card of several photos: each field is shown as the photo reads it that counts, with the reasons and places it is doubtful for."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from html import unescape

import httpx
import pytest
from sqlalchemy import delete

from database.reads.cards import card_page
from database.sealed import DOUBTS, READING_VALUES
from database.tables.cards import AnswerRow, PhotoRow, ReadingRow
from domain.cards.reading import FieldName
from domain.identifiers import new_id
from domain.people.roles import Role
from domain.sealing import KeyRing
from reviewer_ui.review.card_readings import open_card
from reviewer_ui.review.suggesting import suggested
from services.cards.corrections import Corrections, differing_fields
from tests.builders.world import a_number
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.deciding import changed, taken
from tests.reviewer_ui.waiting_cards import NUMBER, PIN, Waiting

CONTRADICTED = "8104223199976643"  # A valid number of the brand that is not NUMBER, with the same end.
CHINESE = "zh-CN"


@dataclass(frozen=True)
class Shown:
    """A field as a photo shows it."""

    value: str
    confidence_bp: int
    reasons: tuple[str, ...] = ()
    doubts: tuple[tuple[int, str], ...] = ()
    alternatives: int = 0


Card = dict[str, Shown]
FRONT: Card = {"number": Shown(NUMBER, 7_000, ("blurred", "same_shape"), ((7, "8B"), (9, "1I")))}
BACK: Card = {"pin": Shown(PIN, 8_000, ("rivals",), ((3, "63"),), 2)}


async def shows(house: House, waiting: Waiting, *photos: tuple[Card, ...]) -> list[str]:
    """The card has these photos, read one after the other, and each shows these cards; return their ids."""
    first = waiting.photo_id
    async with house.database.transaction() as session:
        await session.execute(delete(ReadingRow).where(ReadingRow.card_id == waiting.card_id))
        row = await session.get_one(PhotoRow, first)
        ids = [first, *(new_id() for _ in photos[1:])]
        for place, photo_id in enumerate(ids[1:], 1):
            session.add(PhotoRow(**row.values("id", "position"), id=photo_id, position=place))
        await session.flush()
        for place, (photo_id, cards) in enumerate(zip(ids, photos, strict=True)):
            at = datetime.now(UTC) + timedelta(seconds=place)
            session.add_all([_reading(house, waiting, photo_id, card, at) for card in cards])
    return ids


def _reading(house: House, waiting: Waiting, photo_id: str, card: Card, at: datetime) -> ReadingRow:
    reading_id = new_id()
    values: dict[str, object] = {name: one.value for name, one in card.items()}
    values[DOUBTS] = {name: [list(doubt) for doubt in one.doubts] for name, one in card.items()}
    fields = [
        {
            "name": name, "confidence_bp": one.confidence_bp, "box": {"x": 40, "y": 200, "width": 360, "height": 40}, "source": "ocr",
            "reasons": list(one.reasons), "doubts": [place for place, _ in one.doubts], "alternatives": one.alternatives,
        }
        for name, one in card.items()
    ]  # fmt: skip
    return ReadingRow(
        id=reading_id, card_id=waiting.card_id, photo_id=photo_id, reader="test", duration_ms=9, fields=fields,
        values_sealed=READING_VALUES.seal(house.keyring, reading_id, json.dumps(values)), created_at=at,
    )  # fmt: skip


def text_of(page: str) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))


def row_of(page: str, name: str) -> str:
    found = re.search(rf'<tr data-field="{name}".*?</tr>', page, re.S)
    assert found is not None
    return found[0]


async def page_of(browser: httpx.AsyncClient, waiting: Waiting) -> str:
    answer = await browser.get(f"/cards/{waiting.card_id}")
    assert answer.status_code == 200
    return answer.text


@pytest.mark.parametrize(
    ("language", "number", "pin"),
    [
        (
            "en",
            ("70 %", "below the limit of 90 %", "blurred", "O or 0, I or 1: no check digit to tell", "unclear: character 7, 9"),
            ("80 %", "below the limit of 90 %", "no label beside it, and other print fits too", "unclear: character 3", "other values that fit the print: 2"),
        ),
        (
            CHINESE,
            ("低于识别界限 90 %", "照片模糊", "O 与 0、I 与 1 无法区分：该号码没有校验位", "存疑：第 7、9 位"),
            ("低于识别界限 90 %", "旁边没有标签，且另有文字同样符合", "存疑：第 3 位", "照片上的字符还可能是另外 2 个值"),
        ),
    ],
)  # fmt: skip
async def test_number_and_pin_of_two_photos_both_say_why_they_are_doubtful(
    house: House, language: str, number: tuple[str, ...], pin: tuple[str, ...]
) -> None:
    browser, waiting = await house.as_(Role.REVIEWER), await house.cards.waiting()
    browser.headers["accept-language"] = language
    await shows(house, waiting, (FRONT,), (BACK,))
    page = await page_of(browser, waiting)
    for name, words in (("number", number), ("pin", pin)):
        row = text_of(row_of(page, name))
        for one in words:
            assert one in row, (name, one, row)
    for secret in (NUMBER, PIN, "8 or B", "8 或 B", "6 or 3", "6 或 3"):
        assert secret not in text_of(page)


@pytest.mark.parametrize(("language", "words"), [("en", "photo reading differs"), (CHINESE, "照片识别不同")])
async def test_a_typed_number_that_the_first_photo_contradicts_differs(house: House, language: str, words: str) -> None:
    browser, waiting = await house.as_(Role.REVIEWER), await house.cards.waiting(number=CONTRADICTED)
    browser.headers["accept-language"] = language
    await shows(house, waiting, (FRONT,), (BACK,))
    page = await page_of(browser, waiting)
    assert words in text_of(row_of(page, "number"))
    assert words not in text_of(row_of(page, "pin"))


@pytest.mark.parametrize(
    ("field", "language", "words"),
    [
        ("number", "en", ("Character 7: 8 or B", "Character 9: 1 or I")),
        ("number", CHINESE, ("第 7 位：8 或 B", "第 9 位：1 或 I")),
        ("pin", "en", ("Character 3: 6 or 3",)),
        ("pin", CHINESE, ("第 3 位：6 或 3",)),
    ],
)
async def test_a_reveal_names_the_characters_of_the_photo_that_counts(
    house: House, field: str, language: str, words: tuple[str, ...]
) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    browser.headers["accept-language"] = language
    await shows(house, waiting, (FRONT,), (BACK,))
    shown = await post(browser, f"/cards/{waiting.card_id}/reveal", field=field, reason_code="compare")
    assert shown.status_code == 200
    found = re.findall(r'<div class="compared">([^<]+)</div>', shown.text)
    assert tuple(unescape(one) for one in found) == words


async def test_each_crop_is_of_the_photo_that_shows_the_field(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    front, back = await shows(house, waiting, (FRONT,), (BACK,))
    await post(browser, f"/cards/{waiting.card_id}/reveal", field="photo", reason_code="compare")
    page = await page_of(browser, waiting)
    for name, photo_id in (("number", front), ("pin", back)):
        assert re.findall(r"/photos/([0-9A-Z]{26})", row_of(page, name)) == [photo_id]


async def test_the_surest_photo_counts_and_a_replaced_one_does_not(house: House) -> None:
    browser, waiting = await house.as_(Role.REVIEWER), await house.cards.waiting()
    blurred, sharp, replaced = (
        {"number": Shown(NUMBER, surely, reasons)}
        for surely, reasons in ((6_000, ("blurred",)), (9_500, ()), (9_900, ("repaired",)))
    )
    ids = await shows(house, waiting, (sharp,), (blurred,), (replaced,))
    async with house.database.transaction() as session:
        (await session.get_one(PhotoRow, ids[2])).current = False
    row = text_of(row_of(await page_of(browser, waiting), "number"))
    assert "95 %" in row
    for words in ("blurred", "look-alike", "clearly shows something else"):
        assert words not in row


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "Photo 2 clearly shows something else: •••• 6643 (97 %)"),
        (CHINESE, "照片 2 清楚显示另一个值： •••• 6643 (97 %)"),
    ],
)
async def test_contradicting_photo_is_named(house: House, language: str, words: str) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    browser.headers["accept-language"] = language
    await shows(house, waiting, ({"number": Shown(NUMBER, 9_200)},), ({"number": Shown(CONTRADICTED, 9_700)},))
    row = text_of(row_of(await page_of(browser, waiting), "number"))
    assert words in row
    assert "92 %" in row
    shown = await post(browser, f"/cards/{waiting.card_id}/reveal", field="number", reason_code="compare")
    rows = re.findall(r'<div class="compared">(.*?)</div>', shown.text, re.S)
    spelled = ["".join(re.findall(r'aria-hidden="true"><span>(.)</span>', one)) for one in rows]
    assert spelled == [NUMBER, CONTRADICTED]


@pytest.mark.parametrize("own_first", [True, False])
async def test_only_fields_of_this_card_count_in_a_photo_of_two(house: House, own_first: bool) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    other = a_number("starbucks")
    own: Card = {"number": Shown(NUMBER, 9_300), "pin": Shown(PIN, 7_100, ("blurred",))}
    beside: Card = {
        "number": Shown(other, 9_900),
        "pin": Shown("111111", 9_900),
        "face_value": Shown("300.00 CNY", 9_900),
    }
    (photo,) = await shows(house, waiting, (own, beside) if own_first else (beside, own))
    page = await page_of(browser, waiting)
    number, pin, face = (text_of(row_of(page, name)) for name in ("number", "pin", "face_value"))
    assert ("93 %" in number, f"something else: •••• {other[-4:]}" in number) == (True, True)
    assert ("71 %" in pin, "blurred" in pin, "something else" in pin) == (True, True, False)
    assert "differs" not in face
    assert photo == waiting.photo_id
    assert sorted(re.findall(r'<rect data-field="([a-z_]+)"', page)) == ["number", "pin"]


@pytest.mark.parametrize("own_first", [True, False])
async def test_no_correction_is_suggested_from_another_card_in_the_same_photo(house: House, own_first: bool) -> None:
    waiting = await house.cards.waiting(reasons=("low_confidence",))
    misread = NUMBER[:-1] + ("1" if NUMBER[-1] != "1" else "2")
    own: Card = {"number": Shown(misread, 6_000), "pin": Shown("60412879", 9_700)}
    beside: Card = {"number": Shown(a_number("starbucks"), 9_900), "pin": Shown("11111111", 9_990)}
    await shows(house, waiting, (own, beside) if own_first else (beside, own))
    await changed(house, AnswerRow, waiting, details={"pin": "wrong"})
    async with house.database.transaction() as session:
        record = await card_page.card(session, waiting.card_id)
    found = suggested(open_card(record, house.keyring))
    assert found.values == {FieldName.PIN: "60412879"}


async def test_photo_of_other_cards_gives_no_suggestion(house: House) -> None:
    waiting = await house.cards.waiting(number=None, reasons=("low_confidence",))
    one: Card = {"number": Shown(NUMBER, 9_900), "pin": Shown("22222222", 9_900)}
    other: Card = {"number": Shown(CONTRADICTED, 9_900), "pin": Shown("11111111", 9_990)}
    await shows(house, waiting, (one, other))
    async with house.database.transaction() as session:
        record = await card_page.card(session, waiting.card_id)
    assert suggested(open_card(record, house.keyring)).values == {}


async def test_the_card_page_opens_each_reading_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = await house.as_(Role.REVIEWER)
    waiting = await taken(house, browser)
    other: Card = {"number": Shown(CONTRADICTED, 9_900)}
    await shows(house, waiting, (FRONT, other), (BACK,))
    opened: list[bytes] = []
    unsealed = KeyRing.open_text

    def counted(keyring: KeyRing, sealed: bytes, *, purpose: str, aad: str) -> str:
        if purpose == "reading":
            opened.append(sealed)
        return unsealed(keyring, sealed, purpose=purpose, aad=aad)

    monkeypatch.setattr(KeyRing, "open_text", counted)
    await page_of(browser, waiting)
    assert len(opened) == len(set(opened)) == 3


@pytest.mark.parametrize(("own_pin", "differs"), [(None, {}), (PIN, {FieldName.PIN: 9_900})])
async def test_a_typed_pin_is_compared_with_this_card_in_the_photo_and_with_no_other(
    house: House, own_pin: str | None, differs: dict[FieldName, int]
) -> None:
    waiting = await house.cards.waiting()
    own: Card = {"number": Shown(NUMBER, 9_900)} | ({"pin": Shown(own_pin, 9_900)} if own_pin else {})
    await shows(house, waiting, (own, {"number": Shown(CONTRADICTED, 9_900), "pin": Shown("111111", 9_990)}))
    card = await house.cards.card(waiting)
    async with house.database.transaction() as session:
        assert await differing_fields(session, house.keyring, card, Corrections(pin="222222")) == differs
        given = Corrections(number=a_number("starbucks"))
        assert await differing_fields(session, house.keyring, card, given) == {FieldName.NUMBER: 9_900}


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", "engine not calibrated: always reviewed"), (CHINESE, "识别引擎未经校准，须由人工核对")],
)
async def test_the_page_says_that_the_engine_is_not_calibrated(house: House, language: str, words: str) -> None:
    browser, waiting = await house.as_(Role.REVIEWER), await house.cards.waiting()
    browser.headers["accept-language"] = language
    await shows(house, waiting, ({"number": Shown(NUMBER, 8_500, ("uncalibrated",))},))
    row = text_of(row_of(await page_of(browser, waiting), "number"))
    assert words in row
    assert "85 %" in row
