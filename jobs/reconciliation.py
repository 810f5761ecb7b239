"""Import the statements that wait, match them, make work of their breaks; and fetch each rail's bill of yesterday."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Protocol

import structlog
from sqlalchemy import select, text

from database.repositories import day_figures
from database.repositories.loop_faults import apart
from database.repositories.set_aside import left_out
from database.session import Database
from database.tables.finance.statements import StatementRow
from domain.errors.general import TemporarilyUnavailable
from domain.finance.statements import StatementSource, StatementState
from domain.places import BUSINESS_ZONE, business_day
from domain.rules.reconciliation import accounts_on
from domain.sealing import KeyRing
from gateways.errors import BillAbsent, GatewayError
from gateways.statements.bank import BANKS
from services.finance.absent_bills import taken_as_empty
from services.finance.break_work import open_work
from services.finance.matching import Matching
from services.finance.statement_import import StatementImport, nothing_moved
from services.finance.statements import Statements, waiting

LOOP = "reconciliation"
WORK_AT_ONCE = 50
BILLS_AT = time(10)  # Providers have the bill of a day in the morning after it.
DAYS_BACK = 3  # A bill that could not be had is asked for so many days.
GAPS_BACK = 31  # One after the first statement of the source is asked for so long: no later day is closed without it.
_log = structlog.get_logger("reconciliation")
# Sources with open lines or expectations written by no look yet: what was posted meanwhile may match them.
_OPEN = text("""
SELECT EXISTS (SELECT FROM statement_line WHERE source = CAST(:source AS varchar) AND state = 'open')
    OR EXISTS (SELECT FROM statement_break WHERE source = CAST(:source AS varchar) AND state <> 'closed')
""")
_NEWEST = text("""
SELECT coalesce(max(e.id), 0) FROM entry e JOIN account a ON a.id = e.account_id WHERE a.code = :code
""")


class BillGateway(Protocol):
    """What gives the file of a day as its provider makes it."""

    async def bill(self, day: date) -> bytes:
        """Return the file; empty where nothing moved. Raises GatewayError."""
        ...


class Reconciler:
    """Looks for files that wait, files that are not matched, and new postings."""

    def __init__(
        self, database: Database, keyring: KeyRing, banks: Path = BANKS,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._database = database
        self._now = now
        self._imports = StatementImport(database, keyring, now, banks)
        self._matching = Matching(database, now)
        self._seen: dict[StatementSource, int] = {}

    async def look(self) -> int:
        """Do the next piece of what waits; return how much was done. Raises DatabaseUnavailable."""
        async with self._database.reading() as session:
            next_one = await waiting(session, LOOP, self._now())
            unjudged = (
                StatementRow.state == StatementState.IMPORTED, StatementRow.judged_at.is_(None),
                ~left_out(LOOP, StatementRow.id, self._now()),
            )  # fmt: skip
            found = select(StatementRow.id).where(*unjudged).order_by(StatementRow.ended_at, StatementRow.id).limit(1)
            judged = (await session.execute(found)).scalar_one_or_none()
        done = 0
        if judged is not None:
            async with apart(self._database, LOOP, judged):
                await self._matching.judge(judged)
            done += WORK_AT_ONCE
        if next_one is not None:
            async with apart(self._database, LOOP, next_one):
                done += WORK_AT_ONCE if await self._imports.run(next_one) is not None else 0
        for source in StatementSource:
            newest = await self._news(source)
            if newest is None:
                continue
            async with apart(self._database, LOOP, source.value):
                await self._matching.run(source)
                self._seen[source] = newest  # A source that failed is matched again once its wait is over.
        async with self._database.transaction() as session:
            return done + await open_work(session, self._now(), WORK_AT_ONCE)

    async def _news(self, source: StatementSource) -> int | None:
        """Return the newest entry of the source's account if it is newer than what was matched last and something is open; None while the source is set aside."""
        async with self._database.reading() as session:
            newest = int((await session.execute(_NEWEST, {"code": source.own.code})).scalar_one())
            if newest == self._seen.get(source):
                return None
            if (await session.execute(select(left_out(LOOP, source.value, self._now())))).scalar_one():
                return None
            if (await session.execute(_OPEN, {"source": source.value})).scalar_one():
                return newest
        self._seen[source] = newest
        return None


class BillFetcher:
    """Fetches the bill of each of the last days that no file covers, once the provider has it."""

    def __init__(
        self, database: Database, keyring: KeyRing, gateways: Mapping[StatementSource, BillGateway],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:  # fmt: skip
        self._database = database
        self._gateways = gateways
        self._now = now
        self._files = Statements(database, keyring, now)

    async def look(self) -> int:
        """Fetch what is due; return how many files. Raises DatabaseUnavailable."""
        now = self._now()
        if now.astimezone(BUSINESS_ZONE).time() < BILLS_AT:
            return 0
        fetched = 0
        for source, gateway in self._gateways.items():
            for day in await self._asked_for(source, business_day(now)):
                if not await self._covered(source, day):
                    fetched += await self._fetch(source, gateway, day)
        return fetched

    async def _asked_for(self, source: StatementSource, today: date) -> list[date]:
        """The last days, and before them those since the source's first statement; the oldest first."""
        async with self._database.reading() as session:
            began = await day_figures.first_day(session, source)
        days = [today - timedelta(days=back) for back in range(GAPS_BACK, 0, -1)]
        return [day for day in days if today - day <= timedelta(days=DAYS_BACK) or (began is not None and day > began)]

    async def _fetch(self, source: StatementSource, gateway: BillGateway, day: date) -> int:
        try:
            content = await gateway.bill(day)
        except BillAbsent:
            if await taken_as_empty(self._database, source, day, self._now()):
                return 1
            _log.warning("bill_waits", source=source.value, day=day.isoformat(), reason=BillAbsent.__name__)
            return 0
        except (GatewayError, TemporarilyUnavailable) as error:
            _log.warning("bill_waits", source=source.value, day=day.isoformat(), reason=type(error).__name__)
            return 0
        if not content:
            accounts = accounts_on(source, day)
            await nothing_moved(self._database, source, accounts[0] if accounts else "", day, self._now())
            return 1
        whole = io.BytesIO(content)

        async def read(size: int) -> bytes:
            return whole.read(size)

        await self._files.keep("machine:bills", f"{source.value}-{day:%Y%m%d}", read, day)
        return 1

    async def _covered(self, source: StatementSource, day: date) -> bool:
        """Whether a file of this day is imported, or one that was fetched waits or was refused: a person looks then."""
        imported = (StatementRow.source == source, StatementRow.first_day <= day, StatementRow.last_day >= day)
        fetched = (StatementRow.file_name == f"{source.value}-{day:%Y%m%d}", StatementRow.given_day == day)
        found = select(StatementRow.id).where((imported[0] & imported[1] & imported[2]) | (fetched[0] & fetched[1]))
        async with self._database.reading() as session:
            return (await session.execute(found.limit(1))).first() is not None
