"""What the issuer simulator shows and keeps of cards that it locked or redeemed for their buyer."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulators.issuer import Issuer
from simulators.program import Setup
from tests.simulators.running import SECRET, in_process, number, post_signed, written_in

JD = number("jd", "12")
WANTED = {
    "request_id": "s1", "brand": "jd", "number": JD, "pin": "604128", "how": "lock", "least_minor": 100, "currency": "CNY",
}  # fmt: skip
PURCHASE = {"brand": "jd", "number": JD, "amount_minor": 100}


async def test_lock_survives_a_restart_and_is_shown_without_its_number(tmp_path: Path) -> None:
    setup = Setup(seed=7, secret=SECRET, state=tmp_path / "state.db")
    async with in_process(Issuer(setup)) as client:
        assert (await post_signed(client, "/v1/cards/secure", WANTED)).json()["result"] == "locked"
    async with in_process(Issuer(setup)) as client:
        assert (await client.post("/spend", json=PURCHASE)).status_code == 409
        page = (await client.get("/?lang=en")).text
    assert "<td>locked</td>" in page
    assert f"**** {JD[-4:]}" in page
    assert JD not in page
    assert JD.encode() not in written_in(tmp_path)


async def test_the_holder_spends_by_the_page_until_the_card_is_locked() -> None:
    async with in_process(Issuer(Setup(seed=7, secret=SECRET))) as client:
        form = {"brand": "jd", "number": JD, "amount_minor": "20000"}
        answer = await client.post("/spend", data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert (await client.post("/spend", json=PURCHASE)).json() == {"balance_minor": 29_900}
        await post_signed(client, "/v1/cards/secure", WANTED)
        assert (await client.post("/spend", data=form)).json() == {"detail": "locked"}


@pytest.mark.parametrize(
    ("changed", "status"),
    [({"amount_minor": 0}, 422), ({"number": None}, 422), ({"amount_minor": 50_001}, 409), ({"number": number("jd", "91")}, 409)],
)  # fmt: skip
async def test_what_a_holder_cannot_spend_is_refused(changed: dict[str, object], status: int) -> None:
    async with in_process(Issuer(Setup(seed=7, secret=SECRET))) as client:
        assert (await client.post("/spend", json=PURCHASE | changed)).status_code == status


async def test_a_card_that_is_registered_again_counts_as_fresh() -> None:
    async with in_process(Issuer(Setup(seed=7, secret=SECRET))) as client:
        await post_signed(client, "/v1/cards/secure", WANTED)
        await client.post("/book", json={"brand": "jd", "number": JD, "balance_minor": 700})
        assert (await client.post("/spend", json=PURCHASE)).json() == {"balance_minor": 600}
