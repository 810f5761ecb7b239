"""Money that comes back after a card has ended: its journey continues from its rows, and another rail pays it."""

from __future__ import annotations

import secrets
from typing import Any

import httpx
import pytest

from bootstrap.demo.logins import PARTNER_KEY
from bootstrap.demo.rails import PAYEES
from domain.cards.card import Outcome, WaitingFor
from domain.identifiers import bill_number, payout_key
from tests.whole import WHOLE, WholePlatform, jd_card, until

pytestmark = [WHOLE, pytest.mark.timeout(240)]


@pytest.mark.thorough
async def test_a_returned_payment_is_paid_again_through_wechat_once_it_is_confirmed(whole: WholePlatform) -> None:
    card = await whole.hand_in(jd_card())
    await whole.paid(card)
    async with httpx.AsyncClient(timeout=15) as http:
        await http.post(f"{whole.settings.alipay_url}transfers/{payout_key(card, 1)}/refund")
        await whole.reaches(card, lambda seen: seen.waiting_for is WaitingFor.SELLER_PAYEE)
        headers = {"authorization": f"Bearer {whole.secrets()[PARTNER_KEY]}"}
        payee = {"payee_account": f"o-{secrets.token_hex(13)}", "payee_name": "王芳", "payee_rail": "wechat"}
        answer = await http.post(f"{whole.settings.api_url}/v1/cards/{card}/payee", json=payee, headers=headers)
        assert answer.status_code == 200, answer.text
        await whole.reaches(card, lambda seen: seen.waiting_for is WaitingFor.SELLER_CONFIRM)
        await http.post(f"{whole.settings.wechat_url}transfers/{bill_number(payout_key(card, 2))}/confirm")
        end = await whole.reaches(card, lambda seen: seen.outcome is not None)
    assert end.outcome is Outcome.PAID
    assert await states(whole, card) == [("alipay", "refused"), ("wechat", "paid")]
    assert [one for one in await whole.violations() if card in one.what] == []


async def test_the_cards_of_a_demo_wait_for_their_receiver_and_for_the_bank(whole: WholePlatform) -> None:
    async def waiting() -> bool:
        rows = await whole.rows(
            "SELECT waiting_for, count(*) FROM card JOIN submission ON submission.id = submission_id "
            "WHERE idempotency_key = ANY(:keys) GROUP BY 1",
            keys=[f"demo-{name}" for name, *_ in PAYEES],
        )
        return {tuple(row) for row in rows} == {("seller_confirm", 1), ("bank", 2)}

    await until(waiting, 60, whole.said)


async def states(whole: WholePlatform, card: str) -> list[tuple[Any, ...]]:
    found = await whole.rows("SELECT rail, state FROM payout WHERE card_id = :card ORDER BY attempt", card=card)
    return [tuple(row) for row in found]
