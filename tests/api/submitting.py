"""Requests of a partner who submits cards."""

from __future__ import annotations

import itertools
from typing import Any

import httpx

from tests.api.conftest import Api
from tests.seller_ui.selling_scenes import luhn

PIN = "123456"
PAYEE = {"account": "13800000021", "name": "Li Lei"}
_numbers = itertools.count(10_000)


def card(**more: Any) -> dict[str, Any]:
    """A Walmart card that no test has used."""
    number = luhn(f"70000{next(_numbers)}00000")
    return {"brand": "walmart", "number": number, "pin": PIN, "face_value": {"amount_minor": 50000}} | more


async def submit(api: Api, *cards: dict[str, Any], key: str | None = None) -> httpx.Response:
    body = {"cards": cards or [card()], "payee": PAYEE}
    key = key or f"key-{next(_numbers)}-{api.partner_id}"
    return await api.client.post("/v1/submissions", json=body, headers={"idempotency-key": key})


async def one_card(api: Api) -> str:
    answer: dict[str, Any] = (await submit(api)).json()
    return str(answer["card_ids"][0])
