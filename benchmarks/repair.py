"""What a repair costs: runs a second that a repair signals again ÷ the same signals sent bare, in turn.

The repair judges each run again, marks it, signals it, and writes result, story and evidence; the bare client only signals.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from statistics import median

from sqlalchemy import text
from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.repairs import AT_ONCE
from benchmarks.result import Result
from benchmarks.town import SHARED, Town, town
from bootstrap.repairing import repair_activities
from database.tables.people import PersonRow
from domain import identifiers
from domain.ops.repairs import RepairKind
from services.ops.repairs.desk import RepairPlan, Repairs
from services.ops.repairs.sources import Named
from workflows.client import CardClient
from workflows.policies import DESK_QUEUE
from workflows.repair import RepairWorkflow
from workflows.repair_client import RepairClient

PROGRAMS = frozenset[str]()
GOAL = 0.5
RUNS, RUNS_SHORT, ROUNDS, ROUNDS_SHORT = 2_000, 200, 3, 2
NOBODY = "bench-nobody"  # A queue without workers: a signalled run goes nowhere.
_SUBMISSION = """
INSERT INTO submission (id, owner, idempotency_key, request_hash, channel, locale, payee_account_sealed, payee_name_sealed,
    payee_masked, created_at)
VALUES ('bench', 'partner:bench', 'bench', '', 'api', 'en', '', '', '', now())
"""
_OUTLET = "INSERT INTO outlet (code, name, brand, secret_sealed, active) VALUES ('bench', 'bench', 'hualian', '', true)"
_CARDS = """
INSERT INTO card (id, submission_id, position, card_type, brand, currency, holds_number, live, fields_revision, confirm_fields,
    stage, waiting_for, since, until, started_at, created_at, face_value_minor)
SELECT id, 'bench', :first + row_number() OVER (), 'regional', 'hualian', 'CNY', false, true, 1, false, 'verification', 'outlet',
    now(), now() + interval '1 day', now(), now(), 50000
FROM unnest(CAST(:cards AS text[])) AS card(id)
"""
_REQUESTS = """
INSERT INTO outlet_request (id, card_id, outlet_code, asked_at, answered_at, answer)
SELECT 'outlet-' || id, id, 'bench', now(), now(), 'confirmed' FROM unnest(CAST(:cards AS text[])) AS card(id)
"""
_LEFT = "SELECT count(*) FROM repair_item WHERE repair_id = :id AND state IN ('waiting', 'acting')"


def measure(short: bool) -> list[Result]:
    """A-B-A-B; the value is the median of the rounds' ratios."""
    return SHARED.measure(_measure(RUNS_SHORT if short else RUNS, ROUNDS_SHORT if short else ROUNDS))


async def _measure(many: int, rounds: int) -> list[Result]:
    async with town(PROGRAMS) as place:
        client, desk = place.client, Repairs(place.store)
        people = [await _a_person(place) for _ in range(2)]
        repairing = repair_activities(place.settings, client, place.store, place.keyring)
        async with place.store.transaction() as session:
            await session.execute(text(_SUBMISSION))
            await session.execute(text(_OUTLET))
        worker = Worker(
            client, task_queue=DESK_QUEUE, workflows=[RepairWorkflow], workflow_runner=UnsandboxedWorkflowRunner(),
            activities=[repairing.advance, repairing.act, repairing.look],
        )  # fmt: skip
        async with worker:
            await _repaired(place, desk, people, await _cards(place, 0, 50))  # Warm.
            pairs = []
            for number in range(rounds):
                cards = await _cards(place, 1_000 + 2 * number * many, 2 * many)
                repaired = await _repaired(place, desk, people, cards[:many])
                pairs.append((repaired, await _bare(client, cards[many:])))
    ratio = median(repaired / bare for repaired, bare in pairs)
    details = {
        "runs": many, "repaired_per_s": [round(one) for one, _ in pairs], "bare_per_s": [round(one) for _, one in pairs]
    }  # fmt: skip
    return [Result("repair", ratio, f">= {GOAL}", ratio >= GOAL, details)]


async def _repaired(place: Town, desk: Repairs, people: Sequence[str], cards: Sequence[str]) -> float:
    """Runs a second, from the start of the repair's workflow until the last run was acted on."""
    plan = RepairPlan(RepairKind.SIGNAL_AGAIN, "lost_report", canary=0, rate_per_s=5_000)
    repair_id = await desk.draft(people[0], plan, Named(tuple(cards)))
    await desk.preview(people[0], repair_id)
    if await desk.submit(people[0], repair_id) == "waiting":
        await desk.agree(people[1], repair_id)
    began = time.perf_counter()
    await RepairClient(place.client).tell(repair_id)
    while True:
        async with place.store.transaction() as session:
            if not (await session.execute(text(_LEFT), {"id": repair_id})).scalar_one():
                break
        await asyncio.sleep(0.02)
    spent = time.perf_counter() - began
    await desk.cancel(people[0], repair_id)
    await RepairClient(place.client).tell(repair_id)
    return len(cards) / spent


async def _bare(client: Client, cards: Sequence[str]) -> float:
    """Signals a second, as many at once as a repair sends."""
    desk, at_once = CardClient(client), asyncio.Semaphore(AT_ONCE)

    async def signal(card: str) -> None:
        async with at_once:
            await desk.outlet_reported(card, f"outlet-{card}", confirmed=True)

    began = time.perf_counter()
    await asyncio.gather(*(signal(card) for card in cards))
    return len(cards) / (time.perf_counter() - began)


async def _cards(place: Town, first: int, many: int) -> list[str]:
    """So many cards that wait for an outlet whose report is there, each with a run that no worker serves."""
    cards = [identifiers.new_id() for _ in range(many)]
    async with place.store.transaction() as session:
        await session.execute(text(_CARDS), {"first": first, "cards": cards})
        await session.execute(text(_REQUESTS), {"cards": cards})
    at_once = asyncio.Semaphore(AT_ONCE)

    async def start(card: str) -> None:
        async with at_once:
            await place.client.start_workflow("Nobody", id=identifiers.card_workflow(card), task_queue=NOBODY)

    await asyncio.gather(*(start(card) for card in cards))
    return cards


async def _a_person(place: Town) -> str:
    person = identifiers.new_id()
    async with place.store.transaction() as session:
        session.add(
            PersonRow(
                id=person, email=f"{person}@example.com", name="Bench", password_hash="", roles=["ops"],
                created_at=datetime.now(UTC),
            )
        )  # fmt: skip
    return person
