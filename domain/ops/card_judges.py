"""What the kinds of repair that touch people and money would do to a card, or why they leave it out. Pure, as the technical ones."""

from __future__ import annotations

from domain.cards.card import WITHOUT_PEOPLE, CardType, Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.finance.payout import PayoutState
from domain.money import Money
from domain.ops.candidates import Candidate, Foreseen, LeftOut
from domain.ops.repair_judges import Options, Verdict
from domain.ops.repairs import Excluded
from domain.ops.runs import StepState

ACCEPTED = frozenset({QuoteState.ACCEPTED, QuoteState.VOIDED})
OPEN_ORDER = frozenset({PayoutState.PREPARED, PayoutState.UNKNOWN})
READING, RATE = "reading.read_photos", "verification.open_channel"


def send_to_review(candidate: Candidate, _options: Options) -> Verdict:
    """Let a person decide now, without the answer that the card waits for: the silence is recorded in its place."""
    why = _with_others(candidate) or _not_running(candidate) or _not_ready(candidate)
    facts = {"stage": candidate.stage.value, "waiting_for": candidate.waiting_for.value}
    return LeftOut(why) if why else Foreseen("send_to_review", facts)


def second_payout(candidate: Candidate, _options: Options) -> Verdict:
    """Make the proposed payee count, and pay the card under a key of its own; only after a sure refusal."""
    if candidate.order_state in OPEN_ORDER:
        return LeftOut(Excluded.ORDER_OPEN, {"order": candidate.order_key})
    if candidate.waiting_for is not WaitingFor.SELLER_PAYEE or candidate.order_state is not PayoutState.REFUSED:
        return LeftOut(Excluded.NOT_REFUSED)
    if (why := _not_running(candidate)) is not None:
        return LeftOut(why)
    if not candidate.payee_id:
        return LeftOut(Excluded.NO_PAYEE)
    facts = {"payee": candidate.payee, "amount": _amount(candidate.quote_minor)}
    if candidate.payee_by:
        return Foreseen("second_payout", facts | {"person": candidate.payee_by})
    return Foreseen("second_payout_agreed", facts)


def cancel(candidate: Candidate, _options: Options) -> Verdict:
    """End the card: an open quote is void, an acceptance is reversed, and a review closes with everything in it."""
    left_out = _not_endable(candidate)
    if left_out is None and (why := _not_running(candidate)) is not None:
        left_out = LeftOut(why)
    return left_out or _ending("cancel", candidate)


def terminate(candidate: Candidate, _options: Options) -> Verdict:
    """End the run without its code, and the card's rows with it: only where its code cannot end it."""
    if (left_out := _not_endable(candidate)) is not None:
        return left_out
    if candidate.step is None or candidate.step.state not in (StepState.WORKFLOW_TASK, StepState.MISSING):
        return LeftOut(Excluded.CAN_BE_CANCELLED)
    return _ending("terminate", candidate)


def _with_others(candidate: Candidate) -> Excluded | None:
    """Who has the card, where it waits for no machine, issuer or outlet."""
    if candidate.orders:
        return Excluded.MONEY_PREPARED
    if candidate.quote_state in ACCEPTED:
        return Excluded.ACCEPTED
    if candidate.task is not None:
        return Excluded.IN_REVIEW
    if candidate.stage is Stage.OFFER:
        return Excluded.OFFERED
    return None if candidate.waiting_for in WITHOUT_PEOPLE else Excluded.WITH_SELLER


def _not_ready(candidate: Candidate) -> Excluded | None:
    step = "" if candidate.step is None else candidate.step.name
    if step == READING or (candidate.stage is Stage.INTAKE and candidate.has_photos):
        return Excluded.NOT_READ
    return Excluded.NO_RATE if step == RATE and candidate.card_type == CardType.CROSSBORDER else None


def _not_running(candidate: Candidate) -> Excluded | None:
    """Whether its code hears nothing: it fails, or Temporal does not run it."""
    if candidate.step is None:
        return None
    return {StepState.WORKFLOW_TASK: Excluded.CODE_FAILS, StepState.MISSING: Excluded.NOT_RUNNING}.get(
        candidate.step.state
    )


def _not_endable(candidate: Candidate) -> LeftOut | None:
    """As `services.cards.cancelling` judges it under the card's lock."""
    if candidate.order_state in OPEN_ORDER:
        return LeftOut(Excluded.ORDER_OPEN, {"order": candidate.order_key})
    if candidate.orders:
        return LeftOut(Excluded.OWED)
    return LeftOut(Excluded.SECURED) if candidate.secured else None


def _ending(what: str, candidate: Candidate) -> Foreseen:
    amount = {"amount": _amount(candidate.quote_minor)}
    if candidate.quote_state is QuoteState.ACCEPTED:
        return Foreseen(f"{what}_reversed", amount)
    if candidate.quote_state is QuoteState.OPEN and candidate.offered:
        return Foreseen(f"{what}_offered", amount)
    return Foreseen(what)


def _amount(minor: int) -> str:
    return str(Money(minor))
