"""A bill of a million lines with planted differences: every one is found, none is invented, and memory stays flat.

`CARDLOOP_LINES` changes how many lines there are.
"""

from __future__ import annotations

import gc
import os
import resource
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from time import perf_counter

import asyncpg
import pytest
from sqlalchemy import text

from benchmarks.reconcile import key_of, paid
from database.repositories.expectations import all_from_books
from domain.finance.statements import StatementState
from domain.identifiers import new_id
from domain.places import BUSINESS_ZONE, business_day
from services.finance.matching import Matching
from services.finance.statement_import import StatementImport
from services.finance.statements import Statements
from tests.builders.reconciling import WECHAT, FinanceDesk
from tests.builders.world import World

LINES = int(os.environ.get("CARDLOOP_LINES", "1000000"))
EACH = 50  # So many of each kind of difference.
MEMORY_MB_MAX = 150  # What the whole import may add to the process.
HEAD = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号\r\n"


class Bill:
    """The bytes of the bill, made as they are read: nothing of it is ever whole in memory."""

    def __init__(self, run: int, day: date) -> None:
        self._run, self._day = run, day
        self._parts = self._lines()
        self._rest = b""

    async def read(self, size: int) -> bytes:
        parts, length = [self._rest], len(self._rest)
        while length < size and (part := next(self._parts, b"")):
            parts.append(part)
            length += len(part)
        whole = b"".join(parts)
        self._rest = whole[size:]
        return whole[:size]

    def _lines(self) -> Iterator[bytes]:
        """Orders 1 to LINES; of the first of them, in groups of EACH: over, under, twice, and not there at all. Behind them
        those that our books paid in another currency.
        """
        at = datetime.combine(self._day, time(0, 0, 1), BUSINESS_ZONE)
        yield HEAD.encode("utf-8-sig")
        count = out = came = ins = 0
        balance = LINES * 500_00
        for number in range(1, LINES + EACH + 1):
            group = (number - 1) // EACH
            if group == 3:
                continue  # Missing there.
            amount = 46_500 + {0: 10, 1: -10}.get(group, 0)
            for again in range(2 if group == 2 else 1):
                balance -= amount
                count, out = count + 1, out + amount
                moment = at + timedelta(seconds=number * 80_000 // (LINES + EACH))
                yield _line(
                    moment, f"{self._run}{number:09}{again}", "转账", -amount, balance, key_of(self._run, number)
                )
        for number in range(EACH):
            balance -= 1_234
            count, out = count + 1, out + 1_234
            yield _line(at, f"9{self._run}{number:09}", "扣款", -1_234, balance, "")
            balance -= 100
            count, out = count + 1, out + 100
            yield _line(at, f"8{self._run}{number:09}", "手续费", -100, balance, "")
        sums = (f"{count}.0", f"{ins}.0", _yuan(came), f"{count}.0", _yuan(out))
        yield (
            "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\r\n" + ",".join(f"`{one}" for one in sums) + "\r\n"
        ).encode()


def _line(at: datetime, number: str, kind: str, amount: int, balance: int, key: str) -> bytes:
    values = (
        f"{at:%Y-%m-%d %H:%M:%S}", f"10{number}", f"42{number}", kind, kind, "支出", _yuan(-amount), _yuan(balance),
        "1900000109API", "", key,
    )  # fmt: skip
    return (",".join(f"`{value}" for value in values) + "\r\n").encode()


def _yuan(minor: int) -> str:
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d}"


def _rss_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


@pytest.fixture
def _collected_as_in_the_product() -> Iterator[None]:
    """The collector at Python's own pace: tests let it rest, which would count as memory of the import."""
    slowed = gc.get_threshold()
    gc.set_threshold(700, 10, 10)
    yield
    gc.set_threshold(*slowed)


@pytest.mark.proof
@pytest.mark.timeout(3600)
@pytest.mark.usefixtures("_collected_as_in_the_product")
async def test_a_million_lines_are_reconciled_in_flat_memory(world: World, world_url: str) -> None:
    run, database = 77, world.database
    connection = await asyncpg.connect(world_url.replace("+asyncpg", ""))
    try:
        await connection.execute(
            "INSERT INTO account (code, currency, kind, owner, sign)"
            " SELECT code, currency, kind, 'rail', 'either' FROM unnest(ARRAY['CNY', 'USD']) AS currency,"
            " (VALUES ('cash:wechat', 'asset'), ('in_flight:wechat', 'liability')) AS one (code, kind) ON CONFLICT DO NOTHING"
        )
        await paid(connection, run, LINES)
        await paid(connection, run, LINES + EACH, first=LINES + 1, currency="USD")
    finally:
        await connection.close()
    async with database.transaction() as session:
        await all_from_books(session, WECHAT)
    day = business_day(datetime.now(UTC) - timedelta(days=1))  # When the orders were paid.

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(days=3)

    before, bill, begun = _rss_mb(), Bill(run, day), perf_counter()
    kept = await Statements(database, world.keyring, clock).keep("machine:proof", f"{new_id()}.csv", bill.read, day)
    row = await StatementImport(database, world.keyring, clock).run(kept.statement_id)
    assert row is not None
    assert (row.state, row.refused_with, row.rejected) == (StatementState.IMPORTED, {}, 0)
    await Matching(database, clock).judge(row.id)
    took = perf_counter() - begun
    later = FinanceDesk(world)  # The bill of the next day makes this one complete.
    await later.imported(later.bill([]) + b"\r\n" * 9, day=day + timedelta(days=1))
    grown = _rss_mb() - before
    print(f"{LINES} lines in {took:.0f} s, {grown} MB more")  # What a proof measured.
    assert (row.lines, row.matched) == (LINES + EACH * 3, LINES - EACH * 3)
    async with database.transaction() as session:
        found = await session.execute(
            text("SELECT b.kind, count(*) FROM statement_break b JOIN statement_line l ON l.id = b.line_id"
                 " WHERE l.statement_id = :id GROUP BY b.kind"),
            {"id": row.id},
        )  # fmt: skip
        kinds = {kind: number for kind, number in found}  # noqa: C416
        unseen = await session.execute(
            text("SELECT count(*) FROM statement_break b JOIN expectation x ON x.entry_id = b.entry_id"
                 " WHERE x.key LIKE :run AND b.kind = 'missing_there'"),
            {"run": f"card-{run:02}%"},
        )  # fmt: skip
    assert kinds == {
        "amount_over": EACH, "amount_under": EACH, "duplicate": EACH, "missing_here": EACH, "fee_difference": EACH,
        "currency": EACH,
    }  # fmt: skip
    assert unseen.scalar_one() == EACH
    assert grown <= MEMORY_MB_MAX
