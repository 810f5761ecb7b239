"""Readings that people labelled, right and wrong, and photos that a second reader also read."""

from __future__ import annotations

import json
from datetime import timedelta

from sqlalchemy import select

from database.sealed import LABEL_READ, LABEL_TRUTH, READING_VALUES, SHADOW_VALUES
from database.tables.cards import PhotoRow, ReadingRow
from database.tables.columns import now
from database.tables.quality import ReadingLabelRow, ShadowReadingRow
from database.tables.review import ReviewDecisionRow
from domain.identifiers import new_id
from tests.reviewer_ui.conftest import House

RIGHT = (("tmall", "number", 9_930, "plain", 450), ("tmall", "number", 9_300, "plain", 220), ("walmart", "pin", 9_600, "plain", 60),
         ("walmart", "pin", 8_200, "blurred", 12), ("jd", "number", 10_000, "code", 35))  # fmt: skip
WRONG = (("walmart", "pin", "604128", "604123", 9_500, "plain"), ("walmart", "pin", "80412B", "604128", 4_000, "blurred"),
         ("jd", "number", "JD88O1234", "JD8801234", 8_500, "same_shape"))  # fmt: skip
BOX = {"x": 40, "y": 200, "width": 360, "height": 40}


async def readings_labelled(house: House, card_id: str) -> None:
    """Label readings of a decided card's photo, and let a second reader have read it otherwise than the first."""
    async with house.database.transaction() as session:
        decisions = select(ReviewDecisionRow.id).where(ReviewDecisionRow.card_id == card_id)
        decision = (await session.execute(decisions.order_by(ReviewDecisionRow.id))).scalars().first() or ""
        photos = select(PhotoRow.id).where(PhotoRow.card_id == card_id).order_by(PhotoRow.id)
        photo = (await session.execute(photos)).scalars().first() or ""
        for brand, name, confidence_bp, condition, many in RIGHT:
            for _ in range(many):
                session.add(_label(house, (card_id, decision, None), brand, name, ("1", "1"), confidence_bp, condition))
        for brand, name, read, truth, confidence_bp, condition in WRONG:
            session.add(_label(house, (card_id, decision, photo), brand, name, (read, truth), confidence_bp, condition))
        fields = [
            {"name": name, "confidence_bp": 9_500, "box": BOX, "source": "ocr", "use": use}
            for name, use in (("pin", "differs"), ("number", "confirmed"))  # The seller's values beside them.
        ]
        reading_id, values = new_id(), {"number": "JD88O1234", "pin": "604128"}
        session.add(
            ReadingRow(
                id=reading_id, card_id=card_id, photo_id=photo, reader="PP-OCRv6 small", duration_ms=900, fields=fields,
                values_sealed=READING_VALUES.seal(house.keyring, reading_id, json.dumps(values)),
            )
        )  # fmt: skip
        await session.flush()
        session.add(
            ShadowReadingRow(
                reading_id=reading_id, card_id=card_id, photo_id=photo, reader="PP-OCRv6 medium", duration_ms=2_100,
                fields=fields,
                values_sealed=SHADOW_VALUES.seal(house.keyring, reading_id, json.dumps({**values, "pin": "604123"})),
            )
        )  # fmt: skip


def _label(
    house: House, of: tuple[str, str, str | None], brand: str, name: str, values: tuple[str, str], bp: int, condition: str
) -> ReadingLabelRow:  # fmt: skip
    label_id = new_id()
    card_id, decision, photo = of
    return ReadingLabelRow(
        id=label_id, card_id=card_id, decision_id=decision, photo_id=photo, field=name, brand=brand, condition=condition,
        reader="PP-OCRv6 small", confidence_bp=bp, accepted=values[0] == values[1], at=now() - timedelta(minutes=1),
        read_sealed=LABEL_READ.seal(house.keyring, label_id, values[0]),
        truth_sealed=LABEL_TRUTH.seal(house.keyring, label_id, values[1]),
    )  # fmt: skip
