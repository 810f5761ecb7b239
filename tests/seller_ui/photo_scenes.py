"""Photos that were read already."""

from __future__ import annotations

import json

from sqlalchemy import select

from database.tables.cards import PhotoRow, ReadingRow
from domain.identifiers import new_id
from seller_ui.services import SellerServices


async def read_as(services: SellerServices, card: str, number: str, use: str = "taken") -> None:
    """The card's photo was read so, beyond doubt; `use` is what became of it (see `activities.reading`)."""
    async with services.database.transaction() as session:
        photo = (await session.execute(select(PhotoRow).where(PhotoRow.card_id == card))).scalar_one()
        reading_id = new_id()
        sealed = services.keyring.seal_text(
            json.dumps({"number": number}), purpose="reading", aad=f"reading:{reading_id}:values"
        )
        entry = {
            "name": "number",
            "confidence": 1,
            "confidence_bp": 10_000,
            "box": None,
            "source": "ocr",
            "use": use,
        }
        session.add(
            ReadingRow(
                id=reading_id, card_id=card, photo_id=photo.id, reader="test", duration_ms=1, fields=[entry],
                values_sealed=sealed,
            )
        )  # fmt: skip
