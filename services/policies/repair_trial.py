"""The repairs of the last days by two versions of their policy."""

from __future__ import annotations

from database.reads.policies import recent_repairs
from database.reads.policies.recent_repairs import RepairSubmitted
from domain.ops.repair_kinds import KINDS
from domain.ops.repairs import ItemState, too_many_failures
from domain.rules.repairs import RepairRules, repairs_of
from services.policies.trial import Figure, Trial


async def repair_figures(trial: Trial) -> tuple[Figure, ...]:
    """Return how many repairs two people agree to, and how many stop by themselves for their failures."""
    both = repairs_of(trial.before), repairs_of(trial.after)
    made = await recent_repairs.repairs(trial.session, trial.since)
    two = [sum(_needs_two(rules, one) for one in made) for rules in both]
    stopped = [
        sum(too_many_failures(one.runs, rules.failures_min, rules.failures_bp) for one in made) for rules in both
    ]
    return (
        Figure("repairs_two_people", len(made), two[0], two[1]),
        Figure("repairs_stopped", len(made), stopped[0], stopped[1]),
    )


def _needs_two(rules: RepairRules, made: RepairSubmitted) -> bool:
    runs = sum(number for state, number in made.runs.items() if state is not ItemState.EXCLUDED)
    return KINDS[made.kind].always_two or runs > rules.alone_max
