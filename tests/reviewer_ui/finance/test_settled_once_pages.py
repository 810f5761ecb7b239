"""The page of an order says why no outcome can be stated and what to do, and what its provider says against it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import BankBatchRow, BankLineRow, ConfirmationRow, ContradictionRow
from domain.finance.banks import BatchState
from domain.finance.payout import Heard, PayoutOutcome, PayoutState
from domain.finance.rails import Rail
from domain.identifiers import new_id, payout_key
from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.payment_scenes import a_paid_card

LANGUAGES = pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("call it off and wait", "result file of its batch")), ("zh", ("请先撤销转账", "回盘文件"))],
)


async def unknown(house: House, rail: Rail) -> str:
    """An order of three hours ago on this rail whose outcome nobody knows; its key."""
    waiting = await house.cards.waiting()
    await house.cards.payout(waiting, PayoutState.UNKNOWN)
    key, moment = payout_key(waiting.card_id, 1), datetime.now(UTC) - timedelta(hours=3)
    async with house.database.transaction() as session:
        values = {"prepared_at": moment, "tried_at": moment, "rail": rail}
        await session.execute(update(PayoutRow).where(PayoutRow.key == key).values(**values))
    return key


@LANGUAGES
async def test_page_explains_why_no_outcome_can_be_stated(house: House, language: str, words: tuple[str, str]) -> None:
    at_wechat, at_bank = await unknown(house, Rail.WECHAT), await unknown(house, Rail.BANK)
    batch = BankBatchRow(
        id=new_id(), number=new_id(), bank="harbour", state=BatchState.TAKEN, day=datetime.now(UTC).date(), lines=1,
        sum_minor=1, proposed_by="one",
    )  # fmt: skip
    async with house.database.transaction() as session:
        session.add(ConfirmationRow(key=at_wechat, expires_at=datetime.now(UTC) + timedelta(hours=20)))
        session.add(batch)
        await session.flush()
        session.add(BankLineRow(key=at_bank, amount_minor=1, batch_id=batch.id, number=1))
    finance = await house.as_(Role.FINANCE)
    for key, said in zip((at_wechat, at_bank), words, strict=True):
        page = (await finance.get(f"/payouts/{key}", headers={"accept-language": language})).text
        assert said in page
        assert f"/payouts/{key}/state" not in page
    assert "/call-off" not in page
    assert (await post(finance, f"/payouts/{at_wechat}/call-off")).status_code == 303
    assert "/call-off" not in (await finance.get(f"/payouts/{at_wechat}")).text  # It was asked for.
    async with house.database.transaction() as session:
        row = await session.get_one(ConfirmationRow, at_wechat)
    assert row.cancel_asked_by is not None
    assert row.cancel_asked_by.startswith("person:")


@pytest.mark.parametrize(("language", "title"), [("en", "the provider says"), ("zh", "渠道称")])
async def test_contradicted_order_is_listed_first_until_a_finding_is_recorded(
    house: House, language: str, title: str
) -> None:
    key, finance = payout_key((await a_paid_card(house)).card_id, 1), await house.as_(Role.FINANCE)
    against = ContradictionRow(
        key=key, said=PayoutOutcome.REFUSED, stands=PayoutOutcome.PAID, heard=Heard.NOTICE, heard_at=datetime.now(UTC)
    )
    async with house.database.transaction() as session:
        session.add(against)
    spoken = {"accept-language": language}
    overview = (await finance.get("/money", headers=spoken)).text
    assert overview.index('data-card="money.contradicted"') < overview.index('data-card="money.unknown"')
    assert title.lower() in overview.lower()
    clears = f"/payouts/{key}/contradiction"
    assert clears in (await finance.get(f"/payouts/{key}", headers=spoken)).text
    refused = await post(finance, clears, reason="Card 6222020200112233445 was paid.")
    assert (refused.status_code, "6222020200112233445" in refused.text) == (422, True)  # What was typed stays.
    assert (await post(finance, clears, reason="Their statement shows one payment.")).status_code == 303
    page = (await finance.get(f"/payouts/{key}", headers=spoken)).text
    assert "Their statement shows one payment." in page
    assert clears not in page
    assert key not in (await finance.get("/money")).text
