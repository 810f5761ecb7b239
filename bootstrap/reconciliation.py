"""The loops that reconcile statements with the books."""

from __future__ import annotations

from collections.abc import Mapping

from database.session import Database
from domain.finance.statements import StatementSource
from domain.sealing import KeyRing
from jobs.reconciliation import WORK_AT_ONCE, BillFetcher, BillGateway, Reconciler
from jobs.registry import Job

RECONCILER_S, BILLS_S = 2.0, 600.0
ANY = 1


def reconciliation_jobs(
    store: Database, keyring: KeyRing, gateways: Mapping[StatementSource, BillGateway]
) -> list[Job]:
    """Return what imports and matches, and what fetches the bills of these gateways."""
    fetcher = BillFetcher(store, keyring, gateways)
    return [
        Job("reconciler", RECONCILER_S, Reconciler(store, keyring).look, WORK_AT_ONCE),
        Job("bills", BILLS_S, fetcher.look, 1_000),
    ]
