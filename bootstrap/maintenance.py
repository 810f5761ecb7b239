"""The loop that moves windows of maintenance on; every process that keeps running has it, and one at a time looks."""

from __future__ import annotations

from collections.abc import Callable

from temporalio.client import Client

from activities.holding import CallHolder
from bootstrap.settings import Settings
from database.session import Database
from domain.ops.providers import OF_ISSUERS, Provider
from domain.rules.brands import brands_of_issuer
from jobs.held_calls import HeldCalls, RatesOffered
from jobs.maintenance import QueueRates
from jobs.registry import Job
from services.ops.window_steps import WindowSteps

STEPS_S, RATES_S = 1.0, 30.0
NEVER = 10**9  # A look is whole: there is never more at once.


def maintenance_job(settings: Settings, store: Database, client: Client) -> Job:
    """Return the loop."""
    rates = QueueRates(client, usual_rate(settings))
    return Job("maintenance", STEPS_S, WindowSteps(store, rates.limit).step, NEVER)


def rates_job(store: Database, client: Client) -> Job:
    """Return the loop that finds out whether Temporal's server keeps the rate of a task queue."""
    return Job("rates", RATES_S, RatesOffered(store, client).look, NEVER)


def call_holder(settings: Settings, store: Database) -> CallHolder:
    """Return what holds calls in a worker where the server cannot."""
    return CallHolder(HeldCalls(store, usual_rate(settings)).wait)


def usual_rate(settings: Settings) -> Callable[[Provider], float]:
    """Return what says how many calls a second one queue of a provider may have; brands of one issuer share its rate."""

    def usual(provider: Provider) -> float:
        if provider.kind not in OF_ISSUERS:
            return settings.outside_calls_per_second
        return settings.issuer_calls_per_second / max(1, len(brands_of_issuer(provider.issuer)))

    return usual
