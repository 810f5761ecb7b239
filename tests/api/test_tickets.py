"""A partner asks support through the API: once per key, about its own cards, and reads only its own conversation."""

from __future__ import annotations

import base64
from typing import Any

import httpx
import pytest

from database.session import Database
from database.tables.support.tickets import TicketFileRow
from domain.identifiers import new_id
from domain.support.tickets import TicketState
from tests.api.conftest import Api
from tests.api.submitting import one_card
from tests.seller_ui.ticket_scenes import answered

TEXT = base64.b64encode(b"Hello").decode()
ASKED: dict[str, Any] = {"category": "payout_late", "subject": "Payment missing", "words": "Where is it?"}


async def opened(api: Api, key: str = "", **more: Any) -> httpx.Response:
    headers = {"idempotency-key": key or new_id()}
    return await api.client.post("/v1/tickets", json=ASKED | more, headers=headers)


async def write(api: Api, ticket: str, key: str = "", **said: Any) -> httpx.Response:
    headers = {"idempotency-key": key or new_id()}
    return await api.client.post(f"/v1/tickets/{ticket}/messages", json=said, headers=headers)


async def test_a_ticket_is_opened_read_and_written_to(api: Api, database: Database) -> None:
    card = await one_card(api)
    taken = await opened(api, cards=[card], files=[{"name": "note.txt", "content": TEXT}])
    assert taken.status_code == 201
    shown = (await api.client.get(taken.headers["location"])).json()
    assert (shown["state"], shown["due_for"], shown["cards"]) == ("new", "answer", [card])
    [message] = shown["messages"]
    assert (message["author"], message["words"], message["masked"]) == ("customer", "Where is it?", False)
    [file] = message["files"]
    kept = (await api.client.get(f"{taken.headers['location']}/files/{file['id']}")).json()
    assert (kept["name"], kept["content"]) == ("note.txt", TEXT)
    ticket = taken.json()["ticket_id"]
    await answered(database, ticket, TicketState.SOLVED)
    assert (await write(api, ticket, words="It is not here.")).status_code == 201
    again = (await api.client.get(taken.headers["location"])).json()
    assert (again["state"], [one["author"] for one in again["messages"]]) == (
        "open",
        ["customer", "support", "customer"],
    )
    [line] = [one for one in (await api.client.get("/v1/tickets")).json()["tickets"] if one["id"] == ticket]
    assert line["state"] == "open"


async def test_the_same_key_and_content_is_one_ticket_and_one_message(api: Api) -> None:
    first, again = await opened(api, "one%_key"), await opened(api, "one%_key")
    assert first.json() == again.json()
    other = await opened(api, "one%_key", words="Something else")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    ticket = first.json()["ticket_id"]
    sent = [(await write(api, ticket, "two", words="And?")).json() for _ in range(2)]
    assert sent[0] == sent[1]
    assert (await write(api, ticket, "two", words="Or?")).json()["code"] == "idempotency_key_reused"
    missing = await api.client.post("/v1/tickets", json=ASKED)
    assert (missing.status_code, missing.json()["code"]) == (400, "idempotency_key_missing")


async def test_pages_follow_one_another(api: Api) -> None:
    ids = [(await opened(api)).json()["ticket_id"] for _ in range(3)]
    first = (await api.client.get("/v1/tickets?limit=2")).json()
    second = (await api.client.get(f"/v1/tickets?limit=2&before={first['next']}")).json()
    assert [one["id"] for one in first["tickets"] + second["tickets"]] == sorted(ids, reverse=True)
    assert second["next"] is None


async def test_another_partners_card_is_not_found(api: Api, database: Database) -> None:
    card, ticket = (
        await one_card(api),
        (await opened(api, files=[{"name": "a.txt", "content": TEXT}])).json()["ticket_id"],
    )
    async with database.transaction() as session:
        row = (await session.execute(TicketFileRow.__table__.select().where(TicketFileRow.ticket_id == ticket))).one()
    _, other = await api.services.partners.create("Another partner")
    own = api.client.headers["authorization"]
    api.client.headers["authorization"] = f"Bearer {other}"
    answers = [
        await api.client.get(f"/v1/tickets/{ticket}"), await api.client.get(f"/v1/tickets/{ticket}/files/{row.id}"),
        await write(api, ticket, words="Hi"), await opened(api, cards=[card]), await opened(api, cards=[new_id()]),
    ]  # fmt: skip
    assert [one.status_code for one in answers] == [404] * 5
    assert (await api.client.get("/v1/tickets")).json() == {"tickets": [], "next": None}
    api.client.headers["authorization"] = own
    assert (await api.client.get(f"/v1/tickets/{ticket}")).status_code == 200


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"words": ""}, "field_invalid", 422),
        ({"words": "x" * 10_001}, "field_invalid", 422),
        ({"words": "a\x00b"}, "field_invalid", 422),
        ({"subject": ""}, "field_invalid", 422),
        ({"subject": "a\nb"}, "field_invalid", 422),
        ({"category": "weather"}, "field_invalid", 422),
        ({"files": [{"name": "a.txt", "content": TEXT}] * 6}, "field_invalid", 422),
        ({"files": [{"name": "a.svg", "content": base64.b64encode(b"<svg/>").decode()}]}, "attachment_unsupported", 415),
        ({"files": [{"name": "a.txt", "content": ""}]}, "attachment_unsupported", 415),
        ({"unknown": 1}, "field_invalid", 422),
    ],
    ids=str,
)  # fmt: skip
async def test_what_is_wrong_has_a_documented_code(api: Api, change: dict[str, Any], code: str, status: int) -> None:
    refused = await opened(api, **change)
    assert (refused.status_code, refused.json()["code"]) == (status, code)


async def test_a_closed_ticket_takes_nothing_and_a_number_is_masked(api: Api, database: Database) -> None:
    ticket = (await opened(api, words="My card 6222 0212 3456 7890 12 is empty 😀")).json()["ticket_id"]
    shown = (await api.client.get(f"/v1/tickets/{ticket}")).json()
    assert shown["messages"][0]["masked"]
    assert "6222" not in str(shown)
    await answered(database, ticket, TicketState.CLOSED)
    late = await write(api, ticket, words="Still empty")
    assert (late.status_code, late.json()["code"]) == (409, "ticket_ended")
