"""A brand's own limit of a field decides before the general one, and the quote keeps its version."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import select

from database.tables.cards import QuoteRow
from domain.policies.flaws import Flaw, FlawKind
from domain.rules.reading import KIND, sure_from_bp
from tests.builders.reading_limits import NONE, reading_limits
from tests.builders.readings import a_read_card, printed
from tests.builders.world import World, a_number

TODAY = date(2026, 11, 29)


def test_default_limits_hold_without_a_published_version() -> None:
    assert {sure_from_bp("jd", name, TODAY) for name in NONE} == {9_000}


def test_most_specific_limit_wins() -> None:
    with reading_limits(everywhere={**NONE, "pin": 9_400}, brands={"jd": {**NONE, "number": 9_300}}):
        assert sure_from_bp("jd", "number", TODAY) == 9_300
        assert sure_from_bp("jd", "pin", TODAY) == sure_from_bp("tmall", "pin", TODAY) == 9_400
        assert sure_from_bp("tmall", "number", TODAY) == 9_000


def test_unknown_brand_is_a_flaw() -> None:
    document = {**KIND.built_in()[0].document, "brands": {"nobody": NONE}}
    assert list(KIND.further(document, {})) == [Flaw("brands.nobody", FlawKind.NOT_KNOWN)]


@pytest.mark.parametrize(
    ("confidence", "limit", "asked"), [(0.95, 9_700, True), (0.82, 8_000, False), (0.82, None, True)]
)
async def test_a_field_below_its_brands_limit_sends_the_card_to_a_person(
    world: World, confidence: float, limit: int | None, asked: bool
) -> None:
    with reading_limits(brands={"jd": {**NONE, "number": limit}}):
        card_id, _ = await a_read_card(world, printed(confidence, number=a_number("jd")), brand="jd")
        await world.verification.ask_issuer(card_id)
        facts = await world.pricing.value(card_id, 1)
    assert ("low_confidence" in facts.review_reasons) == asked
    async with world.database.transaction() as session:
        wanted = select(QuoteRow.internal).where(QuoteRow.card_id == card_id)
        (kept,) = (await session.execute(wanted.order_by(QuoteRow.id))).scalars()
    assert kept["reading_version"] == "reading-1"
