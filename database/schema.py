"""The schema's version: that of this release, known by the names of its migrations, and that of a database.

Alembic is asked only to migrate: loading it with every migration takes longer than anything else that a web program loads.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncConnection

MIGRATIONS = Path(__file__).with_name("migrations")
_DIGITS = 4  # `0057_brokered_payments.py` makes revision 0057.


@functools.cache
def known() -> tuple[str, ...]:
    """Return the revisions that this release can bring a database to, in the order of their numbers; the last is the newest."""
    return tuple(sorted(file.name[:_DIGITS] for file in (MIGRATIONS / "versions").glob("[0-9]*.py")))


def newest() -> str:
    """Return the revision that this release brings a database to."""
    return known()[-1]


async def applied(connection: AsyncConnection) -> str | None:
    """Return the revision that a database is at; None when it was never migrated."""
    if (await connection.exec_driver_sql("SELECT to_regclass('alembic_version')")).scalar_one() is None:
        return None
    asked = await connection.exec_driver_sql("SELECT version_num FROM alembic_version")
    found: str | None = asked.scalar_one_or_none()
    return found


def schema_state(version: str | None) -> str:
    """Compare a database's revision with this release's: empty when they are the same, else `behind` or `ahead`."""
    if version == newest():
        return ""
    return "behind" if version is None or version in known() else "ahead"
