"""Goodwill, claims, breaks and settlement runs of the last days by two versions of their policies."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

from database.reads.policies import recent_money
from database.reads.policies.recent_money import ClaimProposed, GoodwillProposed, RunStated
from domain.finance.rollback import RollbackRules
from domain.money import Currency
from domain.rules.goodwill import goodwill_of
from domain.rules.reconciliation import posts_itself, reconciliation_of
from domain.rules.rollback import rollback_of
from domain.rules.settlement import SettlementRules, settlement_of
from domain.support.goodwill import GoodwillRules
from services.policies.trial import Figure, Trial


async def goodwill_figures(trial: Trial) -> tuple[Figure, ...]:
    """Return how many proposals are above each limit, and how many need finance as the second person."""
    both = goodwill_of(trial.before), goodwill_of(trial.after)
    earliest = trial.since - timedelta(days=max(rules.seller_days for rules in both))
    known = await recent_money.goodwill(trial.session, earliest)
    made = [one for one in known if one.at > trial.since]
    before, after = (_goodwill(rules, known, trial.since) for rules in both)
    return tuple(Figure(name, len(made), before[name], after[name]) for name in before)


def _goodwill(rules: GoodwillRules, known: Sequence[GoodwillProposed], since: datetime) -> dict[str, int]:
    """Count the proposals since a moment; each with what its seller was given within the policy's days before."""
    over_agent = over_lead = over_seller = finance = 0
    earlier: dict[str, list[GoodwillProposed]] = defaultdict(list)
    for one in known:
        if one.at > since:
            from_at = one.at - timedelta(days=rules.seller_days)
            together = one.amount_minor + sum(other.amount_minor for other in earlier[one.owner] if other.at > from_at)
            over_agent += one.amount_minor > rules.agent_max_minor
            over_lead += one.amount_minor > rules.lead_max_minor
            over_seller += together > rules.seller_max_minor
            finance += together >= rules.finance_from_minor
        if one.counted:
            earlier[one.owner].append(one)
    return {
        "goodwill_over_agent": over_agent, "goodwill_over_lead": over_lead, "goodwill_over_seller": over_seller,
        "goodwill_by_finance": finance,
    }  # fmt: skip


async def rollback_figures(trial: Trial) -> tuple[Figure, ...]:
    """Return how many of the claims would be made by share, minimum and days, and what they come to."""
    made = await recent_money.claims(trial.session, trial.since)
    before, after = (_claimed(rollback_of(one), made) for one in (trial.before, trial.after))
    return (
        Figure("claims_made", len(made), len(before), len(after)),
        Figure("claims_sum", len(made), sum(before), sum(after), "minor"),
    )


def _claimed(rules: RollbackRules, made: Sequence[ClaimProposed]) -> list[int]:
    """What is claimed of each, CNY minor units; without those that come too late or are too small."""
    in_time = [one for one in made if one.paid_at is None or not rules.too_late(one.paid_at, one.at)]
    amounts = [rules.claim_minor(one.kind, one.price_minor) for one in in_time]
    return [minor for minor in amounts if minor >= rules.least_minor]


async def reconciliation_figures(trial: Trial) -> tuple[Figure, ...]:
    """Return how many differing lines are posted without a person, and how many differences need a second person."""
    both = reconciliation_of(trial.before), reconciliation_of(trial.after)
    found = await recent_money.breaks(trial.session, trial.since)
    itself = [
        sum(
            posts_itself(
                one.kind, one.amount_minor, one.difference_minor, one.ours_minor, rules.sources[one.source]
            ) is not None
            for one in found
        )
        for rules in both
    ]  # fmt: skip
    second = [sum(abs(one.difference_minor) > rules.alone_max_minor for one in found) for rules in both]
    return (
        Figure("breaks_by_themselves", len(found), itself[0], itself[1]),
        Figure("breaks_two_people", len(found), second[0], second[1]),
    )


async def settlement_figures(trial: Trial) -> tuple[Figure, ...]:
    """Return how many payments two people agree to, the CNY sum of these, and how many runs have other terms."""
    both = settlement_of(trial.before), settlement_of(trial.after)
    runs = await recent_money.runs(trial.session, trial.since)
    paying = [one for one in runs if one.payable_minor > 0]
    before, after = (_two_people(rules, paying) for rules in both)
    terms = sum(both[0].terms.get(one.terms) != both[1].terms.get(one.terms) for one in runs)
    return (
        Figure("settlement_two_people", len(paying), len(before), len(after)),
        Figure("settlement_two_people_sum", len(paying), _in_cny(before), _in_cny(after), "minor"),
        Figure("settlement_terms_changed", len(runs), 0, terms),
    )


def _two_people(rules: SettlementRules, runs: Sequence[RunStated]) -> list[RunStated]:
    return [one for one in runs if one.payable_minor >= rules.two_people_from_minor]


def _in_cny(runs: Sequence[RunStated]) -> int:
    return sum(one.payable_minor for one in runs if one.currency is Currency.CNY)
