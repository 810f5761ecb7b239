"""The filter through which a person last viewed the queue, and where "next" leads when it is exhausted."""

from __future__ import annotations

from urllib.parse import urlencode

from domain.work.queue_filter import Wanted

FILTER_COOKIE = "cardloop_queue"  # The filter last looked at: what "next" takes from, on whichever page it is pressed.


def nothing_left(wanted: Wanted) -> str:
    """The address of the queue that says, with the filter that was looked through, that there is nothing to take."""
    return "/review?" + urlencode([*wanted.pairs(), ("nothing", "true")])
