"""The codec server opens histories for those who may read them, from the Temporal page alone."""

from __future__ import annotations

import base64

import httpx
import pytest
import pytest_asyncio
from google.protobuf import json_format
from sqlalchemy import select
from temporalio.api.common.v1 import Payload, Payloads
from temporalio.converter import WorkflowSerializationContext

from database.tables.people import AuditRow
from domain.people.roles import Role
from domain.sealing import KeyRing
from reviewer_ui.codec import CodecServices, build_codec
from reviewer_ui.sessions import COOKIE
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.doors import authenticator
from workflows.codec import EncryptionCodec

UI = "http://127.0.0.1:8233"
PLAIN = Payload(metadata={"encoding": b"json/plain"}, data=b'{"card_id": "one"}')


@pytest_asyncio.fixture
async def codec(house: House) -> httpx.AsyncClient:
    app = build_codec(CodecServices(house.database, house.keyring, (UI,)))
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app, raise_app_exceptions=False), base_url="http://codec.test"
    )


async def _sealed(keyring: KeyRing) -> dict[str, object]:
    bound = EncryptionCodec(keyring).with_context(
        WorkflowSerializationContext(namespace="default", workflow_id="card:one")
    )
    return json_format.MessageToDict(Payloads(payloads=await bound.encode([PLAIN])))


async def test_ops_decode_a_history_by_token_with_audit(house: House, codec: httpx.AsyncClient) -> None:
    person_id = await house.cards.person(Role.OPS)
    bearer = {"authorization": f"Bearer {await house.sessions.open(person_id)}"}
    answer = await codec.post("/decode", json=await _sealed(house.keyring), headers=bearer)
    assert base64.b64decode(answer.json()["payloads"][0]["data"]) == PLAIN.data
    async with house.database.transaction() as session:
        acts = (await session.execute(select(AuditRow).where(AuditRow.actor == f"person:{person_id}"))).scalars().all()
    assert [(act.act, act.subject) for act in acts] == [("codec:history:decode", "card:one")]


async def test_the_console_cookie_counts_only_from_the_temporal_page(house: House, codec: httpx.AsyncClient) -> None:
    codec.cookies.set(COOKIE, await house.sessions.open(await house.cards.person(Role.ADMIN)))
    body = await _sealed(house.keyring)
    assert (await codec.post("/decode", json=body, headers={"origin": UI})).status_code == 200
    assert (await codec.post("/decode", json=body, headers={"origin": "http://elsewhere.test"})).status_code == 401
    assert (await codec.post("/decode", json=body)).status_code == 401


@pytest.mark.parametrize(
    ("role", "status"), [(Role.OPS, 200), (Role.ADMIN, 200), (Role.REVIEWER, 403), (Role.COMPLIANCE, 403)]
)
async def test_only_some_roles_decode(house: House, codec: httpx.AsyncClient, role: Role, status: int) -> None:
    bearer = {"authorization": f"Bearer {await house.sessions.open(await house.cards.person(role))}"}
    for path in ("/decode", "/encode"):
        assert (await codec.post(path, json=await _sealed(house.keyring), headers=bearer)).status_code == status


async def test_cors_allows_only_the_temporal_page(codec: httpx.AsyncClient) -> None:
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "content-type,x-namespace"}
    allowed = await codec.options("/decode", headers={"origin": UI, **ask})
    assert (allowed.status_code, allowed.headers["access-control-allow-origin"]) == (200, UI)
    refused = await codec.options("/decode", headers={"origin": "http://elsewhere.test", **ask})
    assert "access-control-allow-origin" not in refused.headers


async def test_the_temporal_page_may_send_the_cookie_and_read_the_refusal(
    house: House, codec: httpx.AsyncClient
) -> None:
    """With "Include cross-origin credentials" on, as the page's own switch is called."""
    ask = {"access-control-request-method": "POST", "access-control-request-headers": "content-type,x-namespace"}
    body, origin = await _sealed(house.keyring), {"origin": UI}
    signed_out = await codec.post("/decode", json=body, headers=origin)
    codec.cookies.set(COOKIE, await house.sessions.open(await house.cards.person(Role.OPS)))
    signed_in = await codec.post("/decode", json=body, headers=origin)
    preflight = await codec.options("/decode", headers={"origin": UI, **ask})
    assert [one.status_code for one in (signed_out, signed_in, preflight)] == [401, 200, 200]
    for answer in (signed_out, signed_in, preflight):
        told = (answer.headers["access-control-allow-origin"], answer.headers["access-control-allow-credentials"])
        assert told == (UI, "true")


@pytest.mark.parametrize(("with_authenticator", "status"), [(False, 401), (True, 200)])
async def test_decoding_requires_the_authenticator_of_the_role(
    house: House, with_authenticator: bool, status: int
) -> None:
    services = CodecServices(house.database, house.keyring, (UI,), totp_required=frozenset({Role.OPS}))
    transport = httpx.ASGITransport(app=build_codec(services), raise_app_exceptions=False)
    person_id = await house.cards.person(Role.OPS)
    if with_authenticator:
        await authenticator(house, person_id)
    bearer = {"authorization": f"Bearer {await house.sessions.open(person_id)}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://codec.test") as codec:
        for path in ("/decode", "/encode"):
            answer = await codec.post(path, json=await _sealed(house.keyring), headers=bearer)
            assert answer.status_code == status, path


async def test_payload_sealed_elsewhere_is_refused(house: House, codec: httpx.AsyncClient) -> None:
    bearer = {"authorization": f"Bearer {await house.sessions.open(await house.cards.person(Role.OPS))}"}
    foreign = await _sealed(KeyRing.generate())
    assert (await codec.post("/decode", json=foreign, headers=bearer)).status_code == 422
    assert (
        await codec.post("/decode", content=b"{", headers=bearer | {"content-type": "application/json"})
    ).status_code == 422


def _payload(encoding: bytes, workflow: bytes) -> dict[str, object]:
    sealed = Payload(metadata={"encoding": encoding, "workflow-id": workflow}, data=b"garbage")
    return json_format.MessageToDict(Payloads(payloads=[sealed]))


@pytest.mark.parametrize("workflow", [b"card:one", b"a\x00b", b"\xff", b""])
async def test_payload_sealed_elsewhere_reveals_nothing(
    house: House, codec: httpx.AsyncClient, workflow: bytes
) -> None:
    bearer = {"authorization": f"Bearer {await house.sessions.open(await house.cards.person(Role.OPS))}"}
    answer = await codec.post("/decode", json=_payload(b"binary/cardloop-sealed", workflow), headers=bearer)
    assert (answer.status_code, answer.json()["code"]) == (422, "field_invalid")


@pytest.mark.parametrize("workflow", [b"card:FORGED", b"a\x00b", b"\xff"])
async def test_the_audit_record_names_only_what_was_opened(
    house: House, codec: httpx.AsyncClient, workflow: bytes
) -> None:
    person_id = await house.cards.person(Role.OPS)
    bearer = {"authorization": f"Bearer {await house.sessions.open(person_id)}"}
    answer = await codec.post("/decode", json=_payload(b"json/plain", workflow), headers=bearer)
    assert answer.status_code == 200
    async with house.database.transaction() as session:
        acts = (await session.execute(select(AuditRow).where(AuditRow.actor == f"person:{person_id}"))).scalars().all()
    assert acts == []


async def test_readiness_is_public(codec: httpx.AsyncClient) -> None:
    assert (await codec.get("/readyz")).json() == {"status": "ready"}
