"""What the browser remembers of the decisions that were just made, so that every page can offer to undo each while it lasts."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "cardloop_undo"
KEPT_MAX = 20  # More than a person decides within a window.
# The decision's id, when it leaves in seconds of the epoch, its card and its outcome; newest first.
_KEPT = re.compile(r"([0-9A-Z]{26})\.([0-9]{10,11})\.([0-9A-Z]{26})\.([a-z_]{1,30})")
_BETWEEN = "~"


@dataclass(frozen=True)
class DecidedCard:
    """A decision that was just written down. `outcome` is a ReviewOutcome value."""

    decision_id: str
    card_id: str
    outcome: str


@dataclass(frozen=True)
class Undoable:
    """A decision that can still be undone. Whether it can is judged by the server; this only offers it."""

    decision_id: str
    until: datetime
    card_id: str
    outcome: str


def undoable(request: Request) -> tuple[Undoable, ...]:
    """List the decisions that this browser made and can still undo, newest first."""
    over = getattr(request.state, "undo_is_over", "")
    kept = (_KEPT.fullmatch(one) for one in request.cookies.get(COOKIE, "").split(_BETWEEN)[:KEPT_MAX])
    offered = (Undoable(one[1], datetime.fromtimestamp(int(one[2]), UTC), one[3], one[4]) for one in kept if one)
    moment = datetime.now(UTC)
    return tuple(one for one in offered if one.until > moment and one.decision_id != over)


def remember(request: Request, answer: Response, made: DecidedCard, window: timedelta, *, secure: bool) -> Response:
    """Offers to undo this decision for the length of its window, beside those that were offered already."""
    if not window:
        return answer
    before = [one for one in undoable(request) if one.decision_id != made.decision_id]
    newest = Undoable(made.decision_id, datetime.now(UTC) + window, made.card_id, made.outcome)
    return _keep(answer, [newest, *before][:KEPT_MAX], secure=secure)


def forget(request: Request, answer: Response, decision_id: str, *, secure: bool) -> Response:
    """Offers this decision no more, and the others as before."""
    return _keep(answer, [one for one in undoable(request) if one.decision_id != decision_id], secure=secure)


def _keep(answer: Response, offered: list[Undoable], *, secure: bool) -> Response:
    if not offered:
        answer.delete_cookie(COOKIE)
        return answer
    lasts = max(one.until for one in offered) - datetime.now(UTC)
    kept = _BETWEEN.join(
        f"{one.decision_id}.{int(one.until.timestamp())}.{one.card_id}.{one.outcome}" for one in offered
    )
    answer.set_cookie(
        COOKIE, kept, max_age=round(lasts.total_seconds()), httponly=True, samesite="strict", secure=secure
    )
    return answer
