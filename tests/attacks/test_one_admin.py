"""One dishonest administrator tries to be two people: by accounts of their own making, links, resets and roles."""

from __future__ import annotations

import re

import httpx
from sqlalchemy import select

from database.tables.people import AuditRow, PersonRow
from domain.people.roles import Role
from domain.work.task import TaskPhase
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.doors import request_of
from tests.reviewer_ui.people_scenes import WORK
from tests.reviewer_ui.queue_scenes import browser_of, send
from tests.reviewer_ui.waiting_cards import Waiting


async def made(house: House, admin: httpx.AsyncClient, name: str, role: Role) -> str:
    """An account that this administrator adds, asking for this role."""
    form = WORK | {"limit": "", "type": [], "brand": [], "language": [], "probation": "", "name": name}
    sent = await send(admin, "/setup/people", **form, email=f"{name.lower()}{id(admin)}@example.com", role=[role.value])
    assert sent.status_code == 303, sent.text
    return str(sent.headers["location"]).removeprefix("/setup/people/").removesuffix("?saved=true")


async def granted(house: House, by: httpx.AsyncClient, person: str) -> int:
    request = await request_of(house, person)
    return (await post(by, f"/setup/access/{request}", act="confirm")).status_code


async def staged_by(house: House, maker: str) -> Waiting:
    one, browser = await house.cards.waiting(reasons=("forged_number",)), await browser_of(house, maker)
    await post(browser, f"/cards/{one.card_id}/take", task_id=one.task_id)
    await post(browser, f"/cards/{one.card_id}/decision", task_id=one.task_id, act="approve")
    assert (await house.cards.task(one)).phase is TaskPhase.CHECK
    return one


async def applied(house: House, one: Waiting, checker: str) -> bool:
    """Whether this checker gets the decision applied by any way of the console."""
    browser = await browser_of(house, checker)
    await post(browser, f"/cards/{one.card_id}/take", task_id=one.task_id)
    await post(browser, "/review/next")
    await house.cards.hold(one, checker)  # Even with the task in hand by some fault.
    await post(browser, f"/cards/{one.card_id}/check", task_id=one.task_id, act="apply")
    return (await house.cards.task(one)).decided


async def test_two_accounts_of_one_administrator_are_not_four_eyes(house: House) -> None:
    root, officer = await house.as_(Role.ADMIN, "Root"), await house.as_(Role.COMPLIANCE)
    mei, lin = await made(house, root, "Mei", Role.REVIEWER), await made(house, root, "Lin", Role.REVIEWER)
    assert [await granted(house, root, one) for one in (mei, lin)] == [403, 403]
    assert [await granted(house, officer, one) for one in (mei, lin)] == [303, 303]
    one = await staged_by(house, mei)
    assert not await applied(house, one, lin)
    assert await applied(house, one, await house.cards.person(Role.REVIEWER, "Made by the installation"))


async def test_link_takes_over_no_account_and_reset_needs_a_second_person(house: House) -> None:
    admin = await house.cards.person(Role.ADMIN, "Root")
    root, victim = await browser_of(house, admin), await house.cards.person(Role.SENIOR, "Victim")
    async with house.database.transaction() as session:
        (await session.get_one(PersonRow, victim)).password_hash = "$argon2id$their-own"
    theirs = await browser_of(house, victim)
    answer = await post(root, f"/setup/people/{victim}/invitation")
    assert (answer.status_code, re.search("link=", answer.text)) == (409, None)
    assert (await post(root, f"/setup/people/{victim}/reset")).status_code == 303
    assert await granted(house, root, victim) == 403
    assert (await post(root, f"/setup/people/{victim}/invitation")).status_code == 409
    assert (await theirs.get("/review")).status_code == 200
    async with house.database.transaction() as session:
        mine = select(AuditRow).filter_by(actor=f"person:{admin}", subject=victim)
        assert [row.act for row in (await session.execute(mine)).scalars()] == ["console:person:ask_reset"]


async def test_administrator_cannot_grant_a_payment_role_alone(house: House) -> None:
    root, accomplice = await house.as_(Role.ADMIN, "Root"), await house.cards.person(Role.SUPPORT)
    await send(root, f"/setup/people/{accomplice}/roles", role=["support", "senior", "finance", "admin"])
    browser = await browser_of(house, accomplice)
    assert [(await browser.get(path)).status_code for path in ("/insight", "/payouts", "/setup/people")] == [403] * 3
    assert await granted(house, root, accomplice) == 403
