"""A dry run counts recent work by the version in force and by the draft; each figure answers a real change of its rule."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from database.tables.cards import QuoteRow, ReadingRow
from database.tables.ops.health import HealthReadingRow
from database.tables.people import AuditRow, SellerRow
from database.tables.review import ReviewDecisionRow
from domain.cards.review import ReviewOutcome
from domain.identifiers import new_id
from domain.ops.alerts import AlertRule
from domain.ops.health import Measure
from domain.ops.runs import FailedAttempt
from domain.people.roles import Role
from domain.places import business_day
from services.ops.attempts import Attempts
from services.policies.dry_run import LOOKS_BACK
from tests.builders.installation import a_stuck_run
from tests.builders.ticket_clocks import TicketScene
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.policy_scenes import figures, put


async def at_work(house: House) -> None:
    """A card that was read, priced and approved, whose step failed once, and a reviewer who looked at three secrets within minutes."""
    waiting, person, now = await house.cards.waiting(), await house.cards.person(Role.REVIEWER), datetime.now(UTC)
    async with house.database.transaction() as session:
        row = (await session.execute(select(QuoteRow).filter_by(card_id=waiting.card_id))).scalar_one()
        row.internal = {**row.internal, "basis_minor": 50_000, "stock": 0}
        session.add(
            ReadingRow(
                id=new_id(), card_id=waiting.card_id, photo_id=waiting.photo_id, reader="test", duration_ms=1,
                fields=[{"name": "number", "confidence_bp": 9100, "use": "taken"}], values_sealed=b"-",
            )
        )  # fmt: skip
        session.add(
            ReviewDecisionRow(
                id=new_id(), task_id=waiting.task_id, card_id=waiting.card_id, person_id=person,
                outcome=ReviewOutcome.APPROVE, made_at=now,
            )
        )  # fmt: skip
        for minutes in (3, 2, 1):
            shown = now - timedelta(minutes=minutes)
            session.add(AuditRow(actor=f"person:{person}", act="console:card:reveal_number", subject="C", at=shown))
    attempts = Attempts(house.database)  # The next attempt is far: no run stops counting while a test counts.
    attempts.failed(
        FailedAttempt(
            f"card:{waiting.card_id}", "verification.ask_issuer", "issuer-jd", "gateway_unavailable", "timeout",
            "issuer: timeout", failures=1, next_in_s=3600, build_id="b1", worker="1@here",
        )
    )  # fmt: skip
    await attempts.write()
    await _a_waiting_ticket(house, now - timedelta(days=2))


async def _a_waiting_ticket(house: House, opened_at: datetime) -> None:
    """A customer asked two days ago and was answered; it is their turn."""
    seller = SellerRow(id=new_id(), phone_sealed=b"-", phone_index=new_id(), phone_masked="138****0000")
    async with house.database.transaction() as session:
        session.add(seller)
    agent = await house.cards.person(Role.SUPPORT)
    tickets = TicketScene(house, f"seller:{seller.id}", agent)  # type: ignore[arg-type]  # It has the parts that are used.
    tickets.now = opened_at
    await tickets.replied(await tickets.opened())


def cheaper(document: dict[str, Any]) -> None:
    for row in document["base"]:
        row["base_bp"] -= 100


def small_cards_only(document: dict[str, Any]) -> None:
    for entry in document["brands"]:
        entry["face_minor"] = [1000, 2000]


def nothing_bought(document: dict[str, Any]) -> None:
    for entry in document["brands"]:
        entry |= {"not_bought_from": "2026-11-01", "not_bought_reason": {"zh_CN": "合同到期", "en": "ended"}}


def quicker(document: dict[str, Any]) -> None:
    for policy in document["policies"]:
        policy["budget_s"] = 61


EVERY_TICKET = {"code": "all", "categories": [], "channels": [], "value_minor_from": 0, "priority": "urgent"}
NO_CAP = {"hour": 0, "day": 0}
TYPES = ("supermarket", "ecommerce", "dining", "regional", "crossborder")
CASES = [
    ("limits", put(machine_value_minor_max=dict.fromkeys(TYPES, 44_099)), "over_machine_value", 1),
    ("limits", put(confidence_bp_min=9200), "low_confidence", 1),
    ("velocity", put(most_minor=dict.fromkeys(("payee", "seller", "partner", "brand", "installation"), NO_CAP)), "over_velocity_cap", 1),
    ("four-eyes", put(value_minor_min=50_000), "second_person", 1),
    ("sampling", put(share_bp=dict.fromkeys(TYPES, 10_000), per_day_max=100_000), "blind_review", 1),
    ("reveals", put(per_hour_max=1), "reveal_over_limit", 2),
    ("reveals", put(shown_alert_at=3), "reveal_alert", 1),
    ("prices", cheaper, "quotes_changed", 1),
    ("prices", cheaper, "quotes_sum", -500),  # One percent of 500 yuan.
    ("brands", small_cards_only, "face_value_refused", 1),
    ("brands", nothing_bought, "brand_not_bought", 1),
    ("deadlines", quicker, "due_times_moved", 2),  # The card, and the ticket.
    ("stuck", put(failures=1), "runs_stuck", 1),
    ("stuck", put(failures=1), "stuck_value", 441_00),
    ("tickets", put(priorities=[EVERY_TICKET]), "tickets_raised", 1),
    ("tickets", put(silence_notice_days=1), "tickets_reminded", 1),
]  # fmt: skip


async def test_brand_is_judged_at_the_time_of_the_dry_run(house: House) -> None:
    def ending_in_two_days(document: dict[str, Any]) -> None:
        nothing_bought(document)
        for entry in document["brands"]:
            entry["not_bought_from"] = (business_day(datetime.now(UTC)) + timedelta(days=2)).isoformat()

    await at_work(house)
    today = (await figures(house, "brands", ending_in_two_days))["brand_not_bought"]
    later = (await figures(house, "brands", ending_in_two_days, timedelta(days=3)))["brand_not_bought"]
    assert (today.after - today.before, later.after == later.looked_at > 0) == (0, True)


@pytest.mark.parametrize(("code", "change", "name", "more"), CASES, ids=[f"{case[0]}-{case[2]}" for case in CASES])
async def test_dry_run_counts_changed_outcomes(house: House, code: str, change: Any, name: str, more: int) -> None:
    earlier = (await figures(house, code, change))[name]
    await at_work(house)
    found = (await figures(house, code, change))[name]
    assert found.looked_at > earlier.looked_at
    # What the rules in force concern already counts before and after; other tests may have left such work.
    changed = (
        found.after - earlier.after if more > 0 else (found.after - found.before) - (earlier.after - earlier.before)
    )
    assert changed == more


@pytest.mark.parametrize(
    ("change", "before", "after"),
    [({"limit": 0}, 0, 1), ({"limit": 10**6}, 0, 0), ({"on": False}, 0, 0)],
    ids=["lower", "higher", "off"],
)
async def test_dry_run_counts_new_alerts(house: House, change: dict[str, Any], before: int, after: int) -> None:
    async with house.database.transaction() as session:
        session.add(a_stuck_run(datetime.now(UTC) - timedelta(minutes=5)))
    found = await figures(house, "alerts", lambda document: document["counts"]["stuck"].update(change))
    assert (found["stuck"].looked_at, found["stuck"].words) == (1, "ops_topic")
    assert (found["stuck"].before, found["stuck"].after) == (before, after)
    assert found.keys() <= {rule.value for rule in AlertRule}


async def test_dry_run_counts_alerts_per_subject(house: House) -> None:
    idle = {"issuer-jd": 7.0, "payout": 9.0}
    async with house.database.transaction() as session:
        await session.execute(delete(HealthReadingRow).where(HealthReadingRow.measure == Measure.WORKERS))
        session.add(
            HealthReadingRow(
                measure=Measure.WORKERS,
                value=9.0,
                absent=False,
                failed=False,
                parts=idle,
                facts={},
                taken_at=datetime.now(UTC),
            )
        )
    found = await figures(house, "alerts", lambda document: document["counts"]["workers"].update(limit=8))
    assert (found["workers"].looked_at, found["workers"].before, found["workers"].after) == (2, 2, 1)


async def test_dry_run_ignores_old_work(house: House) -> None:
    earlier = (await figures(house, "reveals", put(per_hour_max=1)))["reveal_over_limit"]
    async with house.database.transaction() as session:
        long_ago = datetime.now(UTC) - LOOKS_BACK - timedelta(minutes=1)
        session.add(AuditRow(actor="person:P", act="console:card:reveal_pin", subject="C", at=long_ago))
    assert (await figures(house, "reveals", put(per_hour_max=1)))["reveal_over_limit"] == earlier
