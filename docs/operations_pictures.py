"""Takes the runbook's pictures: an outage at an issuer, its repair, maintenance, workers, health and alerts, in both languages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import patch
from urllib.parse import quote

from sqlalchemy import select, text, update

from database.tables.ops.health import HealthReadingRow
from database.tables.ops.runs import StuckCauseRow
from database.tables.people import PersonRow
from docs.console_pictures import Studio, ids, studio
from domain import identifiers
from domain.ops.health import Found, Measure
from domain.ops.runs import FailedAttempt
from domain.people.roles import Role
from services.ops import watch
from services.ops.attempts import Attempts
from services.ops.described import DescribedQueue, keep_queue
from services.ops.health import keep
from services.ops.stuck import StuckRuns
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.ops_scenes import a_provider_in_maintenance, readings_and_alerts, stuck_runs, worker_processes
from tests.reviewer_ui.queue_scenes import person_with
from tests.reviewer_ui.repair_scenes import previewed, repairs_in_every_state, silent_card

CAUSE = "gateway_unavailable~verification.ask_issuer~issuer:jd~b1"
CARDS, TREND_MINUTES = 14, 40
QUEUES = ("cards", "issuer-jd", "store-jd", "payout")


async def main(program: Path) -> None:
    """Write every picture of the operations pages."""
    with patch.object(identifiers, "new_id", ids()):
        async with studio(program) as made:
            house = made.house
            chen = await person_with(house, Role.OPS, "陈宇 Chen Yu", email="chen@desk.example")
            await _outage(made, chen)
            await _installation(made, chen)


async def _outage(made: Studio, chen: str) -> None:
    """Cards whose issuer does not answer: the cause, one card's story, and their repair before and while it runs."""
    house = made.house
    cards = [(await silent_card(house)).card_id for _ in range(CARDS)]
    await stuck_runs(house, cards[0], cards[1])
    await _failing(house, [cards[0], *cards[2:]])
    await made.take("ops-stuck", chen, "/operations")
    await made.take("ops-cause", chen, f"/operations/stuck/{quote(CAUSE, safe='')}")
    await made.take("ops-run", chen, f"/operations/runs/card:{cards[0]}")
    preview = await previewed(house, chen, *cards)
    await made.take("ops-repair-preview", chen, f"/operations/repairs/{preview}")
    names = await repairs_in_every_state(house)
    async with house.database.transaction() as session:
        await session.execute(update(PersonRow).where(PersonRow.name == "Wei").values(name="魏然 Wei Ran"))
    await made.take("ops-repair", chen, f"/operations/repairs/{names['repair_running']}")


async def _installation(made: Studio, chen: str) -> None:
    """Providers in maintenance, task queues with their workers, health, and alerts."""
    house = made.house
    await a_provider_in_maintenance(house, chen)
    await made.take("ops-provider", chen, "/operations/providers/issuer:jd")
    await worker_processes(house, chen)
    async with house.database.transaction() as session:
        worker = {"identity": "1@here", "build_id": "b2", "seen_at": datetime.now(UTC).isoformat()}
        for queue in QUEUES:
            await keep_queue(session, DescribedQueue(queue, "activity", (worker,), 0, 0.0, 1.2, 1.2), datetime.now(UTC))
        await watch.ended(session, watch.Look.QUEUES, {"queues": len(QUEUES)}, datetime.now(UTC))
    await made.take("ops-queues", chen, "/operations/queues")
    await readings_and_alerts(house, chen)
    async with house.database.transaction() as session:
        known = (await session.execute(select(HealthReadingRow.measure))).scalars().all()
        well = [Found(one, 0.0) for one in Measure if one not in known]
        await keep(session, well, datetime.now(UTC))
    await made.take("ops-health", chen, "/operations/health")
    await made.take("ops-alerts", chen, "/operations/alerts")


async def _failing(house: House, cards: list[str]) -> None:
    """The cards' issuer has failed for twenty minutes, as workers report it, and more cards came to it by and by."""
    attempts = Attempts(house.database)
    for card in cards:
        for _ in range(3):
            attempts.failed(
                FailedAttempt(
                    f"card:{card}", "verification.ask_issuer", "issuer-jd", "gateway_unavailable", "timeout",
                    "issuer: timeout", failures=1, next_in_s=30, build_id="b1", worker="1@here",
                )
            )  # fmt: skip
    await attempts.write()
    async with house.database.transaction() as session:
        began = {"since": datetime.now(UTC) - timedelta(minutes=20)}
        await session.execute(text("UPDATE pending_step SET since = :since"), began)
    await StuckRuns(house.database).find()
    minute = int(datetime.now(UTC).timestamp()) // 60
    trend = {str(minute - ago): max(1, CARDS - 1 - ago // 3) for ago in range(TREND_MINUTES)}
    async with house.database.transaction() as session:
        await session.execute(update(StuckCauseRow).where(StuckCauseRow.cause == CAUSE).values(trend=trend))
