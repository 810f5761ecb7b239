"""Every kind of policy has the same road: a version with a later day is written, published by another person, shown, exported and imported."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
import pytest_asyncio

from database.tables.columns import now
from domain.people.roles import Role
from domain.places import business_day
from domain.policies.book import PolicyBook
from domain.policies.document import PolicyDocument
from domain.rules.policy_kinds import KINDS
from services.policies.documents import PolicyDocuments
from services.policies.reading import PolicyReader
from tests.cases import the_first
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.policy_scenes import changed_document, without_later_versions
from web.locale import COOKIE

IN_DAYS = 3
OF_EACH_SORT = ("brands", "prices", "limits", "deadlines", "stuck")  # Tables, fields, chains; by two people, by one.
FROM_THAT_DAY = {"en": "from {day}", "zh_CN": "{day} 起生效"}


@pytest_asyncio.fixture
async def policies(house: House) -> AsyncIterator[PolicyDocuments]:
    """The acts on policies; versions that have not begun yet, and drafts, are forgotten before and after."""
    await without_later_versions(house)
    yield PolicyDocuments(house.database)
    await without_later_versions(house)


async def on(house: House, code: str, days: int) -> PolicyDocument:
    """The version that will be in force so many days from now."""
    book = PolicyBook()
    await PolicyReader(house.database, book).refresh()
    return book.in_force(KINDS[code], business_day(now()) + timedelta(days=days))


@pytest.mark.parametrize("code", the_first(len(OF_EACH_SORT), sorted(KINDS, key=lambda code: code not in OF_EACH_SORT)))
async def test_later_version_is_published_by_another_person_exported_and_imported(
    house: House, policies: PolicyDocuments, code: str
) -> None:
    page, before, day = (
        f"/setup/policies/{code}",
        await on(house, code, 0),
        business_day(now()) + timedelta(days=IN_DAYS),
    )
    document = changed_document(code, dict(before.document))
    writer, officer = await house.as_(Role.ADMIN, "Mei"), await house.as_(Role.COMPLIANCE, "Bo")
    form = {"how": "json", "why": "from the new contract on", "begins": day.isoformat(), "revision": "0"}
    saved = await post(writer, f"{page}/draft", **form, document=json.dumps(document))
    assert (saved.status_code, saved.headers.get("location")) == (303, f"{page}?done=saved"), saved.text
    await _published(writer, officer, page, two_people=KINDS[code].two_people)
    assert (await on(house, code, 0)).version == before.version
    later = await on(house, code, IN_DAYS)
    day_before = await on(house, code, IN_DAYS - 1)
    assert (later.document, later.effective_from, day_before.version) == (document, day, before.version)
    for locale, words in FROM_THAT_DAY.items():
        officer.cookies.set(COOKIE, locale, domain="console.test")
        assert f"<code>{later.version}</code> {words.format(day=day.isoformat())}" in (await officer.get(page)).text
    file = await officer.get(f"{page}/export?version={later.version}")
    assert file.headers["content-disposition"] == f'attachment; filename="{later.version}.json"'
    assert file.json() == {
        "kind": code, "version": later.version, "effective_from": day.isoformat(), "why": form["why"], "document": document,
    }  # fmt: skip
    again = await post(writer, f"{page}/draft", **form, document=file.text)
    assert again.status_code == 303, again.text
    state = await policies.state(KINDS[code])
    assert state.open is not None
    assert (state.open.document, state.open.effective_from) == (document, day)


async def test_import_refuses_a_file_of_another_kind(house: House, policies: PolicyDocuments) -> None:
    writer = await house.as_(Role.ADMIN)
    file = await writer.get("/setup/policies/limits/export")
    form = {"how": "json", "why": "by mistake", "begins": "", "revision": "0"}
    refused = await post(writer, "/setup/policies/velocity/draft", **form, document=file.text)
    assert (refused.status_code, "<code>kind</code>" in refused.text) == (422, True)


async def _published(writer: Any, officer: Any, page: str, *, two_people: bool) -> None:
    """Publish the draft: by the officer where two people are needed, which the writer cannot do; else by its writer."""
    if not two_people:
        assert (await post(writer, f"{page}/publish", revision="1")).status_code == 303
        return
    assert (await post(writer, f"{page}/ask", revision="1")).status_code == 303
    alone = await post(writer, f"{page}/publish", revision="1")
    assert (alone.status_code, "Mei" in alone.text) == (403, True)
    done = await post(officer, f"{page}/publish", revision="1")
    assert (done.status_code, done.headers["location"]) == (303, f"{page}?done=publish")
