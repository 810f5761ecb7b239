"""What every version of the four-eyes policy asked for, to judge old decisions by the version that they were made by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.policies import PolicyDocumentRow
from domain.cards.review import APPROVALS
from domain.policies.document import version_name
from domain.policies.state import PolicyState
from domain.rules.checks import CHECKS_KIND

NEVER = 10**15  # More than any card is worth: one person may approve alone.


@dataclass(frozen=True)
class CheckRule:
    """One version: from which value (CNY minor units) one person does not approve alone, and what counts as unverified."""

    version: str
    alone_below: int
    unverified: tuple[str, ...]
    same_hands_days: int

    def as_json(self) -> dict[str, Any]:
        """Return the rule as a statement takes it."""
        return {"version": self.version, "alone_below": self.alone_below, "unverified": list(self.unverified)}


async def check_rules(session: AsyncSession) -> list[CheckRule]:
    """Return the rules of every version, built in or published."""
    wanted = select(PolicyDocumentRow.version, PolicyDocumentRow.document).where(
        PolicyDocumentRow.kind == CHECKS_KIND.code, PolicyDocumentRow.state == PolicyState.PUBLISHED
    )
    found = await session.execute(wanted.order_by(PolicyDocumentRow.version))
    saved = [(version_name(CHECKS_KIND.code, row.version), row.document) for row in found]
    return [_rule(name, values) for name, values in [*_built_in(), *saved]]


def _built_in() -> list[tuple[str, Any]]:
    return [(one.version, one.document) for one in CHECKS_KIND.built_in()]


def _rule(version: str, values: Any) -> CheckRule:
    checked = set(values["outcomes"]) >= {one.value for one in APPROVALS}
    unverified = tuple(values.get("unverified", ())) if "approve" in values["outcomes"] else ()
    return CheckRule(version, values["value_minor_min"] if checked else NEVER, unverified, values["same_hands_days"])
