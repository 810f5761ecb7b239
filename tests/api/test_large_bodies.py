"""A body of many megabytes is taken apart beside the event loop: others are answered meanwhile."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import time
from collections.abc import Callable

import httpx
import pytest

from tests.api.conftest import Api
from tests.api.submitting import PAYEE, card
from tests.slowness import patience

MEGABYTE = 1024 * 1024
WAIT_MAX_S = patience(0.2)
TRIES = 4  # Another thread of this process may be at work while the machine keeps the loop waiting.


def photographs() -> bytes:
    """As much as the address takes, in photographs that are none."""
    noise = [base64.b64encode(os.urandom(9 * MEGABYTE)).decode() for _ in range(3)]
    return json.dumps({"cards": [card(photos=noise)], "payee": PAYEE}).encode()


def crumbs() -> bytes:
    """As much as the address takes, in parts of one character."""
    return b'{"cards":[' + b"0," * (19 * MEGABYTE) + b"0]}"


def escapes() -> bytes:
    return b'{"cards":[{"brand":"' + b"\\/" * (19 * MEGABYTE) + b'"}]}'


async def longest_wait(judging: asyncio.Task[httpx.Response]) -> float:
    """For how long the loop could do nothing else meanwhile, in seconds of the processor: the machine may have other work."""
    longest = 0.0
    while not judging.done():
        begun = time.process_time()
        await asyncio.sleep(0.001)
        longest = max(longest, time.process_time() - begun)
    return longest


@pytest.mark.parametrize(("made", "code"), [(photographs, "photo_format_unsupported"), (crumbs, "field_invalid"), (escapes, "field_invalid")])  # fmt: skip
async def test_another_request_is_answered_while_a_large_body_is_judged(
    api: Api, made: Callable[[], bytes], code: str
) -> None:
    body, waits = made(), []
    for number in range(TRIES):
        headers = {"idempotency-key": f"{made.__name__}-{number}-{api.partner_id}", "content-type": "application/json"}
        judging = asyncio.create_task(api.client.post("/v1/submissions", content=body, headers=headers))
        other = asyncio.create_task(api.client.get("/healthz"))
        waits.append(await longest_wait(judging))
        assert ((await other).status_code, (await judging).json()["code"]) == (200, code)
        if waits[-1] < WAIT_MAX_S:
            break
    assert min(waits) < WAIT_MAX_S, waits


@pytest.mark.parametrize(
    ("body", "field", "why"),
    [
        (b"{", "body", "json_invalid"),
        (b"[" * 5_000, "body", "malformed"),
        (b'{"cards": [{"brand": 7}], "payee": {"account": "1", "name": "x"}}', "cards.0.brand", "string_type"),
        (b"\xff", "body", "malformed"),
        (b"7", "body", "model_attributes_type"),
    ],
)
async def test_a_body_that_is_none_is_refused_by_its_field(api: Api, body: bytes, field: str, why: str) -> None:
    headers = {"idempotency-key": f"none-{api.partner_id}", "content-type": "application/json"}
    answer = await api.client.post("/v1/submissions", content=body, headers=headers)
    assert answer.status_code == 422
    assert (answer.json()["data"]["field"], answer.json()["data"]["why"].replace("model_type", "model_attributes_type")) == (field, why)  # fmt: skip
