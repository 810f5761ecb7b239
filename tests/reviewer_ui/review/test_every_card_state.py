"""A card's page opens for every role in every state, whatever the facts of its story are called."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import update

from database.repositories import cards as stored
from database.repositories.cards import Change
from database.tables.cards import CardRow
from domain.cards.card import EndReason, Outcome, Stage, WaitingFor
from domain.finance.payout import PayoutState
from domain.people.roles import Role
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.waiting_cards import Waiting

# Names that a fact may bear and that functions on the way to the page use for their own parameters.
NAMES = ("key", "locale", "values", "facts", "what", "context", "self", "name", "count", "entry", "card")
READERS = (Role.REVIEWER, Role.SENIOR, Role.OPS, Role.SUPPORT, Role.FINANCE, Role.COMPLIANCE, Role.ADMIN)


async def in_state(house: House, stage: Stage, waiting_for: WaitingFor, outcome: Outcome | None = None) -> Waiting:
    """A card of that state, with an entry in its story for each stage, whose facts bear every awkward name."""
    waiting = await house.cards.waiting()
    facts = {name: f"of {name}" for name in NAMES}
    whats = ("payout.prepared", "payout.unknown", "payout.paid", "payout.refused", "journey.rejected", "review.decided")
    async with house.database.transaction() as session:
        for what in whats:
            await stored.record(session, waiting.card_id, Change(stage, waiting_for, None, what, facts))
        values = {"stage": stage, "waiting_for": waiting_for, "outcome": outcome}
        reason = EndReason.PAYEE_REFUSED if outcome is Outcome.PAYMENT_REFUSED else None
        await session.execute(update(CardRow).where(CardRow.id == waiting.card_id).values(**values, reason=reason))
    if outcome in (Outcome.PAID, Outcome.PAYMENT_REFUSED):
        state = PayoutState.PAID if outcome is Outcome.PAID else PayoutState.REFUSED
        await house.cards.payout(waiting, state)
    return waiting


RUNNING = [stage for stage in Stage if stage is not Stage.ENDED]
EVERY_PAIR = [(stage, waiting_for) for stage in RUNNING for waiting_for in WaitingFor]
EACH_ONCE = list(zip(itertools.cycle(RUNNING), WaitingFor, strict=False))  # There are more waits than stages.
ENDED = [(Stage.ENDED, WaitingFor.NOBODY, outcome) for outcome in Outcome]


async def not_opened(house: House, states: Sequence[tuple[Any, ...]], turn: int = 0) -> list[object]:
    """Return role, state and answer of each card page that did not open; each role asks in one of the languages, in the other in the next turn."""
    browsers, broken = {role: await house.as_(role) for role in READERS}, list[object]()
    for place, state in enumerate(states, turn):
        waiting = await in_state(house, *state)
        for seat, (role, browser) in enumerate(browsers.items()):
            language = ("zh", "en")[(place + seat) % 2]
            page = await browser.get(f"/cards/{waiting.card_id}", headers={"accept-language": language})
            broken += [] if page.status_code == 200 else [(role, state, page.status_code)]
    return broken


@pytest.mark.parametrize("turn", [0, pytest.param(1, marks=pytest.mark.thorough)])
async def test_every_role_opens_the_page_of_an_ended_card(house: House, turn: int) -> None:
    assert await not_opened(house, ENDED, turn) == []


@pytest.mark.parametrize(
    "states",
    [pytest.param(EACH_ONCE, id="each-once"), pytest.param(EVERY_PAIR, id="every-pair", marks=pytest.mark.thorough)],
)
async def test_every_role_opens_the_page_of_a_running_card_in_every_stage_and_wait(
    house: House, states: list[tuple[Stage, WaitingFor]]
) -> None:
    assert ({stage for stage, _ in states}, {wait for _, wait in states}) == (set(RUNNING), set(WaitingFor))
    assert await not_opened(house, states) == []


async def test_an_error_page_shows_the_number_to_quote(house: House) -> None:
    browser = await house.as_(Role.REVIEWER)
    page = await browser.get("/cards/nothing-of-that-id")
    assert page.status_code == 404
    shown = re.search(r"<code>([0-9A-Z]{26})</code>", page.text)
    assert shown is not None
    assert shown[1] == page.headers["x-request-id"]
