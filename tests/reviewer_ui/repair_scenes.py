"""Repairs in every state for the tests of their pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import text, update

from database.tables.cards import CardRow
from database.tables.ops.repairs import RepairRow
from domain.cards.card import Stage, WaitingFor
from domain.identifiers import new_id
from domain.ops.repairs import ItemState, RepairKind, RepairState, Suspended
from domain.people.roles import Role
from services.ops.repairs.desk import RepairPlan, Repairs
from services.ops.repairs.sources import Named
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.waiting_cards import Waiting


async def silent_card(house: House, **more: Any) -> Waiting:
    """A started card whose issuer does not answer, and that no reviewer has."""
    waiting = await house.cards.waiting()
    now = datetime.now(UTC)
    values = {
        "stage": Stage.VERIFICATION,
        "waiting_for": WaitingFor.ISSUER,
        "started_at": now,
        "since": now,
        "until": None,
    }
    async with house.database.transaction() as session:
        gone = "UPDATE work_item SET closed_at = now() WHERE card_id = :id"
        await session.execute(text(gone), {"id": waiting.card_id})
        await session.execute(update(CardRow).where(CardRow.id == waiting.card_id).values(**(values | more)))
    return waiting


def a_plan(kind: RepairKind = RepairKind.SEND_TO_REVIEW, **more: Any) -> RepairPlan:
    """A plan without a canary."""
    given: dict[str, Any] = {"kind": kind, "reason_code": "waits_too_long", "canary": 0}
    return RepairPlan(**(given | more))


async def previewed(house: House, by: str, *cards: str, plan: RepairPlan | None = None) -> str:
    """A previewed repair; returns its id."""
    desk = Repairs(house.database)
    repair_id = await desk.draft(by, plan or a_plan(), Named(cards))
    await desk.preview(by, repair_id)
    return repair_id


async def repairs_in_every_state(house: House, *cards: str) -> dict[str, str]:
    """Repairs by their states, each of a kind of its own where that fits; `cards` are in the first one, too."""
    desk, by = Repairs(house.database), await house.cards.person(Role.OPS, "Wei")
    names: dict[str, str] = {}
    fresh = [(await silent_card(house)).card_id for _ in range(7)]
    names["repair"] = await previewed(house, by, fresh[0], *cards, new_id())
    names["repair_waiting"] = await previewed(
        house, by, fresh[1], plan=a_plan(RepairKind.CANCEL, note="Two months old")
    )
    await desk.submit(by, names["repair_waiting"])
    names["repair_running"] = await previewed(house, by, *fresh[2:])
    await desk.submit(by, names["repair_running"])
    states = (ItemState.CURED, ItemState.ACTED, ItemState.FAILED, ItemState.FAILED_AGAIN, ItemState.WAITING)
    await _come_to(house, names["repair_running"], states)
    names["repair_suspended"] = await _copy(house, by, names["repair_running"], RepairState.SUSPENDED)
    names["repair_over"] = await _copy(house, by, names["repair_running"], RepairState.PARTLY_DONE)
    return names


async def _come_to(house: House, repair_id: str, states: tuple[ItemState, ...]) -> None:
    """The items of a repair, in their order, have come to these states."""
    async with house.database.transaction() as session:
        for place, state in enumerate(states, start=1):
            failed = state in (ItemState.FAILED, ItemState.FAILED_AGAIN)
            values = {
                "repair": repair_id, "place": place, "state": state.value, "error": "not_expected_now" if failed else "",
                "message": "",
            }  # fmt: skip
            statement = (
                "UPDATE repair_item SET state = :state, error = :error, message = :message, acted_at = now()"
                " WHERE repair_id = :repair AND place = :place"
            )
            await session.execute(text(statement), values)


async def _copy(house: House, by: str, old: str, state: RepairState) -> str:
    """A repair like another one, that came to this state."""
    repair_id = new_id()
    async with house.database.transaction() as session:
        row = await session.get_one(RepairRow, old)
        values = {name: getattr(row, name) for name in RepairRow.__table__.columns.keys()}  # noqa: SIM118  # No mapping.
        stopped = state is RepairState.SUSPENDED
        values |= {
            "id": repair_id, "state": state, "drafted_by": by, "suspended_why": Suspended.FAILURES if stopped else None,
            "suspended_at": row.submitted_at if stopped else None, "ended_at": None if stopped else row.submitted_at,
            "heard_revision": row.revision,
        }  # fmt: skip
        session.add(RepairRow(**values))
        await session.flush()
        columns = (
            "place, workflow_id, subject, card_type, brand, stage, waiting_for, step, value_minor, state, excluded, found,"
            " error, message, claimed_by, acting_at, acted_at, proven_at"
        )
        copied = f"INSERT INTO repair_item (repair_id, live, {columns}) SELECT :new, false, {columns} FROM repair_item WHERE repair_id = :old"  # noqa: S608  # Names of our own.
        await session.execute(text(copied), {"new": repair_id, "old": old})
    return repair_id
