"""Several photos: the seller says whether they show one card or several, and no card ever gets another card's fields."""

from __future__ import annotations

import io

import httpx
import pytest
from PIL import Image
from sqlalchemy import select

from activities.reading import CardReading
from database.repositories import cards as stored
from database.session import Database
from database.tables.cards import CardRow, PhotoRow, ReadingRow, SubmissionRow
from domain.cards.card import Stage, WaitingFor
from domain.cards.reading import Box, FieldName, ReadField, Reading
from seller_ui.services import SellerServices
from tests.seller_ui.conftest import PlayedDesk
from tests.seller_ui.pages import Page
from tests.seller_ui.selling_scenes import PAYEE, card_id, fresh_number, move, sold

COLOURS = ("navy", "maroon", "olive")
SENT = {"payee": "other"} | PAYEE


def photo(colour: str) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (640, 400), colour).save(file, "JPEG")
    return file.getvalue()


class NumberedReader:
    """Reads another number, and where named another brand, off each photo in turn."""

    def __init__(self, numbers: list[str], brands: list[str] | None = None) -> None:
        self._left = list(zip(numbers, brands or ["walmart"] * len(numbers), strict=True))

    def read(self, _photo: bytes, _hint: str | None) -> tuple[Reading, ...]:
        number, brand = self._left.pop(0)
        values = {FieldName.NUMBER: number, FieldName.BRAND: brand}
        box = Box(10, 20, 300, 40)
        fields = tuple(ReadField(name, value, 0.99, box) for name, value in values.items())
        return (Reading(fields, "numbered 1", 9),)


async def sent(browser: httpx.AsyncClient, *photos: bytes, **typed: str) -> Page:
    form = await Page.get(browser, "/sell/walmart")
    return await form.fill("/sell/walmart", SENT | typed, *photos)


async def cards_of(database: Database, *ids: object) -> list[CardRow]:
    async with database.transaction() as session:
        return list(await session.scalars(select(CardRow).where(CardRow.id.in_(ids)).order_by(CardRow.id)))


async def photos_of(database: Database, card: str) -> list[PhotoRow]:
    async with database.transaction() as session:
        current = select(PhotoRow).where(PhotoRow.card_id == card, PhotoRow.current)
        return list(await session.scalars(current.order_by(PhotoRow.position, PhotoRow.id)))


def started(desk: PlayedDesk) -> list[str]:
    return [str(told[1]) for told in desk.told if told[0] == "start"]


async def asked_of_several(
    browser: httpx.AsyncClient, database: Database, services: SellerServices, numbers: list[str], brands: list[str] | None = None
) -> str:  # fmt: skip
    """A card whose photos were found to show several, before its seller."""
    card = card_id(await sent(browser, *(photo(colour) for colour in COLOURS[: len(numbers)]), shows="one"))
    reading = CardReading(database, services.keyring, services.photos, NumberedReader(numbers, brands))
    await reading.read_photos(card)
    await move(database, card, Stage.READING, WaitingFor.SELLER_FIELDS, "reading.done")
    return card


async def test_three_photos_of_three_cards_become_three_cards(
    browser: httpx.AsyncClient, desk: PlayedDesk, database: Database
) -> None:
    page = await sent(browser, *(photo(colour) for colour in COLOURS), shows="several", face_value="500")
    assert page.path == "/cards"
    made = await cards_of(database, *started(desk))
    assert len(made) == 3
    assert [len(await photos_of(database, card.id)) for card in made] == [1, 1, 1]
    assert {card.face_value_minor for card in made} == {None}, "an amount that was typed once belongs to none of three"
    async with database.transaction() as session:
        rows = [await session.get_one(SubmissionRow, card.submission_id) for card in made]
    assert len({row.idempotency_key for row in rows}) == 3
    assert len({row.id for row in rows}) == 3


async def test_front_and_back_stay_one_card(browser: httpx.AsyncClient, desk: PlayedDesk, database: Database) -> None:
    page = await sent(browser, photo("navy"), photo("maroon"), shows="one", face_value="500")
    assert started(desk) == [card_id(page)]
    assert len(await photos_of(database, card_id(page))) == 2


async def test_the_form_sent_twice_makes_each_card_once(browser: httpx.AsyncClient, desk: PlayedDesk) -> None:
    form = await Page.get(browser, "/sell/walmart")
    pictures = [photo(colour) for colour in COLOURS]
    for _ in range(2):
        await form.fill("/sell/walmart", SENT | {"shows": "several"}, *pictures)
    assert len(set(started(desk))) == 3


async def test_one_bad_photo_among_several_refuses_all(
    browser: httpx.AsyncClient, desk: PlayedDesk, database: Database
) -> None:
    page = await sent(browser, photo("navy"), photo("maroon")[:900], shows="several")
    assert (page.status, "incomplete or damaged" in page.text) == (422, True)
    assert started(desk) == []


@pytest.mark.parametrize(("shows", "count", "most"), [("one", 5, 4), ("several", 11, 10)])
async def test_no_photo_is_dropped_silently(
    browser: httpx.AsyncClient, desk: PlayedDesk, shows: str, count: int, most: int
) -> None:
    page = await sent(browser, *(photo(f"#{20 * place:02x}4080") for place in range(count)), shows=shows)
    assert (page.status, f"At most {most} photos" in page.text) == (422, True)
    assert started(desk) == []


async def test_the_page_asks_when_the_photos_show_different_numbers(
    browser: httpx.AsyncClient, database: Database, services: SellerServices
) -> None:
    numbers = [fresh_number() for _ in COLOURS]
    card = await asked_of_several(browser, database, services, numbers)
    page = await Page.get(browser, f"/cards/{card}")
    assert "Your photos show different cards" in page.text
    assert "These are 3 cards: submit each separately" in page.text
    assert page.text.count(f'src="/cards/{card}/photos/') == 3
    assert page.fields(f"/cards/{card}/fields")["number"] == ""


async def test_the_seller_divides_the_photos_and_each_card_keeps_its_own_reading(
    browser: httpx.AsyncClient, desk: PlayedDesk, database: Database, services: SellerServices
) -> None:
    card = await asked_of_several(
        browser, database, services, [fresh_number() for _ in COLOURS], ["walmart", "walmart", "jd"]
    )
    page = await Page.get(browser, f"/cards/{card}")
    after = await page.send(f"/cards/{card}/split")
    assert after.path == "/cards"
    made = [one for one in started(desk) if one != card]
    assert sorted(one.brand for one in await cards_of(database, *made)) == ["jd", "walmart"]
    assert [len(await photos_of(database, one)) for one in (card, *made)] == [1, 1, 1]
    async with database.transaction() as session:
        for one in (card, *made):
            (kept,) = await photos_of(database, one)
            rows = list(await session.scalars(select(ReadingRow).where(ReadingRow.card_id == one)))
            assert [row.photo_id for row in rows] == [kept.id]
    page = await Page.get(browser, f"/cards/{card}")
    assert "show different cards" not in page.text
    assert "Check the details we read" in page.text


async def test_dividing_twice_makes_no_card_twice(
    browser: httpx.AsyncClient, desk: PlayedDesk, database: Database, services: SellerServices
) -> None:
    card = await asked_of_several(browser, database, services, [fresh_number() for _ in range(2)])
    page = await Page.get(browser, f"/cards/{card}")
    for _ in range(2):
        assert (await page.send(f"/cards/{card}/split")).path == "/cards"
    assert len(started(desk)) == 2


async def test_photos_of_one_number_are_not_divided(
    browser: httpx.AsyncClient, desk: PlayedDesk, database: Database, services: SellerServices
) -> None:
    number = fresh_number()
    card = await asked_of_several(browser, database, services, [number, number])
    page = await Page.get(browser, f"/cards/{card}")
    assert "/split" not in page.text
    token = page.fields(f"/cards/{card}/fields")["csrf"]
    refused = await browser.post(f"/cards/{card}/split", data={"csrf": token})
    assert refused.status_code == 409
    assert len(started(desk)) == 1


async def test_the_photo_that_stays_is_of_the_cards_brand_and_fills_its_fields(
    browser: httpx.AsyncClient, desk: PlayedDesk, database: Database, services: SellerServices
) -> None:
    own = fresh_number()
    card = await asked_of_several(browser, database, services, ["JDVTHXPYWBBXP425", own], ["jd", "walmart"])
    page = await Page.get(browser, f"/cards/{card}")
    await page.send(f"/cards/{card}/split")
    shown = (await Page.get(browser, f"/cards/{card}")).fields(f"/cards/{card}/fields")
    assert shown["number"].replace(" ", "") == own
    (other,) = await cards_of(database, *(one for one in started(desk) if one != card))
    assert (other.brand, other.number_sealed) == ("jd", None)


async def test_a_number_that_is_live_elsewhere_is_put_on_no_divided_card(
    browser: httpx.AsyncClient, database: Database, services: SellerServices
) -> None:
    taken = fresh_number()
    live = card_id(await sold(browser, number=taken))
    card = await asked_of_several(browser, database, services, [taken, fresh_number()])
    async with database.transaction() as session:
        await stored.hold_number(session, live)
    page = await Page.get(browser, f"/cards/{card}")
    assert (await page.send(f"/cards/{card}/split")).path == "/cards"
    assert (await Page.get(browser, f"/cards/{card}")).fields(f"/cards/{card}/fields")["number"] == ""


class TwoCardsReader:
    """Reads two cards off the first photo and one off every other: each field of the second card is surer."""

    def __init__(self, own: str, beside: str, other: str) -> None:
        self._photos = [
            ({"number": own, "pin": "604128"}, {"number": beside, "pin": "111111", "expiry": "2099-12-31"}),
            ({"number": other},),
        ]

    def read(self, _photo: bytes, _hint: str | None) -> tuple[Reading, ...]:
        box, cards = Box(10, 20, 300, 40), self._photos.pop(0)
        return tuple(
            Reading(
                tuple(ReadField(FieldName(name), value, 0.9 + place / 20, box) for name, value in card.items()),
                "two 1",
                9,
            )
            for place, card in enumerate(cards)
        )


@pytest.mark.parametrize("typed", [True, False])
async def test_a_photo_of_two_cards_that_stays_fills_in_no_field_of_the_other(
    browser: httpx.AsyncClient, database: Database, services: SellerServices, typed: bool
) -> None:
    own, beside, other = (fresh_number() for _ in range(3))
    number = {"number": own} if typed else {}
    card = card_id(await sent(browser, *(photo(colour) for colour in COLOURS[:2]), shows="one", **number))
    reading = CardReading(database, services.keyring, services.photos, TwoCardsReader(own, beside, other))
    await reading.read_photos(card)
    await move(database, card, Stage.READING, WaitingFor.SELLER_FIELDS, "reading.done")
    page = await Page.get(browser, f"/cards/{card}")
    await page.send(f"/cards/{card}/split")
    (row,) = await cards_of(database, card)
    assert stored.open_pin(services.keyring, row) == ("604128" if typed else None)
    assert (stored.open_number(services.keyring, row), row.expires_on) == (own if typed else None, None)
