"""The money pages show what waits and why, and two people state outcomes, switch rails and claim cards back on them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from bootstrap.settings import PROJECT_ROOT
from database.tables.cards import CardRow
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import ReturnRow
from database.tables.finance.rollback import RollbackRow, StatedOutcomeRow
from database.tables.finance.routing import PayoutWaitRow, RailSwitchRow, VerifiedNameRow
from domain.cards.card import Stage, WaitingFor
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.finance.rails import Rail
from domain.finance.rollback import RollbackState
from domain.identifiers import payout_key
from domain.people.roles import Role
from tests.builders.paying import PDF
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.doors import PASSWORD, employed, proved_long_ago
from tests.reviewer_ui.payment_scenes import a_claim, a_paid_card, on_hold, owner_of


async def _rows(house: House, table: Any) -> list[Any]:
    async with house.database.transaction() as session:
        return list((await session.execute(select(table).order_by(table.id))).scalars())


async def upload(
    browser: httpx.AsyncClient, path: str, page: str, fields: dict[str, str], content: bytes = PDF
) -> httpx.Response:
    found = re.search(r'name="csrf" value="([^"]+)"', (await browser.get(page)).text)
    token = found[1] if found is not None else ""
    files = {"evidence": ("letter.pdf", content, "application/pdf")}
    return await browser.post(path, data={"csrf": token, **fields}, files=files)


@pytest.mark.parametrize(("language", "words"), [("en", "First large payment"), ("zh", "首次向该账户支付较大金额")])
async def test_held_payment_shows_its_reason_and_only_finance_releases_it(
    house: House, language: str, words: str
) -> None:
    waiting = await house.cards.waiting()
    key = await on_hold(house, waiting, "new_payee")
    finance = await house.as_(Role.FINANCE)
    page = await finance.get("/held", headers={"accept-language": language})
    assert words in page.text
    assert f"/cards/{waiting.card_id}" in page.text
    lead = await house.as_(Role.SUPPORT_LEAD)
    assert f"/held/{key}/release" not in (await lead.get("/held")).text
    assert (await post(lead, f"/held/{key}/release", reason="Known.")).status_code == 403
    long = await post(finance, f"/held/{key}/release", reason="Known for years. " * 60)
    assert (long.status_code, "Known for years. Known" in long.text) == (422, True)  # What was typed stays.
    for _ in range(2):  # Pressed twice.
        assert (await post(finance, f"/held/{key}/release", reason="Called the seller.")).status_code == 303
    late = await post(await house.as_(Role.FINANCE), f"/held/{key}/release", reason="Late.")
    assert (late.status_code, "Called the seller." in late.text) == (409, True)  # The page says who was first.
    async with house.database.transaction() as session:
        assert (await session.get_one(PayoutWaitRow, key)).released_reason == "Called the seller."
    assert "Called the seller." in (await finance.get("/held")).text


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Ask the seller for another account"), ("zh", "请卖家提供其他收款账户")]
)
async def test_two_people_ask_the_seller_for_another_account_while_the_payment_is_on_hold(
    house: House, language: str, words: str
) -> None:
    waiting = await house.cards.waiting()
    key = await on_hold(house, waiting, "new_payee")
    async with house.database.transaction() as session:
        held = {"stage": Stage.PAYOUT, "waiting_for": WaitingFor.FINANCE}
        await session.execute(update(CardRow).where(CardRow.id == waiting.card_id).values(**held))
    first, second = await house.as_(Role.FINANCE), await house.as_(Role.FINANCE)
    asked = f"/held/{key}/payee"
    assert words in (await first.get("/held", headers={"accept-language": language})).text
    assert asked not in (await (await house.as_(Role.COMPLIANCE)).get("/held")).text
    empty = await post(first, asked, reason=" ")
    assert (empty.status_code, "<details open>" in empty.text) == (422, True)
    for _ in range(2):  # Pressed twice.
        assert (await post(first, asked, reason="Another person's name.")).status_code == 303
    page = (await second.get("/held")).text
    assert "Another person&#39;s name." in page
    assert f"{asked}/agree" in page
    assert f"{asked}/agree" not in (await first.get("/held")).text
    assert (await post(first, f"{asked}/agree")).status_code == 403
    late = await post(second, asked, reason="I think so as well.")
    assert late.status_code == 409
    assert (await post(second, f"/held/{key}/release", reason="Known.")).status_code == 409
    for _ in range(2):
        assert (await post(second, f"{asked}/agree")).status_code == 303
    assert (await post(first, f"{asked}/decline")).status_code == 409
    assert key not in (await second.get("/held")).text
    owed = (await second.get("/owed", headers={"accept-language": "en"})).text
    assert waiting.card_id in owed
    assert "Nothing was sent; finance asked for another account" in owed


@pytest.mark.parametrize(
    ("language", "words"), [("en", "came back, as the payment channel says"), ("zh", "退回 ¥300.00")]
)
async def test_partial_return_is_shown_on_the_overview_and_the_order_page(
    house: House, language: str, words: str
) -> None:
    waiting = await a_paid_card(house)
    key = payout_key(waiting.card_id, 1)
    claim = ReturnRow(key=key, amount_minor=300_00, confirmed_minor=300_00, confirmed_at=datetime.now(UTC))
    async with house.database.transaction() as session:
        session.add(claim)
    finance = await house.as_(Role.FINANCE)
    assert 'href="/payouts?returned=part"' in (await finance.get("/money")).text
    assert f'href="/payouts/{key}"' in (await finance.get("/payouts?returned=part")).text
    page = (await finance.get(f"/payouts/{key}", headers={"accept-language": language})).text
    assert words in page
    assert "300.00" in page


async def test_the_sellers_name_is_kept_sealed_as_verified(house: House) -> None:
    key = await on_hold(house, await house.cards.waiting(), "unverified")
    finance = await house.as_(Role.FINANCE)
    owner = None
    async with house.database.transaction() as session:
        owner = (await session.get_one(PayoutWaitRow, key)).owner
        await session.execute(update(PayoutWaitRow).where(PayoutWaitRow.key == key).values(owner="seller:NAMED"))
    assert (await post(finance, f"/held/{key}/name", name="", how="Passport")).status_code == 422
    assert (await post(finance, f"/held/{key}/name", name="王芳", how="Passport")).status_code == 303
    rows = [one for one in await _rows(house, VerifiedNameRow) if one.owner == "seller:NAMED"]
    assert [one.how for one in rows] == ["Passport"]
    assert "王芳".encode() not in rows[0].name_sealed
    assert owner


async def test_one_person_disables_a_rail_and_two_enable_it(house: House) -> None:
    ops, finance = await house.as_(Role.OPS), await house.as_(Role.FINANCE)
    compliance = await house.as_(Role.COMPLIANCE)
    assert "/rails/wechat/off" not in (await compliance.get("/rails")).text
    assert (await post(compliance, "/rails/wechat/off", reason="No.")).status_code == 403
    empty = await post(ops, "/rails/wechat/off", reason=" ")
    assert (empty.status_code, "Reason: choose or fill in" in empty.text) == (422, True)
    hidden = await post(ops, "/rails/wechat/off", reason="Callbacks\u202eforged.")
    assert (hidden.status_code, "Some characters cannot be used here" in hidden.text) == (422, True)
    assert (await post(ops, "/rails/carrier/off", reason="No such rail.")).status_code == 404
    for _ in range(2):  # Pressed twice.
        assert (await post(ops, "/rails/wechat/off", reason="Callbacks\r\nare forged.")).status_code == 303
    late = await post(finance, "/rails/wechat/off", reason="The bank called.")
    assert (late.status_code, "The bank called." in late.text) == (409, True)  # What was typed stays.
    assert re.search(r"Off since [^<]+, turned off by [^<]+\.", late.text)
    (row,) = [one for one in await _rows(house, RailSwitchRow) if one.rail is Rail.WECHAT and one.on_at is None]
    assert row.off_reason == "Callbacks are forged."
    page = (await finance.get("/rails")).text
    assert "Callbacks are forged." in page
    assert "/rails/wechat/on" in page
    assert (await post(finance, "/rails/wechat/on", reason="Keys were changed.")).status_code == 303
    assert "/rails/wechat/on/agree" not in (await finance.get("/rails")).text  # Not offered to who asked,
    assert (await post(finance, "/rails/wechat/on/agree")).status_code == 403  # and refused without a button.
    assert (await post(ops, "/rails/wechat/on/agree")).status_code == 303
    assert (await post(ops, "/rails/wechat/on/agree")).status_code == 303  # Pressed twice: nothing changes.
    assert (await post(finance, "/rails/wechat/on/agree")).status_code == 409


async def test_an_outcome_is_stated_with_a_document_and_agreed_to_on_the_orders_page(house: House) -> None:
    waiting = await house.cards.waiting()
    await house.cards.payout(waiting, PayoutState.UNKNOWN)
    key = payout_key(waiting.card_id, 1)
    first, second = await house.as_(Role.FINANCE), await house.as_(Role.FINANCE)
    page, said = f"/payouts/{key}", {"outcome": "paid", "reference": "2026001", "reason": "The bank's letter."}
    early = await upload(first, f"{page}/state", page, said)
    assert early.status_code == 409
    assert "The bank&#39;s letter." in early.text  # What was typed stays.
    async with house.database.transaction() as session:
        long_ago = {"prepared_at": datetime.now(UTC) - timedelta(hours=3)}
        await session.execute(update(PayoutRow).where(PayoutRow.key == key).values(**long_ago))
    assert (await upload(first, f"{page}/state", page, (said | {"outcome": ""}))).status_code == 422
    assert (await upload(first, f"{page}/state", page, said, b"<html><script></script></html>")).status_code == 415
    assert (await upload(first, f"{page}/state", page, said)).status_code == 303
    (row,) = [one for one in await _rows(house, StatedOutcomeRow) if one.key == key]
    agree = f"{page}/statements/{row.id}/agree"
    assert agree not in (await first.get(page)).text
    assert agree in (await second.get(page)).text
    assert (await post(first, agree)).status_code == 403
    for _ in range(2):
        assert (await post(second, agree)).status_code == 303
    async with house.database.transaction() as session:
        order = await session.get_one(PayoutRow, key)
    assert (order.answered, order.stated_id, order.gateway_reference) == (PayoutOutcome.PAID, row.id, "2026001")
    kept = await (await house.as_(Role.COMPLIANCE)).get(f"{page}/statements/{row.id}/evidence")
    assert (kept.content, kept.headers["content-disposition"].startswith("attachment")) == (PDF, True)
    assert (await first.get(f"/payouts/card-other-payout-1/statements/{row.id}/evidence")).status_code == 404


async def test_form_with_a_document_asks_for_step_up_inline(
    house: House,
) -> None:
    waiting, person = await house.cards.waiting(), await employed(house, Role.FINANCE)
    await house.cards.payout(waiting, PayoutState.UNKNOWN)
    key = payout_key(waiting.card_id, 1)
    async with house.database.transaction() as session:
        long_ago = {"prepared_at": datetime.now(UTC) - timedelta(hours=3)}
        await session.execute(update(PayoutRow).where(PayoutRow.key == key).values(**long_ago))
    browser = await proved_long_ago(house, person.id)
    page, said = f"/payouts/{key}", {"outcome": "refused", "reason": "The letter says so."}
    for address in (page, "/claims"):
        assert 'name="step_up_password"' in (await browser.get(address)).text
    asked = await upload(
        browser, f"{page}/state", page, said
    )  # Without the proof, as by a page that was open too long.
    assert asked.status_code == 403
    assert "choose it again" in asked.text
    wrong = await upload(browser, f"{page}/state", page, said | {"outcome": "", "step_up_password": PASSWORD})
    assert (wrong.status_code, 'name="step_up_password"' in wrong.text) == (
        422,
        False,
    )  # It is not asked a second time.
    assert (await upload(browser, f"{page}/state", page, said)).status_code == 303
    assert [one.reason for one in await _rows(house, StatedOutcomeRow) if one.key == key] == ["The letter says so."]
    assert 'name="step_up_password"' not in (await browser.get("/claims")).text  # It lasts for a while.


def test_every_money_form_with_a_document_asks_for_step_up_inline() -> None:
    folder = PROJECT_ROOT / "reviewer_ui"
    forms = [path.name for path in (folder / "templates").rglob("*.html") if 'name="evidence"' in path.read_text()]
    assert forms == ["_proof.html"]
    taking = {path.name: path.read_text() for path in folder.rglob("*.py") if "await sent_proof(" in path.read_text()}
    assert len(taking) >= 3
    asking = ("proof_here(request, person)", "from reviewer_ui.finance.order import")  # Itself, or by the order's page.
    assert [name for name, source in taking.items() if not any(one in source for one in asking)] == []


async def test_claim_and_write_off_each_take_two_people(house: House) -> None:
    waiting = await a_paid_card(house)
    first, second = await house.as_(Role.COMPLIANCE), await house.as_(Role.FINANCE)
    page = f"/claims?card={waiting.card_id}"
    said = {"card_id": waiting.card_id, "kind": "used", "words": "It was spent at a till."}
    assert waiting.card_id in (await first.get(page)).text
    assert (await upload(first, "/claims", page, (said | {"words": ""}))).status_code == 422
    assert (await upload(first, "/claims", page, said)).status_code == 303
    assert (await upload(second, "/claims", page, said)).status_code == 409
    (row,) = [one for one in await _rows(house, RollbackRow) if one.card_id == waiting.card_id]
    assert (await post(first, f"/claims/{row.id}/agree")).status_code == 403
    for _ in range(2):
        assert (await post(second, f"/claims/{row.id}/agree")).status_code == 303
    assert (
        await post(first, f"/claims/{row.id}/write-off", reason="Gone.")
    ).status_code == 403  # Compliance claims alone.
    assert (await post(second, f"/claims/{row.id}/write-off", reason="Gone.")).status_code == 303
    assert (await post(second, f"/claims/{row.id}/write-off/agree")).status_code == 403
    assert (await post(await house.as_(Role.FINANCE), f"/claims/{row.id}/write-off/agree")).status_code == 303
    async with house.database.transaction() as session:
        assert (await session.get_one(RollbackRow, row.id)).state is RollbackState.WRITTEN_OFF
    assert (await first.get(f"/claims/{row.id}/evidence")).content == PDF


async def changed(house: House, claim: str, **values: Any) -> None:
    async with house.database.transaction() as session:
        await session.execute(update(RollbackRow).where(RollbackRow.id == claim).values(**values))


@pytest.mark.parametrize(
    ("language", "means", "owed"),
    [("en", "Dropping reverses the claim", "¥200.00 that was taken for it is owed"), ("zh", "撤销后追回冲回", "此前抵扣或退还的 ¥200.00 应返还卖家")],
)  # fmt: skip
async def test_a_claim_is_dropped_and_what_is_still_to_be_paid_back_is_shown(
    house: House, language: str, means: str, owed: str
) -> None:
    claim = await a_claim(house, await house.cards.person(Role.COMPLIANCE), RollbackState.CLAIMED)
    await changed(house, claim, objected_at=datetime.now(UTC), objection_ticket="T1")
    finance = await house.as_(Role.FINANCE)
    finance.headers["accept-language"] = language
    page = (await finance.get("/claims")).text
    assert means in page
    assert f'action="/claims/{claim}/write-off"' not in page  # The objection is answered first.
    for _ in range(2):  # Pressed twice.
        assert (await post(finance, f"/claims/{claim}/drop")).status_code == 303
    async with house.database.transaction() as session:
        row = await session.get_one(RollbackRow, claim)
    assert (row.state, row.reversed, row.given_up_minor) == (RollbackState.DROPPED, True, row.amount_minor)
    assert f'action="/claims/{claim}/pay-back"' not in (await finance.get("/claims")).text  # Nothing had been offset.
    await changed(house, claim, given_up_minor=row.amount_minor - 200_00)
    page = (await finance.get("/claims")).text
    assert owed in page
    assert (await post(await house.as_(Role.SUPPORT), f"/claims/{claim}/pay-back")).status_code == 403
    assert (await post(finance, f"/claims/{claim}/pay-back")).status_code == 422  # No order of theirs kept its payee.
    assert 'href="/claims"' in (await finance.get("/money")).text


async def test_orders_are_listed_by_rail_and_open_with_their_postings(house: House) -> None:
    waiting = await a_paid_card(house)
    key, finance = payout_key(waiting.card_id, 1), await house.as_(Role.FINANCE)
    assert f'href="/payouts/{key}"' in (await finance.get("/payouts?rail=alipay&state=paid")).text
    assert f'href="/payouts/{key}"' not in (await finance.get("/payouts?rail=bank")).text
    page = (await finance.get(f"/payouts/{key}", headers={"accept-language": "en"})).text
    owner = await owner_of(house, waiting)
    assert all(
        part in page
        for part in (
            "Cash · Alipay",
            f"Owed to sellers · Seller <code>{owner.partition(':')[2]}</code>",
            "Payment arrived",
            "20260001",
        )
    )
    assert re.search(r'action="/payouts/[^"]+/state"', page) is None  # Its outcome is known.
    assert (await finance.get("/payouts/card-nobody-payout-1")).status_code == 404


async def test_pending_claim_is_counted_for_eligible_approvers(house: House) -> None:
    proposer = await house.cards.person(Role.FINANCE)
    await a_claim(house, proposer, RollbackState.PROPOSED)
    assert 'href="/claims"' in (await (await house.as_(Role.COMPLIANCE)).get("/")).text
