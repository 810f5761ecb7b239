"""Every invariant in one list, and the two ways to check them: all at once, and each for itself within a bounded time."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from database.invariants.base import STEP_MAX, Invariant, Look, Result, Violation
from database.invariants.books import CheckpointsHold, ClosedMonthsHold, EntriesSumToZero, SignsHold
from database.invariants.clocks import ClocksAreTrue, TicketClocksAreTrue
from database.invariants.evidence import EventsHaveEvidence, EvidenceIsPlaced, HeadsContinue, TreeVerifies
from database.invariants.journeys import CardsAreHeld, DecidedOnce
from database.invariants.payments import CardsPaidOnce, GoodwillPaidOnce, PartsFit, WordsAgree
from database.invariants.seller_money import SellerMoneyAddsUp
from database.invariants.settlements import SettlementsAddUp, SettlementsByTwo
from database.invariants.sources import PostingsHaveSources, SourcesAgree
from database.invariants.two_people import ClaimsByTwo, DecisionsByTwo, GoodwillByTwo, MonthsByTwo, RepairsByTwo
from database.session import Database

# In the order of their numbers.
INVARIANTS: tuple[Invariant, ...] = (
    EntriesSumToZero(),
    CheckpointsHold(),
    ClosedMonthsHold(),
    SignsHold(),
    SourcesAgree(),
    PostingsHaveSources(),
    SellerMoneyAddsUp(),
    CardsPaidOnce(),
    GoodwillPaidOnce(),
    PartsFit(),
    WordsAgree(),
    SettlementsAddUp(),
    CardsAreHeld(),
    DecidedOnce(),
    EventsHaveEvidence(),
    EvidenceIsPlaced(),
    TreeVerifies(),
    HeadsContinue(),
    DecisionsByTwo(),
    RepairsByTwo(),
    GoodwillByTwo(),
    MonthsByTwo(),
    ClaimsByTwo(),
    SettlementsByTwo(),
    ClocksAreTrue(),
    TicketClocksAreTrue(),
)
_CANCELED = "57014"  # SQLSTATE of a statement that its time limit ended.


async def violations(session: AsyncSession, public_key: bytes, *, step_max: timedelta = STEP_MAX) -> list[Violation]:
    """List every violation of every invariant; none when all is well.

    `public_key` is the evidence key's. `step_max` is how long a card may be with the machine, or past its deadline.
    """
    look = Look(public_key, step_max=step_max)
    return [Violation(one.code, what) for one in INVARIANTS for what in await one.broken(session, look)]


async def check(
    database: Database, look: Look, within: timedelta, among: Sequence[Invariant] = INVARIANTS
) -> list[Result]:
    """Check each invariant in a transaction of its own that only reads, no statement of it longer than `within`.

    A look that is not whole leaves those out that are not checked often. Raises DatabaseUnavailable.
    """
    return [await _one(database, one, look, within) for one in among if look.whole or one.often]


def found(results: Sequence[Result]) -> list[Violation]:
    """List what results say is broken, a check that did not end in its time included."""
    lines = [Violation(one.code, what) for one in results for what in one.lines]
    slow = [f"{one.name} was not checked to its end in {one.took_ms} ms" for one in results if not one.finished]
    codes = [one.code for one in results if not one.finished]
    return lines + [Violation(code, what) for code, what in zip(codes, slow, strict=True)]


async def _one(database: Database, one: Invariant, look: Look, within: timedelta) -> Result:
    began, at = time.perf_counter(), datetime.now(UTC)
    lines: list[str] = []
    finished = True
    try:
        async with database.transaction() as session:
            await session.execute(text("SET TRANSACTION READ ONLY"))
            limit = f"{int(within.total_seconds() * 1000)}ms"
            # A plan for each look: what is right for everything is wrong for what is recent.
            settings = "SELECT set_config('statement_timeout', :limit, true), set_config('plan_cache_mode', 'force_custom_plan', true)"
            await session.execute(text(settings), {"limit": limit})
            lines = await one.broken(session, look)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _CANCELED:
            raise
        finished = False
    took = int((time.perf_counter() - began) * 1000)
    return Result(one.code, one.name, look.whole, tuple(lines), took, at, finished)
