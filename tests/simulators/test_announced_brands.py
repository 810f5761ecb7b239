"""A brand that is published in the console is one for the simulators too: answered for, secured, and drawn."""

from __future__ import annotations

import io
import ssl
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from stdnum import luhn

from bootstrap.demo import talk
from bootstrap.demo.brands import BrandAnnouncer, announcing_jobs
from bootstrap.settings import Settings
from domain.rules.brand_document import built_in
from simulators.issuer import Issuer
from simulators.pos import Pos
from simulators.program import Setup
from tests.builders.catalogues import published
from tests.simulators.running import SECRET, in_process, post_signed, running
from tests.simulators.setups import SETUP

METRO: dict[str, Any] = dict(built_in()[0].document["brands"][0]) | {
    "code": "metro", "issuer": "metro", "number": "88[0-9]{12}", "check": "luhn", "pin": "[0-9]{4}", "secures": "redeem",
    "names": {"zh_CN": "麦德龙", "en": "Metro"}, "short": {"zh_CN": "麦德龙", "en": "Met"}, "aliases": ["麦德龙", "Metro"],
}  # fmt: skip
BODY = "8800000000012"
NUMBER, WRONG = (f"{BODY}{(int(luhn.calc_check_digit(BODY)) + off) % 10}" for off in (0, 1))
ASKED = {"request_id": "r1", "brand": "metro", "number": NUMBER, "pin": "1234"}


def announced(*brands: dict[str, Any], version: str = "brands-1") -> dict[str, Any]:
    return {"version": version, "brands": list(brands)}


async def test_an_announced_brand_is_answered_for_secured_and_kept_until_a_reset(tmp_path: Path) -> None:
    setup = Setup(seed=7, secret=SECRET, state=tmp_path / "state.db")
    async with in_process(Issuer(setup)) as client:
        assert (await post_signed(client, "/v1/cards/inquire", ASKED)).json()["status"] == "unknown"
        assert (await client.put("/brands", json=announced(METRO))).status_code == 204
    issuer = Issuer(setup)  # Started again.
    async with in_process(issuer) as client:
        assert (await client.get("/brands")).json() == {"version": "brands-1", "brands": ["metro"]}
        answer = (await post_signed(client, "/v1/cards/inquire", ASKED | {"request_id": "r2"})).json()
        assert (answer["status"], answer["currency"]) == ("active", "CNY")
        wrong = ASKED | {"request_id": "r3", "number": WRONG}
        assert (await post_signed(client, "/v1/cards/inquire", wrong)).json()["status"] == "unknown"
        wanted = ASKED | {"request_id": "s1", "how": "redeem", "least_minor": 100, "currency": "CNY"}
        assert (await post_signed(client, "/v1/cards/secure", wanted)).json()["result"] == "redeemed"
        assert 'value="metro"' in (await client.get("/?lang=en")).text
        await client.post("/reset")
        assert (await client.get("/brands")).json()["version"] == "built-in"
        assert "jd" in (await client.get("/brands")).json()["brands"]


async def test_a_card_of_an_announced_brand_is_drawn_and_known() -> None:
    async with in_process(Issuer(SETUP)) as client:
        assert (await client.post("/samples", data={"brand": "metro", "face": "300"})).status_code == 422
        await client.put("/brands", json=announced(METRO))
        photo = await client.post("/samples", data={"brand": "metro", "face": "300"})
        assert photo.status_code == 200
        assert Image.open(io.BytesIO(photo.content)).size == (1280, 960)
        (entry,) = (await client.get("/book")).json()
        assert (entry["brand"], entry["balance_minor"], entry["status"]) == ("metro", 30_000, "active")


@pytest.mark.parametrize("number", ["(7|8)[0-9]{12}", "[0-9]{12}x"])
async def test_numbers_that_cannot_be_made_up_are_refused_in_words(number: str) -> None:
    async with in_process(Issuer(SETUP)) as client:
        await client.put("/brands", json=announced(METRO | {"number": number}))
        refused = await client.post("/samples", data={"brand": "metro", "face": "300"})
        assert refused.status_code == 422
        assert "characters, classes and counts" in refused.json()["detail"]


@pytest.mark.parametrize("broken", [{"number": "[0-9"}, {"check": "magic"}, {"secures": "burn"}])
async def test_a_brand_that_cannot_be_used_is_refused(broken: dict[str, str]) -> None:
    async with in_process(Issuer(SETUP)) as client:
        assert (await client.put("/brands", json=announced(METRO | broken))).status_code == 422
        assert (await client.get("/brands")).json()["version"] == "built-in"


async def test_a_published_catalogue_reaches_issuer_and_till_once_and_again_after_a_reset(tmp_path: Path) -> None:
    issuer, till = Issuer(SETUP), Pos(SETUP)
    async with running(issuer.app) as issuer_url, running(till.app) as till_url:
        given: dict[str, Any] = {"home": tmp_path, "issuer_url": issuer_url, "pos_url": till_url}
        announcer = BrandAnnouncer(Settings(**given))
        assert await announcer.announce() == 0  # Nothing was published: their own brands are the catalogue's.
        with published({"brands": [*built_in()[0].document["brands"], METRO]}):
            assert [await announcer.announce(), await announcer.announce()] == [2, 0]
            assert till.brands.known()["metro"].pattern == "88[0-9]{12}"
            assert till.brands.known()["jd"].could_be("JDAB12CD34EF01" + "00") is False
            async with in_process(issuer) as client:
                await client.post("/reset")
            assert await announcer.announce() == 1
        assert await announcer.announce() == 2
        assert "metro" not in issuer.brands.known()
    with published({"brands": [METRO]}):
        assert await announcer.announce() == 0  # Both are away; they hear it when they are back.


def test_real_systems_receive_no_announcement(tmp_path: Path) -> None:
    assert announcing_jobs(Settings(home=tmp_path, simulators=False)) == []


async def test_the_list_of_authorities_is_read_once_for_all_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[object] = []
    context = ssl.create_default_context

    def counted(*given: Any, **named: Any) -> ssl.SSLContext:
        reads.append(given)
        return context(*given, **named)

    monkeypatch.setattr(ssl, "create_default_context", counted)
    for _ in range(3):
        async with talk.client("https://127.0.0.1:1"):
            pass
    assert len(reads) <= 1  # None, where a client was made before in this process.
