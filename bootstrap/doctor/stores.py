"""What can be wrong with the database, and with everything that is measured of the installation."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from bootstrap.doctor.finding import Finding, attention, broken
from bootstrap.measuring import measure
from bootstrap.settings import Settings
from bootstrap.words import say
from database.schema import applied, newest, schema_state
from database.session import Database, DatabaseUnavailable
from domain.ops.health import Found, Measure, State
from languages import translate
from services.ops.health import measured

# What the running console finds out; Temporal itself is asked by `bootstrap.doctor.temporal`.
NOT_ASKED = frozenset({Measure.TEMPORAL, Measure.WORKERS})
# Nothing is known of these while the platform does not run.
ONLY_RUNNING = frozenset({Measure.LOOKS, Measure.LOOPS})


async def database_findings(store: Database) -> list[Finding]:
    """Return what keeps this release from working with the database; empty when nothing does."""
    try:
        async with store.statement() as connection:
            version = await applied(connection)
    except DatabaseUnavailable:
        said = say("无法连接数据库。", "The database cannot be reached.")
        return [broken("database_unreachable", said, "make up, or look at DATABASE_URL")]
    state = schema_state(version)
    if state == "behind":
        said = say(
            f"数据库结构版本为 {version or '无'}，本版本需要 {newest()}。",
            f"The database's schema is at {version or 'none'}, this release needs {newest()}.",
        )
        return [broken("database_behind", said, "python -m cli migrate")]
    if state == "ahead":
        said = say(
            f"数据库结构（{version}）比本版本新。", f"The database's schema ({version}) is newer than this release."
        )
        return [broken("database_ahead", said, "docs/operations.md#restoring")]
    return []


async def health_findings(settings: Settings, store: Database, locale: str) -> list[Finding]:
    """Return every measure, taken now, that needs attention or is broken. Raises DatabaseUnavailable."""
    of_machine = await measure(settings, store)
    async with store.transaction() as session:
        found = [*await measured(session, datetime.now(UTC)), *of_machine]
    return list(judged(found, locale))


def judged(found: Iterable[Found], locale: str) -> Iterable[Finding]:
    """Yield a finding for each measure that is not well."""
    for one in found:
        if one.measure in NOT_ASKED or one.state is State.OK:
            continue
        if one.state is State.UNKNOWN and one.measure in ONLY_RUNNING:
            continue
        name = translate(f"ops_topic.{one.measure}", locale)
        state = translate(f"ops.health.state.{one.state}", locale)
        parts = f" ({', '.join(one.parts)})" if one.parts else ""
        colon = translate("console.colon", locale)
        said = f"{name}{colon}{state}{parts}. {translate(f'ops_means.{one.measure}', locale)}"
        make = broken if one.state is State.BROKEN else attention
        yield make(one.measure.value, said, translate(f"ops_do.{one.measure}", locale))
