"""Providers as pages and cards see them: windows of maintenance, and what calls came to, from sums that are small however many calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2s
from typing import Any

from sqlalchemy import ColumnElement, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.ops.providers import ProviderStepRow, ProviderWindowRow
from domain.cards.card import CardType, Stage
from domain.cards.facts import HeldFacts
from domain.ops.calls import NO_CALLS, Tally, added, slot_of
from domain.ops.maintenance import ACTIVE, HOLDING, OPEN
from domain.ops.providers import needed_by
from domain.places import business_day
from domain.rules.brands import brand

LATELY = timedelta(minutes=15)  # For so long back success and latency are shown.
HISTORY_MAX = 20
MARK_LENGTH = 8
_SUMS = "calls, failed, timeouts, refused, cost_fen, latency"
_LATELY = f"SELECT provider, brand, {_SUMS} FROM provider_slot WHERE at >= :since"  # noqa: S608  # Names of our own.
_TODAY = f"SELECT provider, brand, {_SUMS} FROM provider_day WHERE day = :day"  # noqa: S608
_ERRORS = "SELECT provider, brand, error, at FROM provider_error"
_RATES = "SELECT CAST(found->>'offered' AS boolean) FROM run_watch WHERE look = 'rates'"
_CIRCUITS = "SELECT name, failures, open_until, probing_until FROM circuit"


@dataclass(frozen=True)
class Failure:
    """A provider's newest failure, in its short word."""

    brand: str
    error: str
    at: datetime


@dataclass(frozen=True)
class Breaker:
    """A circuit that failed lately; one that never failed has none. `open_until` in the future: no calls are made."""

    name: str
    failures: int
    open_until: datetime | None


@dataclass(frozen=True)
class CallSums:
    """What the calls to one provider came to, by brand: lately and today."""

    lately: Mapping[str, Tally]
    today: Mapping[str, Tally]
    failures: tuple[Failure, ...]

    @property
    def all_lately(self) -> Tally:
        """Every brand together."""
        return _together(self.lately)

    @property
    def all_today(self) -> Tally:
        """Every brand together."""
        return _together(self.today)


NO_SUMS = CallSums({}, {}, ())


async def call_sums(session: AsyncSession, now: datetime) -> dict[str, CallSums]:
    """Return what calls came to, by provider."""
    lately = (await session.execute(text(_LATELY), {"since": slot_of(now - LATELY)})).mappings().all()
    today = (await session.execute(text(_TODAY), {"day": business_day(now)})).mappings().all()
    errors = (await session.execute(text(_ERRORS))).all()
    found = {row["provider"] for row in (*lately, *today)} | {row.provider for row in errors}
    return {
        provider: CallSums(
            _by_brand(lately, provider),
            _by_brand(today, provider),
            tuple(
                sorted(
                    (Failure(row.brand, row.error, row.at) for row in errors if row.provider == provider),
                    key=lambda one: one.at,
                    reverse=True,
                )
            ),
        )
        for provider in found
    }


async def breakers(session: AsyncSession) -> tuple[Breaker, ...]:
    """Return every circuit that failed lately."""
    rows = await session.execute(text(_CIRCUITS))
    return tuple(Breaker(row.name, row.failures, row.open_until) for row in rows)


async def open_windows(session: AsyncSession, provider: str | None = None) -> tuple[ProviderWindowRow, ...]:
    """Return the windows that are planned or in force, the earliest first."""
    wanted: list[ColumnElement[bool]] = [ProviderWindowRow.state.in_(OPEN)]
    if provider is not None:
        wanted.append(ProviderWindowRow.provider == provider)
    rows = await session.execute(select(ProviderWindowRow).where(*wanted).order_by(ProviderWindowRow.starts_at))
    return tuple(rows.scalars())


async def server_keeps_rates(session: AsyncSession) -> bool:
    """Return whether Temporal's server holds providers' queues; where it does not, the workers do. True until it was asked."""
    found = (await session.execute(text(_RATES))).scalar_one_or_none()
    return found is not False


async def past_windows(session: AsyncSession, provider: str) -> tuple[ProviderWindowRow, ...]:
    """Return the provider's newest windows that are over or were cancelled."""
    wanted = (ProviderWindowRow.provider == provider, ProviderWindowRow.state.not_in(OPEN))
    newest = select(ProviderWindowRow).where(*wanted).order_by(ProviderWindowRow.starts_at.desc()).limit(HISTORY_MAX)
    return tuple((await session.execute(newest)).scalars())


async def steps_of(session: AsyncSession, windows: Sequence[ProviderWindowRow]) -> dict[str, list[ProviderStepRow]]:
    """Return the changes of these windows, the newest first, by window."""
    ids = [one.id for one in windows]
    changes = select(ProviderStepRow).where(ProviderStepRow.window_id.in_(ids)).order_by(ProviderStepRow.id.desc())
    found: dict[str, list[ProviderStepRow]] = {one: [] for one in ids}
    for row in (await session.execute(changes)).scalars():
        found[row.window_id].append(row)
    return found


async def held_since(session: AsyncSession, provider: str, brand: str, since: datetime) -> HeldFacts:
    """Return whether the provider has been in maintenance for this brand since then, and until when it is."""
    windows = select(ProviderWindowRow).where(
        ProviderWindowRow.provider == provider,
        ProviderWindowRow.brand.in_(("", brand)),
        ProviderWindowRow.held_at.is_not(None),
        ProviderWindowRow.closed_at.is_(None) | (ProviderWindowRow.closed_at > since),
    )
    rows = (await session.execute(windows)).scalars().all()
    ends = [row.ends_at for row in rows if row.state in HOLDING and row.ends_at is not None]
    return HeldFacts(held=bool(rows), until=max(ends).isoformat() if ends else None)


@dataclass(frozen=True)
class Delay:
    """Why a card waits: a party in maintenance. `until` is the planned end, None for an open one or one that has passed."""

    provider: str
    until: datetime | None
    resuming: bool
    reason: str

    @property
    def kind(self) -> str:
        """Return the kind of party, e.g. `issuer`."""
        return self.provider.partition(":")[0]

    @property
    def mark(self) -> str:
        """Return eight hex digits that differ where a reader would read something else."""
        read = f"{self.provider} {self.until} {self.resuming}"
        return blake2s(read.encode(), digest_size=MARK_LENGTH // 2).hexdigest()


Delays = Mapping[tuple[str, str], Delay]


async def delays(session: AsyncSession, now: datetime) -> Delays:
    """Return the windows in force, by provider and brand (empty: all brands)."""
    in_force = select(ProviderWindowRow).where(ProviderWindowRow.state.in_(ACTIVE))
    return {
        (row.provider, row.brand): Delay(
            row.provider,
            row.ends_at if row.ends_at is not None and row.ends_at > now else None,
            row.state not in HOLDING,
            row.reason,
        )
        for row in (await session.execute(in_force)).scalars()
    }


def delay_of(found: Delays, stage: Stage, card_type: CardType, brand_code: str) -> Delay | None:
    """Return what a card at this stage waits for, or will; None when all providers that it depends on work."""
    if not found:
        return None
    for provider in needed_by(stage, card_type, brand(brand_code).issuer):
        delay = found.get((provider.id, "")) or found.get((provider.id, brand_code))
        if delay is not None:
            return delay
    return None


def _together(brands: Mapping[str, Tally]) -> Tally:
    total = NO_CALLS
    for one in brands.values():
        total = added(total, one)
    return total


def _by_brand(rows: Sequence[Any], provider: str) -> dict[str, Tally]:
    found: dict[str, Tally] = {}
    for row in rows:
        if row["provider"] == provider:
            one = Tally(
                int(row["calls"]), int(row["failed"]), int(row["timeouts"]), int(row["refused"]), int(row["cost_fen"]),
                tuple(row["latency"]),
            )  # fmt: skip
            found[row["brand"]] = added(found.get(row["brand"], NO_CALLS), one)
    return found
