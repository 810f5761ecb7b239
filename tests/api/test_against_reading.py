"""A value that a partner sends against what the photo surely shows is confirmed first, and the confirmation counts for it alone."""

from __future__ import annotations

import base64
from types import SimpleNamespace
from typing import Any, cast

import httpx

from database.session import Database
from database.tables.cards import CardEventRow
from domain.cards.card import Stage, WaitingFor
from seller_ui.services import SellerServices
from tests.api.conftest import Api
from tests.api.submitting import card, submit
from tests.seller_ui.photo_scenes import read_as
from tests.seller_ui.selling_scenes import fresh_number, move, picture


async def a_photographed_card(api: Api) -> str:
    """A card whose photo was read, beyond doubt, as a number that nobody sends in these tests."""
    given = card(photos=[base64.b64encode(picture()).decode()], confirm_fields=True)
    del given["number"]
    card_id = str((await submit(api, given)).json()["card_ids"][0])
    stands_for = SimpleNamespace(database=api.services.database, keyring=api.keyring)
    await read_as(cast("SellerServices", stands_for), card_id, fresh_number())
    return card_id


async def a_typed_and_photographed_card(api: Api, number: str, read: str, *, asks: bool = True) -> str:
    """A card that was sent with a number and with a photo that surely shows `read`."""
    given = card(photos=[base64.b64encode(picture()).decode()], confirm_fields=asks, number=number)
    card_id = str((await submit(api, given)).json()["card_ids"][0])
    stands_for = SimpleNamespace(database=api.services.database, keyring=api.keyring)
    use = "agrees" if read == number else "differs"
    await read_as(cast("SellerServices", stands_for), card_id, read, use)
    return card_id


async def shown(api: Api, card_id: str) -> dict[str, Any]:
    listed = (await api.client.get("/v1/submissions")).json()["submissions"]
    return next(one for submission in listed for one in submission["cards"] if one["id"] == card_id)


async def test_what_a_submission_said_against_the_photo_is_named_and_confirmed_like_a_later_value(
    api: Api, database: Database
) -> None:
    number = fresh_number()
    card_id = await a_typed_and_photographed_card(api, number, fresh_number())
    await move(database, card_id, Stage.READING, WaitingFor.SELLER_FIELDS, "reading.done")
    assert (await shown(api, card_id))["differs"] == ["number"]
    path = f"/v1/cards/{card_id}/fields"
    refused = await send(api, path)
    assert (refused.status_code, refused.json()["code"]) == (409, "reading_differs")
    assert refused.json()["data"]["fields"] == ["number"]
    assert number not in refused.text
    assert api.desk.told == [] or api.desk.told[-1][0] != "confirm_fields"
    assert (await send(api, path, confirm=refused.json()["data"]["marks"])).status_code == 200
    assert api.desk.told[-1][:2] == ("confirm_fields", card_id)
    async with database.transaction() as session:
        found = await session.execute(
            CardEventRow.__table__.select().where(
                CardEventRow.card_id == card_id, CardEventRow.what == "intake.fields_confirmed"
            )
        )
    assert [row.facts["against_reading"] for row in found] == ["number"]


async def test_a_corrected_number_needs_no_word_about_the_one_before(api: Api, database: Database) -> None:
    read = fresh_number()
    card_id = await a_typed_and_photographed_card(api, fresh_number(), read)
    await move(database, card_id, Stage.READING, WaitingFor.SELLER_FIELDS, "reading.done")
    assert (await send(api, f"/v1/cards/{card_id}/fields", number=read)).status_code == 200


async def test_a_photo_that_agrees_is_confirmed_without_a_word(api: Api, database: Database) -> None:
    number = fresh_number()
    card_id = await a_typed_and_photographed_card(api, number, number)
    await move(database, card_id, Stage.READING, WaitingFor.SELLER_FIELDS, "reading.done")
    assert (await shown(api, card_id))["differs"] == []
    assert (await send(api, f"/v1/cards/{card_id}/fields")).status_code == 200


async def test_a_partner_that_is_not_asked_sees_what_differs(api: Api) -> None:
    card_id = await a_typed_and_photographed_card(api, fresh_number(), fresh_number(), asks=False)
    assert (await shown(api, card_id))["differs"] == ["number"]


async def send(api: Api, path: str, **body: Any) -> httpx.Response:
    return await api.client.post(path, json=body)


async def test_a_field_against_the_photo_is_refused_until_its_mark_confirms_it(api: Api, database: Database) -> None:
    card_id = await a_photographed_card(api)
    await move(database, card_id, Stage.READING, WaitingFor.SELLER_FIELDS, "reading.done")
    path, typed = f"/v1/cards/{card_id}/fields", {"number": fresh_number(), "pin": "123456"}
    refused = await send(api, path, **typed)
    assert (refused.status_code, refused.json()["code"]) == (409, "reading_differs")
    said = refused.json()["data"]
    assert said["fields"] == ["number"]
    assert typed["number"] not in refused.text
    other = await send(api, path, **(typed | {"number": fresh_number()}), confirm=said["marks"])
    assert other.json()["code"] == "reading_differs"
    assert api.desk.told[-1][0] != "confirm_fields"
    assert (await send(api, path, **typed, confirm=said["marks"])).status_code == 200
    assert api.desk.told[-1][:2] == ("confirm_fields", card_id)
    async with database.transaction() as session:
        found = await session.execute(
            CardEventRow.__table__.select().where(
                CardEventRow.card_id == card_id, CardEventRow.what == "intake.fields_confirmed"
            )
        )
    assert [row.facts["against_reading"] for row in found] == ["number"]


async def test_an_item_against_the_photo_is_confirmed_alike(api: Api, database: Database) -> None:
    card_id = await a_photographed_card(api)
    await move(database, card_id, Stage.REVIEW, WaitingFor.SELLER_ITEM, "review.asked_number")
    path, number = f"/v1/cards/{card_id}/items/number", fresh_number()
    refused = await send(api, path, value=number)
    assert refused.json()["code"] == "reading_differs"
    assert (await send(api, path, value=number, confirm=refused.json()["data"]["marks"])).status_code == 200
    assert api.desk.told[-1][:2] == ("supply_item", card_id)
