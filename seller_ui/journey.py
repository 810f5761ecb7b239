"""How a card's journey is drawn for its seller: five or six steps, and the one thing that is asked of them now."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from database.reads.cards.submissions import CardView
from domain.cards.card import Outcome, Stage, StoryEntry, WaitingFor

# Pricing takes a blink: sellers see it as the end of verification.
SHOWN = (Stage.INTAKE, Stage.READING, Stage.VERIFICATION, Stage.REVIEW, Stage.OFFER, Stage.PAYOUT)
ONLY_IF_VISITED = frozenset({Stage.READING, Stage.REVIEW})
DRAWN_AS = {Stage.PRICING: Stage.VERIFICATION}


class StepState(StrEnum):
    """How a step is drawn; each has its word for those who see no colour."""

    DONE = "done"
    CURRENT = "current"
    STOPPED = "stopped"  # The journey ended here, otherwise than paid.
    TODO = "todo"


@dataclass(frozen=True)
class Step:
    """One step of the bar."""

    stage: Stage
    state: StepState


class Panel(StrEnum):
    """What the card's page asks or tells; each is a template of its own."""

    FIELDS = "fields"
    CODE = "code"
    ITEM = "item"
    OFFER = "offer"
    PAYEE = "payee"
    CONFIRM = "confirm"
    WAIT = "wait"
    END = "end"


PANELS = {
    WaitingFor.SELLER_FIELDS: Panel.FIELDS,
    WaitingFor.SELLER_CODE: Panel.CODE,
    WaitingFor.SELLER_ITEM: Panel.ITEM,
    WaitingFor.SELLER_OFFER: Panel.OFFER,
    WaitingFor.SELLER_PAYEE: Panel.PAYEE,
    WaitingFor.SELLER_CONFIRM: Panel.CONFIRM,
}


def panel_of(card: CardView) -> Panel:
    """Choose what the card's page shows now."""
    return Panel.END if card.ended else PANELS.get(card.waiting_for, Panel.WAIT)


def steps_of(card: CardView, story: tuple[StoryEntry, ...]) -> tuple[Step, ...]:
    """List the steps in business order; reading and review only where this card went through them."""
    visited = [drawn(entry.stage) for entry in story if entry.stage is not Stage.ENDED]
    if not card.ended:
        visited.append(drawn(card.stage))
    shown = [stage for stage in SHOWN if stage not in ONLY_IF_VISITED or stage in visited]
    reached = visited[-1] if visited else Stage.INTAKE
    return tuple(Step(stage, _state(card, SHOWN.index(stage), SHOWN.index(reached))) for stage in shown)


def drawn(stage: Stage) -> Stage:
    """Return the step that a stage is drawn as."""
    return DRAWN_AS.get(stage, stage)


def _state(card: CardView, place: int, reached: int) -> StepState:
    if place < reached or card.outcome is Outcome.PAID:
        return StepState.DONE
    if place > reached:
        return StepState.TODO
    return StepState.STOPPED if card.ended else StepState.CURRENT
