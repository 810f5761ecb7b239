"""The filter through which a person last viewed the queue, and where "next" leads when it is exhausted."""

from __future__ import annotations

from urllib.parse import urlencode

from starlette.requests import Request

from domain.work.kinds import KindOfWork
from domain.work.queue_filter import Wanted

FILTER_COOKIE = "cardloop_queue"  # The filter last looked at: what "next" takes from, on whichever page it is pressed.


def filter_last_seen(request: Request, kind: str) -> Wanted:
    """Return the filter that the queue was last seen with, or the whole queue of `kind` when that was another kind's."""
    wanted = Wanted.from_query(request.cookies.get(FILTER_COOKIE, ""))
    return wanted if wanted.kind == kind else Wanted(kind=kind)


def rail_place(kind: KindOfWork) -> str:
    """Return the page of the rail that the queue of this kind is: cards have the review queue, others a page of their own."""
    return "/review" if kind.holds_card else kind.page.partition("/{")[0]


def nothing_left(wanted: Wanted) -> str:
    """Return the address of the queue that says, with the filter that was looked through, that there is nothing to take."""
    return "/review?" + urlencode([*wanted.pairs(), ("nothing", "true")])
