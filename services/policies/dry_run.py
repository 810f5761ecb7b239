"""What a draft would have changed in the work of the last thirty days, or would change on open tasks. Nothing is written."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.ops import alert_values, signs
from database.reads.policies import recent_sales, recent_work
from database.reads.policies.recent_work import DecisionMade, QuoteMade
from database.reads.quality import reading_labels
from domain.finance.waterfall import SellerPaysMore
from domain.money import Money
from domain.ops.alerts import AlertRule
from domain.places import business_day
from domain.policies.document import PolicyDocument
from domain.quality.reading_figures import LabelGroup, Tally, tally
from domain.quality.sampling import SamplingPolicy
from domain.review.four_eyes import CheckPolicy, ProposedDecision, lot_of, need
from domain.rules import (
    alerts,
    brands,
    checks,
    deadlines,
    goodwill,
    limits,
    payout_routing,
    prices,
    reading,
    reconciliation,
    repairs,
    rollback,
    settlement,
    splits,
    stuck,
    tax,
    tickets,
    velocity,
)
from domain.sealing import KeyRing
from domain.work.task import Priority
from services.policies.deadlines import Preview, previewed
from services.policies.money_trial import (
    goodwill_figures,
    reconciliation_figures,
    rollback_figures,
    settlement_figures,
)
from services.policies.repair_trial import repair_figures
from services.policies.routing_trial import routing_figures
from services.policies.trial import LOOKS_BACK as LOOKS_BACK
from services.policies.trial import Figure as Figure
from services.policies.trial import Trial

Rule = TypeVar("Rule")
SPANS = {velocity.HOUR: timedelta(hours=1), velocity.DAY: timedelta(days=1)}


async def dry_run(
    session: AsyncSession, keyring: KeyRing, before: PolicyDocument, after: PolicyDocument, now: datetime
) -> tuple[Figure, ...]:
    """Return the figures of a kind's dry run. Raises KeyError for no kind."""
    return await RUNS[after.kind](Trial(session, keyring, before, after, now - LOOKS_BACK, now))


async def _brands(trial: Trial) -> tuple[Figure, ...]:
    given = await recent_work.face_values(trial.session, trial.since)
    known = _read(trial, brands.brands_of)
    refused = _both(known, lambda one: sum(not _issues(one, code, minor) for code, minor in given))
    ended = _both(known, lambda one: sum(not _is_bought(one, code, trial.now) for code, _ in given))
    return (Figure("face_value_refused", len(given), *refused), Figure("brand_not_bought", len(given), *ended))


def _is_bought(known: Mapping[str, brands.Brand], code: str, now: datetime) -> bool:
    return code in known and known[code].is_bought(now)


def _issues(known: Mapping[str, brands.Brand], code: str, minor: int) -> bool:
    """Whether the brand issues cards of this face value, in its own minor units."""
    least, most = known[code].face_minor if code in known else (0, -1)
    return least <= minor <= most


async def _prices(trial: Trial) -> tuple[Figure, ...]:
    before, after = _read(trial, prices.tables_of)
    quotes = await recent_work.quotes(trial.session, trial.since)
    pairs = [(_paid(before, one), _paid(after, one)) for one in quotes]
    paid = [(old, new) for old, new in pairs if old is not None and new is not None]
    sums = (sum(old for old, _ in paid), sum(new for _, new in paid))
    changed = sum(old != new for old, new in paid)
    return (Figure("quotes_changed", len(paid), 0, changed), Figure("quotes_sum", len(paid), *sums, "minor"))


def _paid(tables: prices.PriceTables, made: QuoteMade) -> int | None:
    """What the tables pay for a card, CNY minor units; None for one that they cannot price."""
    known = brands.catalogue().get(made.brand)
    if known is None or made.basis_minor is None:
        return None
    card = prices.CardToPrice(known, Money(made.basis_minor), made.days_left, made.stock)
    try:
        return card.balance.share(tables.rates(card).quote).amount_minor
    except prices.NoRateFor:
        return None


async def _limits(trial: Trial) -> tuple[Figure, ...]:
    both = _read(trial, limits.limits_of)
    quotes = [(one.card_type, Money(one.amount_minor)) for one in await recent_work.quotes(trial.session, trial.since)]
    sure = await recent_work.least_confidences(trial.session, trial.since)
    person = _both(both, lambda one: sum(not one.machine_may_buy(kind, value) for kind, value in quotes))
    unsure = _both(both, lambda one: sum(least < one.confidence_bp_min for least in sure))
    return (Figure("over_machine_value", len(quotes), *person), Figure("low_confidence", len(sure), *unsure))


async def _reading(trial: Trial) -> tuple[Figure, ...]:
    """The labelled readings of the last days by both limits: without a person, of these wrong, and how many may be wrong."""
    now = trial.now
    groups = await reading_labels.groups(trial.session, trial.since, now)
    general = limits.limits_in_force(business_day(now)).confidence_bp_min
    before, after = (_read_by(one, groups, general) for one in _read(trial, reading.reading_of))
    return (
        Figure("read_alone", before.labels, before.accepted, after.accepted),
        Figure("read_alone_wrong", before.labels, before.wrong, after.wrong),
        Figure("read_alone_at_most", before.labels, before.wrong_at_most_bp, after.wrong_at_most_bp, "bp"),
    )


def _read_by(rules: reading.ReadingLimits, groups: Sequence[LabelGroup], general_bp: int) -> Tally:
    def limit(one: LabelGroup) -> int:
        own = rules.own_bp(one.brand, one.field)
        return general_bp if own is None else own

    return tally(groups, limit)


async def _velocity(trial: Trial) -> tuple[Figure, ...]:
    quotes = await recent_work.quotes(trial.session, trial.since)
    bought = [(one, sums) for one, sums in _bought_before(quotes) if one.committed]
    both = _read(trial, velocity.velocity_of)
    over = _both(both, lambda caps: sum(bool(caps.beyond(sums, one.amount_minor)) for one, sums in bought))
    return (Figure("over_velocity_cap", len(bought), *over),)


async def _four_eyes(trial: Trial) -> tuple[Figure, ...]:
    made = await recent_work.decisions(trial.session, trial.since)
    both = _read(trial, checks.checks_of)
    needed = _both(
        both, lambda policy: sum(need(_proposed(one, policy, trial.keyring), policy) is not None for one in made)
    )
    return (Figure("second_person", len(made), *needed),)


async def _sampling(trial: Trial) -> tuple[Figure, ...]:
    made = await recent_work.decisions(trial.session, trial.since)
    drawn = _both(_read(trial, checks.sampling_of), lambda policy: _drawn(made, policy, trial.keyring))
    return (Figure("blind_review", len(made), *drawn),)


def _drawn(made: Sequence[DecisionMade], policy: SamplingPolicy, keyring: KeyRing) -> int:
    """How many decisions the policy draws, at most its cap on each day."""
    of_day: dict[date, int] = defaultdict(int)
    for one in made:
        lot = lot_of(keyring, one.card_id, policy.seed)
        of_day[policy.day_of(one.at)] += policy.draws(lot, one.card_type, one.outcome)
    return sum(min(number, policy.per_day_max) for number in of_day.values())


async def _reveals(trial: Trial) -> tuple[Figure, ...]:
    shown = await recent_work.reveals(trial.session, trial.since)
    both, running = _read(trial, checks.reveals_of), _within_the_hour(shown)
    over = _both(both, lambda one: sum(number > one.per_hour_max for number in running))
    alerts = _both(both, lambda one: sum(number >= one.shown_alert_at for number in running))
    return (Figure("reveal_over_limit", len(shown), *over), Figure("reveal_alert", len(shown), *alerts))


def _read(trial: Trial, read: Callable[[PolicyDocument], Rule]) -> tuple[Rule, Rule]:
    return read(trial.before), read(trial.after)


def _both(rules: tuple[Rule, Rule], count: Callable[[Rule], int]) -> tuple[int, int]:
    return count(rules[0]), count(rules[1])


async def _deadlines(trial: Trial) -> tuple[Figure, ...]:
    return deadline_figures(await previewed(trial.session, dict(trial.after.document), trial.now))


def deadline_figures(tried: Preview) -> tuple[Figure, ...]:
    """Return the figures of deadline policies that were tried on the open tasks."""
    moved = Figure("due_times_moved", tried.looked_at, 0, tried.moved)
    return (moved, Figure("tasks_late", tried.looked_at, tried.late_now, tried.late_then))


async def _stuck(trial: Trial) -> tuple[Figure, ...]:
    now, looked_at = trial.now, await signs.open_runs(trial.session)
    before, after = [await signs.counted(trial.session, rules, now) for rules in _read(trial, stuck.stuck_of)]
    runs = Figure("runs_stuck", looked_at, before[0], after[0])
    return (runs, Figure("stuck_value", looked_at, before[1], after[1], "minor"))


async def _alerts(trial: Trial) -> tuple[Figure, ...]:
    """One figure for each rule: its values known at this moment, and how many alerts they would begin."""
    now, rules = trial.now, _read(trial, alerts.alerts_of)
    values = [await alert_values.observed(trial.session, one, now) for one in rules]
    wanted = [rule for rule in AlertRule if any(rule in one.rules for one in rules)]
    return tuple(_alert(rule, rules, values) for rule in wanted)


def _alert(
    rule: AlertRule, rules: tuple[alerts.AlertRules, alerts.AlertRules], values: Sequence[alert_values.Values]
) -> Figure:
    before, after = (_above(one, rule, found) for one, found in zip(rules, values, strict=True))
    return Figure(rule.value, len(values[1].get(rule, values[0].get(rule, {}))), before, after, words=alerts.NAMES)


def _above(rules: alerts.AlertRules, rule: AlertRule, values: alert_values.Values) -> int:
    """How many of the rule's values are above its limit; none where it is off."""
    if rule not in rules.rules:
        return 0
    return sum(value > rules.rules[rule].limit for value in values.get(rule, {}).values())


async def _tickets(trial: Trial) -> tuple[Figure, ...]:
    now, both = trial.now, _read(trial, tickets.tickets_of)
    made = await recent_work.tickets(trial.session, trial.since)
    raised = _both(
        both,
        lambda rules: sum(
            rules.priority_of(one.category, one.channel, one.value_minor) is not Priority.NORMAL for one in made
        ),
    )
    waits = [one.waits_since for one in made if one.waits_since is not None]
    reminded = _both(
        both, lambda rules: sum(since + timedelta(days=rules.silence_notice_days) <= now for since in waits)
    )
    return (Figure("tickets_raised", len(made), *raised), Figure("tickets_reminded", len(waits), *reminded))


async def _splits(trial: Trial) -> tuple[Figure, ...]:
    """The sales of the last days by both rules: how many would be split differently, and what each side would have."""
    sales = await recent_sales.sales(trial.session, trial.since)
    both = _read(trial, splits.splits_of)
    pairs = [tuple(_split(rules, one) for rules in both) for one in sales]
    known = [(old, new) for old, new in pairs if old is not None and new is not None]
    ours = (sum(old.ours_minor for old, _ in known), sum(new.ours_minor for _, new in known))
    theirs = (sum(old.others_minor for old, _ in known), sum(new.others_minor for _, new in known))
    changed = sum(old.lines != new.lines for old, new in known)
    return (
        Figure("waterfalls_changed", len(known), 0, changed),
        Figure("platform_sum", len(known), *ours, "minor"),
        Figure("partners_sum", len(known), *theirs, "minor"),
    )


async def _tax(trial: Trial) -> tuple[Figure, ...]:
    """The payments of the last days by both rules: from how many tax would be withheld, and how much."""
    paid = await recent_sales.payments(trial.session, trial.since)
    both = [
        [rules.withheld(one.owner, one.card_type, one.proceeds, one.balance).tax.amount_minor for one in paid]
        for rules in _read(trial, tax.tax_of)
    ]
    taxed = (sum(minor > 0 for minor in both[0]), sum(minor > 0 for minor in both[1]))
    sums = (sum(both[0]), sum(both[1]))
    return (Figure("payments_taxed", len(paid), *taxed), Figure("tax_sum", len(paid), *sums, "minor"))


def _split(rules: splits.SplitRules, made: recent_sales.SaleMade) -> recent_sales.Split | None:
    """What the rules make of a sale; None where a brokered seller would have less than nothing."""
    ruling = rules.ruling(made.facts)
    try:
        return recent_sales.split(made, ruling.charges, ruling.divisions)
    except SellerPaysMore:
        return None


RUNS: Mapping[str, Callable[[Trial], Awaitable[tuple[Figure, ...]]]] = {
    brands.KIND.code: _brands,
    prices.KIND.code: _prices,
    limits.KIND.code: _limits,
    reading.KIND.code: _reading,
    velocity.KIND.code: _velocity,
    checks.CHECKS_KIND.code: _four_eyes,
    checks.SAMPLING_KIND.code: _sampling,
    checks.REVEALS_KIND.code: _reveals,
    deadlines.KIND.code: _deadlines,
    stuck.KIND.code: _stuck,
    alerts.KIND.code: _alerts,
    tickets.KIND.code: _tickets,
    splits.KIND.code: _splits,
    tax.KIND.code: _tax,
    payout_routing.KIND.code: routing_figures,
    repairs.KIND.code: repair_figures,
    goodwill.KIND.code: goodwill_figures,
    reconciliation.KIND.code: reconciliation_figures,
    rollback.KIND.code: rollback_figures,
    settlement.KIND.code: settlement_figures,
}


def _proposed(made: DecisionMade, policy: CheckPolicy, keyring: KeyRing) -> ProposedDecision:
    lot = lot_of(keyring, made.card_id, policy.sample_seed)
    return ProposedDecision(lot, made.outcome, made.value_minor, made.brand, made.reasons, made.probation)


def _bought_before(quotes: Sequence[QuoteMade]) -> Iterable[tuple[QuoteMade, dict[str, dict[str, int]]]]:
    """Each quote with what was committed before it within each span, by the subjects it has; quotes in order of time."""
    moments: dict[tuple[str, str], list[datetime]] = defaultdict(list)
    totals: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0])
    for one in quotes:
        subjects = {
            "payee": one.payee, one.owner.partition(":")[0]: one.owner, "brand": one.brand, "installation": "",
        }  # fmt: skip
        sums: dict[str, dict[str, int]] = {}
        for subject in subjects.items():
            until = totals[subject]
            sums[subject[0]] = {
                span: until[-1] - until[bisect_right(moments[subject], one.at - lasts)] for span, lasts in SPANS.items()
            }
        yield one, sums
        if one.committed:
            for subject in subjects.items():
                moments[subject].append(one.at)
                totals[subject].append(totals[subject][-1] + one.amount_minor)


def _within_the_hour(shown: Sequence[tuple[str, datetime]]) -> list[int]:
    """For each secret shown, how many the same person was shown within the hour until then, this one included."""
    of: dict[str, list[datetime]] = defaultdict(list)
    numbers = []
    for person, at in shown:
        of[person].append(at)
        numbers.append(len(of[person]) - bisect_right(of[person], at - timedelta(hours=1)))
    return numbers
