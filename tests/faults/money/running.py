"""Run the machine, and say how what failed is run again."""

from __future__ import annotations

import re

from hypothesis import HealthCheck, Phase, Verbosity, reproduce_failure, seed, settings
from hypothesis import __version__ as version
from hypothesis.stateful import run_state_machine_as_test

from tests.faults.money.machine import MoneyMachine
from tests.faults.money.scene import Scene

STEPS = 8
REPLAY = "run it again by: .venv/bin/python -m tests.faults.money --replay {0}"
_BLOB = re.compile(r"reproduce_failure\('[^']*', b'([^']+)'\)")


def run(scene: Scene, first: int, runs: int, *, shrinks: bool = True) -> None:
    """Run so many times what the seed `first` chooses; a failure carries its steps and the command that runs it again."""

    @seed(first)
    class Seeded(MoneyMachine):
        """The machine, on this scene."""

    phases = (Phase.generate, Phase.shrink) if shrinks else (Phase.generate,)
    _run(Seeded, scene, settings(_settings(), max_examples=runs, phases=phases))


def replay(scene: Scene, blob: str) -> None:
    """Run what failed once more, by the text that its failure named."""

    @reproduce_failure(version, blob.encode())
    class Again(MoneyMachine):
        """The machine, on this scene."""

    _run(Again, scene, settings(_settings(), verbosity=Verbosity.verbose))


def _settings() -> settings:
    # The first failure ends a run: two at once would come as a group, whose parts carry no notes.
    return settings(
        stateful_step_count=STEPS, database=None, deadline=None, suppress_health_check=list(HealthCheck), print_blob=True,
        report_multiple_bugs=False,
    )  # fmt: skip


def _run(machine: type[MoneyMachine], scene: Scene, wanted: settings) -> None:
    machine.scene = scene
    try:
        run_state_machine_as_test(machine, settings=wanted)
    except BaseException as failure:
        found = _BLOB.search("\n".join(getattr(failure, "__notes__", [])))
        if found is not None:
            failure.add_note(REPLAY.format(found[1]))
        raise
