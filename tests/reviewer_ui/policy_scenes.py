"""A console whose policies are tried: no saved versions before and after, a proposal, two people, a publication."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest_asyncio
from sqlalchemy import text

from domain.people.roles import Role
from domain.places import business_day
from domain.policies.book import PolicyBook
from domain.policies.document import PolicyDocument
from domain.rules.policy_kinds import KINDS
from services.policies.documents import PolicyDocuments, Proposal
from services.policies.dry_run import Figure, dry_run
from services.policies.reading import PolicyReader
from tests.reviewer_ui.conftest import House

LIMITS = KINDS["limits"]
PAGE = "/setup/policies/limits"


@pytest_asyncio.fixture
async def policies(house: House) -> AsyncIterator[PolicyDocuments]:
    """The acts on policies over a database without saved versions, before and after."""
    await _forget(house)
    yield PolicyDocuments(house.database)
    await _forget(house)


async def _forget(house: House) -> None:
    async with house.database.transaction() as session:
        await session.execute(text("ALTER TABLE policy_document DISABLE TRIGGER published_stays"))
        await session.execute(text("DELETE FROM policy_document WHERE kind <> 'deadlines'"))
        await session.execute(text("ALTER TABLE policy_document ENABLE TRIGGER published_stays"))


async def without_later_versions(house: House) -> None:
    """Forget drafts, and published versions whose day is to come."""
    async with house.database.transaction() as session:
        await session.execute(text("ALTER TABLE policy_document DISABLE TRIGGER published_stays"))
        forget = text("DELETE FROM policy_document WHERE published_at IS NULL OR effective_from > :today")
        await session.execute(forget, {"today": business_day(datetime.now(UTC))})
        await session.execute(text("ALTER TABLE policy_document ENABLE TRIGGER published_stays"))


# A number of each kind of document by the way to it.
_NUMBERS: dict[str, tuple[str | int, ...]] = {
    "prices": ("base", 0, "base_bp"), "limits": ("code_tries_max",), "velocity": ("unsecured_minor", "card"), "four-eyes": ("value_minor_min",),
    "sampling": ("per_day_max",), "reveals": ("per_hour_max",), "deadlines": ("policies", 0, "budget_s"), "stuck": ("failures",),
    "repairs": ("alone_max",), "alerts": ("counts", "stuck", "limit"), "goodwill": ("seller_days",), "tickets": ("reopen_days",),
    "reconciliation": ("alone_max_minor",), "reading": ("labels_min",),
    "payout-routing": ("change_cools_hours",), "rollback": ("objection_days",),
    "settlement": ("two_people_from_minor",),
    "splits": ("charges", 0, "rate_bp"), "tax": ("kinds", 0, "rate_bp"),
}  # fmt: skip


def changed_document(code: str, document: dict[str, Any]) -> dict[str, Any]:
    """Return a copy of a kind's document in which one number is another, or a brand has another name."""
    new = copy.deepcopy(document)
    if code == "brands":
        new["brands"][0]["aliases"].append("newname")
        return new
    *way, last = _NUMBERS[code]
    inside: Any = new
    for step in way:
        inside = inside[step]
    inside[last] += 1
    return new


def changed(**values: Any) -> dict[str, Any]:
    document = copy.deepcopy(dict(PolicyBook().in_force(LIMITS, business_day(datetime.now(UTC))).document))
    return document | values


def proposal(revision: int = 0, **values: Any) -> Proposal:
    return Proposal(changed(**(values or {"code_tries_max": 5})), "too many calls", None, revision)


async def in_force(house: House, kind: str = "limits") -> Any:
    book = PolicyBook()
    await PolicyReader(house.database, book).refresh()
    return book.in_force(KINDS[kind], business_day(datetime.now(UTC)))


async def people(house: House) -> tuple[str, str]:
    return await house.cards.person(Role.ADMIN), await house.cards.person(Role.COMPLIANCE)


async def publish(house: House, policies: PolicyDocuments, **values: Any) -> None:
    admin, officer = await people(house)
    await policies.save(admin, LIMITS, proposal(**values))
    await policies.ask(admin, LIMITS, 1)
    await policies.publish(officer, LIMITS, 1)


async def figures(house: House, code: str, change: Any, ahead: timedelta = timedelta()) -> dict[str, Figure]:
    """The figures of a draft: the built-in document after `change` had a copy of it. Tried `ahead` of now."""
    kind, now = KINDS[code], datetime.now(UTC) + ahead
    before = PolicyBook().in_force(kind, business_day(now))
    document = copy.deepcopy(dict(before.document))
    change(document)
    kind.require_valid(document, before.document)
    draft = PolicyDocument(code, 1, f"{code}-1", business_day(now), document)
    async with house.database.transaction() as session:
        return {one.name: one for one in await dry_run(session, house.keyring, before, draft, now)}


def put(**values: Any) -> Any:
    """Return a change that gives a document these values."""
    return lambda document: document.update(values)


async def policy_that_waits(house: House, admin: str) -> None:
    """A version of the limits that waits for a second person."""
    policies, kind = PolicyDocuments(house.database), KINDS["limits"]
    state = await policies.state(kind)
    revision = 0 if state.open is None else state.open.revision
    document = {**state.in_force.document, "code_tries_max": 7}
    await policies.save(admin, kind, Proposal(document, "codes are mistyped", None, revision))
    await policies.ask(admin, kind, revision + 1)
