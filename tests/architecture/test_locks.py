"""Advisory locks have one home: a number written elsewhere may be taken already, and two jobs would wait for each other."""

from __future__ import annotations

from database.locks import AdvisoryLock
from tests.architecture.tree import modules

HOME = "database/locks.py"


def test_advisory_locks_are_taken_only_through_the_enum() -> None:
    product = [module for module in modules() if not str(module).startswith("tests/")]
    users = [
        str(module) for module in product if "advisory_xact_lock" in module.source or "advisory_lock(" in module.source
    ]
    assert users == [HOME]


def test_no_two_locks_share_a_number() -> None:
    assert len({lock.value for lock in AdvisoryLock}) == len(AdvisoryLock.__members__) >= 5
