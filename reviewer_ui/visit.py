"""One request to the console: who asks, what they may do, and how a page or one block of it is answered."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from domain.errors.people import NotAllowed, NotSignedIn
from domain.people.roles import Permission
from domain.work.kinds import KindOfWork, kind_of, kinds
from reviewer_ui.keys import KEYS, Key
from reviewer_ui.live import Live
from reviewer_ui.navigation import Area, Crumb, RailArea, area_of, crumbs, dense, rail
from reviewer_ui.services import ConsoleServices
from reviewer_ui.sessions import COOKIE, Person, Sessions
from reviewer_ui.undoing import Undoable, undoable
from services.home.search import Search
from services.ops.maintenance import Maintenance
from services.ops.repairs.desk import Repairs
from services.people.absences import Absences
from services.people.access import Access
from services.people.accounts import People
from services.people.invitations import Invitations
from services.people.rate_limit import Throttle
from services.people.totp import Totp
from services.policies.documents import PolicyDocuments
from services.quality.blind_review import BlindReviews
from services.quality.reading_trials import ReadingTrials
from services.review.dispatch import Dispatcher
from services.support.desk import SupportDesk
from services.support.search import TicketSearch
from services.support.ticket_desk import ticket_desk
from services.work.bulk import Bulk
from services.work.saved_views import SavedViews
from web.devices import Devices
from web.static import StaticFiles
from web.templates import Pages

HERE = Path(__file__).parent
THEME_COOKIE = "cardloop_theme"
DEVICE_COOKIE = "cardloop_console_device"
THEMES = ("light", "dark")
RAIL_COOKIE = "cardloop_rail"
RAILS = ("open", "closed")
UNATTENDED = "x-by-itself"  # The header of an automatic refresh.


@dataclass(frozen=True)
class Shell:
    """What surrounds every page; `person` is None on the sign-in and error pages of a signed-out browser."""

    person: Person | None
    theme: str
    may_decide: bool
    may_take: bool = False  # Work of any kind.
    rail: tuple[RailArea, ...] = ()  # The areas and pages that this person's roles open.
    rail_open: bool = False  # Names are beside the icons of the rail.
    dense: bool = False  # This page remembers on its own whether its rail is open.
    area: Area | None = None
    crumbs: tuple[Crumb, ...] = ()  # The last one is this page.
    keys: tuple[Key, ...] = KEYS
    undo: tuple[Undoable, ...] = ()  # The decisions that this browser made last, while they can be undone.


class Console:
    """What the routes share, built once: the services, the sessions and the templates."""

    def __init__(self, services: ConsoleServices) -> None:
        self.services = services
        self.sessions = Sessions(services.database, services.totp_required)
        self.totp = Totp(services.database, services.keyring)
        self.views = SavedViews(services.database)
        self.search = Search(services.database, services.keyring)
        self.bulk = Bulk(services.database, services.review.tasks)
        self.people = People(services.database, services.keyring)
        self.invitations = Invitations(services.database, services.keyring, hasher=services.sign_in.hasher)
        self.access = Access(services.database)
        self.absences = Absences(services.database)
        self.maintenance = Maintenance(services.database)
        self.policies = PolicyDocuments(services.database)
        self.repairs = Repairs(services.database)
        self.dispatcher = Dispatcher(services.database, services.desk.decide)
        self.support = SupportDesk(services.database, services.keyring, services.photos)
        self.tickets = ticket_desk(self.support)
        self.ticket_search = TicketSearch(services.database, services.keyring)
        self.trials = ReadingTrials(services.database, services.keyring)
        self.blind_reviews = BlindReviews(services.database, services.keyring)
        self.static, self.pages = _files()
        self.live = Live(services.database)
        # Test messages of one person go to others' servers.
        self.notice_throttle = Throttle(services.database, "5/minute;30/hour")
        # Per client: each try takes 150 ms of a processor, so a flood of them would block all sign-ins.
        self.sign_in_throttle = Throttle(services.database, "60/minute")
        self.devices = Devices(services.form_secret, DEVICE_COOKIE, secure=services.https)
        # A refused comment says that a PIN is in it: limited so that a PIN cannot be guessed.
        # The page says whether a typed PIN is the one in the photo.
        self.typed_throttle = Throttle(services.database, "60/minute;900/hour")
        self.trial_throttle = Throttle(services.database, "10/minute;100/hour")  # Each takes the reader for seconds.
        self.comment_throttle = Throttle(services.database, "30/minute;200/hour")

    async def answer(
        self, request: Request, template: str, context: object, *, block: str | None = None, status: int = 200
    ) -> Response:
        """Render the page, or its `block` when htmx asks for one; answers are never stored by a browser."""
        wanted = block if "hx-request" in request.headers else None
        return await self.pages.render(request, template, context, block=wanted, status=status)


@functools.cache
def _files() -> tuple[StaticFiles, Pages]:
    """Static files and compiled templates: the same for every console of a process."""
    static = StaticFiles(HERE / "static")
    return static, Pages(HERE / "templates", static)


def console_of(request: Request) -> Console:
    """Return the application's own console."""
    console: Console = request.app.state.console
    return console


async def visitor(request: Request) -> Person | None:
    """Return the signed-in person, or None; looked up once per request."""
    if not hasattr(request.state, "person"):
        token = request.cookies.get(COOKIE, "")
        person = await _recognised(request, token) if token else None
        request.state.person = person
        request.state.timezone = person.timezone if person is not None else ""
    found: Person | None = request.state.person
    return found


async def signed_in(request: Request) -> Person:
    """Require a signed-in person, whatever their roles. Refuses with NotSignedIn."""
    person = await visitor(request)
    if person is None:
        raise NotSignedIn
    return person


async def _recognised(request: Request, token: str) -> Person | None:
    # What the page requests automatically does not keep an abandoned browser signed in.
    idle = "text/event-stream" in request.headers.get("accept", "") or UNATTENDED in request.headers
    return await console_of(request).sessions.person(token, idle=idle)


def allowed(permission: Permission) -> Callable[[Request], Coroutine[Any, Any, Person]]:
    """Make a dependency that requires a signed-in person who may do this. Refuses with NotSignedIn or NotAllowed."""

    async def require(request: Request) -> Person:
        person = await signed_in(request)
        if not person.may(permission):
            raise NotAllowed(permission=permission.value)
        return person

    return require


async def queue_reader(request: Request) -> Person:
    """Require a signed-in person who may see the queue of at least one kind of work. Refuses with NotSignedIn or NotAllowed."""
    return await _of_some_kind(request, lambda kind: kind.see)


async def worker(request: Request) -> Person:
    """Require a signed-in person who takes work of at least one kind. Refuses with NotSignedIn or NotAllowed."""
    return await _of_some_kind(request, lambda kind: kind.take)


def require_sees(person: Person, kind: str) -> None:
    """Refuse NotAllowed to a person who may not see the queue of this kind."""
    if not person.may(kind_of(kind).see):
        raise NotAllowed(permission=kind_of(kind).see.value)


async def _of_some_kind(request: Request, needed: Callable[[KindOfWork], Permission]) -> Person:
    person = await signed_in(request)
    if not any(person.may(needed(kind)) for kind in kinds()):
        raise NotAllowed(permission=needed(kinds()[0]).value)
    return person


def shell(request: Request, person: Person | None, at: str = "") -> Shell:
    """Build the surroundings of a page: only the areas that this person's roles open. `at` is its place in the rail, if not its address."""
    theme = request.cookies.get(THEME_COOKIE, "")
    bare = Shell(person, theme if theme in THEMES else THEMES[0], may_decide=False)
    if person is None:
        return bare
    path = at or request.url.path
    is_dense = dense(path)
    chosen = request.cookies.get(rail_cookie(is_dense), "")
    return replace(
        bare,
        may_decide=person.may(Permission.DECIDE),
        may_take=any(person.may(kind.take) for kind in kinds()),
        rail=rail(path, person.may),
        rail_open=chosen == "open" if is_dense else chosen != "closed",
        dense=is_dense,
        area=area_of(path),
        crumbs=crumbs(path, person.may),
        undo=undoable(request),
    )


def rail_cookie(is_dense: bool) -> str:
    """Return the name of the cookie that remembers whether the rail is open, on pages that want all the width and on the others."""
    return f"{RAIL_COOKIE}_dense" if is_dense else RAIL_COOKIE


def see_other(path: str) -> Response:
    """After a write: the browser fetches `path`, so that going back or reloading never writes twice."""
    return RedirectResponse(path, status_code=303)


At = Annotated[Console, Depends(console_of)]
SignedIn = Annotated[Person, Depends(signed_in)]
QueueReader = Annotated[Person, Depends(queue_reader)]
Worker = Annotated[Person, Depends(worker)]
CardReader = Annotated[Person, Depends(allowed(Permission.SEE_CARD))]
Decider = Annotated[Person, Depends(allowed(Permission.DECIDE))]
Checker = Annotated[Person, Depends(allowed(Permission.CHECK))]
Revealer = Annotated[Person, Depends(allowed(Permission.REVEAL))]
BooksReader = Annotated[Person, Depends(allowed(Permission.SEE_BOOKS))]
PayoutReader = Annotated[Person, Depends(allowed(Permission.SEE_PAYOUTS))]
PeopleManager = Annotated[Person, Depends(allowed(Permission.MANAGE_PEOPLE))]
TrailReader = Annotated[Person, Depends(allowed(Permission.SEE_TRAIL))]
