"""Whether a payment may leave now and on which rail: the rules of a policy, the facts of one payment, and why it waits. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from enum import StrEnum

from domain.finance.rails import Rail
from domain.money import BASIS_POINTS_PER_ONE
from domain.places import BUSINESS_ZONE, business_day

ROUTING = "routing"  # Names a payee after a refusal: one that the seller had named before.


class WaitReason(StrEnum):
    """Why a payment waits before anything is sent."""

    SWITCHED_OFF = "switched_off"  # A person switched the rail off.
    NOT_USED = "not_used"  # The policy does not use the rail.
    TRANSFER_MAX = "transfer_max"  # One transfer on the rail may not be so large.
    SELLER_DAY = "seller_day"  # The seller has had as much today, on all rails together, as one may.
    RAIL_DAY = "rail_day"  # As much left on the rail today as may.
    RAIL_MONTH = "rail_month"  # As much left on the rail this month as may.
    COOLING = "cooling"  # The seller named another payee than before, and the old contact has time to object.
    NEW_PAYEE = "new_payee"  # The first payments to this payee, and together a large sum.
    NAME_DIFFERS = "name_differs"  # The payee is not the seller as they were verified.
    UNVERIFIED = "unverified"  # So much goes to verified sellers alone.


# What a person of finance looks at and lets go, or not. Everything else ends automatically or by what people change.
LOOKED_AT = frozenset({WaitReason.NEW_PAYEE, WaitReason.NAME_DIFFERS, WaitReason.UNVERIFIED, WaitReason.COOLING})

# What no day and no check ends for this payee: the rail, or the amount, would have to be another one.
NEVER_ENDS = frozenset({WaitReason.NOT_USED, WaitReason.TRANSFER_MAX})


class NameState(StrEnum):
    """How a payee's name compares with the verified name of its seller."""

    SAME = "same"
    DIFFERS = "differs"
    UNVERIFIED = "unverified"  # The seller's name was never verified.
    OTHERS = "others"  # Partners submit cards of their own customers: there is no one name.


class Health(StrEnum):
    """How a rail does."""

    WELL = "well"
    FAILING = "failing"  # Its circuit is open: its provider did not answer lately.
    MAINTENANCE = "maintenance"  # Its provider is in maintenance.


@dataclass(frozen=True)
class RailRules:
    """What a policy says of one rail. Money in CNY minor units; the cost is what our bank or provider charges for a transfer."""

    rail: Rail
    enabled: bool
    transfer_max_minor: int
    seller_day_max_minor: int
    day_max_minor: int
    month_max_minor: int
    cost_bp: int
    cost_min_minor: int

    def cost_minor(self, amount_minor: int) -> int:
        """Return what a transfer of this amount costs us, rounded up."""
        return max(self.cost_min_minor, -(-amount_minor * self.cost_bp // BASIS_POINTS_PER_ONE))

    def passed(self, *, seller_day_minor: int, day_minor: int, month_minor: int) -> tuple[WaitReason, ...]:
        """Return the limits that these sums are beyond."""
        caps = {
            WaitReason.SELLER_DAY: (seller_day_minor, self.seller_day_max_minor),
            WaitReason.RAIL_DAY: (day_minor, self.day_max_minor),
            WaitReason.RAIL_MONTH: (month_minor, self.month_max_minor),
        }
        return tuple(reason for reason, (total, most) in caps.items() if total > most)


@dataclass(frozen=True)
class RoutingRules:
    """One version of the policy; `rails` in order of preference, which decides between rails of one cost.

    A payment to another payee than before waits until `change_cools_hours` after the change where it and what was ordered to
    the payee since then come to `change_cools_from_minor`. Where the first payments to a payee come to `new_payee_from_minor`,
    the one that does waits for a person: a payee is known as many hours after its first payment was paid, or once one was paid that a
    person had let go. A payment to a seller whose name nobody has verified waits where it and what was ordered for the seller
    that day, on every rail, come to `unverified_from_minor`. `other_name_waits`: so does one whose payee is not the verified
    seller. `fail_over`: after a certain refusal the seller's earlier payee on the cheapest other rail is paid. An outcome may be
    stated by people `stated_after_minutes` after the order.
    """

    version: str
    rails: tuple[RailRules, ...]
    other_name_waits: bool
    unverified_from_minor: int
    change_cools_from_minor: int
    change_cools_hours: int
    new_payee_from_minor: int
    fail_over: bool
    fail_over_days: int
    stated_after_minutes: int

    def of(self, rail: Rail) -> RailRules | None:
        """Return what the policy says of a rail; None where it does not name it."""
        return next((one for one in self.rails if one.rail is rail), None)

    def preference(self, rail: Rail) -> int:
        """Return the place of a rail in the order of preference; those that are not named come last."""
        return next((place for place, one in enumerate(self.rails) if one.rail is rail), len(self.rails))


@dataclass(frozen=True)
class Situation:
    """The facts of one payment: what was ordered before it, and what is known of its payee.

    `day_minor` and `month_minor` were ordered on the rail and not refused, `seller_day_minor` for the seller on every rail,
    `to_payee_minor` to a payee that is new. `released`: a person of finance looked and let it go.
    """

    rail: Rail
    amount_minor: int
    now: datetime
    switched_off: bool = False
    seller_day_minor: int = 0
    day_minor: int = 0
    month_minor: int = 0
    name: NameState = NameState.UNVERIFIED
    new_payee: bool = False
    to_payee_minor: int = 0
    cooling_until: datetime | None = None
    released: bool = False


@dataclass(frozen=True)
class Wait:
    """Why a payment waits; `until` is when the last reason that ends automatically does, None where people must act."""

    reasons: tuple[WaitReason, ...]
    until: datetime | None

    @property
    def for_person(self) -> bool:
        """Return whether a person of finance has to look at it."""
        return bool(LOOKED_AT & set(self.reasons)) and self.until is None


@dataclass(frozen=True)
class Route:
    """The rail of an order with what it was chosen by, as the order keeps it."""

    rail: Rail
    version: str
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Weighed:
    """A rail that a payment could take instead: what the transfer would cost there, and the limits that it would not keep today."""

    rail: Rail
    cost_minor: int
    beyond: tuple[WaitReason, ...] = ()


def weighed(
    rules: RoutingRules, rail: Rail, amount_minor: int, *, seller_day_minor: int, day_minor: int, month_minor: int
) -> Weighed | None:
    """Return a rail as it is weighed, with what was ordered on it before; None where it may not take the payment at all."""
    rule = rules.of(rail)
    if rule is None or not rule.enabled or amount_minor > rule.transfer_max_minor:
        return None
    beyond = rule.passed(
        seller_day_minor=seller_day_minor + amount_minor, day_minor=day_minor + amount_minor, month_minor=month_minor + amount_minor
    )  # fmt: skip
    return Weighed(rail, rule.cost_minor(amount_minor), beyond)


def place_of(rules: RoutingRules, one: Weighed) -> tuple[bool, int, int]:
    """Return the place of a rail, the least first: within its limits, then the cheaper one, then as the policy prefers."""
    return bool(one.beyond), one.cost_minor, rules.preference(one.rail)


def judge(rules: RoutingRules, found: Situation) -> Wait | None:
    """Return why a payment may not leave now; None when it may."""
    reasons = tuple(_reasons(rules, found))
    if not reasons:
        return None
    ends = [_end(one, found) for one in reasons]
    known = [one for one in ends if one is not None]
    return Wait(reasons, max(known) if len(known) == len(ends) else None)


def _reasons(rules: RoutingRules, found: Situation) -> Iterable[WaitReason]:
    rail, amount = rules.of(found.rail), found.amount_minor
    if found.switched_off:
        yield WaitReason.SWITCHED_OFF
    if rail is None or not rail.enabled:
        yield WaitReason.NOT_USED
    elif amount > rail.transfer_max_minor:
        yield WaitReason.TRANSFER_MAX
    else:
        yield from rail.passed(
            seller_day_minor=found.seller_day_minor + amount,
            day_minor=found.day_minor + amount,
            month_minor=found.month_minor + amount,
        )
    if not found.released:
        yield from _doubts(rules, found)


def _doubts(rules: RoutingRules, found: Situation) -> Iterable[WaitReason]:
    """What could be a payment to the wrong person."""
    if found.cooling_until is not None and found.cooling_until > found.now:
        yield WaitReason.COOLING
    if found.name is NameState.DIFFERS and rules.other_name_waits:
        yield WaitReason.NAME_DIFFERS
    if (
        found.name is NameState.UNVERIFIED
        and found.seller_day_minor + found.amount_minor >= rules.unverified_from_minor
    ):
        yield WaitReason.UNVERIFIED
    if found.new_payee and found.to_payee_minor + found.amount_minor >= rules.new_payee_from_minor:
        yield WaitReason.NEW_PAYEE


def _end(reason: WaitReason, found: Situation) -> datetime | None:
    if reason is WaitReason.COOLING:
        return found.cooling_until
    if reason in (WaitReason.SELLER_DAY, WaitReason.RAIL_DAY):
        return start_of(business_day(found.now) + timedelta(days=1))
    if reason is WaitReason.RAIL_MONTH:
        return start_of((business_day(found.now).replace(day=1) + timedelta(days=32)).replace(day=1))
    return None


def start_of(day: date) -> datetime:
    """Return the moment at which a day begins in the office."""
    return datetime.combine(day, time(), BUSINESS_ZONE)
