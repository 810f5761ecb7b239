"""Telling people of the console something, in the transaction of what they are told."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.notices import NoticeRow
from domain.identifiers import new_id
from domain.notices import NoticeKind


async def tell(
    session: AsyncSession,
    people: Iterable[str],
    kind: NoticeKind,
    key: str,
    *,
    card_id: str | None = None,
    task_id: str | None = None,
    **facts: str,
) -> None:
    """Tells each of these people (ids) once: the same `key` again tells nobody anything. No secret in `facts`."""
    rows = [
        NoticeRow(
            id=new_id(), person_id=person, kind=kind, told_key=f"{key}:{person}",
            card_id=card_id, task_id=task_id, facts=facts,
        ).model_dump()
        for person in sorted(set(people))
    ]  # fmt: skip
    if rows:
        await session.execute(insert(NoticeRow).values(rows).on_conflict_do_nothing(index_elements=["told_key"]))
