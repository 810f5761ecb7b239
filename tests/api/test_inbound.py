"""Mail that a mail server posts is taken with a good signature alone, once, and within its size."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from api.app import build
from database.session import Database
from domain.errors.files import FileTooDemanding
from domain.sealing import KeyRing
from gateways.mail.wire import BYTES_MAX
from gateways.pictures.store import PhotoStore
from gateways.signatures import HEADER, sign
from services.support.desk import SupportDesk
from services.support.inbound import InboundMails
from services.support.mail_door import MailDoor
from services.support.mail_identity import MailIdentity
from tests.api.conftest import Api
from tests.builders.mailing import HELP, a_mail

OLD, NEW = "the secret before", "the secret of now"


@pytest_asyncio.fixture(loop_scope="session")
async def relay(api: Api, database: Database, tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    mails = InboundMails(
        SupportDesk(database, KeyRing.generate(), PhotoStore(tmp_path, bytes, bytes)), MailIdentity(HELP)
    )
    services = dataclasses.replace(api.services, mail=MailDoor(mails, [NEW, OLD]))
    transport = httpx.ASGITransport(build(services), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://cardloop.test") as client:
        yield client


async def posted(client: httpx.AsyncClient, raw: bytes, signature: str) -> httpx.Response:
    return await client.post("/inbound/mail", content=raw, headers={HEADER: signature})


async def test_a_signed_mail_is_taken_once_also_during_a_rotation(relay: httpx.AsyncClient) -> None:
    raw = a_mail().as_bytes()
    answers = [await posted(relay, raw, sign(secret, raw)) for secret in (OLD, NEW)]
    assert [(one.status_code, one.json()) for one in answers] == [(200, {"outcome": "opened"})] * 2


async def test_an_unsigned_changed_or_old_mail_is_refused(relay: httpx.AsyncClient) -> None:
    raw = a_mail().as_bytes()
    refused = [
        await posted(relay, raw, ""),
        await posted(relay, raw + b"!", sign(NEW, raw)),
        await posted(relay, raw, sign("another", raw)),
        await posted(relay, raw, sign(NEW, raw, lambda: 1_000_000_000)),
    ]
    assert [(one.status_code, one.json()["code"]) for one in refused] == [(401, "signature_invalid")] * 4


async def test_a_mail_over_the_limit_is_refused(relay: httpx.AsyncClient) -> None:
    assert (await posted(relay, b"x" * (BYTES_MAX + 1), "t=1,v1=0")).status_code == 413


async def test_without_a_secret_the_address_is_closed(api: Api) -> None:
    raw = a_mail().as_bytes()
    assert (await posted(api.client, raw, sign(NEW, raw))).status_code == 404


async def test_a_mail_that_takes_too_long_is_sent_again_and_not_lost(
    relay: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def slow(*_: object, **__: object) -> None:
        raise FileTooDemanding

    monkeypatch.setattr(InboundMails, "take", slow)
    raw = a_mail().as_bytes()
    assert (await posted(relay, raw, sign(NEW, raw))).status_code == 503
