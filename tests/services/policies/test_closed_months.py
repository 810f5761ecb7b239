"""A policy of money never begins in a closed month: what was sold, withheld and settled in it stays as it was calculated."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from database.tables.policies import PolicyDocumentRow
from domain.errors.general import FieldInvalid
from domain.finance.periods import month_of
from domain.places import BUSINESS_ZONE
from domain.policies.book import PolicyBook
from domain.policies.document import PolicyKind
from domain.rules import settlement, splits, tax
from services.policies.documents import PolicyDocuments, Proposal
from services.policies.reading import published
from tests.builders.own_world import own_world
from tests.builders.selling import today
from tests.builders.split_rules import a_document as split_rules
from tests.builders.tax_rules import a_document as tax_rules
from tests.builders.tax_rules import a_row
from tests.builders.world import World

world = own_world("policy_months")
LAST = today().replace(day=1) - timedelta(days=1)  # The last day of the month that is closed.
KINDS = [splits.KIND, tax.KIND, settlement.KIND]


async def changed(policies: PolicyDocuments, kind: PolicyKind) -> dict[str, Any]:
    """Return a version of a kind that differs from the one in force."""
    if kind is splits.KIND:
        return split_rules()
    if kind is tax.KIND:
        return tax_rules(a_row("everybody"))
    document = deepcopy(dict((await policies.state(kind)).in_force.document))
    return document | {"two_people_from_minor": document["two_people_from_minor"] + 1}


async def close_last_month(world: World) -> None:
    closes = text("""
        INSERT INTO ledger_period (month, closed_by, agreed_by, closed_at) VALUES (:month, 'a', 'b', now())
        ON CONFLICT DO NOTHING
    """)
    async with world.database.transaction() as session:
        await session.execute(closes, {"month": month_of(LAST)})


async def version_on(world: World, kind: PolicyKind, day: date) -> int:
    book = PolicyBook()
    async with world.database.transaction() as session:
        book.fill(kind.code, await published(session, kind))
    return book.in_force(kind, day).number


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
async def test_a_version_of_a_day_in_a_closed_month_is_refused(world: World, kind: PolicyKind) -> None:
    policies, person = PolicyDocuments(world.database), await world.a_person("admin")
    await close_last_month(world)
    document = await changed(policies, kind)
    for day in (LAST.replace(day=1), LAST):
        with pytest.raises(FieldInvalid) as refused:
            await policies.save(person, kind, Proposal(document, "why", day, 0))
        assert (refused.value.data["field"], refused.value.data["why"]) == ("effective_from", "not_from_today")
    assert await world.rows(PolicyDocumentRow, kind=kind.code) == []


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.code)
async def test_draft_of_a_closed_month_takes_effect_when_published(world: World, kind: PolicyKind) -> None:
    then = datetime.combine(LAST, time(12), BUSINESS_ZONE).astimezone(UTC)
    maker, second = await world.a_person("admin"), await world.a_person("compliance")
    before, later = PolicyDocuments(world.database, lambda: then), PolicyDocuments(world.database)
    await before.save(maker, kind, Proposal(await changed(before, kind), "why", LAST, 0))
    await before.ask(maker, kind, 1)
    await close_last_month(world)
    built_in = await version_on(world, kind, LAST)
    await later.publish(second, kind, 1)
    (row,) = await world.rows(PolicyDocumentRow, kind=kind.code)
    assert row.effective_from == today()
    assert await version_on(world, kind, LAST) == built_in
    assert await version_on(world, kind, today()) == row.version
