"""How fast statements are reconciled: lines imported and matched a second ÷ lines that are merely read as CSV and copied."""

from __future__ import annotations

import asyncio
import csv
import io
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median

import asyncpg
from sqlalchemy import text

from benchmarks.queues import queue_server
from benchmarks.result import Result
from database.migrate import upgrade
from database.repositories.expectations import all_from_books
from database.session import Database
from domain.finance.statements import StatementSource
from domain.places import business_day
from domain.sealing import KeyRing
from services.finance.matching import Matching
from services.finance.statement_import import StatementImport
from services.finance.statements import Statements
from simulators.bills import Movement, wechat_fund_bill

GOAL = 0.25
LINES, LINES_SHORT, ROUNDS = 100_000, 20_000, 3
COLUMNS = 11  # Of a fund bill.
# So many paid orders, as their settlement posts them.
_PAID = """
WITH t AS (INSERT INTO ledger_transaction (key, what, at, effective_on, cause)
           SELECT 'card-' || $1 || lpad(n::text, 24, '0') || '-payout-1:settled', 'payout_paid', now() - interval '1 day', current_date, ''
           FROM generate_series($2::int, $3::int) AS n RETURNING id)
INSERT INTO entry (transaction_id, account_id, amount_minor, currency, at)
SELECT t.id, a.id, CASE a.code WHEN 'cash:wechat' THEN -46500 ELSE 46500 END, a.currency, now() - interval '1 day'
FROM t, account a WHERE a.code IN ('cash:wechat', 'in_flight:wechat') AND a.currency = $4
"""
_ACCOUNTS = """
INSERT INTO account (code, currency, kind, owner, sign) VALUES
('cash:wechat', 'CNY', 'asset', 'rail', 'either'), ('in_flight:wechat', 'CNY', 'liability', 'rail', 'either')
"""


def measure(short: bool) -> list[Result]:
    """Measure both in turns on one server; the figure is the median of the rounds."""
    return asyncio.run(_measure(LINES_SHORT if short else LINES))


async def _measure(lines: int) -> list[Result]:
    async with queue_server() as server:
        server.create_database("reconcile")
        upgrade(server.url("reconcile"))
        url = server.url("reconcile").replace("+asyncpg", "")
        database = Database(server.url("reconcile"))
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(_ACCOUNTS)
            await connection.execute(f"CREATE TABLE plain ({', '.join(f'c{n} text' for n in range(COLUMNS))})")
            plain, reconciled = [], []
            for number in range(ROUNDS):
                await paid(connection, number, lines)
                async with database.transaction() as session:  # Made at payout, not by the import.
                    await all_from_books(session, StatementSource.WECHAT)
                bill = bill_of(number, lines)
                plain.append(lines / await _plain(connection, bill))
                reconciled.append(lines / await reconcile(database, bill))
        finally:
            await connection.close()
            await database.dispose()
    ratio = median(one / other for one, other in zip(reconciled, plain, strict=True))
    details = {"lines": lines, "lines_per_s": median(reconciled), "plain_per_s": median(plain)}
    return [Result("reconcile", ratio, f">= {GOAL}", ratio >= GOAL, details)]


async def paid(
    connection: asyncpg.Connection, number: int, lines: int, *, first: int = 1, currency: str = "CNY"
) -> None:
    """Post paid orders, `first` to `lines`, without asking each transaction whether it sums to zero: that is not what is measured."""
    await connection.execute("ALTER TABLE entry DISABLE TRIGGER USER")
    await connection.execute(_PAID, f"{number:02}", first, lines, currency, timeout=600)
    await connection.execute("ALTER TABLE entry ENABLE TRIGGER USER")
    await connection.execute("ANALYZE entry, ledger_transaction")


def bill_of(number: int, lines: int, day: date | None = None) -> bytes:
    """Make the bill of those orders, each at its amount."""
    begun = datetime.combine(day or business_day(datetime.now(UTC)), datetime.min.time(), UTC) - timedelta(hours=8)
    movements = [
        Movement(
            begun + timedelta(seconds=n * 80_000 // lines), f"10{number:02}{n:012}", key_of(number, n), -46_500, note="Cardloop"
        )
        for n in range(1, lines + 1)
    ]  # fmt: skip
    return wechat_fund_bill(movements, lines * 46_500)


def key_of(number: int, order: int) -> str:
    """Return the key of one of the orders."""
    return f"card-{number:02}{order:024}-payout-1"


async def reconcile(database: Database, bill: bytes) -> float:
    """Keep, import and match a bill; return the seconds that it took."""
    keyring, ahead = KeyRing.generate(), datetime.now(UTC) + timedelta(days=2)
    content = io.BytesIO(bill)

    async def read(size: int) -> bytes:
        return content.read(size)

    begun = time.perf_counter()
    kept = await Statements(database, keyring, lambda: ahead).keep("machine:bench", "bill.csv", read)
    row = await StatementImport(database, keyring, lambda: ahead).run(kept.statement_id)
    await Matching(database, lambda: ahead).run(StatementSource.WECHAT)
    took = time.perf_counter() - begun
    async with database.transaction() as session:
        open_lines = (
            await session.execute(text("SELECT count(*) FROM statement_line WHERE state = 'open'"))
        ).scalar_one()
    if row is None or row.matched != row.lines or open_lines:
        raise RuntimeError(f"not every line was matched: {row and row.refused_as} {open_lines}")
    return took


async def _plain(connection: asyncpg.Connection, bill: bytes) -> float:
    """Read the file as CSV and copy its lines into a table of text; return the seconds that it took."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bill.csv"
        path.write_bytes(bill)
        begun = time.perf_counter()
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = [row for row in csv.reader(file) if len(row) == COLUMNS]
        await connection.copy_records_to_table("plain", records=rows)
        return time.perf_counter() - begun
