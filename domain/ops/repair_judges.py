"""What each technical kind of repair would do to a run, or why it leaves it out. Pure: asked for the preview and again before the act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from domain.cards.card import Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.ops.candidates import Candidate, Foreseen, LeftOut, StepNow
from domain.ops.repairs import Excluded, ResetPoint
from domain.ops.runs import OWN_CODE, OWN_DATABASE, StepState

Options = Mapping[str, Any]
Verdict = Foreseen | LeftOut
# Waits that may be ended early: the outlet's silence is then recorded, and a person decides without it.
SKIPPABLE = frozenset({WaitingFor.OUTLET})
BACK_OFF = frozenset({StepState.FAILING})


def retry_now(candidate: Candidate, _options: Options) -> Verdict:
    """Begin the pending step again: at once, its attempts counted from the first."""
    step = _remote_step(candidate)
    if isinstance(step, LeftOut):
        return step
    return LeftOut(Excluded.PAUSED) if step.state is StepState.PAUSED else Foreseen("retry_now", _facts(step))


def skip_wait(candidate: Candidate, _options: Options) -> Verdict:
    """End a back-off so that the next attempt counts on, or a wait that the journey declares skippable."""
    if candidate.waiting_for in SKIPPABLE and candidate.step is None:
        return Foreseen("skip_wait_for", {"waiting_for": candidate.waiting_for.value})
    step = _remote_step(candidate)
    if isinstance(step, LeftOut):
        return step if step.why is not Excluded.NO_STEP else LeftOut(Excluded.NOT_SKIPPABLE)
    return Foreseen("skip_wait", _facts(step)) if step.state in BACK_OFF else LeftOut(Excluded.NOT_SKIPPABLE)


def pause(candidate: Candidate, options: Options) -> Verdict:
    """Stop trying the pending step. Pausing stops no time limit: it is extended by the planned length."""
    step = _remote_step(candidate)
    if isinstance(step, LeftOut):
        return step
    if step.state is StepState.PAUSED:
        return LeftOut(Excluded.PAUSED)
    return Foreseen("pause", _facts(step) | {"extended_s": str(options["for_at_most_s"])})


def unpause(candidate: Candidate, _options: Options) -> Verdict:
    """Try a paused step again at once."""
    step = _remote_step(candidate)
    if isinstance(step, LeftOut):
        return step if step.why is not Excluded.NO_STEP else LeftOut(Excluded.NOT_PAUSED)
    return Foreseen("unpause", _facts(step)) if step.state is StepState.PAUSED else LeftOut(Excluded.NOT_PAUSED)


def change_retry(candidate: Candidate, options: Options) -> Verdict:
    """Try the pending step at other intervals, from its next attempt on, and extend its time limit."""
    step = _remote_step(candidate)
    if isinstance(step, LeftOut):
        return step
    changed = {name: str(options[name]) for name in ("first_s", "longest_s", "extend_s")}
    return Foreseen("change_retry", _facts(step) | changed)


def signal_again(candidate: Candidate, _options: Options) -> Verdict:
    """Give the card again the newest report in our rows that it may have missed."""
    report = report_for(candidate)
    return LeftOut(Excluded.NO_REPORT) if report is None else Foreseen(f"signal_again_{report[0]}", {"id": report[1]})


def report_for(candidate: Candidate) -> tuple[str, str] | None:
    """Return which report a card may have missed (`outlet`, `payment` or `replan`) and its id; None when there is none."""
    if candidate.waiting_for is WaitingFor.OUTLET and candidate.outlet_request:
        return "outlet", candidate.outlet_request
    if candidate.waiting_for is WaitingFor.GATEWAY and candidate.order_key:
        return "payment", candidate.order_key
    if candidate.waiting_for is WaitingFor.REVIEWER and candidate.task is not None and candidate.task.replan:
        return "replan", candidate.task.id
    return None


def reset(candidate: Candidate, options: Options) -> Verdict:
    """Start the journey again from its rows at the point. Nothing goes behind a payment order or what a person holds."""
    point = ResetPoint(options["point"])
    if point is ResetPoint.HERE:
        return Foreseen("reset", {"point": point.value, "stage": candidate.stage.value})
    if candidate.orders:
        return LeftOut(Excluded.MONEY_PREPARED)
    accepted = candidate.quote_state in (QuoteState.ACCEPTED, QuoteState.VOIDED)
    if point is ResetPoint.PAYMENT_CHECK:
        why = None if accepted else Excluded.NOT_ACCEPTED
    else:
        why = _not_before_the_offer(candidate, accepted)
        if why is None and point is ResetPoint.READING and not candidate.has_photos:
            why = Excluded.NOT_READABLE
    return LeftOut(why) if why else Foreseen("reset", {"point": point.value, "stage": candidate.stage.value})


def _not_before_the_offer(candidate: Candidate, accepted: bool) -> Excluded | None:
    if accepted:
        return Excluded.ACCEPTED
    if candidate.stage is Stage.OFFER:
        return Excluded.OFFERED
    return Excluded.IN_REVIEW if candidate.task is not None else None


def _remote_step(candidate: Candidate) -> StepNow | LeftOut:
    """The pending step where Temporal can act on it: an activity of its own, not one of our database or failing code."""
    step = candidate.step
    if step is None or step.state is StepState.MISSING:
        return LeftOut(Excluded.NO_STEP)
    if step.state is StepState.WORKFLOW_TASK or step.provider == OWN_CODE:
        return LeftOut(Excluded.CODE_FAILS)
    return LeftOut(Excluded.OWN_STEP) if step.provider == OWN_DATABASE else step


def _facts(step: StepNow) -> dict[str, str]:
    return {"step": step.name, "provider": step.provider, "failures": str(step.failures)}
