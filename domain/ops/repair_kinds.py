"""Every kind of repair: its options, who must agree, how a run is judged, and what proves it cured. One declaration each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.ops import repair_judges as judges
from domain.ops.candidates import Candidate, Foreseen, LeftOut
from domain.ops.repairs import Proof, RepairKind, ResetPoint
from domain.policies.flaws import DocumentWrong
from domain.policies.schema import Schema, completed, flaws_of, one_of, record, whole, with_default, yes_or_no

DAY_S, WEEK_S = 24 * 3600, 7 * 24 * 3600
Judge = Callable[[Candidate, Mapping[str, Any]], Foreseen | LeftOut]


@dataclass(frozen=True)
class KindOfRepair:
    """What one kind declares.

    `judge` says what would change for a run, or why it is left out. A kind that touches `money` always needs a second
    person, as does one with `two_people`. A kind that `ends` the card keeps no pending decision, draft or lease.
    """

    kind: RepairKind
    judge: Judge
    proof: Proof
    options: Schema = field(default_factory=record)
    two_people: bool = False
    money: bool = False
    ends: bool = False

    @property
    def always_two(self) -> bool:
        """Whether a second person has to agree whatever the size."""
        return self.two_people or self.money

    def options_of(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the options with the defaults of what was not given. Raises DocumentWrong with every flaw and its place."""
        whole_options = completed(self.options, dict(given))
        if found := list(flaws_of(self.options, whole_options)):
            raise DocumentWrong(found)
        return dict(whole_options)


KINDS: Mapping[RepairKind, KindOfRepair] = {
    one.kind: one
    for one in (
        KindOfRepair(RepairKind.RETRY_NOW, judges.retry_now, Proof.STEP),
        KindOfRepair(RepairKind.SKIP_WAIT, judges.skip_wait, Proof.MOVED),
        KindOfRepair(
            RepairKind.PAUSE, judges.pause, Proof.ACT, record(for_at_most_s=with_default(whole(60, WEEK_S, "s"), 3600))
        ),
        KindOfRepair(
            RepairKind.UNPAUSE,
            judges.unpause,
            Proof.STEP,
            record(from_first_attempt=with_default(yes_or_no(), value=False)),
        ),
        KindOfRepair(
            RepairKind.CHANGE_RETRY,
            judges.change_retry,
            Proof.STEP,
            record(
                first_s=with_default(whole(1, DAY_S, "s"), 5),
                longest_s=with_default(whole(1, DAY_S, "s"), 60),
                extend_s=with_default(whole(0, WEEK_S, "s"), 0),
            ),
        ),
        KindOfRepair(RepairKind.SIGNAL_AGAIN, judges.signal_again, Proof.MOVED),
        KindOfRepair(
            RepairKind.RESET,
            judges.reset,
            Proof.RUNS,
            record(point=with_default(one_of(ResetPoint, "reset_point"), ResetPoint.HERE.value)),
        ),
    )
}
