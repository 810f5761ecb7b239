"""The review desk: its acts by subject, over one database, one key ring and one clock."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from database.session import Database
from domain.review.reveals import RevealPolicy
from domain.sealing import KeyRing
from services.review.decisions import Decisions
from services.review.four_eyes import Checks
from services.review.reveal import Reveals
from services.review.staging import FourEyes
from services.review.undeliverable import Undeliverable
from services.work.desk import Desk
from services.work.leases import Leases
from services.work.task_acts import TaskActs


@dataclass(frozen=True)
class ReviewDesk:
    """Everything that people do at the review desk."""

    leases: Leases
    tasks: TaskActs
    decisions: Decisions
    checks: Checks
    reveals: Reveals
    undeliverable: Undeliverable


def review_desk(
    database: Database,
    keyring: KeyRing,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    *,
    undo_s: int | None = None,
    four_eyes: FourEyes | None = None,
    reveals: RevealPolicy | None = None,
) -> ReviewDesk:
    """Build the desk. `undo_s`, `four_eyes` and `reveals` replace the rules in force, in tests and trials."""
    desk = Desk(database, keyring, now)
    leases = Leases(desk)
    return ReviewDesk(
        leases=leases,
        tasks=TaskActs(desk, leases),
        decisions=Decisions(desk, undo_s, four_eyes),
        checks=Checks(desk),
        reveals=Reveals(desk, reveals),
        undeliverable=Undeliverable(desk),
    )
