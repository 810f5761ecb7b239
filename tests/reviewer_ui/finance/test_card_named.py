"""A sale and a claim take a card by what a person can see and copy, and say beside the field why it is none."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from database.tables.cards import CardRow
from database.tables.finance.rollback import RollbackRow
from domain.identifiers import new_id
from domain.people.roles import Role
from domain.places import business_day
from tests.builders.paying import PDF
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.payment_scenes import a_paid_card
from tests.reviewer_ui.sale_scenes import a_bought_card

ENGLISH = {"accept-language": "en"}


def _sale(card: str) -> dict[str, str]:
    today = business_day(datetime.now(UTC)).isoformat()
    return {"key": new_id(), "card_id": card, "buyer": "mall-direct", "price": "475.00", "currency": "CNY", "sold_on": today, "mode": "own", "paid_from": "receivable"}  # fmt: skip


async def test_sale_accepts_short_id_full_id_and_address_of_a_card(house: House) -> None:
    card_id, finance = await a_bought_card(house), await house.as_(Role.FINANCE)
    address = f"https://console.example:8443/cards/{card_id}?tab=money"
    for written in (
        card_id[-6:],
        card_id[-6:].lower(),
        card_id,
        f" {address} ",
        f"/cards/{card_id}#x",
        f"card:{card_id}",
    ):
        page = await post(finance, "/sales/preview", **_sale(written))
        assert (page.status_code, f'value="{card_id}"' in page.text) == (200, True), written
    await post(finance, "/sales", **_sale(card_id[-6:]))
    assert "/sales/" in (await finance.get(f"/sales?card={card_id}")).text


@pytest.mark.parametrize(
    ("written", "why"),
    [("ZZZZZZ", "Not found"), ("12", "Not found"), (f"https://console.example/cards/{'0' * 26}", "Not found"), ("", "Not found")],
)  # fmt: skip
async def test_unknown_card_is_reported_at_its_field(house: House, written: str, why: str) -> None:
    finance = await house.as_(Role.FINANCE)
    page = await post(finance, "/sales/preview", **_sale(written))
    assert page.status_code == 422
    assert re.search(rf'id="card_id-wrong">.*?</svg>{why}', page.text, re.S)
    assert 'aria-errormessage="card_id-wrong"' in page.text
    assert f'name="card_id" value="{written}"' in page.text


async def test_ambiguous_short_id_and_card_number_are_refused(house: House) -> None:
    waiting, finance = await a_paid_card(house), await house.as_(Role.FINANCE)
    async with house.database.transaction() as session:
        row = await session.get_one(CardRow, waiting.card_id)
        other = new_id()[:-6] + waiting.card_id[-6:]
        session.add(CardRow(**{**row.values(), "id": other, "holds_number": False, "live": False}))
    page = await post(finance, "/sales/preview", **_sale(waiting.card_id[-6:]))
    assert (page.status_code, "There are several" in page.text) == (422, True)
    secret = await post(finance, "/sales/preview", **_sale("6226 0200 1234 5676"))
    assert (secret.status_code, "5676" in secret.text) == (422, False)


async def test_claim_accepts_the_short_id(house: House) -> None:
    waiting, compliance = await a_paid_card(house), await house.as_(Role.COMPLIANCE)
    token = re.search(r'name="csrf" value="([^"]+)"', (await compliance.get("/claims")).text)
    assert token is not None
    said = {"csrf": token[1], "kind": "used", "words": "It was spent at a till."}
    for card, status in (("ZZZZZZ", 422), (waiting.card_id[-6:], 303)):
        files = {"evidence": ("letter.pdf", PDF, "application/pdf")}
        answer = await compliance.post("/claims", data=said | {"card_id": card}, files=files, headers=ENGLISH)
        assert answer.status_code == status
        assert ("card_id-wrong" in answer.text) == (status == 422)
    async with house.database.transaction() as session:
        claim = (
            await session.execute(RollbackRow.__table__.select().where(RollbackRow.card_id == waiting.card_id))
        ).one()
    assert claim.state == "proposed"
