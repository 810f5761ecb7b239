"""A fresh card for the newcomer: drawn on request, known to the issuer and the till, and never the same twice."""

from __future__ import annotations

import asyncio
import io
import random
from pathlib import Path

import httpx
import pytest
from PIL import Image

from bootstrap.demo.fresh import draw
from bootstrap.settings import Settings
from bootstrap.words import Problem
from domain.rules.brands import catalogue
from samples.fresh import NotIssued, fresh_card, number_of
from simulators.issuer import Issuer
from simulators.pos import Pos
from simulators.program import Setup
from tests.simulators.running import SECRET, in_process, post_signed, running
from tests.simulators.setups import SETUP

FACE = {code: entry.face_minor[0] // 100 + 100 for code, entry in catalogue().items()}


@pytest.mark.parametrize("code", catalogue())
def test_every_brand_has_numbers_that_it_could_have_issued(code: str) -> None:
    known, chance = catalogue()[code], random.Random(3)
    numbers = {number_of(known, chance) for _ in range(50)}
    assert len(numbers) == 50
    assert all(known.is_valid(number) for number in numbers)


def test_a_face_value_that_is_not_issued_is_refused() -> None:
    for code, minor in (("jd", 1), ("nobody", 50_000)):
        with pytest.raises(NotIssued):
            fresh_card(code, minor)


async def test_a_card_from_the_page_is_known_to_the_issuer_with_its_face_value() -> None:
    async with in_process(Issuer(SETUP)) as client:
        page = (await client.get("/?lang=en")).text
        assert 'action="/samples"' in page
        photo = await client.post("/samples", data={"brand": "tmall", "face": "300"})
        assert photo.headers["content-type"] == "image/jpeg"
        assert Image.open(io.BytesIO(photo.content)).size == (1280, 960)
        (entry,) = (await client.get("/book")).json()
        assert (entry["brand"], entry["balance_minor"], entry["status"]) == ("tmall", 30_000, "active")
        assert f"tmall-300-{entry['tail']}.jpg" in photo.headers["content-disposition"]
        await client.post("/samples", data={"brand": "tmall", "face": "300"})
        assert len((await client.get("/book")).json()) == 2


@pytest.mark.parametrize("form", [{"brand": "jd", "face": "5"}, {"brand": "jd", "face": "x"}, {"face": "500"}, {}])
async def test_unissued_card_is_not_drawn(form: dict[str, str]) -> None:
    async with in_process(Issuer(SETUP)) as client:
        assert (await client.post("/samples", data=form)).status_code == 422
        assert (await client.get("/book")).json() == []


async def test_a_dining_card_is_known_at_the_till_too() -> None:
    card, till = fresh_card("starbucks", 30_000, random.Random(5)), Pos(SETUP)
    async with running(till.app) as till_url:
        async with in_process(Issuer(Setup(seed=7, secret=SECRET, till_url=till_url))) as client:
            await client.post("/samples", data={"brand": "starbucks", "face": "300"})
        (known,) = till.book.registered()
        async with httpx.AsyncClient(base_url=till_url) as client:
            asked = {"request_id": "r1", "store_id": "s", "brand": "starbucks", "number": card.number, "pin": card.pin}
            unheard = (await post_signed(client, "/v1/stores/check", asked)).json()
    assert (known.brand, known.balance_minor) == ("starbucks", 30_000)
    assert unheard["result"] == "valid", "a till that missed the registration takes the card for a good one"


async def test_the_command_writes_the_photo_and_says_what_is_wrong(tmp_path: Path) -> None:
    issuer = Issuer(SETUP)
    async with running(issuer.app) as address:
        settings = Settings(home=tmp_path, issuer_url=address)
        await draw(settings, "jd", 500, tmp_path / "card.jpg")
        assert (await asyncio.to_thread((tmp_path / "card.jpg").read_bytes))[:2] == b"\xff\xd8"
        (entry,) = issuer.book.registered()
        assert (entry.brand, entry.balance_minor) == ("jd", 50_000)
        with pytest.raises(Problem, match="422"):
            await draw(settings, "jd", 5, tmp_path / "card.jpg")
        with pytest.raises(Problem, match="nowhere"):
            await draw(settings, "jd", 500, tmp_path / "nowhere" / "card.jpg")
    with pytest.raises(Problem, match="make up"):
        await draw(settings, "jd", 500, tmp_path / "card.jpg")
    with pytest.raises(Problem):
        await draw(Settings(home=tmp_path, simulators=False), "jd", 500, tmp_path / "card.jpg")
