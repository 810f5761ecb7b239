"""Cards that workers in this process carry from start to paid, for benchmarks that compare two ways of doing so."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from statistics import median

from temporalio.client import Client
from temporalio.worker import Interceptor

from benchmarks.cards import FACE_MINOR, jd_card
from benchmarks.result import Result
from benchmarks.town import Town
from bootstrap import keys, outside
from bootstrap.paying import payment_gateways
from bootstrap.store import photo_store
from bootstrap.workers import card_workers
from domain.cards.intake import Submission, SubmittedCard
from domain.identifiers import new_id
from domain.money import Money
from services.cards.intake import Intake
from workflows.client import CardClient

AT_ONCE = 30
ROUNDS, ROUNDS_SHORT = 7, 2
CARDS, CARDS_SHORT = 120, 40


async def cards_per_s(place: Town, client: Client, many: int, interceptors: Sequence[Interceptor] = ()) -> float:
    """Cards a second from start to paid; handing them in is not counted, for it is the same for both."""
    world = outside.build(place.settings, keys.load(place.settings), place.store)
    gateways = payment_gateways(place.settings, place.store)
    intake = Intake(place.store, place.keyring, photo_store(place.settings, place.keyring))
    cards = [await _handed_in(intake) for _ in range(many)]
    desk, gate = CardClient(client), asyncio.Semaphore(AT_ONCE)

    async def one(card_id: str) -> None:
        async with gate:
            await desk.start(await intake.card_to_buy(card_id))
            await client.get_workflow_handle(f"card:{card_id}").result()

    async with AsyncExitStack() as stack:
        for worker in card_workers(place.settings, client, place.store, place.keyring, world, gateways, interceptors):
            await stack.enter_async_context(worker)
        began = time.perf_counter()
        await asyncio.gather(*(one(card_id) for card_id in cards))
        return many / (time.perf_counter() - began)


async def _handed_in(intake: Intake) -> str:
    number = str(jd_card(accepted_in_advance=True)["number"])
    card = SubmittedCard("jd", Money(FACE_MINOR), number, accept_at_or_above=Money(1))
    # Another telephone for each card: what one payee may get within an hour without a person is capped.
    payee = f"138{secrets.randbelow(10**8):08d}"
    submission = Submission("partner:bench", new_id(), (card,), payee, "Bench")
    receipt = await intake.submit(submission)
    # Taken from the starter loop: no worker of the platform runs here.
    await intake.mark_started(receipt.card_ids[0])
    return receipt.card_ids[0]


def compared(name: str, goal: float, pairs: Sequence[tuple[float, float]]) -> Result:
    """Return the median of the rounds' ratios, cards a second with something ÷ without, against its goal."""
    ratio = median(having / lacking for having, lacking in pairs)
    details = {
        "with_per_s": [round(having, 1) for having, _ in pairs],
        "without_per_s": [round(lacking, 1) for _, lacking in pairs],
    }
    return Result(name, ratio, f">= {goal}", ratio >= goal, details)
