"""What the browser remembers of the decision that was just made, so that every page can offer to undo it while it lasts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "cardloop_undo"
_KEPT = re.compile(r"([0-9A-Z]{26})\.([0-9]{10,11})")  # The decision's id, and when it leaves, in seconds of the epoch.


@dataclass(frozen=True)
class Undoable:
    """A decision that can still be undone. Whether it can is judged by the server; this only offers it."""

    decision_id: str
    until: datetime


def undoable(request: Request) -> Undoable | None:
    """The decision that this browser made last, while its window lasts."""
    kept = _KEPT.fullmatch(request.cookies.get(COOKIE, ""))
    if kept is None or getattr(request.state, "undo_is_over", False):
        return None
    until = datetime.fromtimestamp(int(kept[2]), UTC)
    return Undoable(kept[1], until) if until > datetime.now(UTC) else None


def remember(answer: Response, decision_id: str, window: timedelta, *, secure: bool) -> Response:
    """Offers to undo this decision for the length of its window."""
    until = int((datetime.now(UTC) + window).timestamp())
    if window:
        answer.set_cookie(
            COOKIE, f"{decision_id}.{until}", max_age=int(window.total_seconds()), httponly=True, samesite="strict", secure=secure
        )  # fmt: skip
    return answer


def forget(answer: Response) -> Response:
    """Offers nothing any more."""
    answer.delete_cookie(COOKIE)
    return answer
