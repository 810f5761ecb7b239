"""What sealing every payload costs: cards a second with the encrypting codec ÷ without, in turn on the same services."""

from __future__ import annotations

import asyncio
import secrets
import time
from contextlib import AsyncExitStack
from statistics import median

from temporalio.client import Client
from temporalio.converter import DataConverter

from benchmarks.cards import FACE_MINOR, jd_card
from benchmarks.result import Result
from benchmarks.town import Town, town
from bootstrap import keys, outside
from bootstrap.local import temporal
from bootstrap.paying import payment_gateway
from bootstrap.store import photo_store
from bootstrap.workers import card_workers
from domain.cards.intake import Submission, SubmittedCard
from domain.identifiers import new_id
from domain.money import Money
from services.cards.intake import Intake
from workflows.client import CardClient
from workflows.codec import data_converter

GOAL = 0.95
ROUNDS, ROUNDS_SHORT = 7, 3
CARDS, CARDS_SHORT = 120, 60
AT_ONCE = 30


def measure(short: bool) -> list[Result]:
    """A-B-A-B with the workers of both in this process; the value is the median of the rounds' ratios."""
    return asyncio.run(_measure(ROUNDS_SHORT if short else ROUNDS, CARDS_SHORT if short else CARDS))


async def _measure(rounds: int, many: int) -> list[Result]:
    async with town(()) as place:
        sealed = await temporal.connect(place.settings, data_converter(place.keyring))
        plain = await temporal.connect(place.settings, DataConverter.default)
        for client in (sealed, plain):
            await _cards_per_s(place, client, AT_ONCE)  # Warm.
        pairs = [
            (await _cards_per_s(place, sealed, many), await _cards_per_s(place, plain, many)) for _ in range(rounds)
        ]
    ratio = median(with_codec / without for with_codec, without in pairs)
    details = {
        "with_per_s": [round(pair[0], 1) for pair in pairs],
        "without_per_s": [round(pair[1], 1) for pair in pairs],
    }
    return [Result("codec", ratio, f">= {GOAL}", ratio >= GOAL, details)]


async def _cards_per_s(place: Town, client: Client, many: int) -> float:
    """Cards a second from start to paid; handing them in is not counted, for it is the same for both."""
    world = outside.build(place.settings, keys.load(place.settings), place.store)
    gateway = payment_gateway(place.settings)
    intake = Intake(place.store, place.keyring, photo_store(place.settings, place.keyring))
    cards = [await _handed_in(intake) for _ in range(many)]
    desk, gate = CardClient(client), asyncio.Semaphore(AT_ONCE)

    async def one(card_id: str) -> None:
        async with gate:
            await desk.start(await intake.card_to_buy(card_id))
            await client.get_workflow_handle(f"card:{card_id}").result()

    async with AsyncExitStack() as stack:
        for worker in card_workers(place.settings, client, place.store, place.keyring, world, gateway):
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
