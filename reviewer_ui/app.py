"""The console as one application: its middleware, its routes, and its error page in the person's language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from urllib.parse import quote

from fastapi import APIRouter, Depends, FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from database.session import DatabaseUnavailable
from domain.errors.general import TemporarilyUnavailable
from domain.errors.people import NotSignedIn, SignInTooOld, StepUpNeeded
from domain.people.roles import Permission
from reviewer_ui import step_up
from reviewer_ui.cards import sellers
from reviewer_ui.evidence import trail
from reviewer_ui.finance import (
    account_pages,
    batches,
    breaks,
    brokered,
    buyers,
    causes,
    claim_receipts,
    claims,
    counterparties,
    day,
    debts,
    foreign,
    held,
    journal,
    money,
    order,
    owed,
    paid_twice,
    parts,
    payouts,
    periods,
    proof_form,
    rails,
    reconciliation,
    sale_new,
    sales,
    settlements,
    statement,
    suspense,
    tax,
)
from reviewer_ui.home import front, home, search
from reviewer_ui.notices import live, notices
from reviewer_ui.ops import alerts, deliveries, health, invariants, providers, repair, repairs, stuck, workers
from reviewer_ui.people import (
    absence,
    access,
    account,
    invitations,
    oidc,
    people,
    shortcuts,
    sign_in,
    totp_reset,
    welcome,
)
from reviewer_ui.people import step_up as step_up_page
from reviewer_ui.policies import check_policy, documents
from reviewer_ui.quality import asked_review, blind_review, insight, quality, reading, reading_limits, reading_trial
from reviewer_ui.review import card, changed, checking, comments, decision, four_eyes, glance, photo, reopen, task_acts
from reviewer_ui.services import ConsoleServices
from reviewer_ui.support import (
    asking,
    callbacks,
    contact_link,
    escalations,
    goodwill,
    macros,
    offers,
    privacy,
    rating,  # noqa: F401  # A part of the ticket's page.
    reply_templates,
    ticket_acts,
    ticket_new,
    ticket_settlement,  # noqa: F401  # Another one.
    ticket_writing,
    tickets,
)
from reviewer_ui.support import insight as support_insight
from reviewer_ui.visit import Console, Shell, allowed, console_of, shell, visitor
from reviewer_ui.work import (
    bulk,
    eligibility,
    item_acts,
    item_comments,
    lease_renewal,
    next_preview,
    queue,
    reason_codes,
    saved_views,
    undo,
    why_due,
)
from web import csrf, errors
from web.body_limits import BodyLimits
from web.readiness import Readiness
from web.requests import NO_OWN_TELEMETRY, RequestIds, request_id
from web.security import SecurityHeaders

BODY_BYTES_MAX = 256 * 1024  # Only comments take files; any other form is at its longest with a note.
CSRF_COOKIE = "cardloop_console_form"
SUPPORT = (
    tickets,
    ticket_acts,
    contact_link,
    ticket_new,
    offers,
    reply_templates,
    macros,
    privacy,
    escalations,
    asking,
    goodwill,
)
MONEY = (
    money,
    account_pages,
    journal,
    causes,
    periods,
    owed,
    payouts,
    order,
    parts,
    paid_twice,
    rails,
    held,
    claim_receipts,
    claims,
    settlements,
    counterparties,
    reconciliation,
    statement,
    breaks,
    suspense,
    day,
    sale_new,
    brokered,
    buyers,
    debts,
    sales,
    foreign,
    tax,
)


OPERATIONS = (
    stuck,
    repairs,
    repair,
    providers,
    workers,
    deliveries,
    health,
    alerts,
    invariants,
)


@dataclass(frozen=True)
class ErrorContext:
    """The error page: one sentence and the error number to give to support."""

    shell: Shell
    status: int
    code: str
    data: Mapping[str, object]
    number: str


def build(services: ConsoleServices) -> FastAPI:
    """Build the console over these services; starts and owns nothing."""
    app = FastAPI(title="Cardloop console", docs_url=None, redoc_url=None, openapi_url=None, telemetry=NO_OWN_TELEMETRY)
    console = Console(services)
    app.state.console = console
    app.state.demo_links = services.demo_links
    answer = errors.install(app, _error_page, unreachable=(DatabaseUnavailable,))
    app.add_middleware(
        BodyLimits,
        answer=answer,
        bytes_max=BODY_BYTES_MAX,
        wider={
            **dict.fromkeys((comments.PATH, item_comments.PATH), item_comments.FORM_BYTES_MAX),
            ticket_writing.PATH: ticket_writing.FORM_BYTES_MAX,
            reconciliation.BRING_PATH: reconciliation.FORM_BYTES_MAX,
            **dict.fromkeys(
                (
                    order.PATH,
                    parts.PATH,
                    paid_twice.PATH,
                    claims.PATH,
                    claims.RECEIVE_PATH,
                    brokered.FORM_PATH,
                    debts.FORM_PATH,
                    suspense.FORM_PATH,
                ),
                proof_form.FORM_BYTES_MAX,
            ),
            batches.PATH: batches.FORM_BYTES_MAX,
            reading_trial.PATH: reading_trial.FORM_BYTES_MAX,
        },
    )
    app.add_middleware(csrf.Csrf, secret=services.form_secret, cookie=CSRF_COOKIE, secure=services.https)
    app.add_middleware(SecurityHeaders, https=services.https)
    app.add_middleware(RequestIds)
    app.router.routes.extend([console.static.route, Readiness(services.ready).route, *_routes()])
    return app


@cache
def _routes() -> tuple[BaseRoute, ...]:
    """Every page's routes. One tree a process: FastAPI reads the parameters of each route again for every tree that holds it."""
    tree = APIRouter()
    for page in (
        front,
        home,
        search,
        sign_in,
        oidc,
        account,
        step_up_page,
        next_preview,
        queue,
        saved_views,
        bulk,
        eligibility,
        invitations,
        access,
        people,
        totp_reset,
        welcome,
        absence,
        card,
        sellers,
        glance,
        checking,
        four_eyes,
        lease_renewal,
        photo,
        decision,
        task_acts,
        item_acts,
        callbacks,
        *SUPPORT,
        *OPERATIONS,
        undo,
        reopen,
        reason_codes,
        shortcuts,
        quality,
        asked_review,
        blind_review,
        insight,
        support_insight,
        reading,
        reading_limits,
        changed,
        live,
        notices,
        *MONEY,
        check_policy,
        why_due,
        trail,
    ):
        tree.include_router(page.router, dependencies=[Depends(csrf.check)])
    tree.include_router(documents.router, dependencies=[Depends(documents.long_form), Depends(csrf.check)])
    # Files are read only from people who may comment: the permission is judged before the form is taken apart.
    for page in (comments, item_comments):
        tree.include_router(page.router, dependencies=[Depends(item_comments.commenting), Depends(csrf.check)])
    trying = Depends(allowed(Permission.TRY_READING))
    tree.include_router(reading_trial.router, dependencies=[trying, Depends(csrf.check)])
    tree.include_router(batches.router, dependencies=[Depends(allowed(Permission.SEE_PAYOUTS)), Depends(csrf.check)])
    tree.include_router(
        reconciliation.bringing_router, dependencies=[Depends(reconciliation.bringing), Depends(csrf.check)]
    )
    tree.include_router(
        ticket_writing.router, dependencies=[Depends(allowed(Permission.SEE_TICKETS)), Depends(csrf.check)]
    )
    return tuple(tree.routes)


async def _error_page(request: Request, status: int, code: str, data: Mapping[str, object]) -> Response:
    if code == NotSignedIn.code:
        return _to_sign_in(request)
    if code == StepUpNeeded.code:
        return await step_up.page(request, status, data)
    if code == SignInTooOld.code:
        return await sign_in.sign_in_page(request, console_of(request), "/", refusal=SignInTooOld())
    person = None if code in (TemporarilyUnavailable.code, errors.INTERNAL_ERROR) else await visitor(request)
    context = ErrorContext(shell(request, person), status, code, data, request_id(request))
    return await console_of(request).answer(request, "error.html", context, block="content", status=status)


def _to_sign_in(request: Request) -> Response:
    """Redirect to the sign-in page, remembering a page (never an action) to return to; htmx leaves the whole page."""
    back = request.url.path if request.method == "GET" and "hx-request" not in request.headers else "/"
    target = f"/sign-in?next={quote(back)}"
    if "hx-request" in request.headers:
        return Response(status_code=NotSignedIn.http_status, headers={"hx-redirect": target})
    return RedirectResponse(target, status_code=303)
