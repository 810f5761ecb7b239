"""Every recorded path replays on today's workflow, and a workflow that took another turn would be caught."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from domain.cards import EndReason, Outcome
from domain.facts import CardToBuy
from tests.workflows.histories import FOLDER
from workflows import steps
from workflows.card import CardWorkflow
from workflows.messages import CardEnded

RECORDED = sorted(FOLDER.glob("*.json"))


def recorded(path: Path) -> WorkflowHistory:
    """One committed history."""
    return WorkflowHistory.from_json(path.stem, path.read_text())


@pytest.mark.asyncio
@pytest.mark.parametrize("path", RECORDED, ids=[path.stem for path in RECORDED])
async def test_a_recorded_path_replays(path: Path) -> None:
    await Replayer(workflows=[CardWorkflow]).replay_workflow(recorded(path))


def test_every_outcome_and_route_is_recorded() -> None:
    ends = "".join(json.dumps(json.loads(path.read_text())["events"][-1]) for path in RECORDED)
    assert len(RECORDED) >= 25
    names = {path.stem for path in RECORDED}
    for word in (
        "ecommerce",
        "supermarket",
        "dining",
        "regional",
        "unlicensed",
        "lapse",
        "refused",
        "unknown",
        "frozen",
    ):
        assert any(word in name for name in names), word
    assert ends.count("EVENT_TYPE_WORKFLOW_EXECUTION_COMPLETED") == len(RECORDED)


@workflow.defn(name="CardWorkflow")
class Hasty:
    """A planted edit: it ends a card before anything was asked."""

    @workflow.run
    async def run(self, card: CardToBuy) -> CardEnded:
        await steps.end(card.card_id, Outcome.REJECTED, EndReason.FROZEN, None)
        return CardEnded(Outcome.REJECTED)


@pytest.mark.asyncio
async def test_a_planted_change_of_the_journey_does_not_replay() -> None:
    path = FOLDER / "an_ecommerce_card_is_bought_without_a_person.json"
    with pytest.raises(NondeterminismError):
        await Replayer(workflows=[Hasty]).replay_workflow(recorded(path))
