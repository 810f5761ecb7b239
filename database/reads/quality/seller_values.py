"""What sellers gave beside what was read of their photos: counted in groups, from what is kept in the clear beside each reading."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.cards.reading import confidence_bp
from domain.quality.reading_figures import LabelGroup, condition_of

READINGS_MAX = 50_000  # The newest; more would keep a page waiting.
_GIVEN = text("""
WITH newest AS (
    SELECT r.id, r.photo_id, r.created_at, r.fields, c.brand FROM reading r JOIN card c ON c.id = r.card_id
    WHERE r.created_at > :since AND r.created_at <= :until AND (:brand = '' OR c.brand = :brand)
    ORDER BY r.created_at DESC, r.id DESC LIMIT :most
), looked AS (
    SELECT brand, fields, count(*) OVER (PARTITION BY photo_id, created_at) AS cards,
        rank() OVER (PARTITION BY photo_id ORDER BY created_at DESC) AS look
    FROM newest
)
SELECT brand, one->>'name' AS name, one->'reasons'->>0 AS reason, one->>'source' AS source, one->'confidence_bp' AS sure_bp,
    one->'confidence' AS sure, one->>'use' AS use, count(*) AS fields
FROM looked CROSS JOIN jsonb_array_elements(fields) AS one
WHERE cards = 1 AND look = 1 AND one->>'name' = ANY(:names) AND one->>'use' IN ('confirmed', 'agrees', 'differs')
GROUP BY 1, 2, 3, 4, 5, 6, 7 ORDER BY 1, 2, 3, 4, 5, 6, 7
""")


@dataclass(frozen=True)
class GivenGroup:
    """Fields that are alike: `right` where the seller's value is the reading's; `left`, it was shown to them and they left it."""

    group: LabelGroup
    left: bool


async def given(
    session: AsyncSession, since: datetime, until: datetime, names: tuple[str, ...], brand: str = ""
) -> list[GivenGroup]:
    """Count the fields of these names that were read and given, of one brand or of all: the latest look at each photo of one card.

    Of a photo of several cards it is not kept in the clear whose fields they are. The newest READINGS_MAX readings count.
    """
    asked = {"since": since, "until": until, "brand": brand, "most": READINGS_MAX, "names": list(names)}
    found = []
    for row in (await session.execute(_GIVEN, asked)).mappings():
        kept = {"reasons": [row["reason"]] if row["reason"] else [], "source": row["source"]}
        sure = {
            key: row[of] for key, of in (("confidence_bp", "sure_bp"), ("confidence", "sure")) if row[of] is not None
        }
        group = LabelGroup(
            row["brand"], row["name"], condition_of(kept), confidence_bp(sure), row["use"] != "differs", row["fields"]
        )
        found.append(GivenGroup(group, row["use"] == "confirmed"))
    return found
