"""One visit to the seller pages: who asks, in which language, and how a page, a block of it or a redirect is answered."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from sqlalchemy import select
from starlette.datastructures import FormData, UploadFile
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from database.tables.people import SellerRow
from domain.errors.base import Refusal
from domain.errors.general import FieldInvalid
from domain.errors.people import NotSignedIn
from domain.errors.review import ReadingDiffers
from languages import has, translate
from seller_ui.form_seal import FormSeal
from seller_ui.services import SellerServices
from seller_ui.sessions import DEVICE_COOKIE, Sessions
from services.people.rate_limit import Throttle
from services.support.contact_links import ContactLinks
from services.support.conversation import Conversation
from services.support.desk import SupportDesk
from services.support.files import TicketFiles
from services.support.opening import Opening
from services.support.privacy import Privacy
from services.support.ratings import Ratings
from web.card_changes import CardChanges
from web.csrf import SAFE_METHODS
from web.devices import Devices
from web.locale import locale_of
from web.static import StaticFiles
from web.templates import Pages, shallow

HERE = Path(__file__).parent
FILES_READ_MAX = (
    300  # So many are counted, so that a form with too many comes back as it was; a body has its own limit.
)
STREAMS_PER_SELLER_MAX = 6  # A browser has six connections to one site.
# Which field of a form a refusal speaks of; others are shown above the form.
FIELD_OF_CODE = {
    "card_number_invalid": "number",
    "card_already_submitted": "number",
    "pin_invalid": "pin",
    "face_value_invalid": "face_value",
    "card_expired": "expiry",
    "secret_in_words": "words",
    "phone_invalid": "phone",
    "sign_in_code_wrong": "code",
    "dynamic_code_wrong": "code",
    "dynamic_code_expired": "code",
    "nothing_to_read": "photo",
    "too_many_photos": "photo",
    "photo_empty": "photo",
    "photo_too_large": "photo",
    "photo_too_many_pixels": "photo",
    "photo_format_unsupported": "photo",
    "photo_unreadable": "photo",
    "file_too_demanding": "photo",
    "pdf_encrypted": "photo",
    "pdf_scripted": "photo",
    "pdf_too_many_pages": "photo",
    "too_many_files": "files",
    "attachment_too_large": "files",
    "attachment_unsupported": "files",
}


@dataclass(frozen=True)
class Fault:
    """The validation error of a form: its field (empty for the whole form), and the sentence.

    `marks` are what the form sends to confirm typed values that differ from the photo; empty for every other fault.
    """

    field: str
    message: str
    marks: str = ""


@dataclass(frozen=True)
class Faults:
    """Everything that is wrong with a form, in the form's own order; nothing when it is shown for the first time."""

    each: tuple[Fault, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.each)

    def of(self, field: str) -> str:
        """Return the sentence beneath that field, empty when the field is right."""
        return next((fault.message for fault in self.each if fault.field == field), "")

    @property
    def marks(self) -> str:
        """The marks of typed values that differ from the reading and may be confirmed; empty when nothing differs."""
        return next((fault.marks for fault in self.each if fault.marks), "")

    def begin_at(self, field: str) -> bool:
        """Return whether this is the first field that is wrong: the page opens there."""
        return bool(self.each) and self.each[0].field == field


NO_FAULTS = Faults()


class FormRefused(Exception):
    """Several things are wrong with a form at once; the page that shows it again names them all."""

    def __init__(self, refusals: Sequence[Refusal]) -> None:
        super().__init__(len(refusals))
        self.refusals = tuple(refusals)


REFUSED = (Refusal, FormRefused)


def collect(*checks: Callable[[], object]) -> None:
    """Makes every check, in the form's order. Raises FormRefused with all refusals when there are any."""
    found = []
    for check in checks:
        try:
            check()
        except Refusal as refusal:
            found.append(refusal)
    if found:
        raise FormRefused(found)


def require_filled(sent: Mapping[str, str], field: str) -> str:
    """Return what was entered in the field. Refuses (FieldInvalid, `missing`) an empty one."""
    if not sent.get(field):
        raise FieldInvalid(field=field, why="missing")
    return sent[field]


def status_of(refused: Refusal | FormRefused) -> int:
    """Return the HTTP status of the page that shows the form again: that of the first thing that is wrong."""
    return refused.http_status if isinstance(refused, Refusal) else refused.refusals[0].http_status


class Site:
    """What every route shares, built once."""

    def __init__(self, services: SellerServices) -> None:
        self.services = services
        self.static, self.pages = _files()
        self.sessions = Sessions(services.signing_secret, secure=services.cookies_secure)
        self.changes = CardChanges(services.database, STREAMS_PER_SELLER_MAX)
        self.forms = FormSeal(services.signing_secret)
        self.sign_in_throttle = Throttle(services.database, "20/10minute")
        self.devices = Devices(services.signing_secret, DEVICE_COOKIE, secure=services.cookies_secure)
        self.sell_throttle = Throttle(services.database, "30/hour")
        # A refused request says that a PIN is in it: limited so that a PIN cannot be guessed.
        self.callback_throttle = Throttle(services.database, "6/hour;12/day")
        # Masked words say that a PIN is in them, too.
        self.ticket_throttle = Throttle(services.database, "10/hour;30/day")
        self.message_throttle = Throttle(services.database, "20/hour;60/day")
        desk = SupportDesk(services.database, services.keyring, services.photos)
        self.opening = Opening(desk)
        self.conversation = Conversation(desk)
        self.contact_links = ContactLinks(desk)
        self.ratings = Ratings(desk)
        self.privacy = Privacy(desk)
        self.files = TicketFiles(services.database, services.photos)


@functools.cache
def _files() -> tuple[StaticFiles, Pages]:
    """Static files and compiled templates: the same for every site of a process."""
    static = StaticFiles(HERE / "static")
    return static, Pages(HERE / "templates", static)


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
        """Render the page, or one block of it."""
        values = shallow(context) | {"signed_in": self.seller_id is not None}
        return await self.site.pages.render(self.request, template, values, block=block, status=status)

    def go(self, path: str) -> RedirectResponse:
        """303: a reload of the next page repeats nothing."""
        return RedirectResponse(path, 303)

    def faults(self, refused: Refusal | FormRefused | None) -> Faults:
        """Return what was refused, as the form shows it."""
        if refused is None:
            return Faults()
        refusals = (refused,) if isinstance(refused, Refusal) else refused.refusals
        return Faults(tuple(self._fault(refusal) for refusal in refusals))

    def _fault(self, refusal: Refusal) -> Fault:
        field = str(refusal.data.get("field", "")) or FIELD_OF_CODE.get(refusal.code, "")
        label = f"field_label.{field}"
        named = {"field": translate(label, self.locale)} if has(label, self.locale) else {}
        own = f"form.{refusal.data.get('why')}"
        key = own if named and has(own, self.locale) else f"error.{refusal.code}"
        marks = refusal.marks if isinstance(refusal, ReadingDiffers) else ""
        return Fault(field, translate(key, self.locale, {**refusal.data, **named}), marks)


def visit(request: Request) -> Visit:
    """Dependency: this request, signed in or not."""
    site: Site = request.app.state.site
    return Visit(request, site, site.sessions.seller_id(request))


def signed_in(request: Request) -> Visit:
    """Dependency: this request by a signed-in seller. Refuses with NotSignedIn."""
    found = visit(request)
    if found.seller_id is None:
        raise NotSignedIn()
    return found


async def seller_writes(request: Request) -> None:
    """Dependency: refuses (NotSignedIn) a visitor's form before its files are read, and who closed their account."""
    asked = visit(request)
    if asked.seller_id is not None and await _is_closed(asked.site, asked.seller_id):
        raise NotSignedIn()
    if request.method not in SAFE_METHODS:
        signed_in(request)
        request.state.files_max = FILES_READ_MAX


async def _is_closed(site: Site, seller_id: str) -> bool:
    """Whether the account was erased; its browsers keep their cookies."""
    found = select(SellerRow.id).where(SellerRow.id == seller_id, SellerRow.erased_at.is_not(None))
    async with site.services.database.transaction() as session:
        return (await session.execute(found)).first() is not None


AnyVisit = Annotated[Visit, Depends(visit)]
SellerVisit = Annotated[Visit, Depends(signed_in)]


def texts(form: FormData) -> dict[str, str]:
    """Return the text fields of a form, trimmed."""
    return {name: value.strip() for name, value in form.items() if isinstance(value, str)}


async def uploads(form: FormData, name: str) -> tuple[bytes, ...]:
    """Return the bytes of every file chosen under that name; an untouched file input sends an empty part without a name."""
    files = [part for part in form.getlist(name) if isinstance(part, UploadFile) and part.filename]
    for file in files:
        await file.seek(0)  # A form is read twice: to know whether it came before, and to take it in.
    return tuple([await file.read() for file in files])


def typed(sent: Mapping[str, str], *names: str) -> dict[str, str]:
    """These fields as they were typed, empty where they were not, to fill a form that comes back."""
    return {name: sent.get(name, "") for name in names}
