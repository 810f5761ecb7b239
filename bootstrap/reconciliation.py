"""The loops that compare what rails say with the books: statements, and money that came back."""

from __future__ import annotations

from collections.abc import Mapping

from bootstrap.settings import Settings
from database.session import Database
from domain.finance.payout import PaymentGateway
from domain.finance.rails import Rail
from domain.finance.statements import StatementSource
from domain.sealing import KeyRing
from jobs.reconciliation import WORK_AT_ONCE, BillFetcher, Reconciler
from jobs.registry import Job
from jobs.returns import returns_job

RECONCILER_S, BILLS_S = 2.0, 600.0
BY_PERSON = frozenset({Rail.BANK})  # A bank's statement is brought by a person.


def reconciliation_jobs(
    settings: Settings, store: Database, keyring: KeyRing, gateways: Mapping[Rail, PaymentGateway]
) -> list[Job]:
    """Return what imports and matches, what fetches the bills of the rails that give them, and what asks about returns."""
    bills = {StatementSource(rail.value): one for rail, one in gateways.items() if rail not in BY_PERSON}
    fetcher, reconciler = BillFetcher(store, keyring, bills), Reconciler(store, keyring, settings.bank_formats)
    return [
        Job("reconciler", RECONCILER_S, reconciler.look, WORK_AT_ONCE),
        Job("bills", BILLS_S, fetcher.look, len(StatementSource)),
        returns_job(store, keyring, gateways),
    ]
