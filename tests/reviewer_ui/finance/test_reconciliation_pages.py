"""The pages of reconciliation do what the desk does: bring a file, decide a break with a preview, close a day."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import select, update
from sqlalchemy.orm import make_transient

from database.repositories.expectations import all_from_books, expected_on
from database.tables.columns import now
from database.tables.finance.statements import BreakRow, ExpectationRow, StatementLineRow, StatementRow
from database.tables.work import WorkItemRow
from domain.finance.breaks import BreakKind, BreakState
from domain.finance.statements import StatementSource, StatementState
from domain.identifiers import new_id
from domain.people.roles import Role
from domain.places import business_day
from reviewer_ui.finance.reconciliation import DAYS
from services.finance.absent_bills import taken_as_empty
from services.finance.break_work import open_work
from tests.builders.reconciling import ALIPAY, BANK, FinanceDesk
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.reconciliation_scenes import reconciliation_of_every_kind
from web.words import ago


@pytest_asyncio.fixture
async def names(house: House) -> dict[str, str]:
    return await reconciliation_of_every_kind(house)


async def test_overview_shows_days_files_and_pending_approvals(house: House, names: dict[str, str]) -> None:
    finance = await house.as_(Role.FINANCE)
    page = (await finance.get("/reconciliation")).text
    for shown in (
        "half.csv",
        "Statement imported",
        "Post it",
        "Fei",
        names["recon_day"],
        "The file is not whole, or was changed",
    ):
        assert shown in page, shown


async def test_overview_links_to_every_day_even_without_a_file(house: House, names: dict[str, str]) -> None:
    finance = await house.as_(Role.FINANCE)
    led_to = set(re.findall(r'href="(/reconciliation/days/[^"]+)"', (await finance.get("/reconciliation")).text))
    today = business_day(now())
    asked_for = {
        f"/reconciliation/days/{source.value}/{today - timedelta(days=back)}"
        for source in StatementSource
        for back in range(1, DAYS + 1)
    }
    assert asked_for <= led_to
    empty = await finance.get(f"/reconciliation/days/bank/{today - timedelta(days=300)}")
    # By whether another test has brought a later statement of the bank.
    said = ("The statement of account", "This day is before the first statement")
    assert (empty.status_code, any(one in empty.text for one in said)) == (200, True)


async def test_statement_file_is_imported_once_and_an_invalid_one_is_refused(
    house: House, names: dict[str, str]
) -> None:
    finance = await house.as_(Role.FINANCE)
    desk = FinanceDesk(house)
    page = await finance.get("/reconciliation")
    token = re.search(r'name="csrf" value="([^"]+)"', page.text)
    assert token is not None
    file = {"file": ("bill.csv", desk.bill([desk.moved("", -1_23)]), "text/csv")}
    form = {"csrf": token[1]}
    first = await finance.post("/reconciliation/statements", data=form, files=file)
    again = await finance.post("/reconciliation/statements", data=form, files=file)
    assert (first.status_code, again.headers["location"]) == (303, f"{first.headers['location']}?known=yes")
    assert "was imported before" in (await finance.get(again.headers["location"])).text
    async with house.database.transaction() as session:
        row = await session.get_one(StatementRow, first.headers["location"].rpartition("/")[2])
        row.state, row.refused_as = StatementState.REFUSED, "statement_truncated"
    # The page that waits for the import asks for this part alone: the reason comes with the state.
    part = (await finance.get(again.headers["location"], headers={"hx-request": "true"})).text
    assert ("<html" in part, "The file is not whole, or was changed" in part, "was imported before" in part) == (
        False,
        True,
        False,
    )
    empty = await finance.post("/reconciliation/statements", data=form, files={"file": ("a.csv", b"", "text/csv")})
    assert (empty.status_code, "cannot be opened" in empty.text) == (422, True)
    none = await finance.post("/reconciliation/statements", data=form)
    assert none.status_code == 422
    reviewer = await house.as_(Role.SENIOR)
    token = re.search(r'name="csrf" value="([^"]+)"', (await reviewer.get("/reconciliation")).text)
    assert token is not None
    refused = await reviewer.post("/reconciliation/statements", data={"csrf": token[1]}, files=file)
    assert refused.status_code == 403


async def test_rejected_lines_are_shown_and_downloaded_with_their_reasons(house: House, names: dict[str, str]) -> None:
    finance = await house.as_(Role.FINANCE)
    page = (await finance.get(f"/reconciliation/statements/{names['statement']}")).text
    assert "８８.00" in page
    file = await finance.get(f"/reconciliation/statements/{names['statement']}/rejected.csv")
    assert "８８.00" in file.text
    assert "not written as this provider" in file.text
    senior = await house.as_(Role.SENIOR)
    assert "８８.00" not in (await senior.get(f"/reconciliation/statements/{names['statement']}")).text


async def test_break_queue_shows_place_and_amount(house: House, names: dict[str, str]) -> None:
    page = (await (await house.as_(Role.FINANCE)).get("/review?kind=break", headers={"accept-language": "en"})).text
    (row,) = [one for one in page.split("<tr")[1:] if f"/reconciliation/breaks/{names['break']}" in one]
    assert f"WeChat Pay · {names['recon_day']}" in row
    assert row.count("-¥12.34") == 2  # The line's own amount, and what our books lack of it.


async def test_a_break_is_taken_previewed_and_carried_out(house: House, names: dict[str, str]) -> None:
    finance = await house.as_(Role.FINANCE, "Gao")
    at = f"/reconciliation/breaks/{names['break']}"
    assert (await post(finance, f"{at}/take")).status_code == 303
    form = {"verb": "create", "reason_code": "unexplained", "against": "suspense", "note": "asked the bank"}
    preview = await post(finance, f"{at}/preview", **form)
    assert preview.status_code == 200
    assert "Not explained yet · WeChat Pay" in preview.text
    assert "¥12.34" in preview.text
    desk = FinanceDesk(house)
    before = await desk.balance("suspense:wechat")
    assert (await post(finance, f"{at}/decide", **form)).status_code == 303
    assert await desk.balance("suspense:wechat") == before + 12_34
    assert (await post(finance, f"{at}/decide", **form)).status_code == 409
    assert "Matched by a person" in (await finance.get(f"/reconciliation/statements/{names['statement']}")).text


async def test_break_links_only_to_existing_objects(house: House, names: dict[str, str]) -> None:
    finance, page = await house.as_(Role.FINANCE, "Su"), f"/reconciliation/breaks/{names['break']}"
    assert (await post(finance, f"{page}/take")).status_code == 303
    shown = (await finance.get(page)).text
    async with house.database.transaction() as session:
        line = (
            await session.execute(select(StatementLineRow).join(BreakRow, BreakRow.line_id == StatementLineRow.id).where(BreakRow.id == names["break"]))
        ).scalar_one()  # fmt: skip
    assert line.reference in shown
    assert ('value="replace_link"' in shown) == ('name="link"' in shown)
    assert ("is free to be linked" in shown) != ('name="link"' in shown)
    nowhere = await post(finance, f"{page}/preview", verb="replace_link", reason_code="wrong_link", link="")
    assert (nowhere.status_code, "choose or fill in" in nowhere.text) == (422, True)


async def test_money_before_the_first_statement_is_labelled(house: House, names: dict[str, str]) -> None:
    async with house.database.transaction() as session:
        row = await session.get_one(BreakRow, names["break_fee"])
        session.expunge(row)
        make_transient(row)
        row.id, row.kind, row.line_id, row.entry_id, row.task_id = new_id(), BreakKind.MISSING_HERE, None, None, None
        session.add(row)
    page = (await (await house.as_(Role.FINANCE)).get(f"/reconciliation/breaks/{row.id}")).text
    assert "before its first statement" in page


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Batch <code", "The batch comes to ¥42.00")),
        pytest.param("zh", ("批次 <code", "该批次合计 ¥42.00"), marks=pytest.mark.thorough),
    ],
)
async def test_batch_debit_names_its_batch_and_a_second_one_is_a_duplicate(
    house: House, language: str, words: tuple[str, ...]
) -> None:
    desk = FinanceDesk(house, timedelta(0))
    desk.today -= timedelta(days=2)
    number, _ = await desk.batch(40_00, 2_00)
    moved = [desk.moved(number, -42_00), desk.moved(number, -42_00)]
    (row,) = await desk.breaks_of(await desk.imported(desk.bill(moved, BANK, opening=70_000_00)))
    assert row.kind is BreakKind.DUPLICATE
    finance = await house.as_(Role.FINANCE)
    page = (await finance.get(f"/reconciliation/breaks/{row.id}", headers={"accept-language": language})).text
    assert [one for one in (*words, number) if one not in page] == []
    link = re.search(r'href="(/bank-batches/[0-9A-Z]+)"', page)
    assert link is not None
    assert number in (await finance.get(link[1])).text


async def test_adjustment_is_approved_only_by_a_second_person(house: House, names: dict[str, str]) -> None:
    at = f"/reconciliation/breaks/{names['break_proposed']}"
    first = house.browser(await house.sessions.open(names["recon_finance"]))
    assert "second person" in (await first.get(at)).text
    assert (await post(first, f"{at}/agree")).status_code == 403
    second = await house.as_(Role.FINANCE, "Hu")
    assert f'action="{at}/agree"' in (await second.get(at)).text
    assert (await post(second, f"{at}/agree")).status_code == 303
    page = (await second.get(at)).text
    assert ("Closed" in page, f'action="{at}/agree"' in page) == (True, False)
    async with house.database.transaction() as session:
        row = await session.get_one(BreakRow, names["break_proposed"])
    assert row.state is BreakState.CLOSED


async def test_a_day_is_closed_by_two_when_something_is_open(house: House, names: dict[str, str]) -> None:
    first, second = await house.as_(Role.FINANCE, "Ian"), await house.as_(Role.FINANCE, "Jun")
    at = f"/reconciliation/days/{StatementSource.WECHAT.value}/{names['recon_day']}"
    assert "Only on the statement" in (await first.get(at)).text
    today = f"/reconciliation/days/wechat/{names['recon_today']}"
    assert (await post(first, f"{today}/close")).status_code == 409
    assert "Days are closed in their order" in (await first.get(today)).text
    assert (await post(first, f"{at}/close", note="the bank was asked")).status_code == 303
    assert "Days to be closed" in (await second.get("/money")).text
    assert "Note: the bank was asked" in (await second.get(at)).text
    taken = await post(second, f"{at}/close")
    assert (taken.status_code, f"{at}/agree" in taken.text) == (409, True)
    assert (await post(second, f"{at}/withdraw")).status_code == 303
    page = (await first.get(at)).text
    assert "Jun declined the request of Ian to close this day" in page
    assert f"{at}/close" in page
    late = await post(second, f"{at}/agree")
    assert (late.status_code, "The close request for this day is no longer pending" in late.text) == (409, True)
    assert (await post(first, f"{at}/close", note="the bank was asked")).status_code == 303
    assert "declined the request" not in (await second.get(at)).text
    assert (await post(first, f"{at}/agree")).status_code == 403
    assert (await post(second, f"{at}/agree")).status_code == 303
    closed = (await second.get(at)).text
    assert "Closed by Ian" in closed
    assert "Note: the bank was asked" in closed


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", "our books expect movements: {}, "),
        pytest.param("zh", "我方账簿预计有 {} 笔流水，合计", marks=pytest.mark.thorough),
    ],
)
async def test_day_without_a_statement_shows_the_expected_amounts(house: House, language: str, words: str) -> None:
    desk = FinanceDesk(house)
    day = desk.today - timedelta(days=3)
    await desk.imported(desk.bill([], ALIPAY, day=day - timedelta(days=1)))
    key = await desk.paid(3_21, ALIPAY)
    async with house.database.transaction() as session:
        await all_from_books(session, ALIPAY)
        await session.execute(update(ExpectationRow).where(ExpectationRow.key == key).values(day=day))
        expected = await expected_on(session, ALIPAY, day)
    assert not await taken_as_empty(house.database, ALIPAY, day, now())
    finance = await house.as_(Role.FINANCE)
    headers = {"accept-language": language}
    shown = [
        (await finance.get(f"/reconciliation/days/alipay/{one}", headers=headers)).text
        for one in (day, day + timedelta(days=1))
    ]
    assert [words.format(expected.count) in page for page in shown] == [True, False]


def cells_of(page: str, break_id: str) -> str:
    """The row of a break in the list of what is open."""
    (row,) = [one for one in page.split("<tr")[1:] if f"/reconciliation/breaks/{break_id}" in one]
    return row.partition("</tr>")[0]


@pytest.mark.parametrize(
    ("language", "locale", "nobody", "late"),
    [
        ("en", "en", "Unassigned", "Open for too long"),
        pytest.param("zh", "zh_CN", "未分配", "超时未处理", marks=pytest.mark.thorough),
    ],
)
async def test_close_lists_open_breaks_with_age_and_owner(
    house: House, language: str, locale: str, nobody: str, late: str
) -> None:
    desk = FinanceDesk(house, timedelta(0))
    old, new = desk.today - timedelta(days=9), desk.today - timedelta(days=1)
    moved = {day: desk.moved("", -4_56, day=day) for day in (old, new)}
    found = {}
    for day, movement in moved.items():
        row = await desk.imported(desk.bill([movement]), day=day)
        (found[day],) = await desk.breaks_of(row)
    person = await house.cards.person(Role.FINANCE, "Lan")
    await desk.taken(person, found[old])
    at, headers = f"/reconciliation/days/wechat/{new}", {"accept-language": language}
    finance = await house.as_(Role.FINANCE)
    page = (await finance.get(at, headers=headers)).text
    first, second = cells_of(page, found[old].id), cells_of(page, found[new].id)
    assert (ago(found[old].since, locale) in first, "Lan" in first, late in first) == (True,) * 3
    assert (ago(found[new].since, locale) in second, nobody in second) == (True, True)
    assert late not in second
    earlier = (await finance.get(f"/reconciliation/days/wechat/{old}", headers=headers)).text
    assert found[new].id not in earlier
    assert found[old].id in earlier
    async with house.database.transaction() as session:  # Their time to work on it is over.
        task = await session.get_one(WorkItemRow, (await desk.again(found[old])).task_id)
        task.leased_until = now() - timedelta(minutes=1)
    page = (await finance.get(at, headers=headers)).text
    assert "Lan" not in cells_of(page, found[old].id)
    broken = (await finance.get(f"/reconciliation/breaks/{found[old].id}", headers=headers)).text
    fresh = (await finance.get(f"/reconciliation/breaks/{found[new].id}", headers=headers)).text
    mark = f"</svg>{late}</span>"
    assert (mark in broken, mark in fresh) == (True, False)


async def test_ignoring_and_another_link_are_previewed_before_they_are_done(
    house: House, names: dict[str, str]
) -> None:
    desk = FinanceDesk(house, timedelta(0))
    key = await desk.paid(14_12)
    day = desk.today - timedelta(days=6)
    (found,) = await desk.breaks_of(await desk.imported(desk.bill([desk.moved("", -14_13, day=day)]), day=day))
    async with house.database.transaction() as session:
        await open_work(session, now(), 500)
    finance, at = await house.as_(Role.FINANCE, "Mo"), f"/reconciliation/breaks/{found.id}"
    await post(finance, f"{at}/take")
    ignored = (await post(finance, f"{at}/preview", verb="ignore", reason_code="unexplained")).text
    assert "Posts nothing" in ignored
    assert "-¥14.13" in ignored[ignored.index('id="preview"') :]
    link = {
        "verb": "replace_link",
        "reason_code": "wrong_link",
        "against": "rounding",
        "link": str(await desk.entry(key)),
    }
    linked = (await post(finance, f"{at}/preview", **link)).text
    part = linked[linked.index('id="preview"') :]
    assert [one for one in ("-¥0.01", "A second person must agree") if one not in part] == []
    assert (await post(finance, f"{at}/decide", verb="ignore", reason_code="unexplained")).status_code == 303
    way = (await finance.get(f"/reconciliation/days/wechat/{day}")).text
    assert "Differences that were ignored" in way
