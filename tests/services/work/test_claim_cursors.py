"""Where a burst of claims starts: at a person's pace always at the very front, in a burst where the last claim stopped."""

from __future__ import annotations

from datetime import datetime, timedelta

from services.work.claim import Taken
from services.work.claim_cursor import BURST, WALK_EVERY, WINDOW, ClaimCursors
from tests.builders.queueing import Clock

NOW = Clock().moment


def taken(at: datetime, number: int = 1, **more: object) -> Taken:
    columns = {"leased_at": at, "assigned_to": None} | more
    return Taken(f"task{number}", "card", 3, NOW, leased_until=at + timedelta(minutes=15), **columns)  # type: ignore[arg-type]


def test_unhurried_claims_start_at_the_front() -> None:
    cursors, moment = ClaimCursors(), NOW
    for _ in range(100):
        assert cursors.of("lin", moment) is None
        cursors.stopped("lin", moment, taken(moment))
        moment += WINDOW / (BURST - 1)


def test_burst_resumes_at_its_cursor_and_rechecks_the_front() -> None:
    cursors, walks = ClaimCursors(), 0
    for number in range(3 * WALK_EVERY):
        moment = NOW + timedelta(milliseconds=number)
        front = cursors.of("lin", moment)
        walks += front is None
        assert front is None or front.task_id == f"task{number - 1}"
        cursors.stopped("lin", moment, taken(moment, number))
    assert walks == BURST + 2
    assert cursors.of("chen", moment) is None
    later = moment + WINDOW
    assert cursors.of("lin", later) is None


def test_own_and_assigned_tasks_do_not_move_the_cursor() -> None:
    cursors = ClaimCursors()
    for _ in range(2 * BURST):
        cursors.stopped("lin", NOW, taken(NOW - timedelta(minutes=1)))
        cursors.stopped("lin", NOW, taken(NOW, assigned_to="lin"))
    assert cursors.of("lin", NOW) is None


def test_task_moved_to_the_front_resets_the_cursor() -> None:
    cursors = ClaimCursors()
    for number in range(BURST + 1):
        cursors.stopped("lin", NOW, taken(NOW, number))
    assert cursors.of("lin", NOW) is not None
    cursors.forget()
    assert cursors.of("lin", NOW) is None
