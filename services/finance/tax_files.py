"""Files of reports and certificates are kept as they were downloaded: with their SHA-256, who made them, when, and by which rules.

So that a period that was reported never changes without trace: its page says where the figures are others by now.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance import tax as reads
from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance.tax import TaxFileRow
from domain.errors.general import NotFound
from domain.finance.tax import TaxFileKind
from domain.identifiers import new_id
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.tax import tax_in_force
from gateways.pictures.store import PhotoMissing, PhotoStore
from services.people.permissions import require

PART_BYTES = 4 * 1024 * 1024  # A file of a month is never whole in memory.


@dataclass(frozen=True)
class About:
    """What a file is: its kind, the period with its days (both included), of a certificate whose, and how it is given out."""

    kind: TaxFileKind
    period: str
    since: date
    until: date
    name: str
    media_type: str
    language: str
    owner: str = ""


class TaxFiles:
    """Keeps files. `person` is a person's id, of finance, who has just proved who they are; each act is audited."""

    def __init__(
        self, database: Database, store: PhotoStore, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._store = store
        self._now = now

    async def keep(
        self, person: str, about: About, content: AsyncIterator[bytes], figures: Callable[[], str]
    ) -> TaxFileRow:  # fmt: skip
        """Keep a file as it is made, and return it; `figures` is asked for the mark of its figures once all of it is made.

        Refuse NotAllowed. A file that cannot be made or kept in whole leaves no row.
        """
        whole, parts, size = hashlib.sha256(), [], 0
        async for part in _parts(content):
            whole.update(part)
            size += len(part)
            parts.append(await asyncio.to_thread(self._store.write, part))
        async with self._database.transaction() as session:
            await require(session, person, Permission.HANDLE_TAX)
            versions = await reads.versions(session, about.since, about.until)
            row = TaxFileRow(
                id=new_id(), kind=about.kind, period=about.period, since=about.since, until=about.until, owner=about.owner,
                language=about.language, name=about.name, media_type=about.media_type, size_bytes=size,
                sha256=whole.hexdigest(), parts=parts, figures=figures(),
                versions=", ".join(sorted(versions)) or tax_in_force(business_day(self._now())).version,
                made_by=person, made_at=self._now(),
            )  # fmt: skip
            before = await _before(session, row)
            session.add(row)
            facts = _facts(row)
            if before is not None and before.figures != row.figures:
                facts["differs_from"] = before.id
            session.add(by_person(person, "console:tax:keep_file", row.id, facts=facts))
        return row

    async def again(self, person: str, file_id: str) -> TaxFileRow:
        """Return a kept file that is to be given out as it was. Refuse NotAllowed, NotFound."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.HANDLE_TAX)
            row = await session.get(TaxFileRow, file_id[:26])
            if row is None:
                raise NotFound(file=file_id[:26])
            session.add(by_person(person, "console:tax:kept_file", row.id, facts=_facts(row)))
        return row

    async def content(self, row: TaxFileRow) -> AsyncIterator[bytes]:
        """Give the file out part by part. Refuse NotFound for one that is gone."""
        for digest in row.parts:
            try:
                yield await asyncio.to_thread(self._store.read, digest)
            except PhotoMissing:
                raise NotFound(file=row.id) from None


async def _parts(content: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Gather what comes into parts of one size; the last may be smaller."""
    waiting = bytearray()
    async for piece in content:
        waiting += piece
        while len(waiting) >= PART_BYTES:
            yield bytes(waiting[:PART_BYTES])
            del waiting[:PART_BYTES]
    if waiting:
        yield bytes(waiting)


async def _before(session: AsyncSession, row: TaxFileRow) -> TaxFileRow | None:
    """The newest file of the same kind and period before this one."""
    same = (TaxFileRow.kind == row.kind, TaxFileRow.period == row.period, TaxFileRow.owner == row.owner)
    newest = select(TaxFileRow).where(*same).order_by(TaxFileRow.id.desc()).limit(1)
    return (await session.execute(newest)).scalar_one_or_none()


def _facts(row: TaxFileRow) -> dict[str, str]:
    return {
        "kind": row.kind.value, "period": row.period, "owner": row.owner, "sha256": row.sha256, "versions": row.versions,
    }  # fmt: skip
