"""The loops that continue held payments, and settle orders whose outcome two people stated."""

from __future__ import annotations

from temporalio.client import Client

from database.session import Database
from domain.sealing import KeyRing
from jobs import payout_waits
from jobs.registry import Job
from jobs.stated_outcomes import StatedSender
from services.finance.held_payments import PayoutWaits
from services.finance.stating import Statements
from workflows.order_client import OrderClient

WAITS_S, STATED_S = 1.0, 2.0


def payout_jobs(store: Database, keyring: KeyRing, client: Client) -> list[Job]:
    """Return the loops beside the workers."""
    orders = OrderClient(client)
    waiting = payout_waits.WaitingPayments(store, PayoutWaits(store, keyring), orders)
    stated = StatedSender(Statements(store, keyring), orders)
    return [
        Job("payout_waits", WAITS_S, waiting.look, payout_waits.AT_ONCE),
        Job("stated_outcomes", STATED_S, stated.tell, payout_waits.AT_ONCE),
    ]
