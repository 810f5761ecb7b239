"""Drafts: unsent input on a task, sealed under the person's own name, so that no one else can open it."""

from __future__ import annotations

import json
from collections.abc import Mapping

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.sealed import DRAFT_FIELDS
from database.tables.columns import now
from database.tables.work import ReviewDraftRow
from domain.sealing import KeyRing


async def save(session: AsyncSession, keyring: KeyRing, task_id: str, person: str, fields: Mapping[str, str]) -> None:
    """Keeps the form's fields as they are now; a form that is empty again leaves nothing behind."""
    if not any(fields.values()):
        await forget(session, task_id, person)
        return
    sealed = DRAFT_FIELDS.seal(keyring, f"{task_id}:{person}", json.dumps(dict(fields)))
    kept = {"fields_sealed": sealed, "saved_at": now()}
    row = insert(ReviewDraftRow).values(task_id=task_id, person_id=person, **kept)
    await session.execute(row.on_conflict_do_update(index_elements=["task_id", "person_id"], set_=kept))


async def kept(session: AsyncSession, keyring: KeyRing, task_id: str, person: str) -> dict[str, str]:
    """Return what this person entered on this task; empty when there is nothing."""
    row = await session.get(ReviewDraftRow, (task_id, person))
    if row is None:
        return {}
    opened = DRAFT_FIELDS.open(keyring, f"{task_id}:{person}", row.fields_sealed)
    return {str(name): str(value) for name, value in json.loads(opened).items()}


async def forget(session: AsyncSession, task_id: str, person: str | None = None) -> None:
    """Remove this person's draft, or all drafts once the task is finally decided."""
    whose = [] if person is None else [ReviewDraftRow.person_id == person]
    await session.execute(delete(ReviewDraftRow).where(ReviewDraftRow.task_id == task_id, *whose))
