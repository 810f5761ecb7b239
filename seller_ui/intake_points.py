"""The offline point by whose link or QR code a seller came: kept by their browser through signing in, and sent with the form."""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from database.tables.columns import now
from domain.places import business_day
from domain.rules.splits import intake_points

VIA = "via"  # Of the address, and of the form.
COOKIE = "cardloop_via"
KEPT_S = 12 * 3600  # A visit to the point, with every card that is sold there.
_SAFE = re.compile(r"[A-Za-z0-9_.-]{1,40}")  # What may be shown and kept of a code that we do not know.


@dataclass(frozen=True)
class CameVia:
    """The point that a seller came by; without a `name` none of this code takes cards in. Both empty: they came by none."""

    code: str = ""
    name: str = ""

    @property
    def unknown(self) -> bool:
        """Return whether the seller reads that the point is not known."""
        return bool(self.code) and not self.name


def came_via(request: Request) -> CameVia:
    """Return the point that the address names (`?via=CODE`), else the one that the browser keeps."""
    return point_of(request.query_params.get(VIA, request.cookies.get(COOKIE, "")))


def point_of(written: str) -> CameVia:
    """Return the point of this code; one that no code can be is shown as a question mark."""
    code = written.strip()
    if not code:
        return CameVia()
    return CameVia(code if _SAFE.fullmatch(code) else "?", intake_points(business_day(now())).get(code, ""))


def keep(request: Request, response: Response, came: CameVia, *, secure: bool, shown: bool = True) -> None:
    """Let the browser keep the point; one that is not known only until the seller has been `shown` that."""
    if came.name or (came.unknown and not shown):
        response.set_cookie(COOKIE, came.code, max_age=KEPT_S, httponly=True, samesite="lax", secure=secure)
    elif COOKIE in request.cookies:
        response.delete_cookie(COOKIE)
