"""Money under faults: two hundred runs of the machine hold, and each bug that is planted is found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from activities.payout import Payout
from database.invariants import Look
from database.invariants.books import ClosedMonthsHold
from database.repositories import ledger
from domain.finance.ledger import owed
from domain.finance.periods import first_day
from domain.identifiers import new_id
from domain.money import Money
from tests.faults.money.led import STEPS_TO, go, prove_by_statement
from tests.faults.money.planted import CLASSES, PATCHES
from tests.faults.money.points import Broken
from tests.faults.money.running import run
from tests.faults.money.scene import Scene

RUNS = 200
# Of the planted bugs these are looked for in every change: found by chance, by a patched service, and by the steps to it.
ALWAYS = ("sends again", "posts outside the transaction", "believes it called off")
FOUND_IN = 400  # Runs after which a bug must have shown itself; most take ten.
FOUND = (
    r"I[1-4] |was sent again|a notice moved|must be|stands at|without a word of ours|must end with|the database must"
)


def bugs(names: Iterable[str]) -> list[Any]:
    """Each of them as a case of its own; those that are not looked for in every change are marked."""
    return [one if one in ALWAYS else pytest.param(one, marks=pytest.mark.thorough) for one in names]


@pytest.fixture
def scene(make_migrated: Callable[[str], str], worker: str) -> Iterator[Scene]:
    with _opened(partial(make_migrated, f"cardloop_money_{worker}"), Payout) as made:
        yield made


@contextmanager
def _opened(fresh: Callable[[], str], payout: type[Payout]) -> Iterator[Scene]:
    made = Scene(fresh, payout)
    made.open()
    try:
        yield made
    finally:
        made.close()


@pytest.mark.timeout(300)
def test_two_hundred_runs_hold(scene: Scene) -> None:
    run(scene, 1, RUNS, shrinks=False)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("bug", bugs(bug for bug in (*CLASSES, *PATCHES) if bug not in STEPS_TO))
def test_a_planted_bug_is_found(
    make_migrated: Callable[[str], str], worker: str, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    with _opened(partial(make_migrated, f"cardloop_money_{worker}"), CLASSES.get(bug, Payout)) as scene:
        if bug in PATCHES:
            PATCHES[bug](scene.database, monkeypatch.setattr)
        with pytest.raises(Broken, match=FOUND) as found:
            run(scene, 1, FOUND_IN, shrinks=False)
        notes = "\n".join(found.value.__notes__)
        assert "python -m tests.faults.money --replay" in notes, "how it is run again"


@pytest.mark.parametrize("bug", bugs(STEPS_TO))
def test_a_planted_bug_is_found_by_the_steps_that_lead_to_it(
    make_migrated: Callable[[str], str], worker: str, monkeypatch: pytest.MonkeyPatch, bug: str
) -> None:
    fresh = partial(make_migrated, f"cardloop_money_{worker}")
    with _opened(fresh, Payout) as scene:
        go(scene, STEPS_TO[bug])
    with _opened(fresh, CLASSES.get(bug, Payout)) as scene:
        if bug in PATCHES:
            PATCHES[bug](scene.database, monkeypatch.setattr)
        with pytest.raises(Broken, match=FOUND):
            go(scene, STEPS_TO[bug])


@pytest.mark.thorough
def test_a_bank_that_only_its_statement_answers_for_ends_its_orders(scene: Scene) -> None:
    go(scene, prove_by_statement)


def test_a_month_closed_before_an_earlier_one_keeps_a_balance_that_stays_true(scene: Scene) -> None:
    """The machine found it: what is posted into the earlier month afterwards changes the balance of the later one."""
    early, late, _ = scene.months()
    owner, (asker, second) = new_id(), scene.closers
    postings = owed(f"seller:{owner}", Money(100))

    async def post(month: str) -> None:
        async with scene.database.transaction() as session:
            await ledger.post(session, new_id(), None, "owed", postings, happened_on=first_day(month))

    async def broken() -> list[str]:
        async with scene.database.transaction() as session:
            return await ClosedMonthsHold().broken(session, Look())

    scene.run(post(late))
    scene.run(scene.periods.agree(second, scene.run(scene.periods.ask(asker, late))))
    assert scene.run(broken()) == []
    scene.run(post(early))
    assert scene.run(broken()) == []
