"""The demo's judgement: only the state that a card should reach is right, and the fen decide."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bootstrap.demo.partner import Quoted, Seen
from bootstrap.demo.samples import Sample, samples
from bootstrap.demo.table import Line, now
from bootstrap.demo.verdict import Verdict, judged
from domain.cards.card import EndReason, Outcome, Stage, WaitingFor

BY_PHOTO = {one.photo: one for one in samples()}
JD, FROZEN, PARTLY = (BY_PHOTO[name] for name in ("jd-500.jpg", "jd-1000-frozen.jpg", "tmall-300-partly-used.jpg"))


def ended(outcome: Outcome = Outcome.PAID, reason: EndReason | None = None, **given: Any) -> Seen:
    quote = Quoted("q", 46_500, 50_000) if outcome is Outcome.PAID else None
    paid = 46_500 if outcome is Outcome.PAID else None
    seen = Seen("id", Stage.ENDED, WaitingFor.NOBODY, "2026-11-01T00:00:00Z", None, outcome, reason, quote, paid)
    return replace(seen, **given)


def test_the_worked_example_is_right() -> None:
    assert judged(JD, ended(), live_before=False).verdict is Verdict.RIGHT


@pytest.mark.parametrize(
    ("sample", "seen"),
    [
        (JD, ended(quote=Quoted("q", 46_499, 50_000), paid_minor=46_499)),
        (JD, ended(paid_minor=46_499)),
        (JD, ended(paid_minor=None)),
        (JD, ended(quote=None)),
        (JD, ended(Outcome.REJECTED, EndReason.DUPLICATE)),
        (JD, ended(Outcome.LAPSED, EndReason.NO_ANSWER)),
        (FROZEN, ended()),
        (FROZEN, ended(Outcome.REJECTED, EndReason.LOST)),
        (PARTLY, ended(quote=Quoted("q", 27_000, 30_000), paid_minor=27_000)),
    ],
)
def test_anything_else_is_wrong_and_says_why(sample: Sample, seen: Seen) -> None:
    found = judged(sample, seen, live_before=False)
    assert found.verdict is Verdict.WRONG
    assert found.why


def test_a_partly_used_card_is_quoted_on_what_is_left() -> None:
    seen = ended(quote=Quoted("q", 16_542, 18_000), paid_minor=16_542)
    assert judged(PARTLY, seen, live_before=False).verdict is Verdict.RIGHT


def test_a_card_that_the_platform_has_must_be_refused() -> None:
    again = ended(Outcome.REJECTED, EndReason.DUPLICATE)
    assert judged(JD, again, live_before=True).verdict is Verdict.RIGHT
    assert judged(JD, ended(), live_before=True).verdict is Verdict.WRONG


def test_card_in_progress_is_open() -> None:
    under_way = replace(ended(), stage=Stage.REVIEW, waiting_for=WaitingFor.REVIEWER, outcome=None)
    assert judged(JD, under_way, live_before=False).verdict is Verdict.OPEN
    assert judged(JD, None, live_before=False).verdict is Verdict.OPEN


@pytest.mark.parametrize(
    ("waiting_for", "words"),
    [(WaitingFor.REVIEWER, "a reviewer"), (WaitingFor.OUTLET, "the outlet"), (WaitingFor.ISSUER, "the issuer")],
)
def test_an_unfinished_card_says_for_whom_it_waits_and_until_when(
    waiting_for: WaitingFor, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    until = "2026-11-01T12:30:00+00:00"
    waits = replace(ended(), stage=Stage.REVIEW, waiting_for=waiting_for, outcome=None, until=until)
    said = now(Line(JD, waits, (), judged(JD, waits, live_before=False), "the text message has not come yet"))
    assert words in said
    assert ":30" in said
    assert "has not come yet" in said
