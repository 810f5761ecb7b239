"""The alerts as their page lists them: those that fire, and the history page by page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

from domain.ops.alerts import AlertRule

PAGE = 50
_ALERT = """
SELECT a.id, a.rule, a.subject, a.state, a.since, a.fired_at, a.over_at, a.value, a.worst, a.limit_value, a.owner,
       a.acknowledged_at, a.snoozed_until, a.snooze_reason, a.sent,
       (SELECT name FROM person WHERE id = a.acknowledged_by) AS acknowledged_by,
       (SELECT name FROM person WHERE id = a.snoozed_by) AS snoozed_by,
       (SELECT name FROM person WHERE 'person:' || id = a.owner) AS owner_name
FROM alert AS a
"""


@dataclass(frozen=True)
class SeenAlert:
    """One alert that fired. Values are in the rule's unit; `owner_name` is empty where a role owns it."""

    id: str
    rule: AlertRule
    subject: str
    fired_at: datetime
    over_at: datetime | None
    value: float
    worst: float
    limit: float
    owner: str
    owner_name: str
    acknowledged_by: str
    acknowledged_at: datetime | None
    snoozed_by: str
    snoozed_until: datetime | None
    snooze_reason: str


async def firing(session: AsyncSession) -> tuple[SeenAlert, ...]:
    """Return the alerts that fire, the newest first."""
    rows = await session.execute(text(f"{_ALERT} WHERE a.state = 'firing' ORDER BY a.fired_at DESC, a.id DESC"))
    return tuple(_seen(row) for row in rows.mappings())


async def history(session: AsyncSession, before: tuple[datetime, str] | None, limit: int = PAGE) -> list[SeenAlert]:
    """Return alerts that are over, the newest first; `before` is the last one of the page before."""
    values: dict[str, object] = {"limit": limit}
    follows = ""
    if before is not None:
        follows = "AND (a.fired_at, a.id) < (CAST(:fired_at AS timestamptz), :id)"
        values |= {"fired_at": before[0], "id": before[1]}
    wanted = f"{_ALERT} WHERE a.state = 'over' AND a.fired_at IS NOT NULL {follows} ORDER BY a.fired_at DESC, a.id DESC LIMIT :limit"
    return [_seen(row) for row in (await session.execute(text(wanted), values)).mappings()]


def _seen(row: RowMapping) -> SeenAlert:
    return SeenAlert(
        row["id"], AlertRule(row["rule"]), row["subject"], row["fired_at"], row["over_at"], row["value"], row["worst"],
        row["limit_value"], row["owner"], row["owner_name"] or "", row["acknowledged_by"] or "", row["acknowledged_at"],
        row["snoozed_by"] or "", row["snoozed_until"], row["snooze_reason"],
    )  # fmt: skip
