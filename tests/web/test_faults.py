"""Unexpected faults: answered in our words, with our headers, and its text goes into no log, the server's own included."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from fastapi import Body, FastAPI
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse
from structlog.testing import capture_logs

from web import errors
from web.errors import BrokenOff
from web.limits import BodyLimit
from web.live import last_seen
from web.requests import RequestIds
from web.security import SecurityHeaders
from web.static import StaticFiles

NUMBER = "8000000000000002"


def site(bytes_max: int = 1000) -> FastAPI:
    app = FastAPI()

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError(f"card {NUMBER}")

    @app.get("/breaks-off")
    async def breaks_off() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"a"
            raise RuntimeError(f"card {NUMBER}")

        return StreamingResponse(parts())

    @app.get("/left")
    async def left() -> None:
        raise ClientDisconnect

    @app.post("/takes")
    async def takes(given: dict[str, int] = Body()) -> int:
        return len(given)

    @app.get("/names/{name}")
    async def names(name: str, request: Request) -> str:
        return name + str(request.query_params)

    errors.install(app)
    app.add_middleware(BodyLimit, bytes_max=bytes_max)
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestIds)
    return app


def client(app: FastAPI | Starlette) -> httpx.AsyncClient:
    """As a server runs it: an error that leaves the application is raised here, there it is printed with its text."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=True)
    return httpx.AsyncClient(transport=transport, base_url="http://web.test", headers={"accept-language": "en"})


async def test_a_fault_reaches_no_server_and_its_answer_has_all_headers() -> None:
    with capture_logs() as logs:
        async with client(site()) as browser:
            answer = await browser.get("/fails")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "content-security-policy" in answer.headers
    assert answer.headers["x-request-id"] == answer.json()["request_id"]
    [fault] = [entry for entry in logs if entry["event"] == "internal_error"]
    assert (fault["kind"], "test_faults.py" in fault["place"]) == ("RuntimeError", True)
    assert NUMBER not in str(logs)


async def test_an_answer_that_broke_off_is_named_without_its_cause() -> None:
    with capture_logs() as logs:
        async with client(site()) as browser:
            with pytest.raises(BrokenOff) as broken:
                await browser.get("/breaks-off")
    assert broken.value.__suppress_context__
    assert "answer_broken_off" in [entry["event"] for entry in logs]
    assert NUMBER not in str(logs)


async def test_a_closed_connection_is_no_fault() -> None:
    with capture_logs() as logs:
        await site()(
            {"type": "http", "method": "GET", "path": "/left", "query_string": b"", "headers": []},
            _nothing_comes,
            _nothing_is_sent,
        )
    assert "internal_error" not in [entry["event"] for entry in logs]


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [("/names/a%00b", 404, "not_found"), ("/names/a?x=%00", 422, "field_invalid"), ("/names/a?x=b", 200, None)],
)
async def test_nul_in_an_address_is_refused(address: str, status: int, code: str | None) -> None:
    async with client(site()) as browser:
        answer = await browser.get(address)
    assert answer.status_code == status
    assert code is None or answer.json()["code"] == code


@pytest.mark.parametrize(
    "body", [b"[" * 100_000, b'{"a":' * 50_000, b'{"a":' + b"9" * 900 + b"e999}", b"\xff", b"", b"null"]
)
async def test_a_body_that_cannot_be_taken_apart_is_named(body: bytes) -> None:
    async with client(site(bytes_max=1_000_000)) as partner:
        answer = await partner.post("/takes", content=body, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "field_invalid")
    assert answer.json()["data"]["field"] in ("body", "a")
    assert "(body)" in answer.json()["message"] or "(a)" in answer.json()["message"]


async def test_a_json_body_that_grows_too_large_on_its_way_is_too_large_and_not_malformed() -> None:
    async def parts() -> AsyncIterator[bytes]:
        for _ in range(5):
            yield b" " * 400

    async with client(site()) as partner:
        answer = await partner.post("/takes", content=parts(), headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "photo_too_large")


@pytest.mark.parametrize("name", ["%00", "a" * 300, "a/" * 3000, "%2e%2e/secret"])
async def test_a_file_that_cannot_be_is_not_found(name: str, tmp_path: Path) -> None:
    async with client(Starlette(routes=[StaticFiles(tmp_path).route])) as browser:
        assert (await browser.get(f"/static/{name}")).status_code == 404


@pytest.mark.parametrize(
    ("header", "seen"), [("7", 7), ("3", 5), ("9" * 5000, 5), ("٣", 5), ("²", 5), ("-9", 5), ("", 5)]
)
def test_stream_resumes_after_the_last_event_of_the_browser(header: str, seen: int) -> None:
    assert last_seen(5, header) == seen


async def _nothing_comes() -> dict[str, object]:
    return {"type": "http.disconnect"}


async def _nothing_is_sent(message: object) -> None:
    raise AssertionError(f"nobody is there for {message}")
