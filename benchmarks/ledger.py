"""What the ledger costs: postings a second ÷ bare one-row commits, one hot account ÷ spread ones, bytes per transfer, and the
balance of an account with a million entries ÷ that of one with ten.

A hot account is measured three times: one of any sign, one whose sign the database holds while money comes in, and the same
while money is taken from it.

A posting is written as the product writes it: by one statement inside of a transaction, here with nothing else in it. A bare
commit is one statement that is sent to the driver, without a transaction around it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from statistics import median

import asyncpg
from sqlalchemy import text

from benchmarks.queues import queue_server
from benchmarks.result import Result
from database.migrate import upgrade
from database.repositories import checkpoints, ledger
from database.session import Database
from domain.finance.chart import account
from domain.finance.ledger import Posting, Postings, cash, issuer_cost
from domain.finance.rails import Rail
from domain.identifiers import new_id
from domain.money import Money

GOAL, GOAL_HOT, GOAL_BYTES, GOAL_OLD = 0.35, 0.75, 743, 1.5
WRITERS = 8
POSTINGS, POSTINGS_SHORT = 8_000, 1_600
ROUNDS, ROUNDS_SHORT = 6, 3
ENTRIES, ENTRIES_SHORT, READS = 1_000_000, 200_000, 300
_RAW = "UPDATE bare SET touched = touched + 1 WHERE id = $1"
# A million entries of one account, each against the suspense account, as if posted over a year.
_OLD = """
WITH t AS (INSERT INTO ledger_transaction (key, what, at, effective_on, cause)
           SELECT 'old:' || n, 'bench', now(), current_date, '' FROM generate_series(1, :many / 1000) AS n RETURNING id)
INSERT INTO entry (transaction_id, account_id, amount_minor, currency, at)
SELECT t.id, a.id, CASE a.code WHEN 'cash:old' THEN 1 ELSE -1 END, 'CNY', now()
FROM t, generate_series(1, 1000) AS n, account a WHERE a.code IN ('cash:old', 'suspense:old')
"""


def measure(short: bool) -> list[Result]:
    """Measure everything on one server whose commits reach the disk; ratios are medians of interleaved rounds."""
    sizes = (POSTINGS_SHORT, ROUNDS_SHORT, ENTRIES_SHORT) if short else (POSTINGS, ROUNDS, ENTRIES)
    return asyncio.run(_measure(*sizes))


async def _measure(many: int, rounds: int, entries: int) -> list[Result]:
    async with queue_server() as server:
        server.create_database("books")
        upgrade(server.url("books"))
        database = Database(server.url("books"), pool_size=WRITERS)
        try:
            per_round = many // rounds
            raw: list[float] = []
            found: dict[str, list[float]] = {name: [] for name in POSTED}
            await _prepare(database)
            for _ in range(rounds):
                raw.append(await _bare_per_s(server.url("books"), per_round))
                for name, made in POSTED.items():
                    found[name].append(await _per_s(per_round, _posting(database, made)))
                    await _kept(database)
            size = await _bytes_per_transfer(database)
            old = await _old_account(database, server.url("books"), entries)
        finally:
            await database.dispose()
    ratio = _ratio(found["spread"], raw)
    details = {"commits_per_s": median(raw), **{f"{name}_per_s": median(one) for name, one in found.items()}, **old[1]}
    heats = {name: _ratio(found[one], found[other]) for name, (one, other) in HOT.items()}
    return [
        Result("ledger", ratio, f">= {GOAL}", ratio >= GOAL, details),
        *(Result(name, heat, f">= {GOAL_HOT}", heat >= GOAL_HOT, details) for name, heat in heats.items()),
        Result("ledger_bytes", size, f"<= {GOAL_BYTES}", size <= GOAL_BYTES, details),
        Result("ledger_old", old[0], f"<= {GOAL_OLD}", old[0] <= GOAL_OLD, details),
    ]


def _ratio(above: list[float], below: list[float]) -> float:
    return median(one / other for one, other in zip(above, below, strict=True))


def _spread(writer: int, number: int) -> Postings:
    """A transfer between two accounts that no other transfer uses."""
    amount, rail = Money(10), account("cash", f"bench{writer}-{number % 500}")
    return (Posting(rail, amount), Posting(account("suspense", f"bench{writer}-{number % 500}"), -amount))


def _deposited(owner: str, writer: int, number: int) -> Postings:
    """Money of a buyer comes in: their deposit may have one sign alone."""
    amount, other = Money(10), account("cash", f"bench{writer}-{number % 500}")
    return (Posting(other, amount), Posting(account("buyer_deposit", owner), -amount))


def _taken(owner: str, writer: int, number: int) -> Postings:
    """Money of a buyer is spent."""
    return tuple(Posting(one.account, -one.amount) for one in _deposited(owner, writer, number))


def _own(writer: int, number: int) -> str:
    return f"buyer:bench{writer}-{number % 500}"


# Each round posts all of them in this order, so that what is taken is there.
POSTED: Mapping[str, Callable[[int, int], Postings]] = {
    "spread": _spread,
    "hot": lambda _writer, _number: issuer_cost(Money(10)),
    "deposited": lambda writer, number: _deposited(_own(writer, number), writer, number),
    "hot_deposited": lambda writer, number: _deposited("buyer:bench", writer, number),
    "taken": lambda writer, number: _taken(_own(writer, number), writer, number),
    "hot_taken": lambda writer, number: _taken("buyer:bench", writer, number),
}
HOT: Mapping[str, tuple[str, str]] = {
    "ledger_hot": ("hot", "spread"),
    "ledger_hot_signed": ("hot_deposited", "deposited"),
    "ledger_hot_taken": ("hot_taken", "taken"),
}


def _posting(database: Database, made: Callable[[int, int], Postings]) -> Callable[[int, int], Awaitable[None]]:
    return lambda writer, number: _post(database, made(writer, number))


async def _post(database: Database, postings: Postings) -> None:
    async with database.plain() as plain:
        await ledger.post(plain, new_id(), None, "bench", postings, cause="bench:1")


async def _per_s(many: int, act: Callable[[int, int], Awaitable[None]]) -> float:
    async def write(writer: int) -> None:
        for number in range(many // WRITERS):
            await act(writer, number)

    begun = time.perf_counter()
    await asyncio.gather(*map(write, range(WRITERS)))
    return many / (time.perf_counter() - begun)


async def _bare_per_s(url: str, many: int) -> float:
    connections = [await asyncpg.connect(url.replace("+asyncpg", "")) for _ in range(WRITERS)]
    try:
        return await _per_s(many, lambda writer, _: _touch(connections[writer], writer))
    finally:
        for connection in connections:
            await connection.close()


async def _touch(connection: asyncpg.Connection, writer: int) -> None:
    await connection.execute(_RAW, writer)


async def _prepare(database: Database) -> None:
    async with database.transaction() as session:
        await session.execute(text("CREATE TABLE bare (id int PRIMARY KEY, touched int NOT NULL)"))
        await session.execute(text("INSERT INTO bare SELECT n, 0 FROM generate_series(0, 7) AS n"))
    for name in ("spread", "deposited"):
        await _per_s(WRITERS * 500, _posting(database, POSTED[name]))  # Accounts are made.
    async with database.statement() as connection:  # A server in use knows how large its tables are.
        await connection.execute(text("ANALYZE"))


async def _kept(database: Database) -> None:
    """Write checkpoints, as the background job does."""
    async with database.transaction() as session:
        mark = await checkpoints.mark(session)
    async with database.transaction() as session:
        await checkpoints.write(session, 0, mark)


async def _bytes_per_transfer(database: Database) -> float:
    """Bytes of tables and indexes that one transfer of two entries adds."""
    size = text(
        "SELECT sum(pg_total_relation_size(one)) FROM unnest(ARRAY['entry', 'ledger_transaction']::regclass[]) AS one"
    )
    async with database.transaction() as session:
        total = int((await session.execute(size)).scalar_one())
        transfers = int((await session.execute(text("SELECT count(*) FROM ledger_transaction"))).scalar_one())
    return round(total / transfers, 1)


async def _old_account(database: Database, url: str, entries: int) -> tuple[float, dict[str, float]]:
    """The balance of an account with a million entries ÷ that of one with ten, read in turns after the job has run."""
    old, young = account("cash", "old"), account("cash", "young")
    for one in (old, young):
        other = account(one.code.replace("cash", "suspense").partition(":")[0], one.code.partition(":")[2])
        for _ in range(10):
            await _post(database, (Posting(one, Money(1)), Posting(other, Money(-1))))
    connection = await asyncpg.connect(url.replace("+asyncpg", ""))  # The product's own have a time limit.
    try:
        await connection.execute("ALTER TABLE entry DISABLE TRIGGER entries_sum_to_zero")
        await connection.execute(_OLD.replace(":many", str(entries)))
        await connection.execute("ALTER TABLE entry ENABLE TRIGGER entries_sum_to_zero")
        await connection.execute("VACUUM ANALYZE entry")
    finally:
        await connection.close()
    await _kept(database)
    for _ in range(checkpoints.ENTRIES_MIN // 2):  # As many as the job leaves on average.
        await _post(database, (Posting(old, Money(1)), Posting(cash(Rail.ALIPAY), Money(-1))))
    took: dict[str, list[float]] = {old.code: [], young.code: []}
    for _ in range(READS):
        for code, times in took.items():
            begun = time.perf_counter()
            async with database.transaction() as session:
                await ledger.balance(session, code)
            times.append(time.perf_counter() - begun)
    p50 = {code: median(times) for code, times in took.items()}
    return p50[old.code] / p50[young.code], {"old_ms": p50[old.code] * 1000, "young_ms": p50[young.code] * 1000}
