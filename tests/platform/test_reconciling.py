"""Cards, workflows and payments are compared in both directions, and each difference is named once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from temporalio.client import WorkflowExecutionStatus

from bootstrap.reconciling import CardState, Order, payment_differences, workflow_differences
from domain.finance.payout import ListedPayment
from domain.money import Money

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
OLD, FRESH, SINCE = NOW - timedelta(hours=3), NOW - timedelta(seconds=30), NOW - timedelta(days=2)
RUNNING, FAILED, DONE = (
    WorkflowExecutionStatus.RUNNING, WorkflowExecutionStatus.FAILED, WorkflowExecutionStatus.COMPLETED,
)  # fmt: skip


@pytest.mark.parametrize(
    ("card", "run", "named"),
    [
        (CardState(True, False, OLD), RUNNING, None),
        (CardState(True, False, OLD), None, "card C has not ended and its workflow is not there"),
        (CardState(True, False, OLD), FAILED, "card C has not ended and its workflow has ended (failed)"),
        (CardState(True, False, OLD), DONE, "card C has not ended and its workflow has ended (completed)"),
        (CardState(True, False, FRESH), DONE, None),
        (CardState(False, False, OLD), None, None),
        (CardState(True, True, OLD), RUNNING, "card C has ended and its workflow still runs"),
        (CardState(True, True, FRESH), RUNNING, None),
        (CardState(True, True, OLD), DONE, None),
        (CardState(True, True, OLD), None, None),
        (None, RUNNING, "workflow card:C runs and there is no such card"),
        (None, DONE, "workflow card:C has ended (completed) and there is no such card"),
    ],
)
def test_cards_and_workflows(card: CardState | None, run: WorkflowExecutionStatus | None, named: str | None) -> None:
    found = workflow_differences({"C": card} if card else {}, {"C": run} if run else {}, NOW)
    assert found == ([named] if named else [])


PAYMENT = ListedPayment("K", Money(46_500), "20260001")


@pytest.mark.parametrize(
    ("order", "listed", "named"),
    [
        (Order("paid", 46_500, OLD, OLD), PAYMENT, None),
        (None, PAYMENT, "payment K of ¥465.00 left our account and there is no such order"),
        (
            Order("refused", 46_500, OLD, OLD),
            PAYMENT,
            "payment K of ¥465.00 left our account and is recorded as refused",
        ),
        (Order("unknown", 46_500, OLD, None), PAYMENT, "payment K of ¥465.00 left our account and is not settled"),
        (Order("unknown", 46_500, FRESH, None), PAYMENT, None),
        (Order("paid", 46_400, OLD, OLD), PAYMENT, "payment K of ¥465.00 was ordered with ¥464.00"),
        (Order("paid", 46_500, OLD, OLD), None, "payment K is recorded as paid and never left our account"),
        (Order("paid", 46_500, FRESH, FRESH), None, None),
        (Order("paid", 46_500, SINCE - timedelta(days=1), OLD), None, None),
        (Order("prepared", 46_500, OLD, None), None, None),
        (Order("refused", 46_500, OLD, OLD), None, None),
    ],
)
def test_orders_and_what_left_our_account(order: Order | None, listed: ListedPayment | None, named: str | None) -> None:
    found = payment_differences({"K": order} if order else {}, [listed] if listed else [], SINCE, NOW)
    assert found == ([named] if named else [])
