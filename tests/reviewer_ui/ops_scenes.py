"""Stuck cards and task queues for the tests of the operations pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from database.tables.people import PartnerRow
from database.tables.platform import OutboxRow
from domain.identifiers import new_id
from domain.ops.runs import FailedAttempt, StepState
from services.ops import described, watch
from services.ops.attempts import Attempts
from services.ops.described import DescribedQueue, DescribedStep
from services.ops.stuck import StuckRuns
from tests.reviewer_ui.conftest import House


async def stuck_runs(house: House, *cards: str) -> None:
    """The first card's step fails, the second's is taken by nobody; one queue has a worker and one has none."""
    failing, waiting, now = cards[0], cards[1:], datetime.now(UTC)
    attempts = Attempts(house.database)
    attempts.failed(
        FailedAttempt(
            f"card:{failing}", "verification.ask_issuer", "issuer-jd", "gateway_unavailable", "timeout", "issuer: timeout",
            failures=3, next_in_s=30, build_id="b1", worker="1@here",
        )
    )  # fmt: skip
    await attempts.write()
    async with house.database.transaction() as session:
        for card in waiting:
            step = DescribedStep(
                f"card:{card}", StepState.UNSTARTED, "reading.read_photos", "reading", 0, "unstarted", "", "",
                datetime(2026, 1, 1, tzinfo=UTC), None, "", "",
            )  # fmt: skip
            await described.keep(session, step, now)
        worker = {"identity": "1@here", "build_id": "b1", "seen_at": now.isoformat()}
        await described.keep_queue(session, DescribedQueue("cards", "workflow", (worker,), 0, 0.0, 1.0, 1.0), now)
        await described.keep_queue(session, DescribedQueue("reading", "activity", (), 3, 40.0, 0.0, 0.0), now)
        await watch.ended(session, watch.Look.QUEUES, {"queues": 2}, now)
        drift = {"card_missing": [f"card:{failing}"], "card_missing_count": 1, "card_unexpected_count": 0}
        await watch.ended(session, watch.Look.SWEEP, drift, now)
        session.add(PartnerRow(id="P-AWAY", name="Green Lane Cards", webhook_url="https://example.com/hook"))
        for given_up in (None, None, now):
            session.add(
                OutboxRow(
                    id=new_id(), kind="webhook", destination="partner:P-AWAY", topic="card.paid", payload={}, attempts=4,
                    due_at=now + timedelta(hours=1), last_failure="webhook: http_503", given_up_at=given_up,
                )
            )  # fmt: skip
    await StuckRuns(house.database).find()
