"""A small OpenID provider as a separate program: it signs in the test's person, and forges what the test asks for."""

from __future__ import annotations

import base64
import hashlib
import secrets
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import escape
from threading import Thread
from typing import Any
from urllib.parse import urlencode

import uvicorn
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response

CLIENT_ID, CLIENT_SECRET = "cardloop-console", "a secret with : and %"


@dataclass
class IdProvider:
    """`user` is who sits at the browser; `lies` replaces claims (None leaves one out); `refuses` is an error to answer."""

    issuer: str
    user: dict[str, Any] = field(default_factory=dict)
    lies: dict[str, Any] = field(default_factory=dict)
    refuses: str = ""
    broken: bool = False
    in_token: bool = True  # False: address and its verification are told by the userinfo endpoint alone.
    asks: bool = False  # True: a page of its own with something to press, as real ones have.
    basic: bool = True  # False: the client's secret goes into the form.
    key: RSAKey = field(default_factory=lambda: RSAKey.generate_key(2048, {"kid": "first"}))
    signs_with: RSAKey | None = None  # Another than the published one.
    published: list[dict[str, Any]] | None = None  # Another list of keys than the one key.
    names_key: bool = True  # False: the token has no `kid`.
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def id_token(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.issuer, "aud": CLIENT_ID, "sub": self.user["sub"], "iat": now, "exp": now + 300,
            "nonce": asked["nonce"], "auth_time": now,
        }  # fmt: skip
        if self.in_token:
            claims |= self.user
        claims = {name: value for name, value in (claims | self.lies).items() if value is not None}
        key = self.signs_with or self.key
        return jwt.encode({"alg": "RS256"} | ({"kid": str(key.kid)} if self.names_key else {}), claims, key)

    def app(self) -> FastAPI:
        app = FastAPI()
        app.get("/.well-known/openid-configuration")(self._about)
        app.get("/keys")(self._keys)
        app.get("/authorize")(self._authorize)
        app.post("/token")(self._token)
        app.get("/userinfo")(self._userinfo)
        return app

    async def _about(self) -> Response:
        if self.broken:
            return JSONResponse({"error": "out of order"}, 500)
        return JSONResponse(
            {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_basic" if self.basic else "client_secret_post"
                ],
            }
        )

    async def _keys(self) -> Response:
        return JSONResponse({"keys": self.published or [self.key.as_dict(private=False)]})

    async def _authorize(self, request: Request) -> Response:
        """Sign the person in at once: their password is not tested here."""
        asked = dict(request.query_params)
        self.asked.append(asked)
        if self.refuses:
            answer = {"error": self.refuses, "state": asked["state"]}
        else:
            code = secrets.token_urlsafe(8)
            self.codes[code] = asked
            answer = {"code": code, "state": asked["state"]}
        back = f"{asked['redirect_uri']}?{urlencode(answer)}"
        if self.asks:
            return HTMLResponse(
                f'<title>Provider</title><link rel="icon" href="data:,"><a id="go" href="{escape(back)}">It is me</a>'
            )
        return RedirectResponse(back, status_code=303)

    async def _token(self, request: Request) -> Response:
        form = await request.form()
        asked = self.codes.pop(str(form.get("code")), None)  # A code is good once.
        hashed = hashlib.sha256(str(form.get("code_verifier")).encode()).digest()
        challenge = base64.urlsafe_b64encode(hashed).rstrip(b"=").decode()
        if asked is None or asked["code_challenge"] != challenge or asked["redirect_uri"] != form.get("redirect_uri"):
            return JSONResponse({"error": "invalid_grant"}, 400)
        if not self._knows(request, dict(form)):
            return JSONResponse({"error": "invalid_client"}, 401)
        return JSONResponse({"access_token": "the-access", "token_type": "Bearer", "id_token": self.id_token(asked)})

    async def _userinfo(self, request: Request) -> Response:
        known = request.headers.get("authorization") == "Bearer the-access"
        return JSONResponse(self.user if known else {"error": "invalid_token"}, 200 if known else 401)

    def _knows(self, request: Request, form: dict[str, Any]) -> bool:
        if not self.basic:
            return (form.get("client_id"), form.get("client_secret")) == (CLIENT_ID, CLIENT_SECRET)
        pair = "cardloop-console:a+secret+with+%3A+and+%25"  # RFC 6749, 2.3.1: each half encoded as in a form.
        return request.headers.get("authorization") == f"Basic {base64.b64encode(pair.encode()).decode()}"


@contextmanager
def running(host: str = "127.0.0.1") -> Iterator[IdProvider]:
    """The provider on a free port of this machine, in a thread of its own; to a browser `localhost` is another site."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        provider = IdProvider(f"http://{host}:{listening.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(provider.app(), log_level="error", lifespan="off"))
        thread = Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield provider
        finally:
            server.should_exit = True
            thread.join(10)
