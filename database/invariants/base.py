"""What an invariant is: a class with its number, its name, and the statement that finds what breaks it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

# A card whose step is running has no timer in the database; after this long without a change it counts as stuck.
STEP_MAX = timedelta(minutes=15)
FOUND_MAX = 200  # So many faults of one invariant are named; a broken one has a cause, not a thousand.
RECENT = 20_000  # A frequent check looks at so many of the newest transactions of the ledger.


@dataclass(frozen=True)
class Violation:
    """One broken invariant, e.g. `I1`, and what breaks it: ids and amounts, never a secret."""

    invariant: str
    what: str


@dataclass(frozen=True)
class Look:
    """How much a check looks at.

    `public_key` is the evidence key's. `whole` reads everything, else only what is quick to read: open cards, and the
    newest RECENT transactions. `step_max` is how long a card may be with the machine, or past its deadline.
    `alone_below` (CNY minor units) replaces the four-eyes limit of all policies, in tests. At most `most` faults of each
    invariant are named.
    """

    public_key: bytes = b""
    whole: bool = True
    step_max: timedelta = STEP_MAX
    alone_below: int | None = None
    most: int = FOUND_MAX


class Invariant:
    """Something that must hold whatever failed. `name` is the key of its words: what it says, what a failure means, what to do.

    `often` says that a check of what is recent is quick enough to be run every few minutes. `sql` selects one sentence for
    each fault; its values are what `given` returns. One that needs more than a statement has its own `broken`.
    """

    code: ClassVar[str]
    name: ClassVar[str]
    often: ClassVar[bool] = False
    sql: ClassVar[str] = ""

    def given(self, look: Look) -> dict[str, Any]:  # noqa: ARG002  # For those whose statement has values.
        """Return the values of the statement."""
        return {}

    async def broken(self, session: AsyncSession, look: Look) -> list[str]:
        """List what breaks it, at most `look.most` sentences."""
        return await sentences(session, self.sql, look.most, **self.given(look))


async def sentences(session: AsyncSession, sql: str, most: int, **given: Any) -> list[str]:
    """Return the first sentences that a statement selects, so many at most."""
    bounded = text(f"SELECT what FROM ({sql}) AS found (what) ORDER BY what LIMIT :most")  # noqa: S608  # Statements of ours.
    return list((await session.execute(bounded, {**given, "most": most})).scalars())


@dataclass(frozen=True)
class Result:
    """What a check of one invariant found. One that was not `finished` in its time found nothing either way."""

    code: str
    name: str
    whole: bool
    lines: tuple[str, ...]
    took_ms: int
    checked_at: datetime
    finished: bool = True
