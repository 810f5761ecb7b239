"""The card page says in words when no word in the photo names the brand and the card's colours do."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from database.tables.cards import ReadingRow
from domain.people.roles import Role
from tests.reviewer_ui.conftest import House


@pytest.mark.parametrize(
    ("use", "reasons", "words"),
    [
        ("agrees", ["by_colours"], "By colours alone it fits the card"),
        ("differs", ["by_colours"], "By colours alone it is of another brand: compare."),
        ("differs", [], ""),
    ],
)
async def test_page_shows_when_only_colours_identify_the_brand(
    house: House, use: str, reasons: list[str], words: str
) -> None:
    waiting = await house.cards.waiting()
    async with house.database.transaction() as session:
        row = (await session.execute(select(ReadingRow).where(ReadingRow.card_id == waiting.card_id))).scalar_one()
        named = {"name": "brand", "confidence_bp": 3_000, "box": None, "source": "ocr", "use": use, "reasons": reasons}
        row.fields = [*row.fields, named]
    answer = await (await house.as_(Role.REVIEWER)).get(f"/cards/{waiting.card_id}")
    assert answer.status_code == 200
    assert ("By colours alone" in answer.text, words in answer.text) == (bool(words), True)
