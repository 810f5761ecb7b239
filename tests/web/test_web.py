"""What all sites share: the language of a reader, files that may be kept, limits, and one application inside another."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from starlette.applications import Starlette
from structlog.testing import capture_logs

from domain.errors.general import NotFound
from domain.money import Money
from domain.places import BUSINESS_ZONE
from web import errors, words
from web.limits import BodyLimit, caller
from web.locale import from_accept_language, safe_return
from web.requests import RequestIds
from web.security import SecurityHeaders
from web.static import StaticFiles
from web.templates import Pages

NOW = datetime(2026, 6, 3, 6, 2, tzinfo=UTC)


def client(app: FastAPI | Starlette) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://web.test")


def site(**limits: Any) -> FastAPI:
    app = FastAPI()

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError("card 8000000000000002")

    @app.get("/refuses/{what}")
    async def refuses(what: str) -> None:
        raise NotFound(what=what)

    @app.post("/takes")
    async def takes(request: Request) -> int:
        return len(await request.body())

    errors.install(app)
    app.add_middleware(BodyLimit, **limits)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestIds)
    return app


@pytest.mark.parametrize(
    ("header", "locale"),
    [
        ("", "zh_CN"), ("zh-CN,zh;q=0.9", "zh_CN"), ("zh-TW", "zh_CN"), ("en-GB,en;q=0.8", "en"), ("fr", "zh_CN"),
        ("en;q=0.5, zh-CN", "zh_CN"), ("fr, en;q=0.4", "en"), ("en;q=nonsense", "en"),
    ],
)  # fmt: skip
def test_a_readers_language_is_what_their_browser_asks_for(header: str, locale: str) -> None:
    assert from_accept_language(header) == locale


@pytest.mark.parametrize("path", ["//evil.test", "https://evil.test", "/\\evil.test", "evil", "/a\nb"])
def test_a_way_back_never_leads_elsewhere(path: str) -> None:
    assert (safe_return(path), safe_return("/cards/1")) == ("/", "/cards/1")


def test_amounts_and_moments_read_as_people_write_them() -> None:
    assert (words.money(Money(46500)), words.percent(9300), words.percent(9250)) == ("¥465.00", "93 %", "92.5 %")
    assert words.ago(NOW + timedelta(minutes=37), "en", NOW) == "in 37 min"
    assert words.ago(NOW - timedelta(minutes=3), "zh_CN", NOW) == "3分钟前"
    assert words.ago(NOW, "zh_CN", NOW) == "刚刚"
    assert "14:02" in words.when(NOW, "zh_CN")


@pytest.mark.parametrize(
    ("after", "english", "chinese"),
    [
        (timedelta(hours=1), "15:02 today", "今天 15:02"), (timedelta(hours=10), "00:02 tomorrow", "明天 00:02"),
        (timedelta(days=2), "Friday 14:02", "星期五 14:02"), (timedelta(days=6), "Tuesday 14:02", "星期二 14:02"),
        (timedelta(days=7), "10 Jun 14:02", "6月10日 14:02"), (timedelta(hours=-1), "13:02 today", "今天 13:02"),
    ],
)  # fmt: skip
def test_a_promise_names_the_day(after: timedelta, english: str, chinese: str) -> None:
    assert (words.by_day(NOW + after, "en", now=NOW), words.by_day(NOW + after, "zh_CN", now=NOW)) == (english, chinese)


def test_a_time_is_shown_in_the_readers_own_zone() -> None:
    assert "06:02" in words.when(NOW, "en", words.zone_of("UTC"))
    told = words.time_element(NOW, "en", NOW, words.zone_of("America/New_York"))
    assert "02:02" in told
    assert f'datetime="{NOW.astimezone(UTC).isoformat(timespec="seconds")}"' in told


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../etc/passwd", "Asia"])
def test_a_zone_that_is_none_is_the_business_zone(name: str) -> None:
    assert words.zone_of(name) is BUSINESS_ZONE


async def test_internal_fault_is_not_disclosed(caplog: pytest.LogCaptureFixture) -> None:
    with capture_logs() as logs:
        async with client(site()) as browser:
            answer = await browser.get("/fails?number=8000000000000002")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "8000000000000002" not in answer.text + str(logs) + caplog.text


async def test_the_access_log_holds_the_route_not_the_path() -> None:
    with capture_logs() as logs:
        async with client(site()) as browser:
            answer = await browser.get("/refuses/8000000000000002?q=1")
    [line] = [entry for entry in logs if entry["event"] == "request"]
    assert (line["route"], line["status"]) == ("/refuses/{what}", 404)
    assert line["request_id"] == answer.headers["x-request-id"]


async def test_a_body_that_grows_too_large_on_its_way_is_refused() -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b"x" * 30

    async with client(site(bytes_max=100)) as browser:
        assert (await browser.post("/takes", content=b"x" * 100)).json() == 100
        answer = await browser.post("/takes", content=parts())
    assert (answer.status_code, answer.json()["code"]) == (413, "photo_too_large")


async def test_an_inner_site_is_logged_once_and_keeps_the_id(tmp_path: Path) -> None:
    outer = site()
    outer.mount("/inner", site())
    with capture_logs() as logs:
        async with client(outer) as browser:
            answer = await browser.get("/inner/refuses/x", headers={"x-request-id": "given-by-the-caller"})
    assert answer.headers.get_list("x-request-id") == ["given-by-the-caller"]
    assert len([entry for entry in logs if entry["event"] == "request"]) == 1


async def test_a_file_is_kept_for_ever_under_its_hash_and_never_beside_its_folder(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "static"
    folder.mkdir()
    (folder / "app.css").write_text("a {}")
    static = StaticFiles(folder)
    async with client(Starlette(routes=[static.route])) as browser:
        hashed, plain = await browser.get(static.url("app.css")), await browser.get("/static/app.css")
        outside = await browser.get("/static/%2e%2e/secret")
        unpacked = await browser.get("/static/app.css", headers={"accept-encoding": "identity"})
    assert ("immutable" in hashed.headers["cache-control"], "immutable" in plain.headers["cache-control"]) == (
        True,
        False,
    )
    assert (hashed.headers["content-encoding"], "content-encoding" in unpacked.headers) == ("gzip", False)
    assert hashed.text == unpacked.text == "a {}"
    assert hashed.headers["content-type"].startswith("text/css")
    assert outside.status_code == 404
    before = static.url("app.css")
    (folder / "app.css").write_text("a { color: red }")
    assert static.url("app.css") != before


def test_a_page_is_rendered_without_asynchronous_code_and_an_icon_is_drawn_once(tmp_path: Path) -> None:
    (tmp_path / "vendor").mkdir()
    (tmp_path / "vendor/icons.svg").write_text("<svg></svg>")
    pages = Pages(tmp_path, StaticFiles(tmp_path))
    icon: Any = pages.environment.globals["icon"]
    assert not pages.environment.is_async
    assert icon("bell") is icon("bell")
    drawn = str(icon("bell"))
    (tmp_path / "vendor/icons.svg").write_text("<svg><symbol/></svg>")
    assert str(icon("bell")) != drawn, "another sprite has another address"


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.9", "203.0.113.9"), ("::ffff:203.0.113.9", "203.0.113.9"), ("nonsense", "nonsense"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"), ("2001:db8:1:2:bbbb:cccc:0:9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"), ("fe80::1%eth0", "fe80::/64"),
    ],
)  # fmt: skip
def test_limits_count_an_ipv6_subscriber_and_not_each_of_their_addresses(address: str, counted: str) -> None:
    assert caller(Request({"type": "http", "client": (address, 1)})) == counted
