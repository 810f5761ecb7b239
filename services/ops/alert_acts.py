"""What a person does about an alert: acknowledge it, or snooze it with a reason; both are in the audit record."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.audit import by_person
from database.session import Database
from database.tables.columns import now
from database.tables.ops.health import AlertRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.ops import AlertIsOver
from domain.ops.alerts import AlertState
from domain.people.roles import Permission
from services.people.permissions import require
from services.work.secret_scan import require_no_number

HOURS = (1, 4, 24, 72, 168)  # For how long an alert can be snoozed.
REASON_MAX = 200


class AlertActs:
    """Acknowledges and snoozes alerts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def acknowledge(self, person: str, alert_id: str) -> None:
        """Say that this person takes care of it; who did so first stays. Refuses NotAllowed, NotFound, AlertIsOver."""
        async with self._database.transaction() as session:
            row = await _open(session, person, alert_id)
            if row.acknowledged_by is None:
                row.acknowledged_by, row.acknowledged_at = person, now()
                session.add(by_person(person, "ops:alert:acknowledge", row.id, facts=_facts(row)))

    async def snooze(self, person: str, alert_id: str, hours: int, reason: str) -> None:
        """Mute the alert for `hours`, also when it ends and fires again.

        0 hours end a snooze. Refuses like `acknowledge`, and FieldInvalid (`hours`, `reason`), SecretInWords.
        """
        reason = " ".join(reason.split())
        if hours not in (0, *HOURS):
            raise FieldInvalid(field="hours", why="not_offered")
        if hours and not 0 < len(reason) <= REASON_MAX:
            raise FieldInvalid(field="reason", why="missing" if not reason else "too_long")
        require_no_number(reason)
        async with self._database.transaction() as session:
            row = await _open(session, person, alert_id)
            until: datetime | None = now() + timedelta(hours=hours) if hours else None
            row.snoozed_until, row.snoozed_by = until, person if hours else None
            row.snooze_reason, row.sent_at = reason if hours else "", None
            facts = _facts(row) | {"until": until}
            session.add(by_person(person, "ops:alert:snooze", row.id, reason=reason, facts=facts))


async def _open(session: AsyncSession, person: str, alert_id: str) -> AlertRow:
    await require(session, person, Permission.HANDLE_ALERTS)
    row = await session.get(AlertRow, alert_id[:64], with_for_update=True)
    if row is None or row.fired_at is None:
        raise NotFound(alert=alert_id[:40])
    if row.state is AlertState.OVER:
        raise AlertIsOver
    return row


def _facts(row: AlertRow) -> dict[str, object]:
    return {"rule": row.rule.value, "subject": row.subject, "policy": row.policy_version}
