"""Examine an installation: this machine, its database, and Temporal, as far as each of them answers."""

from __future__ import annotations

import os

from bootstrap.doctor.finding import Finding
from bootstrap.doctor.local import key_findings, port_findings, restore_findings, settings_findings
from bootstrap.doctor.reader import reader_findings
from bootstrap.doctor.stores import database_findings, health_findings
from bootstrap.doctor.temporal import temporal_findings
from bootstrap.settings import Settings
from bootstrap.store import database
from bootstrap.words import speaks_chinese
from database.session import DatabaseUnavailable
from services.policies.reading import PolicyReader


async def examine(settings: Settings) -> list[Finding]:
    """Return everything that is found, what is broken first. Neither the database nor Temporal has to answer."""
    found = [*settings_findings(settings), *restore_findings(settings), *key_findings(settings)]
    found += reader_findings(settings)
    found += await port_findings(settings)
    store = database(settings)
    try:
        of_database = await database_findings(store)
        found += of_database
        if not of_database:
            await PolicyReader(store).refresh()  # The catalogue of brands names the task queues.
            found += await health_findings(settings, store, "zh_CN" if speaks_chinese(os.environ) else "en")
        found += await temporal_findings(settings, None if of_database else store)
    except DatabaseUnavailable:
        found += await database_findings(store)
    finally:
        await store.dispose()
    return sorted(found, key=lambda one: one.verdict)
