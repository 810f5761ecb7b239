"""Which runs a repair is about: a cause, runs by name, or the failed ones of another repair. Written by one statement each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.errors.general import FieldInvalid
from domain.ops.repairs import RETRIED
from domain.ops.runs import RUN_TYPES, RunKind, subject_of

_COLUMNS = "repair_id, place, workflow_id, subject, card_type, brand, stage, waiting_for, step, value_minor, state, live, found, error, message, claimed_by"
_NOTHING_YET = "'waiting', false, CAST('{}' AS jsonb), '', '', ''"
# The longest stuck come first.
_OF_CAUSE = f"""
INSERT INTO repair_item ({_COLUMNS})
SELECT :repair_id, row_number() OVER (ORDER BY since, workflow_id), workflow_id, subject, card_type, brand, stage,
       waiting_for, step, value_minor, {_NOTHING_YET}
FROM stuck_run
WHERE cause = :cause AND (CAST(:stage AS text) = '' OR stage = :stage) AND (CAST(:waiting_for AS text) = '' OR waiting_for = :waiting_for)
  AND (CAST(:brand AS text) = '' OR brand = :brand)
ORDER BY since, workflow_id LIMIT :most
"""  # noqa: S608  # Names of our own.
_NAMED = f"""
INSERT INTO repair_item ({_COLUMNS})
SELECT :repair_id, row_number() OVER (ORDER BY min(place)), workflow_id, min(subject), '', '', '', '', '', 0, {_NOTHING_YET}
FROM unnest(CAST(:workflows AS text[]), CAST(:subjects AS text[])) WITH ORDINALITY AS named(workflow_id, subject, place)
GROUP BY workflow_id
ORDER BY min(place) LIMIT :most
"""  # noqa: S608  # As above.
_FAILED = f"""
INSERT INTO repair_item ({_COLUMNS})
SELECT :repair_id, row_number() OVER (ORDER BY place), workflow_id, subject, card_type, brand, stage, waiting_for, step,
       value_minor, {_NOTHING_YET}
FROM repair_item WHERE repair_id = :old AND state = ANY(:states)
"""  # noqa: S608  # As above.


@dataclass(frozen=True)
class OfCause:
    """All stuck runs of one cause, or those of them at a stage, waiting for a party, or of a brand."""

    cause: str
    stage: str = ""
    waiting_for: str = ""
    brand: str = ""


@dataclass(frozen=True)
class Named:
    """Runs by their workflow ids or card ids, as they were selected or pasted."""

    runs: tuple[str, ...]


Chosen = OfCause | Named


async def write_items(session: AsyncSession, repair_id: str, chosen: Chosen, most: int) -> int:
    """Write the items and return how many there are; one more than `most` at the most. Refuses FieldInvalid (`runs`)."""
    if isinstance(chosen, OfCause):
        values: dict[str, Any] = {
            "cause": chosen.cause, "stage": chosen.stage, "waiting_for": chosen.waiting_for, "brand": chosen.brand
        }  # fmt: skip
        return await _written(session, _OF_CAUSE, values | {"repair_id": repair_id, "most": most + 1})
    workflows = [_workflow_of(one) for one in chosen.runs[: most + 1]]
    subjects = [subject for _, subject in workflows]
    values = {"workflows": [workflow for workflow, _ in workflows], "subjects": subjects}
    return await _written(session, _NAMED, values | {"repair_id": repair_id, "most": most + 1})


async def write_failed(session: AsyncSession, repair_id: str, old: str) -> int:
    """Write the items of another repair that it did not cure; return how many."""
    values = {"repair_id": repair_id, "old": old, "states": [state.value for state in RETRIED]}
    return await _written(session, _FAILED, values)


def described(chosen: Chosen) -> Mapping[str, object]:
    """Return what a repair remembers of where its runs came from."""
    if isinstance(chosen, Named):
        return {"runs": len(chosen.runs)}
    given = {"cause": chosen.cause, "stage": chosen.stage, "waiting_for": chosen.waiting_for, "brand": chosen.brand}
    return {name: value for name, value in given.items() if value}


def pasted(words: str) -> tuple[str, ...]:
    """Return the ids in pasted text, each once: separated by spaces, commas or line ends."""
    return tuple(dict.fromkeys(words.replace(",", " ").replace(";", " ").split()))


def _workflow_of(named: str) -> tuple[str, str]:
    """Workflow id and subject; a bare id is a card's."""
    if not named.isprintable() or len(named) > 80:
        raise FieldInvalid(field="runs", why="not_an_id")
    found = subject_of(named)
    return (named, found[1]) if found else (RUN_TYPES[RunKind.CARD].prefix + named, named)


async def _written(session: AsyncSession, statement: str, values: Mapping[str, Any]) -> int:
    counted = f"WITH made AS ({statement} RETURNING 1) SELECT count(*) FROM made"  # noqa: S608  # Statements of our own.
    return int((await session.execute(text(counted), values)).scalar_one())
