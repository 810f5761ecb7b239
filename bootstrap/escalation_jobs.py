"""The loops that carry answers of other desks into tickets, start goodwill payments, and make old tickets searchable."""

from __future__ import annotations

from temporalio.client import Client

from bootstrap.payout_jobs import payout_jobs
from jobs import goodwill
from jobs.registry import Job
from services.support.backlog import SearchBacklog
from services.support.concluding import SettledReviews
from services.support.desk import SupportDesk
from services.support.question_work import OldQuestions
from services.support.second_payout import SecondPayouts
from workflows.goodwill_client import GoodwillClient

BATCH = 100  # At most so many answers in one look.
APPEALS_S, GOODWILL_S, BACKLOG_S = 2.0, 1.0, 10.0


def escalation_jobs(desk: SupportDesk, client: Client) -> list[Job]:
    """Return the loops beside the workers."""
    payments = goodwill.GoodwillStarter(desk.database, GoodwillClient(client))
    return [
        Job("payee_requests", APPEALS_S, lambda: SecondPayouts(desk).carry(BATCH), BATCH),
        Job("ticket_backlog", BACKLOG_S, lambda: SearchBacklog(desk.database).work_off(BATCH), BATCH),
        Job("appeals", APPEALS_S, lambda: SettledReviews(desk).carry(BATCH), BATCH),
        Job("old_questions", BACKLOG_S, lambda: OldQuestions(desk).adopt(BATCH), BATCH),
        Job("goodwill", GOODWILL_S, payments.start, goodwill.AT_ONCE),
        *payout_jobs(desk.database, desk.keyring, client),
    ]
