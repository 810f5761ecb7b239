"""Every recorded path replays on today's workflow, and a workflow that took another turn would be caught."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from domain.cards.card import CardType, Outcome
from domain.cards.facts import CardToBuy
from tests.workflows.histories import FOLDER
from workflows import steps
from workflows.card import CardWorkflow
from workflows.goodwill import GoodwillWorkflow
from workflows.messages import CardEnded
from workflows.repair import RepairWorkflow
from workflows.settlement import SettlementWorkflow
from workflows.ticket import TicketWorkflow

RECORDED = sorted(FOLDER.glob("*.json"))
WORKFLOWS = (CardWorkflow, RepairWorkflow, GoodwillWorkflow, TicketWorkflow, SettlementWorkflow)
# A machine that is busy for two seconds is not a workflow that never yields.
PATIENT: dict[str, Any] = {"debug_mode": True}


def recorded(path: Path) -> WorkflowHistory:
    """One committed history."""
    return WorkflowHistory.from_json(path.stem, path.read_text())


@pytest.mark.timeout(180)
async def test_every_recorded_path_replays() -> None:
    """One replayer for all: making its worker takes twice as long as most of the replays."""
    histories = [recorded(path) for path in RECORDED]
    names = {history.run_id: history.workflow_id for history in histories}
    assert len(names) == len(RECORDED)

    async def each() -> AsyncIterator[WorkflowHistory]:
        for history in histories:
            yield history

    results = await Replayer(workflows=WORKFLOWS, **PATIENT).replay_workflows(each(), raise_on_replay_failure=False)
    assert {names[run]: failure for run, failure in results.replay_failures.items()} == {}


def said(event: dict[str, Any], attributes: str, what: str) -> Any:
    """The first payload of an event, as plain JSON: the recorder used no codec."""
    return json.loads(base64.b64decode(event[attributes][what]["payloads"][0]["data"]))


def test_every_route_is_bought_and_every_outcome_is_recorded() -> None:
    ends: set[str] = set()
    bought: set[str] = set()
    for path in RECORDED:
        events = json.loads(path.read_text())["events"]
        if events[0]["workflowExecutionStartedEventAttributes"]["workflowType"]["name"] != "CardWorkflow":
            continue
        started = said(events[0], "workflowExecutionStartedEventAttributes", "input")
        outcome = said(events[-1], "workflowExecutionCompletedEventAttributes", "result")["outcome"]
        ends.add(outcome)
        if outcome == Outcome.PAID:
            bought.add(started["card_type"])
    assert ends == set(Outcome)
    assert bought == set(CardType)


@workflow.defn(name="CardWorkflow")
class Reordered(CardWorkflow):
    """A planted edit as a release might bring it: the card is priced before it is verified."""

    @workflow.init
    def __init__(self, card: CardToBuy) -> None:
        super().__init__(card)

    @workflow.run
    async def run(self, card: CardToBuy) -> CardEnded:
        return await super().run(card)

    async def _verify_and_price(self) -> str:
        await steps.value(self._card.card_id, 1)
        return await super()._verify_and_price()


async def test_reordered_workflow_fails_replay() -> None:
    path = FOLDER / "an_ecommerce_card_is_bought_without_a_person.json"
    with pytest.raises(NondeterminismError):
        await Replayer(workflows=[Reordered], **PATIENT).replay_workflow(recorded(path))
