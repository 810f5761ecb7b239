"""The limits of reading that the labelled readings allow: proposed as a draft, which people publish or not."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.quality import reading_labels as reads
from domain.places import business_day
from domain.policies.document import PolicyDocument
from domain.quality.reading_figures import Proposal, by, proposed
from domain.rules.reading import LIMITED, reading_in_force, sure_from_bp

LOOKS_BACK = timedelta(days=365)


async def proposals(session: AsyncSession, now: datetime) -> list[Proposal]:
    """Return what the labels of the last year allow for every brand's field that has any, by brand and field.

    Where labels are too few, the proposal says how many are missing and proposes nothing.
    """
    today = business_day(now)
    limits = reading_in_force(today)
    found = await reads.groups(session, now - LOOKS_BACK, now)
    known = [one for one in found if one.brand and one.field in LIMITED]
    return [
        proposed(
            alike,
            sure_from_bp(alike[0].brand, alike[0].field, today),
            limits.labels_min,
            limits.wrong_bp_max,
        )
        for alike in by(known, lambda one: f"{one.brand}\n{one.field}").values()
    ]


def drafted(in_force: PolicyDocument, found: Sequence[Proposal]) -> dict[str, Any]:
    """Return the document in force with the proposed limits: the draft that a person may save and another publish."""
    document: dict[str, Any] = copy.deepcopy(dict(in_force.document))
    for one in found:
        if one.limit_bp is not None:
            empty = {name.value: None for name in LIMITED}
            document["brands"].setdefault(one.brand, empty)[one.field] = one.limit_bp
    return document
