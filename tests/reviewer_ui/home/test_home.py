"""The home page: own work, what needs this person, deadlines and news, each only for those whom they concern."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import select, update

from database.reads.home import needs
from database.repositories.notices import tell
from database.tables.finance.settlement import SettlementRunRow
from database.tables.work import WorkItemRow
from domain.finance.payout import PayoutState
from domain.notices.kinds import NoticeKind
from domain.people.roles import PERMISSIONS, Role
from reviewer_ui.home.need_pages import PAGE_OF_NEED
from tests.builders import tried_money
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.four_eyes_scenes import staged
from tests.reviewer_ui.queue_scenes import change

LATE, SOON = "is-late", "is-soon"
_MAKER = select(WorkItemRow.maker_id).where(WorkItemRow.closed_at.is_(None), WorkItemRow.maker_id.is_not(None))


async def test_own_work_is_listed_and_overdue_items_are_marked(house: House) -> None:
    held, assigned = await house.cards.waiting(due_in_min=-5), await house.cards.waiting()
    person = await house.cards.person(Role.REVIEWER, "Mei")
    await house.cards.hold(held, person)
    await change(house, assigned, assigned_to=person)
    page = (await house.browser(await house.sessions.open(person)).get("/")).text
    mine = page.partition('id="home-mine"')[2].partition("</section>")[0]
    assert held.card_id in mine
    assert assigned.card_id in mine
    assert "Held by me" in mine
    assert "Assigned to me" in mine
    assert page.count(LATE) >= 1
    assert SOON in mine  # Its warning has passed.


async def test_finance_sees_the_questions_it_holds_and_no_review(house: House) -> None:
    waiting = await house.cards.waiting()
    page = (await (await house.as_(Role.FINANCE)).get("/")).text
    assert waiting.card_id not in page
    assert "You hold no work and none is assigned to you" in page


async def test_support_sees_its_own_requests_and_no_review(house: House) -> None:
    waiting = await house.cards.waiting()
    page = (await (await house.as_(Role.SUPPORT)).get("/")).text
    assert waiting.card_id not in page
    assert "home-mine" in page
    assert "Nothing else needs you now" in page


async def test_second_review_is_open_to_all_but_its_maker(house: House) -> None:
    await staged(house)
    other = (await (await house.as_(Role.SENIOR)).get("/")).text
    assert "Decisions awaiting second review" in other
    async with house.database.transaction() as session:
        maker = (await session.execute(_MAKER)).scalar_one()
    assert maker is not None
    own = (await house.browser(await house.sessions.open(maker)).get("/")).text
    assert "Decisions awaiting second review" not in own


async def test_money_needs_are_shown_only_with_permission(house: House) -> None:
    await house.cards.payout(await house.cards.waiting(), PayoutState.UNKNOWN)
    words = "Payouts with an unknown outcome"
    assert words in (await (await house.as_(Role.FINANCE)).get("/")).text
    assert words not in (await (await house.as_(Role.REVIEWER)).get("/")).text


async def waiting_for(house: House, person: str, key: str) -> int:
    """How much of one kind waits for a person of finance; other tests may have left some."""
    async with house.database.transaction() as session:
        found = await needs.counts(session, person, PERMISSIONS[Role.FINANCE].__contains__, datetime.now(UTC))
    return found.get(key, 0)


async def test_finance_sees_pending_approvals_except_their_own(house: House) -> None:
    waiting, first = await house.cards.waiting(), await house.cards.person(Role.FINANCE)
    second = await house.cards.person(Role.FINANCE)
    await tried_money.a_paid_card(house.database, waiting.card_id, datetime.now(UTC))
    await tried_money.two_gifts(house.database, waiting.card_id, first, datetime.now(UTC))
    counts = [await waiting_for(house, person, "second_person") for person in (first, second)]
    assert counts[1] == counts[0] + 1
    words = "Money matters awaiting a second person"
    assert words in (await (await house.as_(Role.FINANCE)).get("/")).text
    assert words not in (await (await house.as_(Role.COMPLIANCE)).get("/")).text


async def test_settlement_approvals_are_counted_only_for_eligible_approvers(house: House) -> None:
    people = [await house.cards.person(Role.FINANCE) for _ in range(3)]
    answered, agreed, other = people
    await tried_money.a_stated_run(house.database, answered, datetime.now(UTC))
    before = [await waiting_for(house, person, "approvals") for person in people]
    async with house.database.transaction() as session:
        newest = select(SettlementRunRow.id).order_by(SettlementRunRow.id.desc()).limit(1).scalar_subquery()
        change_run = update(SettlementRunRow).where(SettlementRunRow.id == newest)
        await session.execute(change_run.values(state="approval", hands=[answered], approved_by=[agreed]))
    after = [await waiting_for(house, person, "approvals") for person in people]
    assert [now - then for now, then in zip(after, before, strict=True)] == [0, 0, 1]
    words = "Settlement payments awaiting your approval"
    assert words in (await house.browser(await house.sessions.open(other)).get("/")).text
    assert words not in (await (await house.as_(Role.REVIEWER)).get("/")).text


async def test_unread_notices_are_listed_until_read(house: House) -> None:
    waiting = await house.cards.waiting()
    person = await house.cards.person(Role.SENIOR)
    async with house.database.transaction() as session:
        await tell(session, [person], NoticeKind.MENTIONED, waiting.task_id, card_id=waiting.card_id)
    browser = house.browser(await house.sessions.open(person))
    assert waiting.card_id in (await browser.get("/")).text.partition('id="home-news"')[2]
    await house_read(house, person)
    assert "You have read everything" in (await browser.get("/")).text


async def house_read(house: House, person: str) -> None:
    rows, _ = await house.app.state.console.services.notices.page(person)
    await house.app.state.console.services.notices.read_all(person, rows[0].id)


def test_every_need_has_its_page() -> None:
    assert [need.key for need in needs.NEEDS] == list(PAGE_OF_NEED)
