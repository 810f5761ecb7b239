"""Devices on which a person has signed in before: a signed cookie, so that a stranger's attempts are not counted as theirs."""

from __future__ import annotations

import hashlib
import secrets

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

from services.people.rate_limit import Origin
from web.limits import caller

KNOWN_S = 180 * 24 * 3600
SUBJECTS_MAX = 5  # People who share a device; a further one replaces the first.


class Devices:
    """Sign and read the cookie named `cookie`; it proves no identity, only an earlier sign-in here."""

    def __init__(self, secret: str, cookie: str, *, secure: bool) -> None:
        self._serializer = URLSafeTimedSerializer(secret, salt=f"device:{cookie}")
        self._cookie = cookie
        self._secure = secure

    def origin(self, request: Request, subject: str) -> Origin:
        """From where `subject` (an e-mail address, a telephone number) tries to sign in."""
        device, subjects = self._loaded(request)
        return Origin(caller(request), device if _hidden(subject) in subjects else "")

    def remember(self, request: Request, response: Response, subject: str) -> None:
        """Makes this device one of the subject's, after a good sign-in."""
        device, subjects = self._loaded(request)
        kept = [*(one for one in subjects if one != _hidden(subject)), _hidden(subject)][-SUBJECTS_MAX:]
        value = str(self._serializer.dumps([device or secrets.token_urlsafe(16), kept]))
        response.set_cookie(self._cookie, value, max_age=KNOWN_S, httponly=True, samesite="lax", secure=self._secure)

    def _loaded(self, request: Request) -> tuple[str, list[str]]:
        try:
            device, subjects = self._serializer.loads(request.cookies.get(self._cookie, ""), max_age=KNOWN_S)
        except BadSignature:
            return "", []
        return str(device), [str(one) for one in subjects]


def _hidden(subject: str) -> str:
    """The cookie names no person."""
    return hashlib.sha256(subject.strip().lower().encode()).hexdigest()[:24]
