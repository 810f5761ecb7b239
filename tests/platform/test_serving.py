"""Only a named proxy's header about a client's address is trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request
from pydantic import ValidationError

from bootstrap import keys
from bootstrap.serving import options
from bootstrap.settings import Settings
from bootstrap.web.codec import build_codec
from tests.builders.provider_keys import lay_their_keys


def settings(home: Path, **changes: object) -> Settings:
    given: dict[str, Any] = {"home": home, **changes}
    return Settings(**given)


async def caller_seen(settings: Settings, address: str, on_behalf_of: str = "203.0.113.9") -> str:
    """The address that a program takes for the caller's, asked from `address` with this X-Forwarded-For."""
    app = FastAPI()

    @app.get("/")
    async def caller_of(request: Request) -> str:
        return request.client.host if request.client else "nobody"

    config = uvicorn.Config(app, **options(settings, "api"))
    config.load()
    transport = httpx.ASGITransport(config.loaded_app, client=(address, 40_000))
    async with httpx.AsyncClient(transport=transport, base_url="http://web.test") as client:
        return str((await client.get("/", headers={"x-forwarded-for": on_behalf_of})).json())


async def test_by_default_no_client_may_name_another_address(tmp_path: Path) -> None:
    assert await caller_seen(settings(tmp_path), "127.0.0.1") == "127.0.0.1"


async def test_a_trusted_proxy_names_the_caller_and_others_still_do_not(tmp_path: Path) -> None:
    behind = settings(tmp_path, trusted_proxies="10.0.0.0/8, 192.0.2.1")
    assert await caller_seen(behind, "10.1.2.3") == "203.0.113.9"
    assert await caller_seen(behind, "192.0.2.1") == "203.0.113.9"
    assert await caller_seen(behind, "192.0.2.2") == "192.0.2.2"


async def test_the_caller_is_the_last_address_that_no_trusted_proxy_has(tmp_path: Path) -> None:
    behind = settings(tmp_path, trusted_proxies="10.0.0.0/8")
    claimed = "198.51.100.1, 203.0.113.9, 10.0.0.7"
    assert await caller_seen(behind, "10.1.2.3", claimed) == "203.0.113.9"


@pytest.mark.parametrize("anybody", ["*", "10.0.0.0/8,*", "proxy.example", "10.0.0.1,"])
def test_trust_is_given_to_addresses_only(tmp_path: Path, anybody: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxies"):
        settings(tmp_path, trusted_proxies=anybody)


@pytest.mark.parametrize(
    ("changes", "origins"),
    [
        ({}, {"http://127.0.0.1:8233", "http://localhost:8233"}),
        ({"host": "localhost", "temporal_ui_port": 9000}, {"http://127.0.0.1:9000", "http://localhost:9000"}),
        ({"host": "192.0.2.7"}, {"http://192.0.2.7:8233"}),
        ({"temporal_ui_url": "https://temporal.example/"}, {"https://temporal.example"}),
        ({"temporal_ui_url": "https://Temporal.example:8443/ui"}, {"https://temporal.example:8443"}),
    ],
)
async def test_only_the_temporal_page_may_ask_the_codec_server(
    tmp_path: Path, changes: dict[str, Any], origins: set[str]
) -> None:
    given = settings(tmp_path, **changes)
    keys.make(given)
    lay_their_keys(given)
    asked = {"access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    transport = httpx.ASGITransport(build_codec(given))
    async with httpx.AsyncClient(transport=transport, base_url="http://codec.test") as client:
        for origin in origins:
            answer = await client.options("/decode", headers={"origin": origin, **asked})
            assert answer.headers["access-control-allow-origin"] == origin
            assert answer.headers["access-control-allow-credentials"] == "true"
        for other in ("http://evil.example", "http://127.0.0.1:1", "null"):
            answer = await client.options("/decode", headers={"origin": other, **asked})
            assert "access-control-allow-origin" not in answer.headers
