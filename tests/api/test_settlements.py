"""A partner reads its own settlement, downloads statements, and confirms or disputes them."""

from __future__ import annotations

import base64
import hashlib
from datetime import date
from typing import Any

import pytest_asyncio

from database.tables.finance.settlement import CounterpartyRow, SettlementRunRow
from domain.finance.settlement import SettlementState
from services.people.partners import Partners
from tests.api.conftest import Api
from tests.builders.settling import Settling

NOV_5 = date(2026, 11, 5)


@pytest_asyncio.fixture(loop_scope="session")
async def stated(api: Api) -> tuple[CounterpartyRow, SettlementRunRow]:
    """A run of this partner whose statement is made."""
    settling = Settling(api.services.database, api.keyring, api.services.photos)
    party = await settling.a_party(owner=f"partner:{api.partner_id}", partner=api.partner_id)
    await settling.owes(party, 200_50, NOV_5)
    return party, await settling.stated(party)


async def post(api: Api, run: SettlementRunRow, deed: str, key: str = "k1", **said: Any) -> Any:
    return await api.client.post(f"/v1/settlements/{run.id}/{deed}", json=said, headers={"idempotency-key": key})


async def test_a_run_is_listed_read_downloaded_and_confirmed(
    api: Api, stated: tuple[CounterpartyRow, SettlementRunRow]
) -> None:
    _, run = stated
    [listed] = (await api.client.get("/v1/settlements")).json()["settlements"]
    assert (listed["id"], listed["state"], listed["payable"]) == (
        run.id, "answer", {"amount_minor": 200_50, "currency": "CNY"},
    )  # fmt: skip
    whole = (await api.client.get(f"/v1/settlements/{run.id}")).json()
    assert [(one["amount"]["amount_minor"], one["late"]) for one in whole["lines"]] == [(200_50, False)]
    [statement] = whole["statements"]
    for name in statement["files"]:
        file = (await api.client.get(f"/v1/settlements/{run.id}/statements/1/{name}")).json()
        content = base64.b64decode(file["content"])
        assert hashlib.sha256(content).hexdigest() == file["sha256"]
        assert content.startswith(b"%PDF" if name.startswith("pdf") else b"\xef\xbb\xbf")
    for _ in range(2):  # Sent twice.
        taken = await post(api, run, "confirm", version=1, reference="2026/311")
        assert (taken.status_code, taken.json()["state"]) == (200, "approval")
    late = await post(api, run, "dispute", version=1, words="Too late.")
    assert (late.status_code, late.json()["code"], late.json()["data"]) == (
        409,
        "settlement_moved",
        {"state": "approval"},
    )


async def test_a_dispute_opens_one_ticket_that_the_partner_reads(
    api: Api, stated: tuple[CounterpartyRow, SettlementRunRow]
) -> None:
    _, run = stated
    [line] = (await api.client.get(f"/v1/settlements/{run.id}")).json()["lines"]
    answers = [await post(api, run, "dispute", version=1, words="It was 215.00.", lines=[line["id"]]) for _ in range(2)]
    assert [(one.status_code, one.json()["state"]) for one in answers] == [(200, "disputed")] * 2
    ticket = (await api.client.get(f"/v1/tickets/{answers[0].json()['ticket_id']}")).json()
    assert (ticket["category"], ticket["messages"][0]["words"].startswith("It was 215.00.")) == ("settlement", True)
    assert line["id"] in ticket["messages"][0]["words"]


async def test_invalid_settlement_answer_is_refused(api: Api, stated: tuple[CounterpartyRow, SettlementRunRow]) -> None:
    _, run = stated
    newer = await post(api, run, "confirm", version=2)
    assert (newer.status_code, newer.json()["code"]) == (409, "statement_replaced")
    foreign = await post(api, run, "dispute", version=1, words="This line.", lines=["1"])
    assert (foreign.status_code, foreign.json()["code"]) == (422, "field_invalid")
    without = await api.client.post(f"/v1/settlements/{run.id}/dispute", json={"version": 1, "words": "Hm."})
    assert without.json()["code"] == "idempotency_key_missing"
    assert (await api.client.get(f"/v1/settlements/{run.id}/statements/9/pdf.en")).status_code == 404
    async with api.services.database.transaction() as session:
        assert (await session.get_one(SettlementRunRow, run.id)).state is SettlementState.ANSWER


async def test_another_partner_finds_nothing(api: Api, stated: tuple[CounterpartyRow, SettlementRunRow]) -> None:
    _, run = stated
    _, key = await Partners(api.services.database, api.keyring).create("Another")
    own = {"authorization": f"Bearer {key}"}
    assert (await api.client.get("/v1/settlements", headers=own)).json() == {"settlements": [], "next": None}
    for path in ("", "/statements/1/csv.en"):
        assert (await api.client.get(f"/v1/settlements/{run.id}{path}", headers=own)).status_code == 404
    taken = await api.client.post(f"/v1/settlements/{run.id}/confirm", json={"version": 1}, headers=own)
    assert taken.status_code == 404
