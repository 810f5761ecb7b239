"""Run the machine on a PostgreSQL of its own: `--runs 5000 --first 1`, or what failed once more by `--replay TEXT`.

Ends with 1 when something does not hold; the smallest steps that lead to it are printed, with the command that repeats them.
"""

from __future__ import annotations

import argparse
import sys
import time
import traceback
from collections.abc import Callable

from bootstrap.local.ending import clean_up_on_sigterm
from bootstrap.local.postgres import throwaway
from database.migrate import upgrade
from tests.disk import throwaway_folder
from tests.faults.money.running import replay, run
from tests.faults.money.scene import Scene

RUNS_EACH = 250  # On one database: what is counted after each step grows with its rows.


def main() -> None:
    """Read the arguments, run, and say by the exit code whether all held."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.money", description=__doc__)
    parser.add_argument("--runs", type=int, default=5000)
    parser.add_argument("--first", type=int, default=1, help="seed of the first part; each part adds one")
    parser.add_argument("--replay", default="", metavar="TEXT", help="as a failure named it")
    given = parser.parse_args()
    with throwaway_folder("money") as folder, throwaway(folder).running() as server:
        server.create_database("template")
        upgrade(server.url("template"))

        def fresh() -> str:
            server.execute("DROP DATABASE IF EXISTS money WITH (FORCE)")
            server.execute("CREATE DATABASE money TEMPLATE template")
            return server.url("money")

        def on_a_fresh_one(work: Callable[[Scene], None]) -> None:
            scene = Scene(fresh)
            scene.open()
            try:
                work(scene)
            finally:
                scene.close()

        try:
            if given.replay:
                on_a_fresh_one(lambda scene: replay(scene, given.replay))
            else:
                _parts(given.first, given.runs, on_a_fresh_one)
        except BaseException:  # noqa: BLE001  # Whatever it is, it is shown.
            traceback.print_exc()
            sys.exit(1)


def _parts(first: int, runs: int, on_a_fresh_one: Callable[[Callable[[Scene], None]], None]) -> None:
    began = time.monotonic()
    for part, done in enumerate(range(0, runs, RUNS_EACH)):
        number = min(RUNS_EACH, runs - done)
        on_a_fresh_one(lambda scene: run(scene, first + part, number))  # noqa: B023
        print(f"{done + number} runs hold after {time.monotonic() - began:.0f} s", file=sys.stderr)


if __name__ == "__main__":
    clean_up_on_sigterm()
    main()
