"""How long a reviewer waits after a decision: p99 of "decide and open next" ÷ the same two requests with nothing in them."""

from __future__ import annotations

import html
import io
import re
import time
from collections.abc import Awaitable, Callable
from statistics import median, quantiles

import httpx
from PIL import Image

from benchmarks.result import Result
from benchmarks.review_cards import a_reviewer, a_waiting_card
from benchmarks.town import SHARED, Town, town
from bootstrap.store import photo_store
from reviewer_ui.sessions import COOKIE, Sessions

PROGRAMS = frozenset({"console"})
GOAL = 6
DECISIONS, DECISIONS_SHORT = 300, 20
WARM, WARM_SHORT = 30, 10  # Until every connection of the pool has met every statement once.
FIELDS = re.compile(r'name="(csrf|task_id|suggested)" value="([^"]*)"')
HTML = {"accept": "text/html", "accept-language": "en"}


def measure(short: bool) -> list[Result]:
    """One decision and one turn of nothing after the other, over HTTP with the console in a process of its own.

    Deciding is a form (accept the suggestion) and the page of the next card that it leads to, taken on the way. The yardstick
    is a form that writes nothing (the theme) and the smallest page of a signed-in person that it leads to (their keys).
    """
    return SHARED.measure(_measure(*((DECISIONS_SHORT, WARM_SHORT) if short else (DECISIONS, WARM))))


async def _measure(many: int, warm: int) -> list[Result]:
    async with town(PROGRAMS) as place, httpx.AsyncClient(base_url=place.settings.console_url, headers=HTML, timeout=15) as http:  # fmt: skip
        http.cookies.set(COOKIE, await _ready(place, many + warm + 1))
        page = (await _followed(http, "/review/next", await _csrf(http))).text
        for _ in range(warm):
            page = await _decide(http, page)
            await _nothing(http, page)
        decided, idle = list[float](), list[float]()
        for _ in range(many):
            spent, page = await _timed(lambda shown=page: _decide(http, shown))  # type: ignore[misc]
            decided.append(spent)
            idle.append((await _timed(lambda shown=page: _nothing(http, shown)))[0])  # type: ignore[misc]
    ratio = _p99(decided) / _p99(idle)
    details = {
        "decide_p99_ms": round(_p99(decided) * 1000, 1), "decide_p50_ms": round(median(decided) * 1000, 1),
        "nothing_p99_ms": round(_p99(idle) * 1000, 1), "nothing_p50_ms": round(median(idle) * 1000, 1),
        "p50_ratio": round(median(decided) / median(idle), 2), "decisions": many,
    }  # fmt: skip
    return [Result("decide", ratio, f"<= {GOAL}", ratio <= GOAL, details)]


async def _ready(place: Town, cards: int) -> str:
    """So many cards in the queue, and the session of a reviewer who has all of them to themselves."""
    photo = photo_store(place.settings, place.keyring).write(_picture())
    async with place.store.transaction() as session:
        person = await a_reviewer(session)
    for _ in range(cards):
        async with place.store.transaction() as session:
            await a_waiting_card(session, place.keyring, photo)
    return await Sessions(place.store).open(person)


async def _decide(http: httpx.AsyncClient, page: str) -> str:
    """Accepts what is suggested; returns the page of the card that opens."""
    given = {name: html.unescape(value) for name, value in FIELDS.findall(page)}
    card_id = given["task_id"].split(":")[1]
    answer = await _followed(http, f"/cards/{card_id}/decision", given | {"act": "accept", "then": "next"})
    if 'name="suggested"' not in answer.text:
        raise RuntimeError(f"no card opened after the decision: {answer.url.path}")
    return answer.text


async def _nothing(http: httpx.AsyncClient, page: str) -> str:
    csrf = next(value for name, value in FIELDS.findall(page) if name == "csrf")
    return (await _followed(http, "/theme", {"csrf": csrf, "theme": "light", "back": "/account/keys"})).text


async def _followed(http: httpx.AsyncClient, path: str, form: dict[str, str]) -> httpx.Response:
    """Sends the form and fetches the page that it leads to."""
    answer = await http.post(path, data=form)
    if answer.status_code != httpx.codes.SEE_OTHER:
        raise RuntimeError(f"{path} answered {answer.status_code}")
    shown = await http.get(answer.headers["location"])
    return shown.raise_for_status()


async def _csrf(http: httpx.AsyncClient) -> dict[str, str]:
    return dict(FIELDS.findall((await http.get("/cards")).text)[:1])


async def _timed(act: Callable[[], Awaitable[str]]) -> tuple[float, str]:
    began = time.perf_counter()
    page = await act()
    return time.perf_counter() - began, page


def _p99(spent: list[float]) -> float:
    return quantiles(spent, n=100)[-1]


def _picture() -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (600, 400), "navy").save(target, "JPEG")
    return target.getvalue()
