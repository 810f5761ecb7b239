"""The loops that play the world outside where it is simulated."""

from __future__ import annotations

from bootstrap.demo import desk as at_desk
from bootstrap.demo import payments, suspense, trades
from bootstrap.demo.brands import announcing_jobs
from bootstrap.demo.goodwill import goodwill
from bootstrap.demo.hands import DemoStories, Hands
from bootstrap.settings import Settings
from bootstrap.store import photo_store
from database.session import Database
from domain.sealing import KeyRing
from jobs.registry import Job
from workflows.client import CardClient

STORIES_S = 5.0
STORIES = (
    goodwill, payments.held, payments.claim, payments.refused, payments.unknown, payments.offset, payments.sold,
    trades.abroad, trades.reserved, trades.brokered, at_desk.decided, at_desk.switched_off, suspense.explained,
)  # fmt: skip


def demo_jobs(settings: Settings, store: Database, keyring: KeyRing, desk: CardClient) -> list[Job]:
    """Return the loops; none where the outside systems are real."""
    jobs = announcing_jobs(settings)
    if settings.demo and settings.simulators:
        stories = DemoStories(Hands(settings, store, keyring, photo_store(settings, keyring), desk), STORIES)
        jobs.append(Job("demo_stories", STORIES_S, stories.look, len(STORIES) + 1))
    return jobs
