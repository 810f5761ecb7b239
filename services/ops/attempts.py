"""Failed attempts as the workers report them: collected in memory, written together, forgotten when the step succeeds."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime

from sqlalchemy import text

from database.session import Database
from domain.ops.runs import MESSAGE_MAX, FailedAttempt, provider_of, subject_of
from services.ops.repairs import proofs

KEPT_MAX = (
    20_000  # Runs whose newest failure waits to be written; beyond that the oldest are dropped: describing finds them.
)
# A step that failed before keeps counting; another step of the same run begins at its own failures.
WRITE = """
INSERT INTO pending_step (workflow_id, kind, subject, state, step, queue, provider, failures, error_class, reason, message,
                          since, last_at, next_at, build_id, worker)
SELECT workflow_id, kind, subject, 'failing', step, queue, provider, failures, error_class, reason, message,
       CAST(:now AS timestamptz), CAST(:now AS timestamptz), CAST(:now AS timestamptz) + make_interval(secs => next_in_s), build_id, worker
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS one(
    workflow_id text, kind text, subject text, step text, queue text, provider text, failures int, error_class text,
    reason text, message text, next_in_s float8, build_id text, worker text)
ON CONFLICT (workflow_id) DO UPDATE SET
    failures = excluded.failures + CASE WHEN pending_step.step = excluded.step THEN pending_step.failures ELSE 0 END,
    since = CASE WHEN pending_step.step = excluded.step THEN pending_step.since ELSE excluded.since END,
    state = excluded.state, step = excluded.step, queue = excluded.queue, provider = excluded.provider,
    error_class = excluded.error_class, reason = excluded.reason, message = excluded.message, last_at = excluded.last_at,
    next_at = excluded.next_at, build_id = excluded.build_id, worker = excluded.worker
"""
FORGET = "DELETE FROM pending_step WHERE workflow_id = ANY(:passed)"
ANY_LEFT = (
    "SELECT EXISTS (SELECT FROM pending_step) OR EXISTS (SELECT FROM repair WHERE state IN ('running', 'suspended'))"
)
LOOKED_EVERY = 10  # Writes that have nothing to write between two looks whether another process left something.
# A step that only announces where the card waits, or asks why, says nothing of the one that fails before and after it.
ANNOUNCES = frozenset({"journey.move", "provider.held"})


class Attempts:
    """What failed and what passed in this process since the last write.

    `failed` and `passed` only remember, since they are called within every activity; `write` is a background job's.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._failed: dict[str, FailedAttempt] = {}
        self._passed: dict[str, set[str]] = {}  # By run: the steps that succeeded.
        self._idle = 0
        self._any_left = True  # Rows may be there from before this process.

    def failed(self, attempt: FailedAttempt) -> None:
        """Remember a failure; failures of one step are counted together until they are written."""
        before = self._failed.pop(attempt.workflow_id, None)
        if before is not None and before.step == attempt.step:
            attempt = replace(attempt, failures=attempt.failures + before.failures)
        self._passed.pop(attempt.workflow_id, None)
        self._failed[attempt.workflow_id] = attempt
        if len(self._failed) > KEPT_MAX:
            self._failed.pop(next(iter(self._failed)))

    def passed(self, workflow_id: str, step: str) -> None:
        """Remember that a step of this run succeeded."""
        if step in ANNOUNCES or not (self._any_left or self._failed):
            return
        self._failed.pop(workflow_id, None)
        self._passed.setdefault(workflow_id, set()).add(step)

    async def write(self) -> int:
        """Write what was remembered; return how many runs it concerns. Raises DatabaseUnavailable, and remembers it then."""
        failed, passed = self._failed, self._passed
        if not failed and not passed:
            await self._look_sometimes()
            return 0
        self._failed, self._passed = {}, {}
        try:
            await self._write(list(failed.values()), passed)
        except BaseException:
            self._failed = {**failed, **self._failed}
            self._passed = {run: steps for run, steps in passed.items() if run not in self._failed} | self._passed
            raise
        return len(failed) + len(passed)

    async def _look_sometimes(self) -> None:
        """Learn whether another process has left failures, or a repair runs, that this one's successes are news for."""
        self._idle += 1
        if not self._any_left and self._idle % LOOKED_EVERY == 0:
            async with self._database.transaction() as session:
                self._any_left = bool((await session.execute(text(ANY_LEFT))).scalar_one())

    async def _write(self, failed: list[FailedAttempt], passed: dict[str, set[str]]) -> None:
        async with self._database.transaction() as session:
            await proofs.by_reports(session, passed, failed, datetime.now(UTC))
            if passed:
                await session.execute(text(FORGET), {"passed": sorted(passed)})
            rows = [row for row in map(_row, failed) if row is not None]
            if rows:
                await session.execute(text(WRITE), {"rows": json.dumps(rows), "now": datetime.now(UTC)})
            self._any_left = bool((await session.execute(text(ANY_LEFT))).scalar_one())


def _row(attempt: FailedAttempt) -> dict[str, object] | None:
    found = subject_of(attempt.workflow_id)
    if found is None:
        return None
    kind, subject = found
    return {
        "workflow_id": attempt.workflow_id, "kind": kind.value, "subject": subject, "step": attempt.step,
        "queue": attempt.queue, "provider": provider_of(attempt.step, attempt.queue), "failures": attempt.failures,
        "error_class": attempt.error_class, "reason": attempt.reason, "message": attempt.message[:MESSAGE_MAX],
        "next_in_s": attempt.next_in_s, "build_id": attempt.build_id, "worker": attempt.worker,
    }  # fmt: skip
