"""The payments of the last days by two versions of the routing policy: what they cost, and which rails refused ones would take."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from database.reads.policies import recent_payouts
from domain.finance.rails import Rail
from domain.finance.routing import RoutingRules, WaitReason, Weighed, place_of
from domain.rules.payout_routing import routing_of
from services.policies.trial import Figure, Trial


async def routing_figures(trial: Trial) -> tuple[Figure, ...]:
    """Return what the paid transfers cost by both versions, and how many refused payments would continue over another rail."""
    both = routing_of(trial.before), routing_of(trial.after)
    paid = await recent_payouts.transfers(trial.session, trial.since)
    costs = [sum(number * _cost(rules, rail, minor) for rail, minor, number in paid) for rules in both]
    named = await recent_payouts.named_by_routing(trial.session, trial.since)
    moved = sum(_taken(both[0], one) is not _taken(both[1], one) for one in named)
    return (
        Figure("transfers_cost", sum(number for _, _, number in paid), costs[0], costs[1], "minor"),
        Figure("refused_elsewhere", len(named), 0, moved),
    )


def _cost(rules: RoutingRules, rail: Rail, amount_minor: int) -> int:
    rule = rules.of(rail)
    return 0 if rule is None else rule.cost_minor(amount_minor)


def _taken(rules: RoutingRules, weighed: Mapping[str, Any]) -> Rail | None:
    """The rail that the version takes among those that could take the payment then; None: none of them."""
    amount, beyond = int(weighed["amount_minor"]), weighed["beyond"]
    fit = [
        Weighed(rule.rail, rule.cost_minor(amount), tuple(WaitReason(why) for why in beyond.get(rule.rail.value, ())))
        for rule in rules.rails
        if rule.rail.value in weighed["costs_minor"] and rule.enabled and amount <= rule.transfer_max_minor
    ]
    best = min(fit, key=lambda one: place_of(rules, one), default=None)
    return None if best is None else best.rail
