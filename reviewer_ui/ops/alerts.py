"""Alerts: those that fire, their history, and the forms that acknowledge and snooze one."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Query
from starlette.requests import Request
from starlette.responses import Response

from database.reads.ops import alerts as reads
from database.tables.columns import now
from domain.errors.base import Refusal
from domain.errors.general import NotFound
from domain.ops.runbook import page_of, section_of
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.alerts import alerts_in_force
from reviewer_ui.ops.page_mark import mark_of, place_of
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from services.notices.alert_words import in_words
from services.notices.outbox_delivery import alert_webhook_secret
from services.notices.quantities import quantity
from services.ops.alert_acts import HOURS, REASON_MAX, AlertActs
from web.locale import locale_of

router = APIRouter(prefix="/operations/alerts")
Operator = Annotated[Person, Depends(allowed(Permission.SEE_OPERATIONS))]
Handler = Annotated[Person, Depends(allowed(Permission.HANDLE_ALERTS))]
PATH = "/operations/alerts"


@dataclass(frozen=True)
class AlertView:
    """One alert in words, where it is explained and where it is seen."""

    seen: reads.SeenAlert
    about: str
    value: str
    worst: str
    limit: str
    snoozed: bool
    section: str
    page: str


@dataclass(frozen=True)
class AlertsContext:
    """Alerts that fire and those that are over. `secret` signs the webhook to `webhook_url`, shown to who sets policies."""

    shell: Shell
    firing: tuple[AlertView, ...]
    over: tuple[AlertView, ...]
    older: str
    hours: tuple[int, ...]
    reason_max: int
    may_handle: bool
    webhook_url: str
    secret: str
    refusal: Refusal | None
    refused: str  # The alert that it is about.
    typed: str


@router.get("")
async def show(
    request: Request, console: At, person: Operator, before: Annotated[str, Query(max_length=120)] = ""
) -> Response:
    """Those that fire, and a page of the history; `before` is the last one of the page before."""
    return await _render(request, console, person, before=before)


@router.post("/{alert_id}/acknowledge")
async def acknowledge(request: Request, console: At, person: Handler, alert_id: str) -> Response:
    """Say that this person takes care of it."""
    doing = AlertActs(console.services.database).acknowledge(person.id, alert_id)
    return await _done(request, console, person, alert_id, doing)


@router.post("/{alert_id}/snooze")
async def snooze(
    request: Request, console: At, person: Handler, alert_id: str,
    hours: Annotated[str, Form(max_length=4)] = "", reason: Annotated[str, Form(max_length=1000)] = "",
) -> Response:  # fmt: skip
    """Send nothing of it for so many hours; 0 ends a snooze."""
    chosen = int(hours) if hours.isascii() and hours.isdigit() else -1
    doing = AlertActs(console.services.database).snooze(person.id, alert_id, chosen, reason)
    return await _done(request, console, person, alert_id, doing, reason)


async def _done(
    request: Request, console: Console, person: Person, alert_id: str, doing: Awaitable[None], typed: str = ""
) -> Response:
    try:
        await doing
    except NotFound:
        raise
    except Refusal as refusal:
        return await _render(request, console, person, refusal=refusal, refused=alert_id, typed=typed)
    return see_other(PATH)


async def _render(
    request: Request, console: Console, person: Person, *, before: str = "", refusal: Refusal | None = None,
    refused: str = "", typed: str = "",
) -> Response:  # fmt: skip
    moment, locale = now(), locale_of(request)
    async with console.services.database.transaction() as session:
        firing = await reads.firing(session) if not before else ()
        over = await reads.history(session, place_of(before), reads.PAGE + 1)
    url = alerts_in_force(business_day(moment)).webhook_url
    knows = bool(url) and person.may(Permission.SET_POLICIES)
    context = AlertsContext(
        shell(request, person, PATH), tuple(_view(one, locale, moment) for one in firing),
        tuple(_view(one, locale, moment) for one in over[: reads.PAGE]),
        mark_of(over[reads.PAGE - 1].fired_at, over[reads.PAGE - 1].id) if len(over) > reads.PAGE else "", HOURS, REASON_MAX,
        person.may(Permission.HANDLE_ALERTS), url, alert_webhook_secret(console.services.keyring, url) if knows else "",
        refusal, refused, typed,
    )  # fmt: skip
    status = refusal.http_status if refusal else 200
    return await console.answer(request, "ops/alerts.html", context, status=status)


def _view(one: reads.SeenAlert, locale: str, moment: datetime) -> AlertView:
    value, most, limit = (quantity(each, one.rule.unit.value, locale) for each in (one.value, one.worst, one.limit))
    snoozed = one.snoozed_until is not None and one.snoozed_until > moment
    return AlertView(
        one,
        in_words(one.subject, locale),
        value,
        most,
        limit,
        snoozed,
        section_of(one.rule.topic),
        page_of(one.rule.topic),
    )
