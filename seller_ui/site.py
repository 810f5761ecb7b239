"""One visit to the seller pages: who asks, in which language, and how a page, a block of it or a redirect is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from activities.throttle import SharedThrottle, Throttle
from domain.refusals import NotSignedIn, Refusal
from languages import has, translate
from seller_ui.form_seal import FormSeal
from seller_ui.services import SellerServices
from seller_ui.sessions import DEVICE_COOKIE, Sessions
from web.csrf import SAFE_METHODS
from web.devices import Devices
from web.locale import locale_of
from web.static import StaticFiles
from web.templates import Pages, shallow

HERE = Path(__file__).parent
# Which field of a form a refusal speaks of; others are shown above the form.
FIELD_OF_CODE = {
    "card_number_invalid": "number",
    "card_already_submitted": "number",
    "pin_invalid": "pin",
    "face_value_invalid": "face_value",
    "card_expired": "expiry",
    "phone_invalid": "phone",
    "sign_in_code_wrong": "code",
    "dynamic_code_wrong": "code",
    "dynamic_code_expired": "code",
    "nothing_to_read": "photo",
    "photo_empty": "photo",
    "photo_too_large": "photo",
    "photo_too_many_pixels": "photo",
    "photo_format_unsupported": "photo",
    "photo_unreadable": "photo",
    "file_too_demanding": "photo",
}


@dataclass(frozen=True)
class Fault:
    """Why a form came back: the field it is about (empty for the whole form), and the sentence."""

    field: str
    message: str


class Site:
    """What every route shares, built once."""

    def __init__(self, services: SellerServices) -> None:
        self.services = services
        self.static = StaticFiles(HERE / "static")
        self.pages = Pages(HERE / "templates", self.static)
        self.sessions = Sessions(services.signing_secret, secure=services.cookies_secure)
        self.forms = FormSeal(services.signing_secret)
        self.sign_in_throttle = SharedThrottle(services.database, "20/10minute")
        self.devices = Devices(services.signing_secret, DEVICE_COOKIE, secure=services.cookies_secure)
        self.sell_throttle = Throttle("30/hour")


@dataclass(frozen=True)
class Visit:
    """One request; `seller_id` is None for a visitor."""

    request: Request
    site: Site
    seller_id: str | None

    @property
    def owner(self) -> str:
        """`seller:<id>`. Refuses (NotSignedIn) a visitor."""
        if self.seller_id is None:
            raise NotSignedIn()
        return f"seller:{self.seller_id}"

    @property
    def locale(self) -> str:
        """`zh_CN` or `en`."""
        return locale_of(self.request)

    async def page(self, template: str, context: object, *, block: str | None = None, status: int = 200) -> Response:
        """The page, or one block of it."""
        values = shallow(context) | {"signed_in": self.seller_id is not None}
        return await self.site.pages.render(self.request, template, values, block=block, status=status)

    def go(self, path: str) -> RedirectResponse:
        """303: a reload of the next page repeats nothing."""
        return RedirectResponse(path, 303)

    def fault(self, refusal: Refusal) -> Fault:
        """A refusal as a form shows it."""
        field = str(refusal.data.get("field", "")) or FIELD_OF_CODE.get(refusal.code, "")
        label = f"field_label.{field}"
        named = {"field": translate(label, self.locale)} if has(label, self.locale) else {}
        return Fault(field, translate(f"error.{refusal.code}", self.locale, {**refusal.data, **named}))


def visit(request: Request) -> Visit:
    """Dependency: this request, whoever it is."""
    site: Site = request.app.state.site
    return Visit(request, site, site.sessions.seller_id(request))


def signed_in(request: Request) -> Visit:
    """Dependency: this request by a signed-in seller. Refuses with NotSignedIn."""
    found = visit(request)
    if found.seller_id is None:
        raise NotSignedIn()
    return found


def seller_writes(request: Request) -> None:
    """Dependency: refuses (NotSignedIn) a visitor's form before its files are read."""
    if request.method not in SAFE_METHODS:
        signed_in(request)


AnyVisit = Annotated[Visit, Depends(visit)]
SellerVisit = Annotated[Visit, Depends(signed_in)]


def texts(form: FormData) -> dict[str, str]:
    """The typed fields of a form, trimmed."""
    return {name: value.strip() for name, value in form.items() if isinstance(value, str)}


async def uploads(form: FormData, name: str) -> tuple[bytes, ...]:
    """The bytes of every file chosen under that name; an untouched file input sends an empty part without a name."""
    files = [part for part in form.getlist(name) if isinstance(part, UploadFile) and part.filename]
    for file in files:
        await file.seek(0)  # A form is read twice: to know whether it came before, and to take it in.
    return tuple([await file.read() for file in files])


def typed(sent: Mapping[str, str], *names: str) -> dict[str, str]:
    """These fields as they were typed, empty where they were not, to fill a form that comes back."""
    return {name: sent.get(name, "") for name in names}
