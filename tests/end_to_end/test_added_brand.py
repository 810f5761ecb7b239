"""A brand that two people publish is listed, drawn, read, verified by its issuer and quoted, without a release or a restart."""

from __future__ import annotations

import asyncio
import base64
import copy
import secrets
from pathlib import Path
from typing import Any

import httpx
import pytest

from bootstrap.demo.fresh import draw
from bootstrap.demo.logins import PARTNER_KEY, login_of
from bootstrap.demo.partner import PAYEE, Seen
from bootstrap.store import database
from bootstrap.words import Problem
from domain.cards.card import WaitingFor
from domain.people.roles import Role
from domain.rules.brand_document import built_in
from domain.rules.brands import KIND
from services.policies.documents import PolicyDocuments, Proposal
from tests.whole import WHOLE, WholePlatform, until

pytestmark = [WHOLE, pytest.mark.timeout(320)]
FACE = 300
TRIES = 4  # A photo of which a character is in doubt is asked about; another is drawn.


def with_metro() -> dict[str, Any]:
    document: dict[str, Any] = copy.deepcopy(dict(built_in()[0].document))
    jd = next(entry for entry in document["brands"] if entry["code"] == "jd")
    document["brands"].append(
        jd | {
            "code": "metro", "issuer": "metro", "names": {"zh_CN": "麦德龙", "en": "Metro"},
            "short": {"zh_CN": "麦德龙", "en": "Met"}, "aliases": ["麦德龙", "metro"], "number": "88[0-9]{14}", "check": "luhn",
        }
    )  # fmt: skip
    return document


async def publish(whole: WholePlatform) -> None:
    """By the demo's administrator, and its compliance officer as the second person."""
    people = {row.email: row.id for row in await whole.rows("SELECT id, email FROM person")}
    admin, officer = people[login_of(Role.ADMIN)], people[login_of(Role.COMPLIANCE)]
    store = database(whole.settings)
    policies = PolicyDocuments(store)
    await policies.save(admin, KIND, Proposal(with_metro(), "a new contract", None, 0))
    await policies.ask(admin, KIND, 1)
    await policies.publish(officer, KIND, 1)
    await store.dispose()


async def submit(whole: WholePlatform, photo: bytes) -> str:
    """The photo alone; returns the card's id."""
    body = {"cards": [{"brand": "metro", "photos": [base64.b64encode(photo).decode()]}], "payee": PAYEE}
    headers = {"authorization": f"Bearer {whole.secrets()[PARTNER_KEY]}", "idempotency-key": secrets.token_hex(8)}
    async with httpx.AsyncClient(base_url=whole.settings.api_url, timeout=15) as http:
        answer = await http.post("/v1/submissions", json=body, headers=headers)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["card_ids"][0])


async def drawn(whole: WholePlatform, out: Path) -> bytes:
    """A photo by the issuer simulator, once it knows the brand."""

    async def knows_it() -> bool:
        try:
            await draw(whole.settings, "metro", FACE, out)
        except Problem:
            return False
        return True

    await until(knows_it, 15, whole.said)
    return await asyncio.to_thread(out.read_bytes)


async def withdraw_all(whole: WholePlatform, cards: list[str]) -> None:
    """End the cards: other tests of this platform look at what has not ended."""
    headers = {"authorization": f"Bearer {whole.secrets()[PARTNER_KEY]}"}
    async with httpx.AsyncClient(base_url=whole.settings.api_url, timeout=15) as http:
        for card_id in cards:
            answer = await http.post(f"/v1/cards/{card_id}/withdraw", headers=headers)
            assert answer.status_code == 200, answer.text


async def test_a_published_brand_goes_its_whole_way(whole: WholePlatform, tmp_path: Path) -> None:
    await publish(whole)

    async def is_listed() -> bool:
        async with httpx.AsyncClient(base_url=whole.settings.api_url) as http:
            headers = {"authorization": f"Bearer {whole.secrets()[PARTNER_KEY]}"}
            return "metro" in [one["code"] for one in (await http.get("/v1/brands", headers=headers)).json()]

    await until(is_listed, 10, whole.said)
    last: Seen | None = None
    submitted: list[str] = []
    for attempt in range(TRIES):
        card_id = await submit(whole, await drawn(whole, tmp_path / f"{attempt}.jpg"))
        submitted.append(card_id)
        last = await whole.reaches(
            card_id, lambda seen: seen.quote is not None or seen.waiting_for is WaitingFor.SELLER_FIELDS, 90
        )
        if last.quote is not None:
            break
    assert last is not None
    assert last.quote is not None, last
    assert last.quote.basis_minor == FACE * 100
    await withdraw_all(whole, submitted)
    asked = await whole.rows("SELECT party FROM answer WHERE card_id = :card", card=last.id)
    assert "issuer" in {row.party for row in asked}
