"""Try a photo: what the reader makes of it, number and PIN covered until they are revealed. Nothing of it is kept."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from domain.errors.base import Refusal
from domain.errors.files import PhotoEmpty
from domain.errors.general import NotFound
from domain.people.roles import Permission
from domain.rules.brands import catalogue
from domain.sealing import KeyRing, SealBroken
from gateways.pictures.accept import BYTES_MAX
from gateways.pictures.pages import PAGES_MAX
from reviewer_ui.audit import note
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, shell
from services.quality.reading_trials import Tried, tried_from
from web.locale import locale_of

router = APIRouter(prefix="/setup/reading/try")
PATH = "/setup/reading/try"
FORM_BYTES_MAX = BYTES_MAX + 64 * 1024  # The photo, and the form around it.
TOKEN_MAX = PAGES_MAX * 100_000  # Six small pictures with their fields.
PURPOSE = "trial"
REVEALED_WITHIN = timedelta(minutes=10)
Trier = Annotated[Person, Depends(allowed(Permission.TRY_READING))]


@dataclass(frozen=True)
class TrialContext:
    """The form, and what was read of each photo; `token` holds it sealed for the reveal, `clear` shows numbers and PINs."""

    shell: Shell
    brands: tuple[tuple[str, str], ...]
    names: dict[str, str]
    brand: str
    megabytes_max: int
    pages_max: int
    tried: tuple[Tried, ...] = field(default=(), repr=False)
    token: str = field(default="", repr=False)
    clear: bool = False
    refusal: Refusal | None = None


@router.get("")
async def show(request: Request, console: At, person: Trier) -> Response:
    """Show the form."""
    return await _page(request, console, person, "")


@router.post("")
async def read(request: Request, console: At, person: Trier) -> Response:
    """Have the photo, or every page of a PDF, read and show what was read; the answer itself is the page, so that nothing has to be kept."""
    form = await request.form()
    brand = str(form.get("brand", ""))
    known = brand if brand in catalogue() else ""
    try:
        await console.trial_throttle.hit("trial", person.id)
        tried = await console.trials.read(person.id, await _photo(form.get("photo")), known)
    except Refusal as refused:
        return await _page(request, console, person, known, refusal=refused)
    return await _page(
        request, console, person, known, tried=tried, token=_sealed(console.services.keyring, person, tried)
    )


@router.post("/reveal")
async def reveal(
    request: Request, console: At, person: Trier, token: Annotated[str, Form(max_length=TOKEN_MAX)] = ""
) -> Response:
    """Show the same answer with numbers and PINs, which is recorded in the audit log. Refuse NotFound once it is older than ten minutes."""
    tried = _opened(console.services.keyring, person, token)
    async with console.services.database.transaction() as session:
        note(session, person, "console:reading:reveal_tried", "reading_trial")
    return await _page(request, console, person, "", tried=tried, clear=True)


async def _photo(sent: object) -> bytes:
    """The chosen file; one byte over the limit is enough to refuse it by."""
    if not isinstance(sent, UploadFile) or not sent.filename:
        raise PhotoEmpty
    return await sent.read(BYTES_MAX + 1)


async def _page(
    request: Request, console: Console, person: Person, brand: str, *, tried: tuple[Tried, ...] = (), token: str = "",
    clear: bool = False, refusal: Refusal | None = None,
) -> Response:  # fmt: skip
    names = {code: one.names[locale_of(request)] for code, one in catalogue().items()}
    brands = tuple((code, name) for name, code in sorted((name, code) for code, name in names.items()))
    context = TrialContext(
        shell(request, person), brands, names, brand, BYTES_MAX // 2**20, PAGES_MAX, tried, token, clear, refusal
    )
    return await console.answer(
        request, "quality/reading_trial.html", context, status=200 if refusal is None else refusal.http_status
    )


def _sealed(keyring: KeyRing, person: Person, tried: tuple[Tried, ...]) -> str:
    until = (datetime.now(UTC) + REVEALED_WITHIN).timestamp()
    text = json.dumps({"until": until, "tried": [asdict(one) for one in tried]})
    return base64.b64encode(keyring.seal_text(text, purpose=PURPOSE, aad=f"trial:{person.id}")).decode()


def _opened(keyring: KeyRing, person: Person, token: str) -> tuple[Tried, ...]:
    """What this person tried. Refuses NotFound for another's, and for what is too old."""
    try:
        sealed = base64.b64decode(token, validate=True)
        given = json.loads(keyring.open_text(sealed, purpose=PURPOSE, aad=f"trial:{person.id}"))
    except (SealBroken, binascii.Error, IndexError, ValueError):
        raise NotFound(trial="") from None
    if given["until"] < datetime.now(UTC).timestamp():
        raise NotFound(trial="")
    return tuple(tried_from(json.dumps(one)) for one in given["tried"])
