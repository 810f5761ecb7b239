"""One search everywhere: what it finds for whom, what it refuses, and what is on record of it."""

from __future__ import annotations

import re

import httpx
import pytest
from sqlalchemy import select

from database.tables.finance.payout import PayoutRow
from database.tables.people import AuditRow, PartnerRow
from domain.finance.payout import PayoutState
from domain.identifiers import new_id, payout_key
from domain.people.roles import Role
from tests.cases import the_first
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.seller_scenes import PHONE, seller_of
from tests.reviewer_ui.waiting_cards import NUMBER


async def search(browser: httpx.AsyncClient, typed: str) -> httpx.Response:
    return await post(browser, "/search", q=typed)


async def records(house: House) -> list[AuditRow]:
    async with house.database.transaction() as session:
        wanted = select(AuditRow).where(AuditRow.act == "console:search:find").order_by(AuditRow.id.desc()).limit(20)
        return list((await session.execute(wanted)).scalars())


@pytest.mark.parametrize("of", ["whole", "prefixed", "last six", "last four"])
async def test_a_card_is_found_by_its_id_or_ending(house: House, of: str) -> None:
    waiting, browser = await house.cards.waiting(), await house.as_(Role.REVIEWER)
    card = waiting.card_id
    typed = {"whole": card, "prefixed": f"card:{card}", "last six": card[-6:].lower(), "last four": card[-4:]}[of]
    found = await search(browser, typed)
    assert found.headers.get("location") == f"/cards/{card}" or f'href="/cards/{card}"' in found.text


async def test_a_card_is_found_by_the_last_four_of_its_number_and_at_most_ten_are_shown(house: House) -> None:
    cards = [await house.cards.waiting() for _ in range(12)]
    page = await search(await house.as_(Role.SUPPORT), NUMBER[-4:])
    shown = re.findall(
        r'href="/cards/([0-9A-Z]{26})"', page.text.partition("found-cards")[2].partition("</section>")[0]
    )
    assert len(shown) == 10
    assert shown[0] == cards[-1].card_id


@pytest.mark.parametrize(
    "typed", [NUMBER, "8104 2231 9907 6643", "８１０４-２２３１-９９０７-６６４３", f"why {NUMBER}?"]
)
async def test_card_number_is_refused_and_never_stored(
    house: House, typed: str, capfd: pytest.CaptureFixture[str]
) -> None:
    await house.cards.waiting()
    browser, before = await house.as_(Role.SENIOR), len(await records(house))
    page = await search(browser, typed)
    assert page.status_code == 422
    assert "Please do not enter a whole card number" in page.text
    digits = re.sub(r"\D", "", page.text)
    assert NUMBER not in digits
    assert typed not in page.text
    assert len(await records(house)) == before
    printed = capfd.readouterr()
    assert NUMBER not in printed.out + printed.err


async def test_seller_is_found_by_phone_and_the_search_is_audited_without_it(house: House) -> None:
    seller = await seller_of(house, await house.cards.waiting())
    person = await house.cards.person(Role.SUPPORT)
    browser = house.browser(await house.sessions.open(person))
    for typed in (PHONE, "138 0013 8021", f"+86{PHONE}", "１３８００１３８０２１"):
        assert (await search(browser, typed)).headers["location"] == f"/sellers/{seller}"
    record = (await records(house))[0]
    assert (record.actor, record.subject) == (f"person:{person}", f"seller:{seller}")
    assert record.facts == {"by": "phone", "found": 1}


async def test_sellers_are_found_only_with_permission(house: House) -> None:
    seller = await seller_of(house, await house.cards.waiting(), "13900139022")
    for role in (Role.REVIEWER, Role.ADMIN):
        page = await search(await house.as_(role), "13900139022")
        assert page.status_code == 200
        assert f"/sellers/{seller}" not in page.text
        assert f"/sellers/{seller}" not in (await search(await house.as_(role), seller)).text


async def test_a_payout_is_found_by_its_key_and_by_the_gateways_reference(house: House) -> None:
    waiting, reference = await house.cards.waiting(), f"2026{'7' * 24}"
    await house.cards.payout(waiting, PayoutState.PAID)
    async with house.database.transaction() as session:
        row = await session.get_one(PayoutRow, payout_key(waiting.card_id, 1))
        row.gateway_reference = reference
    finance, support = await house.as_(Role.FINANCE), await house.as_(Role.SUPPORT)
    for typed in (payout_key(waiting.card_id, 1), reference):
        assert (await search(finance, typed)).headers["location"] == f"/payouts/{payout_key(waiting.card_id, 1)}"
        assert "found-payouts" not in (await search(support, typed)).text


async def test_people_and_partners_are_found_by_name_with_permission(house: House) -> None:
    surname = f"Featherstone{new_id()[-6:]}"  # No other test's person.
    person = await house.cards.person(Role.OPS, surname)
    admin, support = await house.as_(Role.ADMIN), await house.as_(Role.SUPPORT)
    assert (await search(admin, surname.lower())).headers["location"] == f"/setup/people/{person}"
    assert person not in (await search(support, surname.lower())).text
    name = f"Evergreen {new_id()[-6:]}"  # No other test's partner.
    partner = PartnerRow(id=new_id(), name=name)
    async with house.database.transaction() as session:
        session.add(partner)
    assert (await search(support, name.lower())).headers["location"] == f"/sellers/{partner.id}"


async def test_pages_and_actions_are_found_in_both_languages_by_permission(house: House) -> None:
    reviewer, admin = await house.as_(Role.REVIEWER), await house.as_(Role.ADMIN)
    assert 'href="/review"' in (await search(reviewer, "复核队列")).text.partition("found-pages")[2]
    assert 'action="/review/next"' in (await search(reviewer, "take next")).text.partition("found-pages")[2]
    assert "found-pages" not in (await search(reviewer, "deadlines")).text
    assert 'href="/setup/policies/deadlines"' in (await search(admin, "deadlines")).text.partition("found-pages")[2]


@pytest.mark.parametrize(
    "typed", the_first(5, ["", "%", "'; DROP TABLE card; --", "<script>alert(1)</script>", "\u202e6643", " ", "a", "____", "\\", "x" * 200, "𝟔𝟔𝟒𝟑", "card:", "seller:%"])
)  # fmt: skip
async def test_hostile_input_finds_nothing_and_raises_no_error(house: House, typed: str) -> None:
    await house.cards.waiting()
    page = await search(await house.as_(Role.FINANCE), typed)
    assert page.status_code in (200, 303)
    assert "<script>alert" not in page.text


async def test_too_long_words_and_control_characters_are_refused(house: House) -> None:
    browser = await house.as_(Role.SUPPORT)
    assert (await search(browser, "x" * 201)).status_code == 422
    assert (await search(browser, "a\x00b")).status_code == 422


async def test_numbers_cannot_be_tried_in_sequence(house: House) -> None:
    browser = await house.as_(Role.SUPPORT)
    answers = list[int]()
    while 429 not in answers and len(answers) < 100:
        answers.append((await search(browser, f"139001390{len(answers):02d}")).status_code)
    assert answers[:30] == [200] * 30
    assert answers[-1] == 429
