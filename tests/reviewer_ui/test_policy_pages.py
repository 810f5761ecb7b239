"""Policy documents at the console: a draft decides nothing, two people publish, and every process hears of it."""

from __future__ import annotations

import asyncio
import copy
import html
import json
import re
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import pytest_asyncio
from sqlalchemy import select, text, update
from sqlalchemy.exc import DBAPIError

from bootstrap.settings import PROJECT_ROOT
from database.tables.notices import NoticeRow
from database.tables.people import AuditRow, ConsoleSessionRow
from database.tables.policies import PolicyDocumentRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed, NotIndependent
from domain.errors.policies import OwnPolicy, PolicyDraftChanged
from domain.people.roles import Role
from domain.places import business_day
from domain.policies.book import PolicyBook
from domain.policies.flaws import DocumentWrong, Flaw, FlawKind
from domain.rules.policy_kinds import KINDS
from services.policies.deadlines import DeadlineSetup
from services.policies.documents import PolicyDocuments, Proposal
from services.policies.reading import PolicyReader
from tests.reviewer_ui.conftest import House, post

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


async def test_a_draft_changes_nothing_and_a_published_version_does(house: House, policies: PolicyDocuments) -> None:
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


async def test_accounts_of_one_hand_are_not_two_people(house: House, policies: PolicyDocuments) -> None:
    admin, officer = await people(house)
    async with house.database.transaction() as session:
        session.add(AuditRow(actor=f"person:{admin}", act="console:person:invite", subject=officer))
    await policies.save(admin, LIMITS, proposal())
    await policies.ask(admin, LIMITS, 1)
    with pytest.raises(NotIndependent):
        await policies.publish(officer, LIMITS, 1)


async def test_nobody_publishes_what_they_have_not_seen(house: House, policies: PolicyDocuments) -> None:
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


async def test_a_version_needs_a_reason_a_day_to_come_and_a_change(house: House, policies: PolicyDocuments) -> None:
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


async def test_a_planned_version_waits_for_its_day(house: House, policies: PolicyDocuments) -> None:
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
        assert {await asyncio.wait_for(line.readline(), 30) for line in lines if line} == {b"limits-2026-11\n"}
        await publish(house, policies)
        seen = await asyncio.wait_for(asyncio.gather(*(line.readline() for line in lines if line)), 5)
        assert seen == [b"limits-1\n", b"limits-1\n"]
    finally:
        for process in started:
            process.kill()
            await process.wait()


async def test_a_version_that_this_release_cannot_use_is_left_out_and_a_new_field_has_its_built_in_value(
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


async def test_the_list_names_version_maker_and_what_waits(house: House, policies: PolicyDocuments) -> None:
    admin = await house.cards.person(Role.ADMIN, "Mei")
    await policies.save(admin, LIMITS, proposal())
    await policies.ask(admin, LIMITS, 1)
    page = await (await house.as_(Role.COMPLIANCE)).get("/setup/policies")
    assert page.status_code == 200
    assert [code for code in KINDS if f'href="/setup/policies/{code}"' not in page.text] == []
    assert "Waiting for a second person" in page.text
    assert "limits-2026-11" in page.text
    assert 'href="/setup/four-eyes"' in page.text


def form_of(page: httpx.Response) -> dict[str, Any]:
    """What the editor sends when nobody changed it."""
    editor = page.text.split('action="/setup/policies/limits/draft"')[1].split("</form>")[0]
    fields = re.findall(r'name="([^"]+)" value="([^"]*)"', editor)
    return {name: html.unescape(value) for name, value in fields if name != "csrf"}


async def test_the_editor_saves_a_draft_with_its_difference_and_dry_run(
    house: House, policies: PolicyDocuments
) -> None:
    await house.cards.waiting()
    browser = await house.as_(Role.ADMIN, "Mei")
    form = form_of(await browser.get(PAGE))
    form |= {"machine_value_minor_max.dining": "900.50", "confidence_bp_min": "91.25", "why": "fraud in dining"}
    assert (await post(browser, f"{PAGE}/draft", **form)).headers["location"] == f"{PAGE}?done=saved"
    page = await browser.get(PAGE)
    assert re.search(r"Most that a card may cost without a person · [^·<]+: ¥1,?000.00 → ¥900.50", page.text)
    assert "90.00 % → 91.25 %" in page.text
    assert "Quotes above what a machine may buy" in page.text
    assert "fraud in dining" in page.text
    assert "/publish" not in page.text, "the writer is not offered to publish"
    await post(browser, f"{PAGE}/ask", revision="1")
    officer = await house.as_(Role.COMPLIANCE)
    assert "/publish" in (await officer.get(PAGE)).text
    published = await post(officer, f"{PAGE}/publish", revision="1")
    assert published.headers["location"] == f"{PAGE}?done=publish"
    found = (await in_force(house)).document
    assert (found["machine_value_minor_max"]["dining"], found["confidence_bp_min"]) == (90050, 9125)


async def test_what_was_typed_wrongly_comes_back_with_the_place_of_the_flaw(
    house: House, policies: PolicyDocuments
) -> None:
    browser = await house.as_(Role.ADMIN)
    form = form_of(await browser.get(PAGE)) | {"why": "w", "code_tries_max": "many", "neighbours_max": "7"}
    answer = await post(browser, f"{PAGE}/draft", **form)
    assert answer.status_code == 422
    assert "<code>code_tries_max</code>" in answer.text
    assert 'name="neighbours_max" value="7"' in answer.text
    broken = json.dumps(changed(quote_lasts_s={"dining": 5}))
    answer = await post(browser, f"{PAGE}/draft", how="json", why="w", document=broken, revision="0")
    assert answer.status_code == 422
    assert "<code>quote_lasts_s.dining</code>" in answer.text


async def test_an_exported_version_is_imported_by_the_json_box(house: House, policies: PolicyDocuments) -> None:
    await publish(house, policies, code_tries_max=6)
    browser = await house.as_(Role.ADMIN)
    file = await browser.get(f"{PAGE}/export?version=limits-1")
    assert file.headers["content-disposition"] == 'attachment; filename="limits-1.json"'
    assert file.json()["document"] == changed(code_tries_max=6)
    await publish(house, policies, code_tries_max=2)
    answer = await post(browser, f"{PAGE}/draft", how="json", why="back", document=file.text, revision="0")
    assert answer.status_code == 303
    state = await policies.state(LIMITS)
    assert state.open is not None
    assert state.open.document == changed(code_tries_max=6)


async def test_publishing_asks_who_is_there(house: House, policies: PolicyDocuments) -> None:
    admin, _ = await people(house)
    await policies.save(admin, LIMITS, proposal())
    await policies.ask(admin, LIMITS, 1)
    token = await house.sessions.open(await house.cards.person(Role.COMPLIANCE))
    async with house.database.transaction() as session:
        await session.execute(update(ConsoleSessionRow).values(stepped_up_at=None))
    answer = await post(house.browser(token), f"{PAGE}/publish", revision="1")
    assert (answer.status_code, "Confirm" in answer.text or "step_up_password" in answer.text) == (403, True)
    assert (await in_force(house)).number == 0


async def test_a_row_is_put_between_two_and_another_is_removed(house: House, policies: PolicyDocuments) -> None:
    browser, address = await house.as_(Role.ADMIN), "/setup/policies/prices"
    page = await browser.get(address)
    editor = page.text.split(f'action="{address}/draft"')[1].split("</form>")[0]
    form = {name: html.unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', editor)}
    form = {name: value for name, value in form.items() if name != "csrf" and not name.endswith(".remove")}
    for name, options in re.findall(r'<select class="[^"]*" name="([^"]+)">(.*?)</select>', editor, re.DOTALL):
        chosen = re.search(r'<option value="([^"]*)" selected', options)
        form[name] = chosen[1] if chosen else ""
    count = int(form["base.rows"])
    form |= {
        f"base[{count - 1}].card_type": "dining", f"base[{count - 1}].brand": "wanda",
        f"base[{count - 1}].base_bp": "85.50", f"base[{count - 1}].order": "4.5", "base[5].remove": "yes",
        f"base[{count - 2}].card_type": "", f"base[{count - 2}].base_bp": "80", "why": "a cinema asks less",
    }  # fmt: skip
    answer = await post(browser, f"{address}/draft", **form)
    assert answer.status_code == 303, answer.text
    draft = (await policies.state(KINDS["prices"])).open
    assert draft is not None
    base = draft.document["base"]
    assert base[4] == {"card_type": "dining", "brand": "wanda", "base_bp": 8550}
    assert [row["card_type"] for row in base] == [
        "ecommerce", "ecommerce", "supermarket", "dining", "dining", "dining", "crossborder", "",
    ]  # fmt: skip
    page = await browser.get(address)
    assert "Sum of the quotes" in page.text


async def test_a_published_version_is_never_changed_or_deleted(house: House, policies: PolicyDocuments) -> None:
    await publish(house, policies)
    for statement in ("UPDATE policy_document SET why = 'other'", "DELETE FROM policy_document"):
        with pytest.raises(DBAPIError, match="append"):
            async with house.database.transaction() as session:
                await session.execute(text(f"{statement} WHERE kind = 'limits'"))


async def test_deadlines_are_a_kind_with_an_editor_of_their_own(house: House, policies: PolicyDocuments) -> None:
    kind, admin = KINDS["deadlines"], await house.cards.person(Role.ADMIN)
    browser, before = await house.as_(Role.ADMIN), (await policies.state(kind)).in_force
    page = await browser.get("/setup/policies/deadlines")
    assert 'href="/setup/deadlines"' in page.text
    document = copy.deepcopy(dict(before.document))
    document["policies"][0]["budget_s"] = -1
    broken = await post(
        browser, "/setup/policies/deadlines/draft", document=json.dumps(document), why="w", revision="0"
    )
    assert "<code>policies[0].budget_s</code>" in broken.text
    deadlines = DeadlineSetup(house.database)
    kept = await deadlines.current()
    changed_document = copy.deepcopy(kept.document)
    changed_document["otherwise"] = next(
        one for one in changed_document["calendars"] if one != changed_document["otherwise"]
    )
    saved = await deadlines.save(admin, changed_document, "another calendar", kept.version.number)
    state = await policies.state(kind)
    assert (state.in_force.version, state.in_force.document) == (f"deadlines-{saved}", changed_document)
    await deadlines.save(admin, kept.document, "as it was", saved)
