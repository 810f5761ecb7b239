"""A dishonest reviewer tries to read numbers and PINs out of the console, by every address that might show them."""

from __future__ import annotations

from sqlalchemy import select

from database.repositories.cards import Change, record
from database.tables.notices import NoticeRow
from database.tables.people import AuditRow
from domain.cards.card import Outcome, Stage, WaitingFor
from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.waiting_cards import NUMBER, PIN, Waiting


async def look(house: House, person: str, waiting: Waiting, field: str = "number") -> tuple[int, bool]:
    """Status of a try to reveal, and whether the answer holds a secret."""
    browser = house.browser(await house.sessions.open(person))
    answer = await post(browser, f"/cards/{waiting.card_id}/reveal", field=field, reason_code="compare")
    return answer.status_code, NUMBER in answer.text or PIN in answer.text


async def refusals(house: House, person: str) -> int:
    mine = {"actor": f"person:{person}", "act": "console:card:reveal_refused"}
    async with house.database.transaction() as session:
        return len(list((await session.execute(select(AuditRow).filter_by(**mine))).scalars()))


async def alarms(house: House, officer: str) -> list[str]:
    async with house.database.transaction() as session:
        rows = (await session.execute(select(NoticeRow).filter_by(person_id=officer))).scalars()
        return sorted(row.facts["why"] for row in rows)


async def test_unclaimed_cards_cannot_be_enumerated(house: House) -> None:
    officer, thief = await house.cards.person(Role.COMPLIANCE), await house.cards.person(Role.SENIOR)
    free, others, ended = [await house.cards.waiting() for _ in range(3)]
    await house.cards.hold(others, await house.cards.person(Role.REVIEWER))
    await house.cards.hold(ended, thief)
    async with house.database.transaction() as session:
        change = Change(Stage.ENDED, WaitingFor.NOBODY, None, "card.ended", outcome=Outcome.PAID)
        await record(session, ended.card_id, change)
    for field in ("number", "pin"):
        assert [await look(house, thief, one, field) for one in (free, others, ended)] == [(409, False)] * 3
    assert (await refusals(house, thief), await alarms(house, officer)) == (6, ["elsewhere"])


async def test_no_more_than_an_hours_worth_is_read_through_any_number_of_cards_and_sessions(house: House) -> None:
    officer, thief = await house.cards.person(Role.COMPLIANCE), await house.cards.person(Role.REVIEWER)
    seen = []
    for _ in range(6):
        waiting = await house.cards.waiting()
        await house.cards.hold(waiting, thief)
        seen += [await look(house, thief, waiting, field) for field in ("number", "pin")]
    assert seen == [(200, True)] * 10 + [(429, False)] * 2
    assert await alarms(house, officer) == ["near_limit"]


async def test_person_without_the_right_is_refused_and_recorded(house: House) -> None:
    waiting = await house.cards.waiting()
    for role in (Role.SUPPORT, Role.FINANCE, Role.OPS, Role.ADMIN, Role.COMPLIANCE):
        person = await house.cards.person(role)
        assert await look(house, person, waiting) == (403, False)
        assert await refusals(house, person) == 1
