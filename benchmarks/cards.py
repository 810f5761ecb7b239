"""Cards for benchmarks: e-commerce cards that are bought automatically, submitted by the demo partner over HTTP."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from typing import Any

import httpx
from stdnum.iso7064 import mod_37_36
from temporalio.service import RPCError, RPCStatusCode

from benchmarks.town import Town
from bootstrap.demo.logins import PARTNER_KEY
from domain.identifiers import ALPHABET, new_id

NAME = "Bench"
FACE_MINOR = 50_000
FACE = {"amount_minor": FACE_MINOR, "currency": "CNY"}
STARTED_WITHIN_S = 60.0
ANY_PRICE = {"amount_minor": 1, "currency": "CNY"}


def jd_card(*, accepted_in_advance: bool) -> dict[str, Any]:
    """A typed, active 500-yuan JD card with a number of its own."""
    # The issuer's book reads the two characters before the check character: letters mean an active card.
    body = "JD" + "".join(secrets.choice(ALPHABET[10:]) for _ in range(13))
    card: dict[str, Any] = {"brand": "jd", "number": body + mod_37_36.calc_check_digit(body), "face_value": FACE}
    return {**card, "accept_at_or_above": ANY_PRICE} if accepted_in_advance else card


def partner(town: Town) -> httpx.AsyncClient:
    """The demo partner at the API."""
    key = json.loads(town.settings.demo_secrets_file.read_text())[PARTNER_KEY]
    return httpx.AsyncClient(
        base_url=town.settings.api_url, headers={"Authorization": f"Bearer {key}"}, timeout=30, trust_env=False
    )


async def submit(api: httpx.AsyncClient, card: dict[str, Any]) -> str:
    """Hands one card in and returns its id. Raises httpx.HTTPStatusError when it is refused."""
    answer = await api.post(
        "/v1/submissions", json={"cards": [card], "payee": _payee()}, headers={"Idempotency-Key": new_id()}
    )
    answer.raise_for_status()
    return str(answer.json()["card_ids"][0])


async def bought(town: Town, api: httpx.AsyncClient, many: int, at_once: int) -> list[str]:
    """Submit `many` cards, `at_once` at a time, and return their ids once each is paid."""
    gate = asyncio.Semaphore(at_once)

    async def one() -> str:
        async with gate:
            card_id = await submit(api, jd_card(accepted_in_advance=True))
            await _paid(town, card_id)
            return card_id

    return list(await asyncio.gather(*(one() for _ in range(many))))


async def _paid(town: Town, card_id: str) -> None:
    """Waits for the end of the card's workflow; on a machine that is full it may be started only after the answer to its submission."""
    deadline = time.monotonic() + STARTED_WITHIN_S
    while True:
        try:
            await town.client.get_workflow_handle(f"card:{card_id}").result()
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.2)
        else:
            return


def _payee() -> dict[str, str]:
    """Another telephone for each card: what one payee may get within an hour without a person is capped."""
    return {"account": f"138{secrets.randbelow(10**8):08d}", "name": NAME}
