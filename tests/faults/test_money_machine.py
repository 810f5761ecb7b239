"""Money under faults: two hundred runs of the machine hold, and each bug that is planted is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from activities.payout import Payout
from tests.faults.money.planted import CLASSES, PATCHES
from tests.faults.money.points import Broken
from tests.faults.money.running import run
from tests.faults.money.scene import Scene

RUNS = 200
FOUND_IN = 150  # Runs after which a bug must have shown itself; most take ten.
FOUND = (
    r"I[1-4] |was sent again|a notice moved|must be|stands at|without a word of ours|must end with|the database must"
)
MakeScene = Callable[[type[Payout]], Scene]


@pytest.fixture
def scene(make_migrated: Callable[[str], str], worker: str) -> Iterator[Scene]:
    with _opened(make_migrated(f"cardloop_money_{worker}"), Payout) as made:
        yield made


@contextmanager
def _opened(url: str, payout: type[Payout]) -> Iterator[Scene]:
    made = Scene(url, payout)
    made.open()
    try:
        yield made
    finally:
        made.close()


@pytest.mark.timeout(300)
def test_two_hundred_runs_hold(scene: Scene) -> None:
    run(scene, 1, RUNS, shrinks=False)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("bug", [*CLASSES, *PATCHES])
def test_a_planted_bug_is_found(
    make_migrated: Callable[[str], str], worker: str, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    with _opened(make_migrated(f"cardloop_money_{worker}"), CLASSES.get(bug, Payout)) as scene:
        if bug in PATCHES:
            PATCHES[bug](scene.database, monkeypatch.setattr)
        with pytest.raises(Broken, match=FOUND) as found:
            run(scene, 1, FOUND_IN, shrinks=False)
        notes = "\n".join(found.value.__notes__)
        assert "python -m tests.faults.money --replay" in notes, "how it is run again"
