"""The loops that carry answers of other desks into tickets, start goodwill payments, and make old tickets searchable."""

from __future__ import annotations

from temporalio.client import Client

from bootstrap.payout_jobs import payout_jobs
from database.session import Database
from domain.sealing import KeyRing
from jobs import goodwill
from jobs.registry import Job
from services.support.backlog import SearchBacklog
from services.support.concluding import SettledReviews
from services.support.question_work import OldQuestions
from services.support.second_payout import SecondPayouts
from workflows.goodwill_client import GoodwillClient

BATCH = 100  # At most so many answers in one look.
APPEALS_S, GOODWILL_S, BACKLOG_S = 2.0, 1.0, 10.0


def escalation_jobs(store: Database, keyring: KeyRing, client: Client) -> list[Job]:
    """Return the loops beside the workers."""
    payments = goodwill.GoodwillStarter(store, GoodwillClient(client))
    return [
        Job("payee_requests", APPEALS_S, lambda: SecondPayouts(store, keyring).carry(BATCH), BATCH),
        Job("ticket_backlog", BACKLOG_S, lambda: SearchBacklog(store).work_off(BATCH), BATCH),
        Job("appeals", APPEALS_S, lambda: SettledReviews(store).carry(BATCH), BATCH),
        Job("old_questions", BACKLOG_S, lambda: OldQuestions(store, keyring).adopt(BATCH), BATCH),
        Job("goodwill", GOODWILL_S, payments.start, goodwill.AT_ONCE),
        *payout_jobs(store, keyring, client),
    ]
