"""The codec server: opens Temporal payloads for the Temporal page, for signed-in people who may read histories."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI
from google.protobuf import json_format
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from temporalio.api.common.v1 import Payloads

from database.session import Database, DatabaseUnavailable
from domain.errors.general import FieldInvalid
from domain.errors.people import NotAllowed, NotSignedIn
from domain.people.roles import Permission, Role
from domain.sealing import KeyRing, SealBroken
from reviewer_ui.audit import note
from reviewer_ui.sessions import COOKIE, Person, Sessions
from web import errors
from web.limits import BodyLimit
from web.readiness import Ask, Readiness, nothing_missing
from web.requests import NO_OWN_TELEMETRY, RequestIds
from web.security import SecurityHeaders
from workflows.codec import ENCODING, EncryptionCodec

BODY_BYTES_MAX = 8 * 1024 * 1024  # The Temporal page sends one page of a history at a time.
HEADERS = ["content-type", "x-namespace", "authorization"]  # What the Temporal page sends with its requests.
JSON = "application/json"
router = APIRouter()


@dataclass(frozen=True)
class CodecServices:
    """What decodes histories for the Temporal page, which is served from `ui_origins` (scheme, host and port)."""

    database: Database
    keyring: KeyRing
    ui_origins: tuple[str, ...]
    totp_required: frozenset[Role] = frozenset()  # Roles that require an authenticator, as in the console.
    ready: Ask = nothing_missing


def build_codec(services: CodecServices) -> FastAPI:
    """POST /encode and /decode as Temporal's remote codecs speak them; only `ui_origins` may ask from a browser."""
    app = FastAPI(title="Cardloop codec", docs_url=None, redoc_url=None, openapi_url=None, telemetry=NO_OWN_TELEMETRY)
    app.state.services = services
    app.state.sessions = Sessions(services.database, services.totp_required)
    errors.install(app, unreachable=(DatabaseUnavailable,))
    app.add_middleware(BodyLimit, bytes_max=BODY_BYTES_MAX)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=services.ui_origins,
        allow_methods=["POST"],
        allow_headers=HEADERS,
        allow_credentials=True,
    )
    app.add_middleware(SecurityHeaders)
    app.add_middleware(RequestIds)
    app.include_router(router)
    app.router.routes.append(Readiness(services.ready).route)
    return app


async def decoder(request: Request) -> Person:
    """Identify the person behind the session, given as a bearer token or the console's cookie. Refuses NotSignedIn, NotAllowed.

    A cookie comes along automatically, so with it the request must say that it comes from the Temporal page.
    """
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        token = request.cookies.get(COOKIE, "") if _from_ui(request) else ""
    person = await request.app.state.sessions.person(token) if token else None
    if person is None:
        raise NotSignedIn
    if not person.may(Permission.DECODE_HISTORY):
        raise NotAllowed(permission=Permission.DECODE_HISTORY.value)
    found: Person = person
    return found


Decoder = Annotated[Person, Depends(decoder)]


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """Says that this process answers."""
    return {"status": "ok"}


@router.post("/decode")
async def decode(request: Request, person: Decoder) -> Response:
    """Return the payloads in the clear; who read how many of which workflows is in the audit record before they leave."""
    services: CodecServices = request.app.state.services
    sealed = await _payloads(request)
    try:
        opened = await EncryptionCodec(services.keyring, shows_plain=True).decode(sealed.payloads)
    except (SealBroken, KeyError, ValueError):
        raise FieldInvalid(field="payloads", why="not_sealed_here") from None
    await _audit(services, person, sealed)
    return _answer(Payloads(payloads=opened))


@router.post("/encode")
async def encode(request: Request, person: Decoder) -> Response:  # noqa: ARG001  # The permission is what is needed.
    """Seal the payloads, bound to no workflow."""
    services: CodecServices = request.app.state.services
    plain = await _payloads(request)
    return _answer(Payloads(payloads=await EncryptionCodec(services.keyring).encode(plain.payloads)))


async def _payloads(request: Request) -> Payloads:
    if not request.headers.get("content-type", "").startswith(JSON):
        raise FieldInvalid(
            field="content-type", why="not_json"
        )  # A plain form of another site could send anything else.
    try:
        return json_format.Parse(await request.body(), Payloads())
    except (json_format.ParseError, UnicodeDecodeError):
        raise FieldInvalid(field="payloads", why="malformed") from None


async def _audit(services: CodecServices, person: Person, sealed: Payloads) -> None:
    """Return only what was decrypted: there the workflow's name is authenticated, elsewhere it can be forged."""
    opened = [one.metadata for one in sealed.payloads if one.metadata.get("encoding") == ENCODING]
    workflows = sorted({about["workflow-id"].decode()[:80] for about in opened})
    async with services.database.transaction() as session:
        for workflow in workflows:
            note(session, person, "codec:history:decode", workflow)


def _from_ui(request: Request) -> bool:
    services: CodecServices = request.app.state.services
    return request.headers.get("origin") in services.ui_origins


def _answer(payloads: Payloads) -> Response:
    return JSONResponse(json_format.MessageToDict(payloads))
