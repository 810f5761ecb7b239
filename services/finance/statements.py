"""Statements of providers and banks: kept as they come, then imported whole or refused whole, in bounded memory."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import IO

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.repositories.audit import by_person
from database.repositories.set_aside import left_out
from database.sealed import STATEMENT_PIECE
from database.session import Database
from database.tables.finance.statements import StatementPieceRow, StatementRow
from domain.errors.finance import StatementTooLarge
from domain.finance.statements import FILE_BYTES_MAX, NAME_MAX, StatementState
from domain.identifiers import new_id
from domain.people.roles import Permission
from domain.sealing import KeyRing
from services.people.permissions import require

PIECE_BYTES = 1024 * 1024
Read = Callable[[int], Awaitable[bytes]]


@dataclass(frozen=True)
class Brought:
    """A file that is kept now, and whether it was before: the same bytes are one statement."""

    statement_id: str
    known: bool


class Statements:
    """Keeps files of statements. `person` is a person's id; a file is read in pieces, never whole."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def bring(self, person: str, name: str, read: Read, day: date | None = None) -> Brought:
        """Keep a file that a person brings; the job imports it. `day` is that of a file which names none.

        Refuse NotAllowed and StatementTooLarge. A file that was refused before waits to be imported again.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECONCILE)
        found = await self.keep(f"person:{person}", name, read, day)
        async with self._database.transaction() as session:
            facts = {"known": str(found.known).lower()}
            session.add(by_person(person, "console:statement:bring", found.statement_id, facts=facts))
        return found

    async def keep(self, brought_by: str, name: str, read: Read, day: date | None = None) -> Brought:
        """Keep a file, e.g. one that a job fetched. Refuse StatementTooLarge."""
        with closing(tempfile.TemporaryFile()) as whole:
            digest, size = await _spooled(read, whole)
            async with self._database.transaction() as session:
                found = select(StatementRow).where(StatementRow.sha256 == digest).with_for_update()
                if (row := (await session.execute(found)).scalar_one_or_none()) is not None:
                    self._again(row, day)
                    return Brought(row.id, known=True)
            return await self._written(brought_by, name, digest, size, whole, day)

    async def copied(self, session: AsyncSession, statement_id: str, into: IO[bytes]) -> None:
        """Copy the bytes of a file into an open one, piece by piece."""
        numbers = (
            select(StatementPieceRow.number)
            .where(StatementPieceRow.statement_id == statement_id)
            .order_by(StatementPieceRow.number)
        )
        for number in list((await session.execute(numbers)).scalars()):
            wanted = (StatementPieceRow.statement_id == statement_id, StatementPieceRow.number == number)
            sealed = (await session.execute(select(StatementPieceRow.content_sealed).where(*wanted))).scalar_one()
            into.write(base64.b64decode(STATEMENT_PIECE.open(self._keyring, f"{statement_id}:{number}", sealed)))

    async def _written(
        self, brought_by: str, name: str, digest: str, size: int, whole: IO[bytes], day: date | None
    ) -> Brought:
        row = StatementRow(
            id=new_id(), sha256=digest, file_name=_plain_name(name), bytes=size, given_day=day, brought_by=brought_by,
            brought_at=self._now(),
        )  # fmt: skip
        async with self._database.transaction() as session:
            if not await insert_once(session, row, "sha256"):
                other = select(StatementRow.id).where(StatementRow.sha256 == digest)
                return Brought((await session.execute(other)).scalar_one(), known=True)
            number = 0
            while piece := whole.read(PIECE_BYTES):
                sealed = STATEMENT_PIECE.seal(
                    self._keyring, f"{row.id}:{number}", base64.b64encode(piece).decode("ascii")
                )
                session.add(StatementPieceRow(statement_id=row.id, number=number, content_sealed=sealed))
                await session.flush()
                session.expunge_all()
                number += 1
        return Brought(row.id, known=False)

    def _again(self, row: StatementRow, day: date | None) -> None:
        """Queue a refused file again: the cause may have been fixed, or the day was missing."""
        if row.state is StatementState.REFUSED:
            row.state, row.refused_as, row.refused_with, row.progress = StatementState.RECEIVED, "", {}, 0
            row.given_day, row.brought_at, row.ended_at = day or row.given_day, self._now(), None


async def waiting(session: AsyncSession, loop: str, now: datetime) -> str | None:
    """Return the file that waits longest to be imported and is not set aside by the loop."""
    wanted = (StatementRow.state == StatementState.RECEIVED, ~left_out(loop, StatementRow.id, now))
    found = select(StatementRow.id).where(*wanted).order_by(StatementRow.brought_at, StatementRow.id)
    return (await session.execute(found.limit(1))).scalar_one_or_none()


async def note_progress(database: Database, statement_id: str, lines: int) -> None:
    """Let others see how far an import is, beside its transaction."""
    await database.one("UPDATE statement SET progress = $2 WHERE id = $1", statement_id, lines)


async def _spooled(read: Read, whole: IO[bytes]) -> tuple[str, int]:
    """Copy the stream into the open file and rewind it; return its hash and size."""
    digest, size = hashlib.sha256(), 0
    while piece := await read(PIECE_BYTES):
        size += len(piece)
        if size > FILE_BYTES_MAX:
            raise StatementTooLarge(bytes_max=FILE_BYTES_MAX)
        digest.update(piece)
        await asyncio.to_thread(whole.write, piece)
    whole.seek(0)
    return digest.hexdigest(), size


def _plain_name(name: str) -> str:
    """The name of a file as it may be shown: its last part, without what is no text."""
    last = name.replace("\\", "/").rpartition("/")[2]
    return "".join(one for one in last if one.isprintable())[:NAME_MAX] or "–"
