"""The page of an intake point shows the link by which its sellers come, once the rules that split sales know the point."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest

from domain.finance.counterparties import CounterpartyKind
from domain.identifiers import new_id
from domain.people.roles import Role
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.rules.splits import KIND
from tests.builders.settling import Settling
from tests.builders.split_rules import a_document
from tests.reviewer_ui.conftest import House


@pytest.fixture(autouse=True)
def no_rules_left() -> Iterator[None]:
    yield
    BOOK.fill("splits", [])


@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("Link for sellers", "do not name it as an intake point")), ("zh", ("卖家链接", "尚未将其列为收卡网点"))],
)
async def test_intake_point_gets_its_link_once_it_is_in_the_rules(
    house: House, language: str, words: tuple[str, str]
) -> None:
    settling, code = Settling(house.database, house.keyring, house.photos), f"corner-{new_id()[-6:].lower()}"
    point = await settling.a_party(
        kind=CounterpartyKind.INTAKE, owner=code, mail="c@corner.example", name="Corner shop"
    )
    other = await settling.a_party()
    finance, spoken = await house.as_(Role.FINANCE), {"accept-language": language}

    async def shown(party_id: str) -> str:
        return (await finance.get(f"/counterparties/{party_id}", headers=spoken)).text

    page = await shown(point.id)
    assert (words[0] in page, words[1] in page) == (False, True)
    document = a_document()
    document["counterparties"][code] = {"name": "Corner shop", "kind": "intake"}
    rules = KIND.require_valid(document, {})
    BOOK.fill("splits", [PolicyDocument("splits", 1, "splits-1", date(2020, 1, 1), rules)])
    page = await shown(point.id)
    assert (words[0] in page, f"http://sellers.test/?via={code}" in page, words[1] in page) == (True, True, False)
    page = await shown(other.id)
    assert not any(one in page for one in words)
