"""Who is signed in: a signed cookie that holds the seller's id, and for a few minutes the phone a code was sent to."""

from __future__ import annotations

from dataclasses import dataclass

from itsdangerous import BadSignature, URLSafeTimedSerializer
from starlette.requests import Request
from starlette.responses import Response

SESSION_COOKIE = "cardloop_seller"
PHONE_COOKIE = "cardloop_phone"
SESSION_S = 30 * 24 * 3600
PHONE_S = 15 * 60
DEVICE_COOKIE = "cardloop_device"


@dataclass(frozen=True)
class PhoneAsked:
    """The phone that sign-in codes were sent to, and where the seller wanted to go."""

    phone: str
    next: str
    codes: tuple[str, ...] = ()  # The ids of the codes that this browser asked for, newest last.


class Sessions:
    """Signs and reads both cookies; the server keeps nothing, and a changed or old cookie is ignored."""

    def __init__(self, secret: str, *, secure: bool) -> None:
        self._session = URLSafeTimedSerializer(secret, salt="seller-session")
        self._phone = URLSafeTimedSerializer(secret, salt="seller-phone")
        self._secure = secure

    def seller_id(self, request: Request) -> str | None:
        """Return the signed-in seller's id."""
        return _loaded(self._session, request.cookies.get(SESSION_COOKIE), SESSION_S)

    def begin(self, response: Response, seller_id: str) -> None:
        """Signs the seller in on this browser."""
        self._set(response, SESSION_COOKIE, self._session.dumps(seller_id), SESSION_S)
        response.delete_cookie(PHONE_COOKIE)

    def end(self, response: Response) -> None:
        """Signs out."""
        response.delete_cookie(SESSION_COOKIE)

    def phone(self, request: Request) -> PhoneAsked | None:
        """Return the phone that the last code went to."""
        stored = _loaded(self._phone, request.cookies.get(PHONE_COOKIE), PHONE_S)
        if stored is None:
            return None
        phone, codes, after = (*stored.split(" ", 2), "", "")[:3]
        return PhoneAsked(phone, after or "/", tuple(codes.split(",")) if codes else ())

    def ask(self, response: Response, asked: PhoneAsked) -> None:
        """Remember the phone while its code is on the way; it is never in an address."""
        self._set(
            response, PHONE_COOKIE, self._phone.dumps(f"{asked.phone} {','.join(asked.codes)} {asked.next}"), PHONE_S
        )

    def _set(self, response: Response, name: str, value: str, age_s: int) -> None:
        response.set_cookie(name, value, max_age=age_s, httponly=True, samesite="lax", secure=self._secure)


def _loaded(serializer: URLSafeTimedSerializer, cookie: str | None, age_s: int) -> str | None:
    if cookie is None:
        return None
    try:
        return str(serializer.loads(cookie, max_age=age_s))
    except BadSignature:
        return None
