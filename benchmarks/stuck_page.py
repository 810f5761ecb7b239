"""Whether the page of stuck cards minds how many workflows are open: the tail of its read at 100,000 open runs ÷ at 1,000.

A tenth of them is stuck, by three causes. How long one look for stuck runs takes is printed beside it.
"""

from __future__ import annotations

import asyncio
import gc
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from statistics import median, quantiles

from sqlalchemy import text

from benchmarks.queues import queue_of, queue_server
from benchmarks.result import Result
from database.reads.ops.stuck import causes, looks
from database.session import Database
from services.ops.stuck import StuckRuns

GOAL = 1.5
MANY, MANY_SHORT, FEW = 100_000, 20_000, 1_000
READS, READS_SHORT = 2_000, 500
_SUBMISSION = """
INSERT INTO submission (id, owner, idempotency_key, request_hash, channel, locale, payee_account_sealed, payee_name_sealed,
    payee_masked, created_at)
VALUES ('bench', 'partner:bench', 'bench', '', 'api', 'en', '', '', '', now())
"""
# Most cards wait for a seller, as they do; each tenth fails at its step.
_CARDS = """
INSERT INTO card (id, submission_id, position, card_type, brand, currency, holds_number, live, fields_revision, confirm_fields,
    stage, waiting_for, since, until, started_at, created_at, face_value_minor)
SELECT 'C' || lpad(n::text, 10, '0'), 'bench', n, 'ecommerce', 'jd', 'CNY', false, true, 1, false,
    CASE WHEN n % 10 = 0 THEN 'verification' ELSE 'offer' END, CASE WHEN n % 10 = 0 THEN 'machine' ELSE 'seller_offer' END,
    now(), now() + interval '1 day', now(), now(), 50000
FROM generate_series(1, :many) AS n
"""
_STEPS = """
INSERT INTO pending_step (workflow_id, kind, subject, state, step, queue, provider, failures, error_class, reason, message,
    since, last_at, next_at, build_id, worker)
SELECT 'card:' || id, 'card', id, 'failing', 'verification.ask_issuer', 'issuer-jd', 'issuer:jd', 3, 'gateway_unavailable',
    'timeout', 'issuer: timeout', now(), now(), now() + interval '1 hour', 'b' || position % 3, 'w'
FROM card WHERE stage = 'verification'
"""


def measure(short: bool) -> list[Result]:
    """Reads of the two databases in turn; the value is the ratio of their p99."""
    return asyncio.run(_measure(MANY_SHORT if short else MANY, READS_SHORT if short else READS))


async def _measure(many: int, reads: int) -> list[Result]:
    async with queue_server() as server, AsyncExitStack() as stack:
        places = {name: await stack.enter_async_context(queue_of(server, name, 1, 1)) for name in ("long", "small")}
        look_ms = {name: await _filled(places[name], count) for name, count in (("long", many), ("small", FEW))}
        spent: dict[str, list[float]] = {name: [] for name in places}
        gc.collect()
        gc.freeze()  # A sweep over every module loaded would be the whole tail.
        for _ in range(reads):
            for name, database in places.items():
                began = time.perf_counter()
                async with database.transaction() as session:
                    assert len(await causes(session, datetime.now(UTC))) == 3
                    await looks(session)
                spent[name].append(time.perf_counter() - began)
        gc.unfreeze()
    tail = {name: quantiles(times, n=100)[98] for name, times in spent.items()}
    ratio = tail["long"] / tail["small"]
    details = {
        "open_runs": many, "stuck": many // 10, "look_ms": look_ms,
        "p99_ms": {name: round(1e3 * worst, 2) for name, worst in tail.items()},
        "median_ms": {name: round(1e3 * median(times), 2) for name, times in spent.items()},
    }  # fmt: skip
    return [Result("stuck_page", ratio, f"<= {GOAL}", ratio <= GOAL, details)]


async def _filled(database: Database, many: int) -> float:
    """Fill the database and look for stuck runs twice; return how long the second look took, in ms."""
    async with database.transaction() as session:
        await session.execute(text(_SUBMISSION))
        await session.execute(text(_CARDS), {"many": many})
        await session.execute(text(_STEPS))
    async with database.statement() as connection:
        await connection.execute(text("ANALYZE"))
    await StuckRuns(database).find()
    began = time.perf_counter()
    assert await StuckRuns(database).find() == many // 10
    return round(1e3 * (time.perf_counter() - began), 1)
