"""How many events a card leaves in Temporal's history: bought by machine, and with one human decision. Exact counts."""

from __future__ import annotations

import asyncio
import secrets
from contextlib import suppress
from typing import Any

import httpx
from sqlalchemy import select
from stdnum import luhn

from benchmarks.cards import ANY_PRICE, bought, partner, submit
from benchmarks.result import Result
from benchmarks.town import SHARED, Town, town
from bootstrap.demo.logins import login_of
from database.tables.people import PersonRow
from domain.cards.card import WaitingFor
from domain.cards.review import ReviewOutcome
from domain.errors.cards import NotExpectedNow
from domain.identifiers import review_task
from domain.people.roles import Role
from services.review.desk import review_desk
from workflows.client import CardClient

PROGRAMS = frozenset({"api", "worker-cards"})
AUTOMATIC_MAX, REVIEWED_MAX = 30, 45


def measure(short: bool) -> list[Result]:  # noqa: ARG001  # Two cards are enough for an exact count.
    """The number of events of one card of each kind."""
    return SHARED.measure(_measure())


async def _measure() -> list[Result]:
    async with town(PROGRAMS) as place, partner(place) as api:
        (automatic,) = await bought(place, api, 1, 1)
        reviewed = await _reviewed(place, api)
        counts = [await _events(place, card_id) for card_id in (automatic, reviewed)]
    return [
        Result("events_automatic", counts[0], f"<= {AUTOMATIC_MAX}", counts[0] <= AUTOMATIC_MAX),
        Result("events_reviewed", counts[1], f"<= {REVIEWED_MAX}", counts[1] <= REVIEWED_MAX),
    ]


async def _reviewed(place: Town, api: httpx.AsyncClient) -> str:
    """A dining card, approved by the demo's reviewer."""
    card_id = await submit(api, _dining_card())
    desk, review = CardClient(place.client), review_desk(place.store, place.keyring)
    async with place.store.transaction() as session:
        found = await session.execute(select(PersonRow).where(PersonRow.email == login_of(Role.REVIEWER)))
        reviewer = found.scalar_one()
    task_id = review_task(card_id, 1)
    await _until_reviewed(desk, card_id)
    await review.leases.take(reviewer.id, task_id)
    decision = await review.decisions.record_decision(reviewer.id, task_id, ReviewOutcome.APPROVE, None, None, None, "")
    await desk.decide(card_id, task_id, decision)
    await place.client.get_workflow_handle(f"card:{card_id}").result()
    return card_id


async def _until_reviewed(desk: CardClient, card_id: str) -> None:
    for _ in range(100):
        with suppress(NotExpectedNow):  # Its workflow may not be running yet.
            if (await desk.story(card_id)).waiting_for is WaitingFor.REVIEWER:
                return
        await asyncio.sleep(0.1)
    raise TimeoutError("the card never came to a reviewer")


def _dining_card() -> dict[str, Any]:
    body = "81" + "".join(secrets.choice("0123456789") for _ in range(11)) + "00"
    number = body + luhn.calc_check_digit(body)
    face = {"amount_minor": 50_000, "currency": "CNY"}
    return {
        "brand": "starbucks",
        "number": number,
        "pin": "12345678",
        "face_value": face,
        "accept_at_or_above": ANY_PRICE,
    }


async def _events(place: Town, card_id: str) -> int:
    return len((await place.client.get_workflow_handle(f"card:{card_id}").fetch_history()).events)
