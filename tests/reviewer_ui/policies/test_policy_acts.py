"""Policy documents: a draft decides nothing, two people publish, and every process uses it within seconds."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bootstrap.settings import PROJECT_ROOT
from database.tables.notices import NoticeRow
from database.tables.people import AuditRow
from database.tables.policies import PolicyDocumentRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed, NotIndependent
from domain.errors.policies import OwnPolicy, PolicyDraftChanged
from domain.people.roles import Role
from domain.places import business_day
from domain.policies.book import PolicyBook
from domain.policies.flaws import DocumentWrong, Flaw, FlawKind
from services.policies.documents import PolicyDocuments, Proposal
from services.policies.reading import PolicyReader
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.policy_scenes import LIMITS, changed, in_force, people, proposal, publish
from tests.reviewer_ui.policy_scenes import policies as policies
from tests.slowness import patience


async def test_only_published_versions_take_effect(house: House, policies: PolicyDocuments) -> None:
    admin, officer = await people(house)
    assert await policies.save(admin, LIMITS, proposal()) == 1
    assert (await in_force(house)).document["code_tries_max"] == 3
    await policies.ask(admin, LIMITS, 1)
    assert (await in_force(house)).document["code_tries_max"] == 3
    await policies.publish(officer, LIMITS, 1)
    found = await in_force(house)
    assert (found.version, found.document["code_tries_max"]) == ("limits-1", 5)
    async with house.database.transaction() as session:
        record = (await session.execute(select(AuditRow).filter_by(subject="policy:limits"))).scalars().all()
        notices = (await session.execute(select(NoticeRow).filter_by(person_id=admin))).scalars().all()
    acts, told = [row.act for row in sorted(record, key=lambda row: row.id or 0)], [row.facts for row in notices]
    assert acts[-3:] == ["console:policy:save", "console:policy:ask", "console:policy:publish"]
    assert {"policy": "limits", "by": officer, "step": "published"} in told


async def test_one_person_cannot_publish_alone(house: House, policies: PolicyDocuments) -> None:
    admin, officer = await people(house)
    other = await house.cards.person(Role.ADMIN)
    await policies.save(admin, LIMITS, proposal())
    with pytest.raises(PolicyDraftChanged):
        await policies.publish(officer, LIMITS, 1)  # It does not wait for anybody yet.
    await policies.save(other, LIMITS, proposal(1, code_tries_max=6))
    await policies.ask(other, LIMITS, 2)
    for maker in (admin, other):
        with pytest.raises(OwnPolicy):
            await policies.publish(maker, LIMITS, 2)
    with pytest.raises(NotAllowed):
        await policies.publish(await house.cards.person(Role.SENIOR), LIMITS, 2)
    await policies.publish(officer, LIMITS, 2)


async def test_accounts_created_by_one_person_do_not_count_as_two(house: House, policies: PolicyDocuments) -> None:
    admin, officer = await people(house)
    async with house.database.transaction() as session:
        session.add(AuditRow(actor=f"person:{admin}", act="console:person:invite", subject=officer))
    await policies.save(admin, LIMITS, proposal())
    await policies.ask(admin, LIMITS, 1)
    with pytest.raises(NotIndependent):
        await policies.publish(officer, LIMITS, 1)


async def test_unseen_version_cannot_be_published(house: House, policies: PolicyDocuments) -> None:
    admin, officer = await people(house)
    await policies.save(admin, LIMITS, proposal())
    with pytest.raises(PolicyDraftChanged):
        await policies.save(admin, LIMITS, proposal(0, code_tries_max=7))  # Another page shows no draft yet.
    await policies.ask(admin, LIMITS, 1)
    await policies.save(admin, LIMITS, proposal(1, code_tries_max=8))
    with pytest.raises(PolicyDraftChanged):
        await policies.publish(officer, LIMITS, 1)
    await policies.ask(admin, LIMITS, 2)
    await policies.refuse(officer, LIMITS, 2)
    with pytest.raises(NotFound):
        await policies.publish(officer, LIMITS, 2)
    assert (await in_force(house)).number == 0


async def test_version_needs_a_reason_a_future_date_and_a_change(house: House, policies: PolicyDocuments) -> None:
    admin, _ = await people(house)
    past = business_day(datetime.now(UTC)) - timedelta(days=1)
    with pytest.raises(FieldInvalid):
        await policies.save(admin, LIMITS, Proposal(changed(code_tries_max=5), " ", None, 0))
    with pytest.raises(FieldInvalid):
        await policies.save(admin, LIMITS, Proposal(changed(code_tries_max=5), "why", past, 0))
    with pytest.raises(DocumentWrong) as wrong:
        await policies.save(admin, LIMITS, Proposal(changed(), "why", None, 0))
    assert wrong.value.flaws == (Flaw("$", FlawKind.UNCHANGED),)
    with pytest.raises(DocumentWrong) as wrong:
        await policies.save(admin, LIMITS, proposal(quote_lasts_s={"dining": 5}))
    assert Flaw("quote_lasts_s.dining", FlawKind.OUT_OF_RANGE) in wrong.value.flaws


async def test_planned_version_takes_effect_on_its_date(house: House, policies: PolicyDocuments) -> None:
    admin, officer = await people(house)
    begins = business_day(datetime.now(UTC)) + timedelta(days=3)
    await policies.save(admin, LIMITS, Proposal(changed(code_tries_max=5), "why", begins, 0))
    await policies.ask(admin, LIMITS, 1)
    await policies.publish(officer, LIMITS, 1)
    assert (await in_force(house)).number == 0
    book = PolicyBook()
    await PolicyReader(house.database, book).refresh()
    assert book.in_force(LIMITS, begins).number == 1


WATCHER = """
import asyncio, sys
from datetime import date, timedelta
from bootstrap.policies import policy_job
from database.session import Database
from domain.rules.limits import limits_in_force
from services.policies.reading import PolicyReader

async def main():
    reader = PolicyReader(Database(sys.argv[1]))
    await reader.refresh()
    asyncio.create_task(policy_job(reader).run())
    seen = ""
    while True:
        version = limits_in_force(date.today() + timedelta(days=1)).version
        if version != seen:
            print(version, flush=True)
            seen = version
        await asyncio.sleep(0.05)

asyncio.run(main())
"""


async def test_two_processes_use_a_new_version_within_five_seconds(
    house: House, policies: PolicyDocuments, console_url: str
) -> None:
    command = [sys.executable, "-c", WATCHER, console_url]
    started = [
        await asyncio.create_subprocess_exec(*command, cwd=PROJECT_ROOT, stdout=asyncio.subprocess.PIPE)
        for _ in range(2)
    ]
    try:
        lines = [process.stdout for process in started]
        assert {await asyncio.wait_for(line.readline(), patience(30)) for line in lines if line} == {
            b"limits-2026-11\n"
        }
        await publish(house, policies)
        seen = await asyncio.wait_for(asyncio.gather(*(line.readline() for line in lines if line)), patience(5))
        assert seen == [b"limits-1\n", b"limits-1\n"]
    finally:
        for process in started:
            process.kill()
            await process.wait()


async def test_unusable_version_is_skipped_and_new_fields_have_defaults(
    house: House, policies: PolicyDocuments
) -> None:
    admin, _ = await people(house)
    older, broken = changed(code_tries_max=9), changed(code_tries_max="many")
    del older["decision_undo_s"]  # As a release before that field would have written it.
    for number, document in ((1, older), (2, broken)):
        row = PolicyDocumentRow(
            kind="limits", version=number, document=document, who=admin, why="old", based_on="", effective_from=business_day(datetime.now(UTC)),
        )  # fmt: skip
        row.state = "published"  # type: ignore[assignment]
        async with house.database.transaction() as session:
            session.add(row)
    found = await in_force(house)
    assert (found.version, found.document["code_tries_max"], found.document["decision_undo_s"]) == ("limits-1", 9, 8)
