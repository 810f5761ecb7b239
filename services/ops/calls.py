"""What every call to a provider came to: counted in memory, written together, read as sums however many calls there were."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.session import Database
from domain.ops.calls import CLASSES, NO_CALLS, CallEnd, Tally, added, class_of, slot_of
from domain.ops.providers import FX_DESK, MESSAGES, OUTLETS, PAYOUTS, issuer, store
from domain.places import business_day
from domain.rules.brands import catalogue

KEPT = timedelta(hours=6)  # Sums of ten seconds older than this are of no use.
STALE = timedelta(minutes=10)
SWEPT_EVERY = 600  # Writes.
ERROR_MAX = 60
_SINGLE = {"outlet": OUTLETS, "fx": FX_DESK, "alipay": PAYOUTS, "wechat": PAYOUTS, "messages": MESSAGES}
_FIELDS = "calls, failed, timeouts, refused, cost_fen, latency"
_ADD = """
INSERT INTO {table} (provider, brand, {when}, {fields})
SELECT provider, brand, {when}, {fields} FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS one(
    provider text, brand text, at timestamptz, day date, calls bigint, failed bigint, timeouts bigint, refused bigint,
    cost_fen bigint, latency bigint[])
ON CONFLICT (provider, brand, {when}) DO UPDATE SET
    calls = {table}.calls + excluded.calls, failed = {table}.failed + excluded.failed,
    timeouts = {table}.timeouts + excluded.timeouts, refused = {table}.refused + excluded.refused,
    cost_fen = {table}.cost_fen + excluded.cost_fen,
    latency = (SELECT array_agg(a + b ORDER BY place) FROM unnest({table}.latency, excluded.latency) WITH ORDINALITY AS each(a, b, place))
"""
_ERRORS = """
INSERT INTO provider_error (provider, brand, error, at)
SELECT provider, brand, error, at FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS one(
    provider text, brand text, error text, at timestamptz)
ON CONFLICT (provider, brand) DO UPDATE SET error = excluded.error, at = excluded.at WHERE provider_error.at <= excluded.at
"""
_RUNNING = """
INSERT INTO provider_running (provider, brand, process, running, at)
SELECT provider, brand, CAST(:process AS text), running, CAST(:now AS timestamptz)
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS one(provider text, brand text, running int)
ON CONFLICT (provider, brand, process) DO UPDATE SET running = excluded.running, at = excluded.at
"""
_SWEEP = (
    "DELETE FROM provider_slot WHERE at < CAST(:kept AS timestamptz)",
    "DELETE FROM provider_running WHERE at < CAST(:stale AS timestamptz)",
)
Whom = tuple[str, str]  # Provider and brand.


def whom(circuit: str) -> Whom:
    """Return provider and brand of a circuit's name, e.g. `issuer:jd` → (`issuer:jd`, `jd`), `alipay` → (`payout`, ``)."""
    system, _, brand = circuit.partition(":")
    if system in _SINGLE:
        return _SINGLE[system].id, ""
    known = catalogue().get(brand)
    code = known.issuer if known is not None else brand
    return (store(code) if system == "pos" else issuer(code)).id, brand


class ProviderCallCounts:
    """The calls of this process since the last write. `began` and `ended` only remember; `write` is a background job's."""

    def __init__(
        self, database: Database, process: str, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._process = process
        self._now = now
        self._tallies: dict[tuple[Whom, datetime], Tally] = {}
        self._errors: dict[Whom, tuple[str, datetime]] = {}
        self._running: Counter[Whom] = Counter()
        self._known: set[Whom] = set()  # Those whose running calls have a row that may not say 0.
        self._writes = 0

    def began(self, circuit: str) -> None:
        """Remember that a call has begun."""
        self._running[whom(circuit)] += 1

    def ended(self, circuit: str, end: CallEnd | None, reason: str, latency_ms: int, cost_fen: int) -> None:
        """Remember how a call ended; None: it was cut off on our side and says nothing of the provider."""
        called = whom(circuit)
        self._running[called] -= 1
        if end is None:
            return
        failed = end in (CallEnd.FAILED, CallEnd.TIMEOUT)
        classes = [0] * CLASSES
        classes[class_of(latency_ms)] = 1
        one = Tally(1, int(failed), int(end is CallEnd.TIMEOUT), int(end is CallEnd.REFUSED), cost_fen, tuple(classes))
        slot = (called, slot_of(self._now()))
        before = self._tallies.get(slot)
        self._tallies[slot] = one if before is None else added(before, one)
        if failed:
            self._errors[called] = (reason[:ERROR_MAX], self._now())

    async def write(self) -> int:
        """Write what was remembered; return how many sums. Raises DatabaseUnavailable, and remembers it then."""
        tallies, errors = self._tallies, self._errors
        self._tallies, self._errors = {}, {}
        running = {called: count for called, count in self._running.items() if count or called in self._known}
        try:
            async with self._database.transaction() as session:
                await self._written(session, tallies, errors, running)
        except BaseException:
            for slot, tally in tallies.items():
                newer = self._tallies.get(slot)
                self._tallies[slot] = tally if newer is None else added(tally, newer)
            self._errors = errors | self._errors
            raise
        self._known = {called for called, count in running.items() if count}
        return len(tallies)

    async def _written(
        self,
        session: AsyncSession,
        tallies: dict[tuple[Whom, datetime], Tally],
        errors: dict[Whom, tuple[str, datetime]],
        running: dict[Whom, int],
    ) -> None:
        """In the order of their keys: two processes that write the same rows wait for one another and never in a circle."""
        now = self._now()
        if tallies:
            days: dict[tuple[Whom, str], Tally] = defaultdict(lambda: NO_CALLS)
            for (called, at), tally in tallies.items():
                day = (called, business_day(at).isoformat())
                days[day] = added(days[day], tally)
            slots = [_row(called, "at", at.isoformat(), tally) for (called, at), tally in sorted(tallies.items())]
            await session.execute(_add("provider_slot", "at"), {"rows": json.dumps(slots)})
            sums = [_row(called, "day", day, tally) for (called, day), tally in sorted(days.items())]
            await session.execute(_add("provider_day", "day"), {"rows": json.dumps(sums)})
        if errors:
            rows = [
                {"provider": called[0], "brand": called[1], "error": error, "at": at.isoformat()}
                for called, (error, at) in sorted(errors.items())
            ]
            await session.execute(text(_ERRORS), {"rows": json.dumps(rows)})
        if running:
            calls = [{"provider": one[0], "brand": one[1], "running": count} for one, count in sorted(running.items())]
            values = {"rows": json.dumps(calls), "process": self._process, "now": now}
            await session.execute(text(_RUNNING), values)
        self._writes += 1
        if self._writes % SWEPT_EVERY == 1:
            for sweep in _SWEEP:
                await session.execute(text(sweep), {"kept": now - KEPT} if "kept" in sweep else {"stale": now - STALE})


def _add(table: str, when: str) -> TextClause:
    return text(_ADD.format(table=table, when=when, fields=_FIELDS))


def _row(called: Whom, when: str, value: str, tally: Tally) -> dict[str, object]:
    return {
        "provider": called[0], "brand": called[1], when: value, "calls": tally.calls, "failed": tally.failed,
        "timeouts": tally.timeouts, "refused": tally.refused, "cost_fen": tally.cost_fen, "latency": list(tally.latency),
    }  # fmt: skip
