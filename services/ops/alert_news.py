"""Notify the owner of an alert, and the address of the installation's own, that it fires or is over."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import outbox
from database.repositories.notices import tell
from database.tables.people import PersonRow
from domain.notices.kinds import NoticeKind
from domain.ops.alerts import AlertRule
from domain.ops.runbook import section_of
from domain.people.roles import Role
from services.notices.outbox_delivery import ALERTS
from services.notices.recipients import operations, with_roles

PERSON = "person:"
FIRING, OVER = "alert.firing", "alert.over"


@dataclass(frozen=True)
class Fired:
    """An alert as it is sent: `times` counts how often, `value` and `limit` are in the rule's unit."""

    id: str
    rule: AlertRule
    subject: str
    value: float
    limit: float
    owner: str
    times: int
    fired_at: datetime
    over_at: datetime | None


async def fires(session: AsyncSession, alert: Fired, webhook_url: str) -> None:
    """It fires: its owner is notified once for each of its `times`."""
    await _notify(session, alert, NoticeKind.ALERT)
    await _put(session, alert, FIRING, webhook_url)


async def over(session: AsyncSession, alert: Fired, webhook_url: str) -> None:
    """It is over."""
    await _notify(session, alert, NoticeKind.ALERT_OVER)
    await _put(session, alert, OVER, webhook_url)


async def _notify(session: AsyncSession, alert: Fired, kind: NoticeKind) -> None:
    facts = {"topic": alert.rule.value, "about": alert.subject, "measured": measured(alert.rule, alert.value)}
    await tell(session, await _owners(session, alert.owner), kind, f"{kind}:{alert.id}:{alert.times}", **facts)


def measured(rule: AlertRule, value: float) -> str:
    """Return a value with its unit as a notice keeps it, e.g. `7200 s`; who reads it puts it into words."""
    return f"{round(value)} {rule.unit.value}"


async def _owners(session: AsyncSession, owner: str) -> list[str]:
    """The people whom it concerns; where there are none (any more), operations."""
    if owner.startswith(PERSON):
        person = await session.get(PersonRow, owner.removeprefix(PERSON))
        found = [person.id] if person is not None and person.active else []
    else:
        found = await with_roles(session, None, lambda roles: owner in {role.value for role in roles})
    return found or await operations(session)


async def _put(session: AsyncSession, alert: Fired, event: str, webhook_url: str) -> None:
    """A webhook to the address of the policy, if there is one: signed, and tried until it arrives."""
    if webhook_url:
        await outbox.put(session, "webhook", ALERTS, event, content_of(alert))


def content_of(alert: Fired) -> dict[str, Any]:
    """Return the body of a webhook; times are UTC, `runbook` is an address within the console."""
    return {
        "alert": alert.id, "rule": alert.rule.value, "subject": alert.subject, "value": alert.value, "limit": alert.limit,
        "unit": alert.rule.unit.value, "owner": alert.owner, "fired_at": _moment(alert.fired_at),
        "over_at": _moment(alert.over_at), "runbook": section_of(alert.rule.topic),
    }  # fmt: skip


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else moment.astimezone(UTC).isoformat(timespec="seconds")


def is_owner(owner: str) -> bool:
    """Return whether this names a role or a person."""
    return owner.startswith(PERSON) or owner in {role.value for role in Role}
