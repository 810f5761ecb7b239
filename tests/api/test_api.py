"""A partner's day at the API: cards in, looked at, answered; and every bad request gets a documented code."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import pytest

from api.app import build as build_api
from database.session import Database
from domain.cards.card import Outcome, Stage, WaitingFor
from domain.errors.base import REGISTER
from domain.errors.cards import QuoteExpired
from domain.errors.general import TemporarilyUnavailable
from domain.errors.people import TooManyTries
from seller_ui.app import build as build_pages
from seller_ui.services import SellerServices
from tests.api.conftest import Api
from tests.api.submitting import PAYEE, PIN, _numbers, card, one_card, submit
from tests.builders.catalogues import published, without
from tests.seller_ui.conftest import PlayedDesk, played_services
from tests.seller_ui.selling_scenes import move, offered, picture


@pytest.fixture
def services(database: Database, tmp_path: Path) -> SellerServices:
    return played_services(database, PlayedDesk(), tmp_path)


async def test_a_submission_is_taken_started_and_shown_without_secrets(api: Api) -> None:
    given = card()
    taken = await submit(api, given)
    assert taken.status_code == 202
    receipt = taken.json()
    assert api.desk.told == [("start", receipt["card_ids"][0])]
    shown = await api.client.get(taken.headers["location"])
    [seen] = shown.json()["cards"]
    assert (seen["stage"], seen["waiting_for"], seen["outcome"]) == ("intake", "machine", None)
    assert seen["number_masked"].endswith(given["number"][-4:])
    assert given["number"] not in shown.text
    assert PIN not in shown.text


async def test_a_brand_that_is_no_longer_bought_is_refused_with_day_and_reason(api: Api) -> None:
    given, earlier = card(), card()
    first = await submit(api, earlier, key="before")
    with published(without(given["brand"])):
        refused = await submit(api, given)
        assert (refused.status_code, refused.json()["code"]) == (422, "brand_not_bought")
        data = refused.json()["data"]
        assert (data["since"], data["reason"]) == ("2026-11-01", {"zh_CN": "合同到期", "en": "The contract ended"})
        assert given["brand"] not in [one["code"] for one in (await api.client.get("/v1/brands")).json()]
        # What was taken before goes on, and a repeated request gets its receipt.
        assert (await submit(api, earlier, key="before")).json() == first.json() | {"repeated": True}
        assert (await api.client.get(first.headers["location"])).status_code == 200
    with published(without("jd", "2126-12-01")):
        listed = {one["code"]: one for one in (await api.client.get("/v1/brands")).json()}
        assert listed["jd"]["not_bought_from"] == "2126-12-01"
        assert listed["walmart"]["not_bought_from"] is None


async def test_the_same_key_and_content_is_one_submission(api: Api) -> None:
    given = card()
    first, again = await submit(api, given, key="one"), await submit(api, given, key="one")
    assert (first.json()["repeated"], again.json()["repeated"]) == (False, True)
    assert first.json()["card_ids"] == again.json()["card_ids"]
    other = await submit(api, card(), key="one")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


async def test_a_repeated_request_gets_its_receipt_before_limit_and_rules_are_asked(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = json.dumps({"cards": [card()], "payee": PAYEE}).encode()
    headers = {"idempotency-key": f"key-{next(_numbers)}", "content-type": "application/json"}
    first = await api.client.post("/v1/submissions", content=body, headers=headers)
    app = api.client._transport.app  # type: ignore[attr-defined]
    monkeypatch.setattr(app.state.limits.submissions, "hit", _refuse)
    monkeypatch.setattr("api.submissions.KEY", re.compile("no key is good any more"))
    again = await api.client.post("/v1/submissions", content=body, headers=headers)
    assert (again.status_code, again.json()) == (202, first.json() | {"repeated": True})
    assert again.headers["location"] == first.headers["location"]
    assert len(api.desk.told) == 1
    other = await api.client.post("/v1/submissions", content=body.replace(b"Li Lei", b"Li Le"), headers=headers)
    assert other.status_code == 400, "other content is judged"


async def _refuse(*name: str) -> None:
    raise TooManyTries(retry_after_s=1)


async def test_the_same_card_is_not_taken_twice(api: Api) -> None:
    given = card()
    await submit(api, given)
    twice = await submit(api, given)
    assert (twice.status_code, twice.json()["code"]) == (409, "card_already_submitted")
    assert given["number"] not in twice.text


@pytest.mark.parametrize(
    ("change", "code", "status"),
    [
        ({"brand": "no-such"}, "brand_unknown", 422),
        ({"number": "7000012345000001"}, "card_number_invalid", 422),
        ({"pin": "12"}, "pin_invalid", 422),
        ({"pin": None}, "pin_invalid", 422),
        ({"face_value": {"amount_minor": 0}}, "face_value_invalid", 422),
        ({"face_value": {"amount_minor": -50000}}, "face_value_invalid", 422),
        ({"face_value": {"amount_minor": 50000, "currency": "USD"}}, "face_value_invalid", 422),
        ({"expiry": "2020-01-31"}, "card_expired", 422),
        ({"number": None}, "nothing_to_read", 422),
        ({"photos": [""]}, "photo_empty", 422),
        ({"photos": [base64.b64encode(b"<svg/>").decode()]}, "photo_format_unsupported", 415),
        ({"photos": [base64.b64encode(picture()[:900]).decode()]}, "photo_unreadable", 422),
        ({"photos": ["not base64!"]}, "field_invalid", 422),
        ({"unknown": 1}, "field_invalid", 422),
    ],
)
async def test_a_bad_card_is_refused_with_its_code(api: Api, change: dict[str, Any], code: str, status: int) -> None:
    answer = await submit(api, card(**change))
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.json()["message"] not in ("", f"error.{code}")
    assert api.desk.told == []


async def test_a_missing_idempotency_key_is_refused(api: Api) -> None:
    answer = await api.client.post("/v1/submissions", json={"cards": [card()], "payee": PAYEE})
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


async def test_too_many_cards_are_refused(api: Api) -> None:
    answer = await submit(api, *(card() for _ in range(51)))
    assert (answer.status_code, answer.json()["code"]) == (422, "too_many_cards")


async def test_the_message_is_in_the_callers_language(api: Api) -> None:
    answer = await api.client.get("/v1/submissions/01ARZ3NDEKTSV4RRFFQ69G5FAV", headers={"accept-language": "zh-CN"})
    assert (answer.status_code, answer.json()["message"]) == (404, "页面不存在，或您无权访问。")


async def test_without_a_key_nothing_is_seen(api: Api) -> None:
    for authorization in ("", "Bearer wrong", "Basic x"):
        answer = await api.client.get("/v1/submissions", headers={"authorization": authorization})
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")


async def test_another_partners_cards_are_not_found(api: Api) -> None:
    mine = (await submit(api)).json()
    _, key = await api.services.partners.create("Another partner")
    other = {"authorization": f"Bearer {key}"}
    card_id = mine["card_ids"][0]
    assert (await api.client.get(f"/v1/submissions/{mine['submission_id']}", headers=other)).status_code == 404
    assert (await api.client.get(f"/v1/cards/{card_id}/story", headers=other)).status_code == 404
    answer = await api.client.post(f"/v1/cards/{card_id}/quote/accept", json={"quote_id": "x"}, headers=other)
    assert answer.status_code == 404
    assert api.desk.told == [("start", card_id)]


async def test_temporal_away_loses_no_submission(api: Api) -> None:
    api.desk.refuses = TemporarilyUnavailable()
    taken = await submit(api)
    assert taken.status_code == 202
    assert taken.json()["card_ids"][0] in await api.services.intake.not_started(1000)


async def test_the_quote_is_shown_without_what_is_internal_and_accepted(api: Api, database: Database) -> None:
    card_id = await one_card(api)
    quote_id = await offered(database, card_id)
    [shown] = (await api.client.get("/v1/submissions")).json()["submissions"][0]["cards"]
    assert shown["quote"]["amount"] == {"amount_minor": 46500, "currency": "CNY"}
    assert "47577" not in str(shown)
    answer = await api.client.post(f"/v1/cards/{card_id}/quote/accept", json={"quote_id": quote_id})
    assert answer.status_code == 200
    assert api.desk.told[-1] == ("answer_offer", card_id, quote_id, True)


async def test_a_late_answer_gets_its_code(api: Api) -> None:
    card_id = await one_card(api)
    api.desk.refuses = QuoteExpired()
    answer = await api.client.post(f"/v1/cards/{card_id}/quote/decline", json={"quote_id": "x"})
    assert (answer.status_code, answer.json()["code"]) == (409, "quote_expired")


async def test_fields_are_confirmed_only_when_they_are_waited_for(api: Api, database: Database) -> None:
    card_id = await one_card(api)
    early = await api.client.post(f"/v1/cards/{card_id}/fields", json={})
    assert (early.status_code, early.json()["code"]) == (409, "not_expected_now")
    await move(database, card_id, Stage.READING, WaitingFor.SELLER_FIELDS, "reading.done")
    answer = await api.client.post(f"/v1/cards/{card_id}/fields", json={"pin": "654321"})
    assert answer.status_code == 200
    assert api.desk.told[-1][:2] == ("confirm_fields", card_id)


async def test_an_item_is_sent_again(api: Api, database: Database) -> None:
    card_id = await one_card(api)
    await move(database, card_id, Stage.REVIEW, WaitingFor.SELLER_ITEM, "review.asked_photo")
    photo = {"photo": base64.b64encode(picture()).decode()}
    assert (await api.client.post(f"/v1/cards/{card_id}/items/photo", json=photo)).status_code == 200
    assert api.desk.told[-1][:2] == ("supply_item", card_id)


async def test_nothing_but_the_asked_item_is_taken_by_any_door(api: Api, database: Database) -> None:
    card_id = await one_card(api)
    before = (await api.client.get(f"/v1/cards/{card_id}/story")).json()["entries"]
    await move(database, card_id, Stage.REVIEW, WaitingFor.SELLER_ITEM, "review.asked_pin")
    photo = {"photo": base64.b64encode(picture()).decode()}
    doors = {"items/photo": photo, "items/expiry": {"value": "2099-12-31"}, "fields": {"expiry": "2099-12-31"}}
    for door, sent in (doors | {"items/number": {"value": "6225880137246885"}}).items():
        answer = await api.client.post(f"/v1/cards/{card_id}/{door}", json=sent)
        assert (answer.status_code, answer.json()["code"]) == (409, "not_expected_now"), door
    entries = (await api.client.get(f"/v1/cards/{card_id}/story")).json()["entries"]
    assert len(entries) == len(before) + 1
    assert [told[0] for told in api.desk.told] == ["start"]
    assert (await api.client.post(f"/v1/cards/{card_id}/items/pin", json={"value": "654321"})).status_code == 200
    assert api.desk.told[-1][:2] == ("supply_item", card_id)


async def test_code_and_resend_reach_the_card(api: Api) -> None:
    card_id = await one_card(api)
    assert (await api.client.post(f"/v1/cards/{card_id}/code", json={"code": "123456"})).json()["tries_left"] == 3
    assert (await api.client.post(f"/v1/cards/{card_id}/code/resend")).status_code == 200
    assert [told[0] for told in api.desk.told] == ["start", "enter_code", "resend_code"]


async def test_the_history_is_shown_in_sentences_without_internal_facts(api: Api, database: Database) -> None:
    card_id = await one_card(api)
    facts = {"party": "issuer", "status": "active", "confidence": "0.4"}
    await move(database, card_id, Stage.VERIFICATION, WaitingFor.MACHINE, "verification.issuer_answered", facts=facts)
    await move(database, card_id, Stage.PRICING, WaitingFor.MACHINE, "pricing.valued", facts={"amount": "¥465.00"})
    entries = (await api.client.get(f"/v1/cards/{card_id}/story")).json()["entries"]
    assert [entry["sentence"] for entry in entries] == ["Submitted", "Issuer answered: Active"]
    assert "confidence" not in str(entries)


async def test_a_card_is_withdrawn_for_its_owner_alone(api: Api) -> None:
    card_id = await one_card(api)
    answer = await api.client.post(f"/v1/cards/{card_id}/withdraw")
    assert (answer.status_code, answer.json()["card_id"]) == (200, card_id)
    assert api.desk.told[-1][:2] == ("withdraw", card_id)
    assert str(api.desk.told[-1][2]).startswith("partner:")
    other = "01HXXXXXXXXXXXXXXXXXXXXXXX"
    assert (await api.client.post(f"/v1/cards/{other}/withdraw")).status_code == 404


async def test_a_partner_reads_of_the_seller_and_is_not_spoken_to_as_one(api: Api, database: Database) -> None:
    card_id = await one_card(api)
    await move(database, card_id, Stage.VERIFICATION, WaitingFor.SELLER_CODE, "verification.code_awaited")
    (_, entry) = (await api.client.get(f"/v1/cards/{card_id}/story")).json()["entries"]
    assert entry["sentence"] == "Waiting for the seller's one-time code"


async def test_events_end_with_the_card(api: Api, database: Database) -> None:
    taken = (await submit(api)).json()
    card_id = taken["card_ids"][0]
    await move(database, card_id, Stage.ENDED, WaitingFor.NOBODY, "journey.declined", outcome=Outcome.DECLINED)
    stream = await api.client.get(f"/v1/submissions/{taken['submission_id']}/events")
    assert "event: changed" in stream.text
    assert "event: ended" in stream.text


async def test_pages_of_submissions_follow_a_cursor(api: Api) -> None:
    sent = [(await submit(api)).json()["submission_id"] for _ in range(3)]
    first = (await api.client.get("/v1/submissions?limit=2")).json()
    rest = (await api.client.get(f"/v1/submissions?limit=2&before={first['next']}")).json()
    seen = [entry["id"] for entry in first["submissions"] + rest["submissions"]]
    assert (seen, rest["next"]) == (sent[::-1], None)


async def test_every_error_and_brand_is_listed(api: Api) -> None:
    listed = (await api.client.get("/v1/errors")).json()
    assert {entry["code"] for entry in listed} == set(REGISTER)
    assert {entry["code"] for entry in (await api.client.get("/v1/brands")).json()} >= {"jd", "walmart", "amazon-us"}


async def test_a_body_without_end_is_refused(api: Api) -> None:
    headers = {"content-length": str(10**9), "idempotency-key": "x"}
    answer = await api.client.post("/v1/submissions", content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "photo_too_large")


async def test_health_is_reported(api: Api) -> None:
    assert (await api.client.get("/healthz")).json() == {"status": "ok"}


@pytest.mark.parametrize("path", ["/v1/submissions", "/v1/cards/00000000000000000000000000/items/photo", "/sell/jd"])
@pytest.mark.parametrize("key", [None, "Bearer clk_guessed"])
async def test_no_byte_of_a_body_is_read_before_it_is_known_whose_it_is(
    api: Api, services: SellerServices, path: str, key: str | None
) -> None:
    app = build_api(api.services)
    app.mount("/", build_pages(services))
    headers = [(b"content-type", b"application/json"), *([(b"authorization", key.encode())] if key else [])]
    scope = {
        "type": "http", "method": "POST", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers,
        "http_version": "1.1", "scheme": "http", "server": ("api", 80), "client": ("192.0.2.1", 1), "root_path": "",
    }  # fmt: skip
    answered: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the body was read")

    async def send(message: Any) -> None:
        answered.append(message)

    await app(scope, receive, send)
    assert answered[0]["status"] == 401


@pytest.mark.parametrize(
    ("path", "most"),
    [("/v1/cards/00000000000000000000000000/code", 64), ("/callbacks/alipay", 64), ("/v1/submissions", 40960)],
)
async def test_each_address_takes_as_much_as_it_can_need(api: Api, path: str, most: int) -> None:
    answer = await api.client.post(path, content=b"x", headers={"content-length": str(most * 1024 + 1)})
    assert (answer.status_code, answer.json()["code"]) == (413, "photo_too_large")


async def test_readiness_is_reported_and_health_needs_nothing(api: Api) -> None:
    ready = await api.client.get("/readyz")
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    assert "/readyz" not in (await api.client.get("/openapi.json")).json()["paths"]
