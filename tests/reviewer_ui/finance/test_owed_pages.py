"""Money owed is seen by those who answer for it, and another payee takes two people."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import update

from database.tables.cards import CardRow
from domain.cards.card import Stage, WaitingFor
from domain.finance.payout import PayoutState
from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.waiting_cards import Waiting

PAYEE = {"payee_account": "13800000088", "payee_name": "李明", "reason_code": "seller_called"}
AGREE = re.compile(r'action="(/owed/[^"]+/agree)"')


async def refused(house: House) -> Waiting:
    waiting = await house.cards.waiting()
    await house.cards.payout(waiting, PayoutState.REFUSED)
    values = {"stage": Stage.PAYOUT, "waiting_for": WaitingFor.SELLER_PAYEE}
    async with house.database.transaction() as session:
        await session.execute(update(CardRow).where(CardRow.id == waiting.card_id).values(**values))
    return waiting


@pytest.mark.parametrize(("language", "words"), [("en", "Outstanding payments to sellers"), ("zh", "应付卖家未付款")])
async def test_debts_are_listed_with_their_sum(house: House, language: str, words: str) -> None:
    waiting = await refused(house)
    for role in (Role.FINANCE, Role.SENIOR, Role.COMPLIANCE):
        page = await (await house.as_(role)).get("/owed", headers={"accept-language": language})
        assert words in page.text
        assert f"/cards/{waiting.card_id}" in page.text
    assert "payee_account" not in page.text  # Compliance reads and changes nothing.


async def test_owed_payee_correction_takes_two_people(house: House) -> None:
    waiting = await refused(house)
    first, second = await house.as_(Role.SENIOR), await house.as_(Role.FINANCE)
    assert (await post(first, f"/owed/{waiting.card_id}/propose", **PAYEE)).status_code == 303
    again = await post(second, f"/owed/{waiting.card_id}/propose", **PAYEE)
    assert again.status_code == 409
    own, others = (await first.get("/owed")).text, (await second.get("/owed")).text
    mine = [address for address in AGREE.findall(own) if waiting.card_id in address]
    (address,) = [address for address in AGREE.findall(others) if waiting.card_id in address]
    assert mine == []  # Whoever proposed it is offered no such button,
    assert (await post(first, address)).status_code == 403  # and is refused without one.
    assert (await post(second, address)).status_code == 303
    assert (await post(second, address)).status_code == 303  # Pressed twice.
    late = await post(await house.as_(Role.FINANCE), address)
    assert (late.status_code, "was approved, rejected or replaced" in late.text) == (409, True)


async def test_proposal_is_declined_and_form_errors_are_shown(house: House) -> None:
    waiting = await refused(house)
    person = await house.as_(Role.FINANCE)
    for wrong in ({"payee_account": ""}, {"payee_name": ""}, {"reason_code": "because"}):
        said = await post(person, f"/owed/{waiting.card_id}/propose", **(PAYEE | wrong))
        assert said.status_code == 422
        kept = [value for name, value in PAYEE.items() if name.startswith("payee_") and name not in wrong]
        assert [value for value in kept if f'value="{value}"' not in said.text] == []  # What was typed stays.
    await post(person, f"/owed/{waiting.card_id}/propose", **PAYEE)
    found = re.findall(r'action="(/owed/[^"]+/refuse)"', (await person.get("/owed")).text)
    (address,) = [address for address in found if waiting.card_id in address]
    assert (await post(person, address)).status_code == 303
    assert (await post(person, address)).status_code == 409
