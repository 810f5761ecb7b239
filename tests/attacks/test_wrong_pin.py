"""An attacker who knows or guesses card numbers tries to block their holders, and to learn which were submitted."""

from __future__ import annotations

from tests.api.conftest import Api
from tests.api.submitting import card, submit


async def test_guessed_number_blocks_no_seller_and_reveals_nothing(api: Api) -> None:
    true = card()
    guess = {**true, "pin": "99999999"[: len(true["pin"])]}
    fresh = {**card(), "pin": guess["pin"]}
    assert (await submit(api, guess)).status_code == 202
    _, key = await api.services.partners.create("The holder's partner")
    holder = {"authorization": f"Bearer {key}", "idempotency-key": "the-holders"}
    body = {"cards": [true], "payee": {"account": "13800000021", "name": "王芳"}}
    assert (await api.client.post("/v1/submissions", json=body, headers=holder)).status_code == 202
    # To a stranger a number that is in process answers like one that is not.
    again = {**true, "pin": "88888888"[: len(true["pin"])]}
    known, unknown = await submit(api, again), await submit(api, fresh)
    assert (
        (known.status_code, set(known.json()))
        == (unknown.status_code, set(unknown.json()))
        == (202, set(unknown.json()))
    )


async def test_duplicate_answer_names_no_seller(api: Api) -> None:
    true = card()
    assert (await submit(api, true)).status_code == 202
    answer = await submit(api, true)
    assert answer.status_code == 409
    assert api.partner_id not in answer.text
    assert not any(word in answer.json()["message"].lower() for word in ("already", "somebody", "processed", "another"))
