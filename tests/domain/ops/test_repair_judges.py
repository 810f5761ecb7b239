"""What each kind of repair would do to a run, or why it leaves it out; and how a repair's items are counted."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from domain.cards.card import Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.ops.candidates import Candidate, Foreseen, LeftOut, StepNow, TaskNow, unfit
from domain.ops.repair_kinds import KINDS
from domain.ops.repairs import (
    MOVES,
    OVER,
    Excluded,
    ItemState,
    Kept,
    RepairKind,
    RepairState,
    judged,
    too_many_failures,
)
from domain.ops.runs import RunKind, StepState
from domain.policies.flaws import DocumentWrong

FAILING = StepNow(StepState.FAILING, "verification.ask_issuer", "issuer-jd", "issuer:jd", 3, None)
PAUSED = replace(FAILING, state=StepState.PAUSED)
CODE = replace(FAILING, state=StepState.WORKFLOW_TASK, provider="workflow")
OWN = replace(FAILING, name="pricing.value", provider="database")
TASK = TaskNow("T1", "P1", ("P1", "P2"), "D1", "P3", replan=True)


def a_card(**more: Any) -> Candidate:
    given: dict[str, Any] = {"workflow_id": "card:C1", "kind": RunKind.CARD, "subject": "C1", "known": True} | more
    return Candidate(**given)


def said(kind: RepairKind, candidate: Candidate, **options: Any) -> str:
    """The words of what would be done, or why not."""
    verdict = KINDS[kind].judge(candidate, KINDS[kind].options_of(options))
    return verdict.what if isinstance(verdict, Foreseen) else f"not: {verdict.why}"


@pytest.mark.parametrize(
    ("kind", "failing", "paused", "code", "own", "nothing"),
    [
        (RepairKind.RETRY_NOW, "retry_now", "paused", "code_fails", "own_step", "no_step"),
        (RepairKind.SKIP_WAIT, "skip_wait", "not_skippable", "code_fails", "own_step", "not_skippable"),
        (RepairKind.PAUSE, "pause", "paused", "code_fails", "own_step", "no_step"),
        (RepairKind.UNPAUSE, "not_paused", "unpause", "code_fails", "own_step", "not_paused"),
        (RepairKind.CHANGE_RETRY, "change_retry", "change_retry", "code_fails", "own_step", "no_step"),
    ],
    ids=lambda one: one.value if isinstance(one, RepairKind) else None,
)
def test_a_pending_step_decides_what_can_be_done(
    kind: RepairKind, failing: str, paused: str, code: str, own: str, nothing: str
) -> None:
    steps = {FAILING: failing, PAUSED: paused, CODE: code, OWN: own, None: nothing}
    found = {step: said(kind, a_card(step=step)).removeprefix("not: ") for step in steps}
    assert found == steps


def test_only_the_outlets_answer_is_a_wait_that_can_be_skipped() -> None:
    assert said(RepairKind.SKIP_WAIT, a_card(waiting_for=WaitingFor.OUTLET)) == "skip_wait_for"
    for party in set(WaitingFor) - {WaitingFor.OUTLET}:
        assert said(RepairKind.SKIP_WAIT, a_card(waiting_for=party)) == "not: not_skippable"


def test_a_report_is_given_again_only_to_a_card_that_waits_for_it() -> None:
    outlet = a_card(waiting_for=WaitingFor.OUTLET, outlet_request="O1")
    payment = a_card(waiting_for=WaitingFor.GATEWAY, order_key="K1", orders=1)
    clock = a_card(waiting_for=WaitingFor.REVIEWER, task=TASK)
    assert [said(RepairKind.SIGNAL_AGAIN, one) for one in (outlet, payment, clock)] == [
        "signal_again_outlet",
        "signal_again_payment",
        "signal_again_replan",
    ]
    for one in (
        replace(outlet, outlet_request=""),
        replace(outlet, waiting_for=WaitingFor.REVIEWER),
        replace(clock, task=replace(TASK, replan=False)),
    ):
        assert said(RepairKind.SIGNAL_AGAIN, one) == "not: no_report"


@pytest.mark.parametrize(
    ("point", "more", "expected"),
    [
        ("here", {"orders": 1, "task": TASK}, "reset"),
        ("verification", {"has_photos": False}, "reset"),
        ("verification", {"task": TASK}, "not: in_review"),
        ("verification", {"stage": Stage.OFFER}, "not: offered"),
        ("verification", {"quote_state": QuoteState.ACCEPTED}, "not: accepted"),
        ("reading", {"has_photos": True}, "reset"),
        ("reading", {"has_photos": False}, "not: not_readable"),
        ("payment_check", {"quote_state": QuoteState.ACCEPTED}, "reset"),
        ("payment_check", {}, "not: not_accepted"),
        ("payment_check", {"quote_state": QuoteState.ACCEPTED, "orders": 1}, "not: money_prepared"),
        ("reading", {"has_photos": True, "orders": 1}, "not: money_prepared"),
    ],
)
def test_a_reset_goes_behind_no_order_no_offer_and_no_open_task(
    point: str, more: dict[str, Any], expected: str
) -> None:
    assert said(RepairKind.RESET, a_card(**more), point=point) == expected


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"known": False}, Excluded.UNKNOWN),
        ({"kind": RunKind.REPAIR}, Excluded.NOT_A_CARD),
        ({"ended": True, "other_repair": "R1"}, Excluded.ENDED),
        ({"started": False}, Excluded.NOT_STARTED),
        ({"other_repair": "R1"}, Excluded.OTHER_REPAIR),
    ],
)
def test_some_runs_are_left_out_of_every_repair(more: dict[str, Any], why: Excluded) -> None:
    found = unfit(a_card(**more))
    assert isinstance(found, LeftOut)
    assert found.why is why


def test_work_kept_by_people_is_named() -> None:
    kept = a_card(task=TASK, approvals=2).keeps()
    assert [one.what for one in kept] == [Kept.TASK, Kept.DECISION, Kept.DRAFT, Kept.DRAFT, Kept.LEASE, Kept.APPROVAL]
    assert dict(kept[1].facts) == {"decision": "D1", "person": "P3"}
    assert a_card().keeps() == ()


def test_options_have_defaults_and_limits() -> None:
    assert KINDS[RepairKind.PAUSE].options_of({}) == {"for_at_most_s": 3600}
    with pytest.raises(DocumentWrong):
        KINDS[RepairKind.PAUSE].options_of({"for_at_most_s": 0})
    with pytest.raises(DocumentWrong):
        KINDS[RepairKind.RETRY_NOW].options_of({"anything": 1})
    with pytest.raises(DocumentWrong):
        KINDS[RepairKind.RESET].options_of({"point": "yesterday"})


def test_no_state_is_left_once_a_repair_is_over() -> None:
    assert {RepairState.DONE, RepairState.PARTLY_DONE, RepairState.FAILED, RepairState.CANCELLED} == OVER
    assert set(MOVES) == set(RepairState)
    assert RepairState.RUNNING not in MOVES[RepairState.DRAFT], "nothing runs that was not previewed"


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        ({ItemState.CURED: 3, ItemState.ENDED: 1, ItemState.EXCLUDED: 2}, RepairState.DONE),
        ({ItemState.EXCLUDED: 2}, RepairState.DONE),
        ({ItemState.CURED: 3, ItemState.ACTED: 1}, RepairState.PARTLY_DONE),
        ({ItemState.CURED: 3, ItemState.FAILED_AGAIN: 1}, RepairState.PARTLY_DONE),
        ({ItemState.FAILED: 1, ItemState.ENDED: 4}, RepairState.FAILED),
    ],
)
def test_only_cured_items_make_a_repair_done(counts: dict[ItemState, int], state: RepairState) -> None:
    assert judged(counts) is state


def test_a_share_and_a_least_number_of_failures_stop_a_repair() -> None:
    def stops(failed: int, acted: int) -> bool:
        return too_many_failures({ItemState.FAILED_AGAIN: failed, ItemState.CURED: acted}, 3, 2_000)

    assert [stops(2, 0), stops(3, 0), stops(3, 12), stops(3, 11)] == [False, True, False, True]
