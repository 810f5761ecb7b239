"""Every address that names a card or a submission answers 404 to people it does not belong to, and does not reach the card.

The addresses come from the applications themselves, so that one added later is attacked too.
"""

from __future__ import annotations

import re
from pathlib import Path

import httpx
from fastapi import FastAPI

from database.session import Database
from seller_ui.app import build
from tests.api.conftest import Api
from tests.api.submitting import submit
from tests.seller_ui.conftest import GOOD_CODE, PlayedDesk, played_services
from tests.seller_ui.pages import Page
from tests.seller_ui.selling_scenes import card_id, sold

PLACE = re.compile(r"\{([a-z_]+)(?::[a-z]+)?\}")
BODIES = {
    "quote/accept": {"quote_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"}, "quote/decline": {"quote_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"},
    "payee": {"payee_account": "13800000088", "payee_name": "李明"}, "code": {"code": "123456"}, "items/pin": {"value": "123456"},
}  # fmt: skip


def addresses(app: FastAPI, ids: dict[str, str]) -> list[tuple[str, str]]:
    """Return method and address of every route that names an owned object, with these ids put in."""
    named = [
        (method.upper(), PLACE.sub(lambda found: ids[found[1]], path))
        for path, operations in app.openapi()["paths"].items()
        for method in operations
        if {"card_id", "submission_id"} & set(PLACE.findall(path))
    ]
    assert len(named) >= 8
    return named


async def test_every_address_of_a_partner_is_its_own(api: Api) -> None:
    mine = (await submit(api)).json()
    ids = {"submission_id": mine["submission_id"], "card_id": mine["card_ids"][0], "item": "pin"}
    _, key = await api.services.partners.create("Another partner")
    app = api.client._transport.app  # type: ignore[attr-defined]  # The application behind the client.
    told = list(api.desk.told)
    for method, address in addresses(app, ids):
        body = next((given for end, given in BODIES.items() if address.endswith(end)), {})
        json = body if method == "POST" else None
        answer = await api.client.request(method, address, json=json, headers={"authorization": f"Bearer {key}"})
        assert (address, answer.status_code, answer.json()["code"]) == (address, 404, "not_found")
        without = await api.client.request(method, address, json=json, headers={"authorization": "Bearer wrong"})
        assert (address, without.status_code) == (address, 401)
    assert api.desk.told == told


async def test_every_address_of_a_seller_is_their_own(database: Database, tmp_path: Path) -> None:
    desk = PlayedDesk()
    app = build(played_services(database, desk, tmp_path))
    async with browser(app) as owner, browser(app) as other:
        await signed_in(owner, "13800000031")
        card = card_id(await sold(owner))
        page = await signed_in(other, "13800000032")
        token, told = page.fields("/language")["csrf"], list(desk.told)
        for method, address in addresses(app, {"card_id": card, "photo_id": "x", "field": "number"}):
            data = {"csrf": token, "quote_id": "x", "code": "123456"} if method == "POST" else None
            answer = await other.request(method, address, data=data)
            assert (address, answer.status_code) == (address, 404)
        assert desk.told == told


def browser(app: FastAPI) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app)
    headers = {"accept": "text/html", "accept-language": "en"}
    return httpx.AsyncClient(transport=transport, base_url="http://cardloop.test", headers=headers)


async def signed_in(client: httpx.AsyncClient, phone: str) -> Page:
    page = await (await Page.get(client, "/sign-in")).send("/sign-in", phone=phone)
    return await page.send("/sign-in/code", code=GOOD_CODE)
