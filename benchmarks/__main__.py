"""Runs every benchmark, or one: `python -m benchmarks [NAME]`. A figure short of its goal is printed, not hidden; only a failure to measure is an error.

With `CARDLOOP_BENCH_SECONDS` no benchmark begins after so many seconds; those left out are named.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import time
import traceback
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.result import Result
from benchmarks.town import SHARED
from bootstrap.local.ending import clean_up_on_sigterm

NAMES = (
    "flow",
    "events",
    "quote_latency",
    "codec",
    "projection",
    "repair",  # The last of those without programs, for it leaves runs open.
    "ocr_overhead",
    "ocr_exact",
    "ocr_speed",
    "ocr_memory",
    "claim",
    "claim_old_tx",
    "queue_scale",
    "decide",
    "stuck_page",
    "ledger",
    "rules",
    "reconcile",
    "ticket_queue",
    "ticket_search",
    "start",
)
RESULTS = Path(__file__).with_name("results")
VERSIONS = ("temporalio", "sqlalchemy", "asyncpg", "fastapi", "zen-engine", "paddleocr", "onnxruntime")


def main(names: list[str]) -> int:
    """Returns 0 when everything was measured or left out for lack of time, 1 when one failed, 2 for an unknown name."""
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        print(f"no benchmark called {', '.join(unknown)}; there are: {', '.join(NAMES)}", file=sys.stderr)
        return 2
    short = os.environ.get("CARDLOOP_BENCH_SHORT", "").lower() in {"1", "true", "yes"}
    ends = time.monotonic() + float(os.environ.get("CARDLOOP_BENCH_SECONDS", "inf"))
    left_out, failed = [], []
    try:
        for name in names or NAMES:
            if time.monotonic() > ends:
                left_out.append(name)
                continue
            try:
                _measure(name, short)
            except Exception:  # noqa: BLE001  # The others are measured all the same.
                traceback.print_exc()
                failed.append(name)
                SHARED.end()
    finally:
        SHARED.end()
    for said, those in (("not measured, for the time was up", left_out), ("could not be measured", failed)):
        if those:
            print(f"{said}: {', '.join(those)}", flush=True)
    return 1 if failed else 0


def _measure(name: str, short: bool) -> None:
    print(f"measuring {name} ...", file=sys.stderr, flush=True)
    benchmark = importlib.import_module(f"benchmarks.{name}")
    if getattr(benchmark, "PROGRAMS", None) != SHARED.programs:
        SHARED.end()
    began = time.monotonic()
    results: list[Result] = benchmark.measure(short)
    print(f"{name} took {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    for result in results:
        print(result.line(), flush=True)
        if not result.passed:
            print(f"  {json.dumps(result.details, ensure_ascii=False)}", flush=True)
    _keep(name, results, short)


def _keep(name: str, results: list[Result], short: bool) -> None:
    RESULTS.mkdir(exist_ok=True)
    kept = {
        "measured_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "short": short,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "system": platform.system()},
        "versions": {package: version(package) for package in VERSIONS},
        "results": [asdict(result) for result in results],
    }
    (RESULTS / f"{name}.json").write_text(json.dumps(kept, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    clean_up_on_sigterm()
    sys.exit(main(sys.argv[1:]))
