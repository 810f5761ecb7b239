"""A seller's page: everything of theirs and nothing of others, masked, for those who may, and on record."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.people import AuditRow, PartnerRow
from database.tables.platform import OutboxRow
from database.tables.work import CommentRow
from domain.cards.card import EndReason, Outcome
from domain.finance.payout import PayoutState
from domain.identifiers import new_id, payout_key
from domain.people.roles import Role
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.seller_scenes import seller_of
from tests.reviewer_ui.waiting_cards import NUMBER, PIN


async def test_seller_page_shows_only_their_own_data_masked(house: House) -> None:
    theirs, others = await house.cards.waiting(), await house.cards.waiting()
    seller = await seller_of(house, theirs, "13700137023")
    await house.cards.payout(theirs, PayoutState.UNKNOWN)
    colleague = await house.cards.person(Role.SUPPORT, "Mei")
    async with house.database.transaction() as session:
        session.add(CommentRow(id=new_id(), card_id=theirs.card_id, person_id=colleague, words="asked for a receipt"))
        session.add(CommentRow(id=new_id(), card_id=others.card_id, person_id=colleague, words="another card"))
        session.add(OutboxRow(id=new_id(), kind="message", destination=f"seller:{seller}", topic="sold"))
    page = (await (await house.as_(Role.SUPPORT)).get(f"/sellers/{seller}")).text
    for shown in ("137****7023", theirs.card_id, "asked for a receipt", "138****0021", f"••••{NUMBER[-4:]}", "¥441.00"):
        assert shown in page, shown
    for hidden in (NUMBER, PIN, "13700137023", others.card_id, "another card", "王芳"):
        assert hidden not in page, hidden


async def test_a_partner_has_the_same_page(house: House) -> None:
    waiting, partner = await house.cards.waiting(), PartnerRow(id=new_id(), name="Evergreen")
    async with house.database.transaction() as session:
        session.add(partner)
        (await session.get_one(SubmissionRow, f"S{waiting.card_id}")).owner = f"partner:{partner.id}"
    page = (await (await house.as_(Role.OPS)).get(f"/sellers/{partner.id}")).text
    assert "Evergreen" in page
    assert waiting.card_id in page


async def test_risks_name_bad_cards_and_a_shared_payee(house: House) -> None:
    bad, shared = await house.cards.waiting(), await house.cards.waiting()
    seller, other = await seller_of(house, bad, "13600136024"), await seller_of(house, shared, "13600136025")
    account = new_id()
    async with house.database.transaction() as session:
        card = await session.get_one(CardRow, bad.card_id)
        card.outcome, card.reason, card.reason_detail = Outcome.REJECTED, EndReason.REVIEWER, "forged"
        for one in (bad, shared):
            (await session.get_one(SubmissionRow, f"S{one.card_id}")).payee_index = account
    page = (await (await house.as_(Role.COMPLIANCE)).get(f"/sellers/{seller}")).text
    assert "1 card was rejected as forged" in page
    assert "1 other seller was to be paid to the same account" in page
    assert f'href="/sellers/{other}"' in page


async def test_only_people_who_see_payouts_read_the_gateways_reference(house: House) -> None:
    waiting = await house.cards.waiting()
    seller = await seller_of(house, waiting, "13600136026")
    await house.cards.payout(waiting, PayoutState.PAID)
    await _reference(house, waiting.card_id, "R-77")
    assert "R-77" in (await (await house.as_(Role.FINANCE)).get(f"/sellers/{seller}")).text
    assert "R-77" not in (await (await house.as_(Role.SUPPORT)).get(f"/sellers/{seller}")).text


async def test_opening_the_seller_page_is_audited(house: House) -> None:
    seller = await seller_of(house, await house.cards.waiting(), "13600136027")
    person = await house.cards.person(Role.COMPLIANCE)
    await house.browser(await house.sessions.open(person)).get(f"/sellers/{seller}")
    async with house.database.transaction() as session:
        acts = select(AuditRow.act).where(AuditRow.actor == f"person:{person}", AuditRow.subject == f"seller:{seller}")
        assert list((await session.execute(acts)).scalars()) == ["console:seller:open"]


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.ADMIN])
async def test_card_links_to_the_seller_only_with_permission(house: House, role: Role) -> None:
    waiting = await house.cards.waiting()
    seller = await seller_of(house, waiting, "13600136028")
    assert (await (await house.as_(role)).get(f"/sellers/{seller}")).status_code == 403
    assert seller not in (await (await house.as_(role)).get(f"/cards/{waiting.card_id}")).text
    assert f'href="/sellers/{seller}"' in (await (await house.as_(Role.SENIOR)).get(f"/cards/{waiting.card_id}")).text


async def test_older_cards_are_on_the_next_page(house: House) -> None:
    cards = [await house.cards.waiting() for _ in range(22)]
    seller = await seller_of(house, cards[0], "13600136029")
    async with house.database.transaction() as session:
        for one in cards:
            (await session.get_one(SubmissionRow, f"S{one.card_id}")).owner = f"seller:{seller}"
    browser = await house.as_(Role.SENIOR)
    first = (await browser.get(f"/sellers/{seller}")).text
    older = first.partition(f'href="/sellers/{seller}?before=')[2][:26]
    assert cards[0].card_id not in first
    assert cards[0].card_id in (await browser.get(f"/sellers/{seller}?before={older}")).text


async def _reference(house: House, card_id: str, reference: str) -> None:
    async with house.database.transaction() as session:
        (await session.get_one(PayoutRow, payout_key(card_id, 1))).gateway_reference = reference
