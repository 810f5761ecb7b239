"""What the kinds of repair that touch people and money leave out, and what they foresee."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.cards.card import Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.finance.payout import PayoutState
from domain.ops.candidates import Candidate, Foreseen, LeftOut, StepNow, TaskNow
from domain.ops.card_judges import cancel, second_payout, send_to_review, terminate
from domain.ops.repair_kinds import KINDS
from domain.ops.repairs import Excluded, RepairKind
from domain.ops.runs import RunKind, StepState

TASK = TaskNow("T1", "P1", ("P2",), "D1", "P1", replan=False)


def of(**more: Any) -> Candidate:
    """A running card whose issuer does not answer."""
    made = Candidate(
        "card:C1", RunKind.CARD, "C1", known=True, stage=Stage.VERIFICATION, waiting_for=WaitingFor.ISSUER,
        card_type="ecommerce", brand="jd",
    )  # fmt: skip
    return replace(made, **more)


def step(state: StepState = StepState.FAILING, name: str = "verification.ask_issuer") -> StepNow:
    return StepNow(state, name, "issuer-jd", "issuer:jd", 3, datetime(2026, 1, 1, tzinfo=UTC))


REFUSED = {
    "stage": Stage.PAYOUT, "waiting_for": WaitingFor.SELLER_PAYEE, "orders": 1, "order_state": PayoutState.REFUSED,
    "order_key": "K1", "quote_state": QuoteState.ACCEPTED, "quote_minor": 46_500,
}  # fmt: skip
UNKNOWN = REFUSED | {"waiting_for": WaitingFor.GATEWAY, "order_state": PayoutState.UNKNOWN}
PROPOSED = {"payee_id": "X1", "payee": "138****0088", "payee_by": "P9"}


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({}, None),
        ({"waiting_for": WaitingFor.OUTLET}, None),
        ({"stage": Stage.INTAKE, "waiting_for": WaitingFor.MACHINE, "step": step()}, None),
        ({"task": TASK, "stage": Stage.REVIEW, "waiting_for": WaitingFor.REVIEWER}, Excluded.IN_REVIEW),
        ({"waiting_for": WaitingFor.SELLER_CODE}, Excluded.WITH_SELLER),
        ({"stage": Stage.OFFER, "waiting_for": WaitingFor.SELLER_OFFER}, Excluded.OFFERED),
        ({"quote_state": QuoteState.ACCEPTED, "stage": Stage.PAYOUT}, Excluded.ACCEPTED),
        (REFUSED, Excluded.MONEY_PREPARED),
        ({"step": step(StepState.WORKFLOW_TASK)}, Excluded.CODE_FAILS),
        ({"step": step(StepState.MISSING)}, Excluded.NOT_RUNNING),
        ({"step": step(name="reading.read_photos"), "stage": Stage.READING, "waiting_for": WaitingFor.MACHINE}, Excluded.NOT_READ),
        ({"stage": Stage.INTAKE, "has_photos": True, "waiting_for": WaitingFor.MACHINE}, Excluded.NOT_READ),
        ({"step": step(name="verification.open_channel"), "card_type": "crossborder"}, Excluded.NO_RATE),
    ],
)  # fmt: skip
def test_a_person_is_asked_for_only_where_one_can_take_over(more: dict[str, Any], why: Excluded | None) -> None:
    verdict = send_to_review(of(**more), {})
    assert verdict == LeftOut(why) if why else isinstance(verdict, Foreseen)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (REFUSED | PROPOSED, "second_payout"),
        (REFUSED | PROPOSED | {"payee_by": ""}, "second_payout_agreed"),
        (REFUSED, Excluded.NO_PAYEE),
        (UNKNOWN | PROPOSED, Excluded.ORDER_OPEN),
        (REFUSED | PROPOSED | {"order_state": PayoutState.PREPARED}, Excluded.ORDER_OPEN),
        ({}, Excluded.NOT_REFUSED),
        (REFUSED | PROPOSED | {"step": step(StepState.WORKFLOW_TASK)}, Excluded.CODE_FAILS),
    ],
)
def test_a_second_payment_is_made_only_after_a_sure_refusal(more: dict[str, Any], expected: str | Excluded) -> None:
    verdict = second_payout(of(**more), {})
    assert (verdict.what if isinstance(verdict, Foreseen) else verdict.why) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "cancel"),
        ({"task": TASK, "stage": Stage.REVIEW, "waiting_for": WaitingFor.REVIEWER}, "cancel"),
        ({"quote_state": QuoteState.OPEN, "offered": True, "quote_minor": 100}, "cancel_offered"),
        ({"quote_state": QuoteState.ACCEPTED, "quote_minor": 100}, "cancel_reversed"),
        (UNKNOWN, Excluded.ORDER_OPEN),
        (REFUSED, Excluded.OWED),
        ({"quote_state": QuoteState.ACCEPTED, "secured": True}, Excluded.SECURED),
        ({"step": step(StepState.WORKFLOW_TASK)}, Excluded.CODE_FAILS),
        ({"step": step(StepState.MISSING)}, Excluded.NOT_RUNNING),
    ],
)
def test_a_card_is_cancelled_only_before_a_payment(more: dict[str, Any], expected: str | Excluded) -> None:
    verdict = cancel(of(**more), {})
    assert (verdict.what if isinstance(verdict, Foreseen) else verdict.why) == expected


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, Excluded.CAN_BE_CANCELLED),
        ({"step": step()}, Excluded.CAN_BE_CANCELLED),
        ({"step": step(StepState.WORKFLOW_TASK)}, "terminate"),
        ({"step": step(StepState.MISSING), "quote_state": QuoteState.ACCEPTED}, "terminate_reversed"),
        (UNKNOWN | {"step": step(StepState.WORKFLOW_TASK)}, Excluded.ORDER_OPEN),
        (REFUSED | {"step": step(StepState.WORKFLOW_TASK)}, Excluded.OWED),
    ],
)
def test_a_run_is_terminated_only_where_its_code_cannot_end_it(more: dict[str, Any], expected: str | Excluded) -> None:
    verdict = terminate(of(**more), {})
    assert (verdict.what if isinstance(verdict, Foreseen) else verdict.why) == expected


def test_what_ends_a_card_or_pays_always_takes_two_people() -> None:
    assert {kind for kind, one in KINDS.items() if one.always_two} == {
        RepairKind.SECOND_PAYOUT, RepairKind.CANCEL, RepairKind.TERMINATE
    }  # fmt: skip
    assert {kind for kind, one in KINDS.items() if one.ends} == {RepairKind.CANCEL, RepairKind.TERMINATE}
