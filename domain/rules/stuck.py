"""When an open workflow counts as stuck: by failures, by age at a step, and by a missed deadline. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path

from domain.cards.card import Stage, WaitingFor
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind, built_in_file
from domain.policies.schema import Schema, record, whole, with_default

STUCK = Path(__file__).with_name("stuck.json")
MONTH_S = 31 * 24 * 3600
STAGES = tuple(stage for stage in Stage if stage is not Stage.ENDED)
PARTIES = (WaitingFor.ISSUER, WaitingFor.GATEWAY, WaitingFor.OUTLET, WaitingFor.SELLER_PAYEE)
DAY_S = 24 * 3600
HELD_PAYMENTS = {WaitingFor.RAIL: 2 * DAY_S, WaitingFor.FINANCE: DAY_S}  # Documents of older releases lack them.
WITH_DEADLINE = (
    WaitingFor.SELLER_FIELDS,
    WaitingFor.SELLER_CODE,
    WaitingFor.SELLER_ITEM,
    WaitingFor.SELLER_OFFER,
    WaitingFor.OUTLET,
    WaitingFor.REVIEWER,
)


@dataclass(frozen=True)
class StuckRules:
    """One version of the rules. Times in seconds.

    A step counts from `failures` failures on, and one that no worker has taken after `unstarted_s`. `machine_s` is how long
    the machine may take at each stage, `waiting_s` how long a party may leave a run waiting, and `overdue_s` how long after
    a passed deadline its consequence may take.
    """

    version: str
    failures: int
    unstarted_s: int
    machine_s: Mapping[str, int]
    waiting_s: Mapping[str, int]
    overdue_s: Mapping[str, int]


def _seconds() -> Schema:
    return whole(1, MONTH_S, "s")


KIND = PolicyKind(
    "stuck",
    record(
        failures=whole(1, 1000),
        unstarted_s=_seconds(),
        machine_s=record("stage", **{stage.value: _seconds() for stage in STAGES}),
        waiting_s=record(
            "waiting_for",
            **{party.value: _seconds() for party in PARTIES},
            **{party.value: with_default(_seconds(), most) for party, most in HELD_PAYMENTS.items()},
        ),
        overdue_s=record("waiting_for", **{party.value: _seconds() for party in WITH_DEADLINE}),
    ),
    lambda: built_in_file("stuck", STUCK, "stuck"),
    two_people=False,
)


def stuck_in_force(on: date) -> StuckRules:
    """Return the rules that hold on a day. Raises LookupError when there are none yet."""
    return stuck_of(BOOK.in_force(KIND, on))


@lru_cache(maxsize=64)
def stuck_of(found: PolicyDocument) -> StuckRules:
    """Return one version of the rules."""
    return StuckRules(version=found.version, **found.document)
