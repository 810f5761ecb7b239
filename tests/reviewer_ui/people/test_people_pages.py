"""An administrator sets people up, and people enter their absences; own rights cannot be changed."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select, update

from database.tables.people import AbsenceRow, PersonRow, RelativeRow, SellerRow
from domain.errors.people import LastAdmin, NotAllowed
from domain.identifiers import new_id
from domain.people.roles import PERMISSIONS, Permission, Role
from services.people.accounts import People
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.people_scenes import WORK, acts_on, row_of
from tests.reviewer_ui.queue_scenes import browser_of, change, send


async def test_new_reviewer_is_configured_and_each_change_is_audited(house: House) -> None:
    admin, lin = await house.cards.person(Role.ADMIN, "Root"), await house.cards.person(Role.REVIEWER, "Lin")
    browser, page = await browser_of(house, admin), f"/setup/people/{lin}"
    assert f'href="{page}"' in (await browser.get("/setup/people")).text
    assert (await send(browser, f"{page}/work", **WORK)).status_code == 303
    await send(browser, f"{page}/roles", role=["reviewer", "senior"])
    row = await row_of(house, lin)
    assert (row.skill_types, row.skill_brands, row.skill_languages) == (["dining", "regional"], ["starbucks"], ["en"])
    assert (row.limit_minor, row.capacity, row.team, row.roles) == (500_000, 7, "night", ["reviewer"])
    assert row.probation_until == datetime(2031, 3, 1, tzinfo=ZoneInfo("Asia/Tokyo"))
    assert await acts_on(house, lin) == ["set_up", "roles"]
    told = " ".join(re.sub(r"<[^>]+>", " ", (await browser.get(f"{page}?saved=true")).text).split())
    assert "Saved." in told
    assert "Awaiting second person: Senior reviewer" in told
    assert "Roles reviewer by Root" in told


@pytest.mark.parametrize(
    ("field", "typed", "said"),
    [
        ("limit", "lots", "500.00"), ("capacity", "-1", "0 to 200"), ("capacity", "201", "0 to 200"), ("timezone", "Mars/Olympus", "Unknown time zone"),
        ("team", " ", "Team"), ("probation", "soon", "complete date and time"),
    ],
)  # fmt: skip
async def test_invalid_input_is_reported_and_kept(house: House, field: str, typed: str, said: str) -> None:
    lin, browser = await house.cards.person(Role.REVIEWER, "Lin"), await house.as_(Role.ADMIN)
    answer = await send(browser, f"/setup/people/{lin}/work", **(WORK | {field: typed}))
    assert (answer.status_code, said in answer.text, f'value="{typed.strip()}"' in answer.text) == (422, True, True)
    assert (await row_of(house, lin)).capacity == 0


async def test_own_rights_cannot_be_changed(house: House) -> None:
    admin = await house.cards.person(Role.ADMIN, "Root")
    browser = await browser_of(house, admin)
    for path, form in (("roles", {"role": "senior"}), ("active", {"active": "no"}), ("work", {"limit": "9", "team": "t", "timezone": "UTC"})):  # fmt: skip
        answer = await send(browser, f"/setup/people/{admin}/{path}", **form)
        assert (answer.status_code, "You cannot change your own roles" in answer.text) == (403, True), path
    row = await row_of(house, admin)
    assert (row.roles, row.active, row.limit_minor) == (["admin"], True, None)
    with pytest.raises(NotAllowed):
        await People(house.database, house.keyring).set_roles(
            await house.cards.person(Role.SENIOR), admin, [Role.SUPPORT]
        )


async def test_two_administrators_who_deactivate_each_other_leave_one(house: House) -> None:
    first, second = await house.cards.person(Role.ADMIN), await house.cards.person(Role.ADMIN)
    people, person = People(house.database, house.keyring), PersonRow
    async with house.database.transaction() as session:  # Those of other tests have left.
        others = person.id.not_in([first, second])
        await session.execute(update(PersonRow).where(others).values(active=False))
    done = await asyncio.gather(
        people.switch(first, second, False), people.switch(second, first, False), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in done) == ["NoneType", "NotSignedIn"]
    assert sorted([(await row_of(house, one)).active for one in (first, second)]) == [False, True]


async def test_last_administrator_cannot_be_deactivated(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a second role that may set people up, its holder could take the last administrator away."""
    manager, admin = await house.cards.person(Role.OPS), await house.cards.person(Role.ADMIN)
    monkeypatch.setitem(PERMISSIONS, Role.OPS, PERMISSIONS[Role.OPS] | {Permission.MANAGE_PEOPLE})
    async with house.database.transaction() as session:
        others = PersonRow.id.not_in([manager, admin])
        await session.execute(update(PersonRow).where(others).values(active=False))
    for attempt in (People(house.database, house.keyring).switch(manager, admin, False), People(house.database, house.keyring).set_roles(manager, admin, [Role.REVIEWER])):  # fmt: skip
        with pytest.raises(LastAdmin):
            await attempt
    assert (await row_of(house, admin)).active


async def test_deactivated_person_is_signed_out_and_holds_no_task(house: House) -> None:
    lin, waiting = await house.cards.person(Role.REVIEWER, "Lin"), await house.cards.waiting()
    theirs, now = await browser_of(house, lin), datetime.now(UTC)
    await change(house, waiting, leased_by=lin, leased_at=now, leased_until=now + timedelta(minutes=5), assigned_to=lin)
    admin = await house.as_(Role.ADMIN)
    assert (await theirs.get("/review")).status_code == 200
    await send(admin, f"/setup/people/{lin}/active", active="no")
    assert (await theirs.get("/review")).headers["location"].startswith("/sign-in")
    task = await house.cards.task(waiting)
    assert (task.leased_by, task.assigned_to) == (None, None)
    await send(admin, f"/setup/people/{lin}/active", active="yes")
    assert (await theirs.get("/review")).status_code == 303  # The old sessions stay ended.


async def test_cards_of_relatives_are_hidden_from_a_person(house: House) -> None:
    lin, seller = await house.cards.person(Role.REVIEWER, "Lin"), new_id()
    async with house.database.transaction() as session:
        session.add(SellerRow(id=seller, phone_sealed=b"-", phone_index=seller, phone_masked="138****0000"))
    waiting, admin = await house.cards.waiting(), await house.as_(Role.ADMIN)
    await change(house, waiting, seller=f"seller:{seller}")
    for typed, said in (("my cousin", "Use the format seller:ID"), ("seller:01NOBODY", "Unknown seller")):
        answer = await send(admin, f"/setup/people/{lin}/relatives", seller=typed)
        assert (answer.status_code, said in answer.text, typed in answer.text) == (422, True, True)
    await send(admin, f"/setup/people/{lin}/relatives", seller=f"seller:{seller.lower()}")
    who = (await admin.get(f"/review/tasks/{waiting.task_id}/who")).text
    assert "The seller is a relative of this person" in who
    await send(admin, f"/setup/people/{lin}/relatives", remove=f"seller:{seller}")
    async with house.database.transaction() as session:
        assert await session.get(RelativeRow, (lin, f"seller:{seller}")) is None
    assert await acts_on(house, lin) == ["add_relative", "remove_relative"]


async def test_person_enters_and_cancels_an_absence_in_their_time_zone(house: House) -> None:
    lin, wang = await house.cards.person(Role.REVIEWER, "Lin"), await house.cards.person(Role.REVIEWER, "Wang")
    browser, here = await browser_of(house, lin), "/account/absence"
    form = {"starts_at": "2099-01-05T09:00", "ends_at": "2099-01-04T09:00", "stand_in": wang}
    wrong = await send(browser, here, **form)
    assert (wrong.status_code, 'value="2099-01-05T09:00"' in wrong.text) == (422, True)
    starts = (datetime.now(ZoneInfo("Asia/Shanghai")) + timedelta(days=3)).replace(
        hour=9, minute=0, second=0, microsecond=0
    )
    form |= {
        "starts_at": starts.strftime("%Y-%m-%dT%H:%M"),
        "ends_at": (starts + timedelta(days=5)).strftime("%Y-%m-%dT%H:%M"),
    }
    assert (await send(browser, here, **form)).status_code == 303
    async with house.database.transaction() as session:
        row = (await session.execute(select(AbsenceRow).filter_by(person_id=lin))).scalar_one()
    assert (row.starts_at, row.stand_in, row.made_by) == (starts, wang, lin)
    page = (await browser.get(here)).text
    assert ("Upcoming" in page, "Stand-in: Wang" in page) == (True, True)
    assert (await send(await browser_of(house, wang), f"{here}/{row.id}/call-off")).status_code == 404
    await send(browser, f"{here}/{row.id}/call-off")
    assert "Cancelled" in (await browser.get(here)).text


async def test_an_administrator_registers_an_absence_for_a_person(house: House) -> None:
    lin, admin = await house.cards.person(Role.REVIEWER, "Lin"), await house.as_(Role.ADMIN)
    now = datetime.now(ZoneInfo("Asia/Shanghai"))
    form = {"starts_at": (now - timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M"), "ends_at": (now + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")}  # fmt: skip
    sent = await send(admin, f"/setup/people/{lin}/absences", **form)
    assert sent.headers["location"] == f"/setup/people/{lin}?saved=true"
    assert "Active" in (await admin.get(f"/setup/people/{lin}")).text
    assert "away" in (await admin.get("/setup/people")).text
    again = await send(admin, f"/setup/people/{lin}/absences", **form)
    assert (again.status_code, "already registered" in again.text) == (422, True)


async def test_account_links_to_absences_and_card_to_eligible_people(house: House) -> None:
    waiting = await house.cards.waiting()
    browser = await house.as_(Role.REVIEWER)
    assert 'href="/account/absence"' in (await browser.get("/account")).text
    assert f'href="/review/tasks/{waiting.task_id}/who"' in (await browser.get(f"/cards/{waiting.card_id}")).text
    for role in (Role.SUPPORT, Role.FINANCE):
        assert 'href="/account/absence"' in (await (await house.as_(role)).get("/account")).text
    support = await house.as_(Role.SUPPORT)
    assert "/who" not in (await support.get(f"/cards/{waiting.card_id}")).text


async def test_raised_limit_awaits_a_second_person_who_sees_the_change(house: House) -> None:
    lin, browser = await house.cards.person(Role.REVIEWER, "Lin"), await house.as_(Role.ADMIN)
    page = f"/setup/people/{lin}"
    assert (await send(browser, f"{page}/work", **WORK)).status_code == 303
    await send(browser, f"{page}/work", **(WORK | {"limit": "9000.00", "probation": ""}))
    row = await row_of(house, lin)
    assert (row.limit_minor, row.probation_until is not None) == (500_000, True)
    assert "waits for a second person" in (await browser.get(page)).text
    listed = (await (await house.as_(Role.COMPLIANCE)).get("/setup/access")).text
    assert "¥9,000.00" in listed
    assert "ends now" in listed
