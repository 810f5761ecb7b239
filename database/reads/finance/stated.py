"""Who stated what became of a payment, and when: what the stories of its card and of its settlement say of two people's word."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.people import accounts
from database.tables.finance.rollback import StatedOutcomeRow


@dataclass(frozen=True)
class Staters:
    """Who stated an outcome and who agreed to it, by name, and when."""

    stated_by: str
    stated_at: datetime
    agreed_by: str
    agreed_at: datetime

    def among(self, facts: Mapping[str, str]) -> dict[str, str]:
        """Return the facts of a story's entry with these, moments in ISO 8601."""
        people = {"stated_by": self.stated_by, "agreed_by": self.agreed_by}
        moments = {"stated_at": self.stated_at.isoformat(), "agreed_at": self.agreed_at.isoformat()}
        return {**facts, **people, **moments}


async def staters(session: AsyncSession, statement_ids: Collection[str | None]) -> dict[str, Staters]:
    """Return who stated these outcomes, by the statement's id; of those agreed to alone."""
    known = sorted({one for one in statement_ids if one})
    if not known:
        return {}
    chosen = select(StatedOutcomeRow).where(StatedOutcomeRow.id.in_(known)).order_by(StatedOutcomeRow.id)
    rows = tuple((await session.execute(chosen)).scalars())
    names = await accounts.names_of(session, {one for row in rows for one in (row.stated_by, row.agreed_by)})
    return {
        row.id: Staters(
            names.get(row.stated_by, "–"), row.stated_at, names.get(row.agreed_by or "", "–"), row.agreed_at
        )
        for row in rows
        if row.agreed_at is not None
    }


def with_staters(facts: Mapping[str, str], stated: Mapping[str, Staters]) -> Mapping[str, str]:
    """Return the facts of an entry, with who stated the outcome where two people did."""
    by = stated.get(facts.get("stated", ""))
    return facts if by is None else by.among(facts)
