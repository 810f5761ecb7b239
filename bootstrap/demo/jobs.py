"""The loops that play the world outside where it is simulated."""

from __future__ import annotations

from bootstrap.demo.brands import announcing_jobs
from bootstrap.demo.goodwill import DemoGoodwill
from bootstrap.demo.payments import DemoPayments
from bootstrap.settings import Settings
from bootstrap.store import photo_store
from database.session import Database
from domain.sealing import KeyRing
from jobs.registry import Job

GOODWILL_S = 5.0


def demo_jobs(settings: Settings, store: Database, keyring: KeyRing) -> list[Job]:
    """Return the loops; none where the outside systems are real."""
    jobs = announcing_jobs(settings)
    if settings.demo and settings.simulators:
        story = DemoGoodwill(settings, store, keyring, photo_store(settings, keyring))
        jobs.append(Job("demo_goodwill", GOODWILL_S, story.look, 2))
        payments = DemoPayments(settings, store, keyring, photo_store(settings, keyring))
        jobs.append(Job("demo_payments", GOODWILL_S, payments.look, 2))
    return jobs
