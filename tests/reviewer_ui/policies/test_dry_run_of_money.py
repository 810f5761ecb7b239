"""Dry runs of the policies of money, readings and repairs: each figure answers a real change of its rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from domain.people.roles import Role
from domain.rules.policy_kinds import KINDS
from services.policies.dry_run import LOOKS_BACK, RUNS
from tests.builders import tax_rules, tried_money
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.policy_scenes import figures, put


async def at_work(house: House) -> None:
    """A card that was read, paid, sold and claimed; gifts, a difference, a settlement run and a repair."""
    waiting, person, now = await house.cards.waiting(), await house.cards.person(Role.FINANCE), datetime.now(UTC)
    await tried_money.a_labelled_reading(house.database, waiting.card_id, waiting.task_id, person, now)
    await tried_money.a_paid_card(house.database, waiting.card_id, now)
    await tried_money.two_gifts(house.database, waiting.card_id, person, now)
    await tried_money.a_claim(house.database, waiting.card_id, person, now)
    await tried_money.a_small_difference(house.database, now)
    await tried_money.a_stated_run(house.database, person, now)
    await tried_money.a_repair_that_failed(house.database, now)


def a_doubled_fee(document: dict[str, Any]) -> None:
    document["charges"][0]["rate_bp"] = 200


def half_claimed(document: dict[str, Any]) -> None:
    document["share_bp"]["used"] = 5_000


def five_cents(document: dict[str, Any]) -> None:
    for source in document["sources"]:
        source["tolerance_minor"] = 5


def a_higher_minimum(document: dict[str, Any]) -> None:
    for terms in document["terms"]:
        terms["minimum_minor"] += 1


NOTHING_TAXED = put(**tax_rules.a_document(tax_rules.a_row("person", rate_bp=0)))
SURE = {"number": 10_000, "pin": None, "face_value": None, "expiry": None}
CASES = [
    ("reading", put(everywhere=SURE), "read_alone", -1),
    ("reading", put(everywhere=SURE), "read_alone_wrong", -1),
    ("splits", a_doubled_fee, "waterfalls_changed", 1),
    ("splits", a_doubled_fee, "platform_sum", 4_75),  # One percent more of 475.00.
    ("tax", NOTHING_TAXED, "payments_taxed", -1),
    ("tax", NOTHING_TAXED, "tax_sum", -8_20),  # 20 % of the 41.00 above the balance.
    ("goodwill", put(agent_max_minor=39_99), "goodwill_over_agent", 1),
    ("goodwill", put(lead_max_minor=39_99), "goodwill_over_lead", 1),
    ("goodwill", put(seller_max_minor=79_99), "goodwill_over_seller", 1),
    ("goodwill", put(finance_from_minor=80_00), "goodwill_by_finance", 1),
    ("rollback", put(within_days=9), "claims_made", -1),
    ("rollback", put(least_minor=441_01), "claims_made", -1),
    ("rollback", half_claimed, "claims_sum", -220_50),
    ("reconciliation", five_cents, "breaks_by_themselves", 1),
    ("reconciliation", put(alone_max_minor=79_99), "breaks_two_people", 1),
    ("settlement", put(two_people_from_minor=600_00), "settlement_two_people", 1),
    ("settlement", put(two_people_from_minor=600_00), "settlement_two_people_sum", 600_00),
    ("settlement", a_higher_minimum, "settlement_terms_changed", 1),
    ("repairs", put(alone_max=2), "repairs_two_people", 1),  # Of three: one was left out.
    ("repairs", put(failures_min=2), "repairs_stopped", 1),
]  # fmt: skip


def test_every_kind_of_policy_has_a_dry_run() -> None:
    assert RUNS.keys() == KINDS.keys()


async def test_dry_run_counts_changed_outcomes(house: House) -> None:
    """One scene for all drafts: what the version in force concerns counts before and after."""
    earlier = [(await figures(house, code, change))[name] for code, change, name, _ in CASES]
    await at_work(house)
    for (code, change, name, more), before in zip(CASES, earlier, strict=True):
        found = (await figures(house, code, change))[name]
        assert found.looked_at > before.looked_at, (code, name)
        assert found.after - found.before - (before.after - before.before) == more, (code, name)


async def test_goodwill_before_the_policy_window_is_not_counted(house: House) -> None:
    def change(document: dict[str, Any]) -> None:
        document.update(seller_max_minor=79_99, seller_days=39)

    earlier = (await figures(house, "goodwill", change))["goodwill_over_seller"]
    await at_work(house)
    assert (await figures(house, "goodwill", change))["goodwill_over_seller"].after == earlier.after


@pytest.mark.parametrize("code", ["goodwill", "rollback", "reconciliation", "settlement", "repairs"])
async def test_dry_run_ignores_work_older_than_a_month(house: House, code: str) -> None:
    await at_work(house)
    await tried_money.over_a_month_ago(house.database, datetime.now(UTC) - LOOKS_BACK - timedelta(minutes=1))
    found = await figures(house, code, lambda _: None)
    assert {(one.looked_at, one.before, one.after) for one in found.values()} == {(0, 0, 0)}
