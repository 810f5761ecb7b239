"""A number typed otherwise than the photo surely shows is confirmed by the seller, and kept with the card's story."""

from __future__ import annotations

import re

import httpx
from sqlalchemy import select

from database.session import Database
from database.tables.cards import CardEventRow
from domain.cards.card import Stage, WaitingFor
from seller_ui.services import SellerServices
from tests.seller_ui.conftest import PlayedDesk
from tests.seller_ui.pages import Page
from tests.seller_ui.photo_scenes import read_as
from tests.seller_ui.selling_scenes import PAYEE, card_id, fresh_number, move, picture


async def test_a_number_that_differs_from_the_photo_is_confirmed_first(
    browser: httpx.AsyncClient, services: SellerServices, desk: PlayedDesk, database: Database
) -> None:
    form = await Page.get(browser, "/sell/walmart")
    card = card_id(await form.send("/sell/walmart", photo=picture(), payee="other", **PAYEE))
    await read_as(services, card, fresh_number())
    await move(database, card, Stage.READING, WaitingFor.SELLER_FIELDS, "reading.done")
    typed = {"number": fresh_number(), "pin": "123456", "face_value": "500"}
    page = await Page.get(browser, f"/cards/{card}")
    refused = await page.fill(f"/cards/{card}/fields", typed)
    assert refused.status == 409
    assert "differs from what was clearly read in the photo" in refused.text
    assert ("confirm_fields", card) not in [told[:2] for told in desk.told]
    mark = re.search(r'name="confirmed" value="([0-9a-f]+)"', refused.text)
    assert mark is not None
    await refused.fill(f"/cards/{card}/fields", typed | {"confirmed": mark[1]})
    assert desk.told[-1][:2] == ("confirm_fields", card)
    async with database.transaction() as session:
        confirmed = CardEventRow.card_id == card, CardEventRow.what == "intake.fields_confirmed"
        [event] = (await session.execute(select(CardEventRow).where(*confirmed))).scalars()
    assert event.facts["against_reading"] == "number"
