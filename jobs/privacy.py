"""Copies of people's data that expired, and files that an erasure left, are erased from the store; erased accounts are closed."""

from __future__ import annotations

from jobs.registry import Job
from services.support.closing_accounts import ClosingAccounts
from services.support.privacy import SWEPT_MAX, Privacy

INTERVAL_S = 600.0


def privacy_job(privacy: Privacy, accounts: ClosingAccounts) -> Job:
    """Return the loop."""

    async def look() -> int:
        return await privacy.sweep() + await accounts.close_due(SWEPT_MAX)

    return Job("privacy", INTERVAL_S, look, SWEPT_MAX)
