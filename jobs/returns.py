"""Money that is said to have come back is asked about, until the gateway says so itself."""

from __future__ import annotations

from collections.abc import Mapping

from database.session import Database
from domain.finance.payout import PaymentGateway
from domain.finance.rails import Rail
from domain.sealing import KeyRing
from jobs.registry import Job
from services.finance.asked_returns import Returns

RETURNS_S, AT_ONCE = 5.0, 20


def returns_job(store: Database, keyring: KeyRing, gateways: Mapping[Rail, PaymentGateway]) -> Job:
    """Return the loop; only the process that may pay can ask."""
    returns = Returns(store, keyring, gateways)
    return Job("returns", RETURNS_S, lambda: returns.look(AT_ONCE), AT_ONCE)
