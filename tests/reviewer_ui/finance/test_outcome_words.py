"""What became of a payment is said in words on every page: by whom an outcome was stated, and that money came back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from database.repositories import cards
from database.repositories.cards import Change
from database.repositories.orders import the_order
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rollback import StatedOutcomeRow
from database.tables.finance.settlement import SettlementOrderRow
from domain.cards.card import Stage, WaitingFor
from domain.finance.payout import RETURNED, PayoutOutcome, PayoutState
from domain.identifiers import new_id, payout_key, settlement_key
from domain.people.roles import Role
from services.finance.settlement import orders as settlement_orders
from services.finance.stating import STATED
from tests.builders.paying import with_rules
from tests.builders.settling import Settling
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.payment_scenes import a_paid_card
from tests.reviewer_ui.settlement_scenes import settlements_in_every_state

ENGLISH, CHINESE = {"accept-language": "en"}, {"accept-language": "zh-CN"}


async def _stated(house: House, key: str, *, by: str, agreed_by: str) -> str:
    """Two people stated that the order was refused; return the statement's id."""
    now = datetime.now(UTC)
    row = StatedOutcomeRow(
        id=new_id(), key=key, outcome=PayoutOutcome.REFUSED, reason="A letter.", evidence_name="letter.pdf",
        evidence_type="application/pdf", evidence_sha256="0" * 64, stated_by=by, staters=[by],
        stated_at=now - timedelta(minutes=9), agreed_by=agreed_by, agreed_at=now,
    )  # fmt: skip
    async with house.database.transaction() as session:
        session.add(row)
        await session.flush()
        order = await the_order(session, key, lock=True)
        order.answered, order.stated_id, order.refusal_code = PayoutOutcome.REFUSED, row.id, STATED
    return row.id


async def test_history_of_a_stated_outcome_names_both_people_and_not_the_channel(house: House) -> None:
    waiting = await house.cards.waiting()
    await house.cards.payout(waiting, PayoutState.REFUSED)
    key = payout_key(waiting.card_id, 1)
    first, second = [await house.cards.person(Role.FINANCE, name) for name in ("Wen Stater", "Yu Agreer")]
    statement = await _stated(house, key, by=first, agreed_by=second)
    facts = {"key": key, "amount": "¥441.00", "code": STATED, "stated": statement}
    change = Change(Stage.PAYOUT, WaitingFor.SELLER_PAYEE, None, "payout.refused", facts, actor="machine")
    async with house.database.transaction() as session:
        await cards.record(session, waiting.card_id, change)
    finance, senior = await house.as_(Role.FINANCE), await house.as_(Role.SENIOR)
    for browser, page in (
        (finance, f"/payouts/{key}"), (senior, f"/cards/{waiting.card_id}?tab=story"),
        (senior, f"/cards/{waiting.card_id}/glance"),
    ):  # fmt: skip
        said = (await browser.get(page, headers=ENGLISH)).text
        assert "The payment was not made: two people stated it with a document, Wen Stater (" in said, page
        assert "Yu Agreer (" in said
        assert "The payment channel rejected the payment" not in said
        chinese = (await browser.get(page, headers=CHINESE)).text
        assert "款项未付出，由两人凭证明文件认定：Wen Stater（" in chinese
        assert "支付渠道拒绝了付款" not in chinese


async def test_own_codes_are_shown_as_words(house: House) -> None:
    waiting = await a_paid_card(house)
    key = payout_key(waiting.card_id, 1)
    async with house.database.transaction() as session:
        order = await session.get_one(PayoutRow, key)
        order.state, order.refusal_code = PayoutState.REFUSED, RETURNED
    finance = await house.as_(Role.FINANCE)
    for page in ("/payouts?state=refused", f"/payouts/{key}", f"/cards/{waiting.card_id}?tab=money"):
        said = (await finance.get(page, headers=ENGLISH)).text
        assert ("the money came back" in said, "20260001" in said, RETURNED in said) == (True, True, False), page
        assert "款项退回" in (await finance.get(page, headers=CHINESE)).text
    async with house.database.transaction() as session:
        (await session.get_one(PayoutRow, key)).refusal_code = "PAYEE_NOT_EXIST"
    assert "<code>PAYEE_NOT_EXIST</code>" in (await finance.get("/payouts?state=refused")).text  # The provider's word.


@pytest.mark.parametrize(
    ("code", "words"),
    [(STATED, "two people stated it with a document, Wen Stater ("), (RETURNED, "the money came back")],
)
async def test_settlement_shows_who_stated_its_payment_and_its_return(house: House, code: str, words: str) -> None:
    approval = (await settlements_in_every_state(house))["settlement_approval"]
    settling, key = Settling(house.database, house.keyring, house.photos), settlement_key(approval, 1)
    finance = await house.as_(Role.FINANCE, "Ding")
    assert (await post(finance, f"/settlements/{approval}/approve", version="1")).status_code == 303
    with_rules()
    assert await settling.activities.prepare(approval, key) is None
    first, second = [await house.cards.person(Role.FINANCE, name) for name in ("Wen Stater", "Yu Agreer")]
    if code == STATED:
        await _stated(house, key, by=first, agreed_by=second)
    async with house.database.transaction() as session:
        row = await session.get_one(SettlementOrderRow, key, with_for_update=True)
        row.refusal_code, row.gateway_reference = code, "20260007"
        await settlement_orders.settle(session, row, PayoutOutcome.REFUSED)
    said = (await finance.get(f"/settlements/{approval}", headers=ENGLISH)).text
    assert (words in said, "20260007" in said) == (True, True)
    assert "The payment channel refused" not in said
    if code == STATED:
        assert (code in said, "by the payment channel" in said) == (False, False)
        chinese = (await finance.get(f"/settlements/{approval}", headers=CHINESE)).text
        assert "未付出，由两人凭证明文件认定：Wen Stater（" in chinese
