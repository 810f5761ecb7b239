"""Whether a card of the demo reached the state that it should, and if not, what is wrong in one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from bootstrap.demo.partner import Seen
from bootstrap.demo.samples import Sample
from bootstrap.words import say
from domain.cards.card import EndReason, Outcome
from domain.money import Money


class Verdict(StrEnum):
    """What is to be said of one card."""

    RIGHT = "right"  # It ended as it should.
    WRONG = "wrong"  # It ended, or was quoted, otherwise.
    OPEN = "open"  # It has not ended yet.


@dataclass(frozen=True)
class Judged:
    """The verdict with its sentence, empty where there is nothing to say."""

    verdict: Verdict
    why: str = ""


def judged(sample: Sample, seen: Seen | None, live_before: bool) -> Judged:
    """Compares the card with what is expected of it. `live_before`: the platform had this very card before the run."""
    if seen is None or seen.outcome is None:
        return Judged(Verdict.OPEN)
    outcome, reason = (Outcome.REJECTED, EndReason.DUPLICATE) if live_before else (sample.outcome, sample.reason)
    if (seen.outcome, seen.reason) != (outcome, reason):
        return Judged(Verdict.WRONG, _other_end(outcome, reason))
    if live_before:
        again = say("已提交过，正确拒绝", "refused: submitted before")
        return Judged(Verdict.RIGHT, again)
    return _money_judged(sample, seen) if outcome is Outcome.PAID else Judged(Verdict.RIGHT)


def _money_judged(sample: Sample, seen: Seen) -> Judged:
    """The quote is on what the issuer says is left, within what is known of it, and the payment is the quote."""
    if seen.quote is None or seen.paid_minor != seen.quote.amount_minor:
        return Judged(Verdict.WRONG, say("付款与报价不一致", "the payment is not the quote"))
    if seen.quote.basis_minor != sample.left_minor:
        left = Money(sample.left_minor, sample.face.currency)
        return Judged(Verdict.WRONG, say(f"应按余额 {left} 报价", f"the quote should be on the balance of {left}"))
    least, most = sample.quote_minor or (1, seen.quote.amount_minor)
    if not least <= seen.quote.amount_minor <= most:
        wanted = f"{Money(least)}" if least == most else f"{Money(least)} – {Money(most)}"
        return Judged(Verdict.WRONG, say(f"报价应为 {wanted}", f"the quote should be {wanted}"))
    return Judged(Verdict.RIGHT)


def _other_end(outcome: Outcome, reason: EndReason | None) -> str:
    wanted = f"{outcome}, {reason}" if reason else str(outcome)
    return say(f"应为 {wanted}", f"should be {wanted}")
