"""A form can only be sent by a page of ours: a nonce in a cookie, the same nonce signed in the form.

Our own on purpose: the libraries read a whole body before they judge it, and know no streamed uploads.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import AsyncIterator

from itsdangerous import BadSignature, Signer
from starlette.datastructures import FormData, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors.general import FieldInvalid, FormTampered
from web.limits import BODY_BYTES_MAX

FIELD = "csrf"
HEADER = "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
# The longest ordinary form names a hundred tasks and says what is done with them; a longer one sets request.state.fields_max.
# A form that names too many files itself, and keeps what was written, sets request.state.files_max.
FIELDS_MAX, FILES_MAX = 140, 20
_MOST = {"fields_max": FIELDS_MAX, "files_max": FILES_MAX}
# No keyboard types these, and neither the database nor a message takes them: NUL, and halves of a character.
_UNWRITABLE = re.compile("[\x00\ud800-\udfff]")


class Csrf:
    """ASGI middleware that gives each browser its nonce; `check` is the dependency of every router that takes forms.

    `secret` signs, `cookie` is the cookie's name (one per site on a host), `secure` limits it to HTTPS.
    """

    def __init__(self, app: ASGIApp, *, secret: str, cookie: str, secure: bool = False) -> None:
        self._app = app
        self._signer = Signer(secret, salt=f"csrf:{cookie}")
        self._cookie = cookie
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Puts signer and nonce into the request's state, and a new nonce's cookie onto the answer."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        nonce = Request(scope).cookies.get(self._cookie, "")
        fresh = not 20 <= len(nonce) <= 64
        nonce = secrets.token_urlsafe(24) if fresh else nonce
        scope.setdefault("state", {})["csrf"] = (self._signer, nonce)

        async def send_with_cookie(message: Message) -> None:
            if fresh and message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("set-cookie", self._cookie_header(nonce))
            await send(message)

        await self._app(scope, receive, send_with_cookie)

    def _cookie_header(self, nonce: str) -> str:
        response = Response()
        # Lax, not strict: a person who follows a link in a mail, or returns from their provider, would be given a new nonce, and
        # every form that is open in another tab would be refused with what was typed into it.
        response.set_cookie(self._cookie, nonce, httponly=True, samesite="lax", secure=self._secure)
        return response.headers["set-cookie"]


def token(request: Request) -> str:
    """Return what a form carries in its hidden field `csrf`, and htmx in the header X-CSRF-Token."""
    signer, nonce = request.state.csrf
    return str(signer.sign(nonce).decode())


async def check(request: Request) -> AsyncIterator[None]:
    """Refuses a writing request (FormTampered) that did not come from a page we gave to this browser, and fields that
    hold what cannot be typed (FieldInvalid).

    A dependency around the request: it closes the form's files when the answer is made.
    """
    try:  # Also a form that is refused here has files.
        if request.method not in SAFE_METHODS:
            form = await _form(request)
            _require_ours(request, request.headers.get(HEADER) or str(form.get(FIELD, "")))
            _require_writable(form)
        yield
    finally:
        await request.close()


async def _form(request: Request) -> FormData:
    fields, files = (getattr(request.state, name, most) for name, most in _MOST.items())
    try:
        # The body has a limit of its own: a field that is too long comes back from its page, with its words.
        return await request.form(max_fields=fields, max_files=files, max_part_size=BODY_BYTES_MAX)
    except UnicodeError:  # The sender names the character set; some refuse what others replace.
        raise FieldInvalid(field="body", why="charset") from None


def _require_writable(form: FormData) -> None:
    for name, value in form.multi_items():
        if isinstance(value, str) and _UNWRITABLE.search(name + value):
            raise FieldInvalid(field=_UNWRITABLE.sub("", name)[:40], why="characters")


def _require_ours(request: Request, given: str) -> None:
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise FormTampered(why="other_site")
    signer, nonce = request.state.csrf
    try:
        signed = signer.unsign(given).decode()
    except BadSignature:
        raise FormTampered(why="csrf") from None
    if not secrets.compare_digest(signed.encode(), nonce.encode()):
        raise FormTampered(why="csrf")
