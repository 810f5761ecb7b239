"""Importing one file: its lines are read beside the event loop, copied batch by batch, and kept all together or not at all."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path
from typing import IO

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, try_acquire
from database.once import insert_once
from database.repositories import expectations, statement_lines
from database.repositories.orders import ORDER_TABLES
from database.sealed import STATEMENT_REJECTED
from database.session import Database
from database.tables.finance.statements import StatementRow
from domain.errors.base import Refusal
from domain.errors.finance import StatementForeign, StatementNotOver, StatementOfAnother, StatementTruncated
from domain.finance.statements import Batch, Rejected, StatementFoot, StatementHead, StatementSource, StatementState
from domain.identifiers import new_id
from domain.places import business_day
from domain.rules.brands import issuers
from domain.rules.reconciliation import ReconciliationRules, accounts_on, reconciliation_in_force
from domain.sealing import KeyRing
from gateways import statements as readers
from gateways.statements.bank import BANKS
from gateways.statements.lines import StatementReader
from services.finance.statements import Statements, note_progress

PROGRESS_S = 1.0  # Others see how far an import is so often.
STRANGERS_MIN = 5  # Unknown orders of our form that make a file another environment's, when none is known.
_OURS = (
    "l.statement_id = :id AND "
    "(l.key LIKE 'card-%-payout-%' OR l.key LIKE 'goodwill-%' OR l.key LIKE 'settlement-%-payout-%')"
)
_ORDERED = " OR ".join(
    f"EXISTS (SELECT FROM {table.__tablename__} o WHERE o.key = l.key)" for table in ORDER_TABLES.values()
)
# Whether one order of our form is known: of a file of ours nearly the first line says so.
_KNOWN = text(f"SELECT EXISTS (SELECT FROM statement_line l WHERE {_OURS} AND (l.entry_id IS NOT NULL OR {_ORDERED}))")  # noqa: S608  # Conditions of ours.
_STRANGERS = text(f"SELECT count(*) FROM statement_line l WHERE {_OURS}")  # noqa: S608


class StatementImport:
    """Imports the files that wait, one at a time in the whole installation."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC),
        banks: Path = BANKS,
    ) -> None:  # fmt: skip
        self._banks = banks
        self._database = database
        self._keyring = keyring
        self._now = now
        self._files = Statements(database, keyring, now)

    async def run(self, statement_id: str) -> StatementRow | None:
        """Import the file, or refuse it as a whole with the reason kept; None while another process imports one.

        Done before, nothing changes. What fails otherwise (the database went away) leaves the file as it was, to be
        imported again.
        """
        try:
            async with self._database.transaction() as session:
                if not await try_acquire(session, AdvisoryLock.STATEMENTS):
                    return None
                row = await session.get_one(StatementRow, statement_id)
                if row.state is StatementState.RECEIVED:
                    await self._import(session, row)
                return row
        except Refusal as refusal:
            return await self._refused(statement_id, refusal)

    async def _import(self, session: AsyncSession, row: StatementRow) -> None:
        rules = reconciliation_in_force(business_day(self._now()))
        with closing(tempfile.TemporaryFile()) as content:
            await self._files.copied(session, row.id, content)
            content.seek(0)
            reader = await asyncio.to_thread(_opened, content, rules, self._banks)
            self._require_ours(reader.head)
            await expectations.all_from_books(session, reader.head.source)
            await statement_lines.prepare(session)
            counts = await self._lines(session, row, reader)
        foot = reader.foot()
        first, last = _days(reader.head, foot, row.given_day)
        if last >= business_day(self._now()):
            raise StatementNotOver(day=last.isoformat())
        await self._require_own_environment(session, row.id)
        values = {
            "state": StatementState.IMPORTED, "source": reader.head.source, "account": reader.head.account,
            "first_day": first, "last_day": last, "currency": reader.head.currency, **counts, "progress": foot.lines,
            "in_minor": foot.in_minor, "out_minor": foot.out_minor, "opening_minor": foot.opening_minor,
            "closing_minor": foot.closing_minor, "ended_at": self._now(),
        }  # fmt: skip
        for name, value in values.items():
            setattr(row, name, value)

    async def _lines(self, session: AsyncSession, row: StatementRow, reader: StatementReader) -> dict[str, int]:
        """Copies every batch while the next is read; returns the counts."""
        lines = matched = known = rejected = 0
        noted = time.monotonic()
        batches, head = reader.batches(), reader.head
        coming = asyncio.create_task(asyncio.to_thread(_next, batches))
        try:
            while (batch := await coming) is not None:
                coming = asyncio.create_task(asyncio.to_thread(_next, batches))
                taken = await statement_lines.take_in(session, row.id, head.source, head.account, batch.lines)
                found = [(one.number, one.why, one.text) for one in batch.rejected] + list(taken.contradicting)
                await statement_lines.copy_rejected(session, self._sealed(row.id, found))
                lines, matched, known = lines + taken.lines, matched + taken.matched, known + taken.known
                rejected += len(found)
                if (now := time.monotonic()) - noted > PROGRESS_S:
                    noted = now
                    await note_progress(self._database, row.id, lines + known + rejected)
        finally:
            if not coming.done():
                await asyncio.wait([coming])  # The thread reads the file, which is about to be closed.
        return {"lines": lines, "matched": matched, "known": known, "rejected": rejected}

    def _sealed(self, statement_id: str, found: list[tuple[int, Rejected, str]]) -> list[tuple[str, int, str, bytes]]:
        return [
            (statement_id, number, why.value, STATEMENT_REJECTED.seal(self._keyring, f"{statement_id}:{number}", words))
            for number, why, words in found
        ]

    def _require_ours(self, head: StatementHead) -> None:
        """Refuse StatementForeign for an account that is not ours today nor was on that day, or an unknown issuer; StatementNotOver."""
        today = business_day(self._now())
        own = accounts_on(head.source, today)
        own = own and own + accounts_on(head.source, head.last_day or today)
        ours = own or (tuple(issuers()) if head.source is StatementSource.ISSUER else ())
        if head.account and ours and head.account not in ours:
            raise StatementForeign(account=head.account)
        if head.last_day is not None and head.last_day >= today:
            raise StatementNotOver(day=head.last_day.isoformat())

    async def _require_own_environment(self, session: AsyncSession, statement_id: str) -> None:
        given = {"id": statement_id}
        if (await session.execute(_KNOWN, given)).scalar_one():
            return
        strangers = (await session.execute(_STRANGERS, given)).scalar_one()
        if strangers >= STRANGERS_MIN:
            raise StatementOfAnother(orders=strangers)

    async def _refused(self, statement_id: str, refusal: Refusal) -> StatementRow:
        """Keep why the whole file was refused; nothing of it was written."""
        async with self._database.transaction() as session:
            row = await session.get_one(StatementRow, statement_id, with_for_update=True)
            row.state, row.refused_as, row.ended_at = StatementState.REFUSED, refusal.code, self._now()
            row.refused_with = dict(refusal.data)
            return row


async def nothing_moved(database: Database, source: StatementSource, account: str, day: date, now: datetime) -> None:
    """Keep that a provider has no lines for a day: its statement is an empty one."""
    async with database.transaction() as session:
        row = StatementRow(
            id=new_id(), sha256=f"empty:{source.value}:{account}:{day}", file_name="–", bytes=0, source=source, account=account,
            first_day=day, last_day=day, state=StatementState.IMPORTED, brought_by="machine:bills", brought_at=now,
            ended_at=now,
        )  # fmt: skip
        await insert_once(session, row, "sha256")


def _opened(content: IO[bytes], rules: ReconciliationRules, banks: Path) -> StatementReader:
    return readers.opened(content, {source: one.accounts for source, one in rules.sources.items()}, banks)


def _next(batches: Iterator[Batch]) -> Batch | None:
    return next(batches, None)


def _days(head: StatementHead, foot: StatementFoot, given: date | None) -> tuple[date, date]:
    """The days that a file covers: as it says itself, else as its lines say, else as was said by who brought it.

    Refuses StatementTruncated (`what` day) where no day is given, or where the lines are of other days.
    """
    if head.first_day is not None and head.last_day is not None:
        return head.first_day, head.last_day
    first, last = foot.first_day or given, foot.last_day or given
    if first is None or last is None or (given is not None and (first, last) != (given, given)):
        raise StatementTruncated(what="day")
    return first, last
