"""Add to the stories of many cards at once what leaves each card where it is: event and evidence in one statement."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.evidence import log

# Fingerprint and stage are the card's own, put in by the statement; no fact can hold them, since a NUL never enters the database.
FINGERPRINT_HERE, STAGE_HERE = "\x00fingerprint\x00", "\x00stage\x00"
_ADD = """
WITH said AS (
    SELECT card.id, card.stage, card.fingerprint, one.* FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS one(
        card_id text, what text, actor text, facts jsonb, before text, between_them text, after text)
    JOIN card ON card.id = one.card_id
), event AS (
    INSERT INTO card_event (card_id, at, stage, actor, what, facts)
    SELECT id, CAST(:moment AS timestamptz), stage, actor, what, facts FROM said
)
INSERT INTO evidence_leaf (card_id, what, body, leaf_hash, at)
SELECT id, what, content::jsonb, sha256('\\x00'::bytea || convert_to(content, 'UTF8')), CAST(:moment AS timestamptz)
FROM (
    SELECT id, what, before || coalesce('"' || fingerprint || '"', 'null') || between_them || '"' || stage || '"' || after AS content
    FROM said
) AS leaf
"""


@dataclass(frozen=True)
class Said:
    """One event of one card: `what` is a key of the story's sentences, `facts` its values, never a secret."""

    card_id: str
    what: str
    actor: str
    facts: Mapping[str, str]


async def add_to_stories(session: AsyncSession, said: Sequence[Said], moment: datetime) -> None:
    """Write the events and their evidence leaves. Cards that are not there get none."""
    if said:
        rows = [_row(one, moment) for one in said]
        await session.execute(text(_ADD), {"rows": json.dumps(rows), "moment": moment})


def _row(one: Said, moment: datetime) -> dict[str, object]:
    body = {
        "actor": one.actor, "at": moment.isoformat(), "card_id": one.card_id, "facts": dict(one.facts),
        "fingerprint": FINGERPRINT_HERE, "outcome": None, "stage": STAGE_HERE, "what": one.what,
    }  # fmt: skip
    before, rest = log.canonical(body).decode().split(_spelled(FINGERPRINT_HERE))
    between, after = rest.split(_spelled(STAGE_HERE))
    return {
        "card_id": one.card_id, "what": one.what, "actor": one.actor, "facts": dict(one.facts), "before": before,
        "between_them": between, "after": after,
    }  # fmt: skip


def _spelled(mark: str) -> str:
    return log.canonical({"": mark}).decode()[len('{"":') : -1]
