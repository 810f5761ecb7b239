"""Every form on the pages of money and support, as shown for real data, handles invalid input."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from database.session import Database
from database.tables.people import PersonRow
from domain.finance.payout import PayoutState
from domain.finance.rollback import RollbackState
from domain.people.roles import Role
from tests.builders.banks import a_bank_batch
from tests.reviewer_ui.conftest import House, a_house
from tests.reviewer_ui.escalation_scenes import questions_on_desks
from tests.reviewer_ui.money_scenes import money_moved
from tests.reviewer_ui.page_forms import PageForm, forms_of
from tests.reviewer_ui.payment_scenes import a_claim, on_hold, payment_pages
from tests.reviewer_ui.queue_scenes import browser_of
from tests.reviewer_ui.reconciliation_scenes import reconciliation_of_every_kind
from tests.reviewer_ui.sale_scenes import sales_in_every_state
from tests.reviewer_ui.settlement_scenes import settlements_in_every_state
from tests.reviewer_ui.ticket_scenes import tickets_in_every_state

MONEY = (
    "/money/periods", "/payouts/{order}", "/held", "/owed", "/claims", "/rails", "/sales/new", "/sales/buyers", "/sales/debts", "/sales/brokered",
    "/sales/{sale}", "/fx", "/tax", "/reconciliation", "/reconciliation/breaks/{break}", "/reconciliation/breaks/{break_proposed}",
    "/reconciliation/days/bank/{recon_day}", "/settlements/{settlement_answer}", "/settlements/{settlement_invoice}",
    "/settlements/{settlement_disputed}", "/settlements/{settlement_approval}", "/counterparties/new",
    "/counterparties/{counterparty}", "/bank-batches", "/bank-batches/{bank_batch}", "/goodwill",
)  # fmt: skip
SUPPORT = (
    "/tickets/{ticket}", "/tickets/{ticket_waiting}", "/support/new", "/support/offers", "/support/templates", "/support/macros",
    "/tickets/{ticket}/ask", "/tickets/{ticket}/goodwill",
)  # fmt: skip
# What is typed into amounts, days, names and words alike: nothing, numbers that are none, too much, other scripts, markup.
GARBAGE = (
    "", "0", "-1", "-0", "1e999", "NaN", "99999999999999999999999", "４６５．００", "1,234.50", "9999-12-31", "2026-13-45",
    "a\x00b", "<script>alert(1)</script>", "\u202eשלום😀", "x" * 1_000_000,
)  # fmt: skip
FILES = (
    ("bill.csv", b"\xff\xfe\x00 no file of ours", "text/csv"),
    ("letter.pdf", b"%PDF-1.4 <script>", "application/pdf"),
)
ENDS_THE_SESSION = ("/sign-out", "/account")


async def sent(browser: httpx.AsyncClient, form: PageForm, changed: Mapping[str, str], number: int) -> httpx.Response:
    """Press the form's button with these fields changed; a file field is given a file that is not one."""
    values = {**form.values, **changed}
    if form.files:
        files = {name: FILES[number % len(FILES)] for name in form.files}
        return await browser.post(form.action, data=values, files=files)
    return await browser.post(form.action, data=values)


def tries(form: PageForm, turn: itertools.count[int], how: str) -> list[dict[str, str]]:
    """Give each field alone (or only one of them) something wrong, then all that is typed at once; the rest stays as the page filled it.

    `how` is `every-field`, `a-field-each`, or `one-try`: for one form a field alone, for the next all at once.
    """
    wrong = [{name: GARBAGE[next(turn) % len(GARBAGE)]} for name in form.typed]
    wrong += [{name: "no-such-choice"} for name in form.chosen]
    if wrong and how != "every-field":
        wrong = [wrong[next(turn) % len(wrong)]]
    found = [*wrong, {name: GARBAGE[next(turn) % len(GARBAGE)] for name in form.typed}]
    return [found[next(turn) % len(found)]] if how == "one-try" else found


@pytest_asyncio.fixture
async def house(
    make_migrated: Callable[[str], str], pool_of: Callable[[str], Database], worker: str, tmp_path: Path
) -> AsyncIterator[House]:
    """A console on a database of its own: what other tests sealed with their keys cannot be opened, and its forms are pressed too."""
    async with a_house(pool_of(make_migrated(f"garbage_{worker}")), tmp_path) as made:
        yield made


async def everything(house: House, me: str) -> dict[str, str]:
    unknown = await house.cards.waiting()
    await house.cards.payout(unknown, PayoutState.UNKNOWN)
    people = {role: await house.cards.person(role) for role in Role}
    names = await money_moved(house, unknown, people[Role.FINANCE])
    names |= await payment_pages(house, people[Role.OPS], unknown)
    await a_claim(house, people[Role.COMPLIANCE], RollbackState.CLAIMED)
    await on_hold(house, await house.cards.waiting(), "new_payee")
    names |= await sales_in_every_state(house)
    names |= await reconciliation_of_every_kind(house)
    names |= await settlements_in_every_state(house)
    names["bank_batch"] = await a_bank_batch(house, unknown.card_id, people[Role.FINANCE])
    names |= await questions_on_desks(house, people)
    return names | await tickets_in_every_state(house, me)


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    "how",
    [
        "one-try",
        pytest.param("a-field-each", marks=pytest.mark.thorough),
        pytest.param("every-field", marks=pytest.mark.proof),
    ],
)
async def test_garbage_input_never_causes_errors_or_markup(house: House, how: str) -> None:
    me = await house.cards.person(Role.FINANCE)
    async with house.database.transaction() as session:
        (await session.get_one(PersonRow, me)).roles = [role.value for role in Role]
    names, browser = await everything(house, me), await browser_of(house, me)
    wrong, pressed, turn = [], set(), itertools.count()
    for place in (*MONEY, *SUPPORT):
        page = await browser.get(place.format_map(names))
        assert page.status_code == 200, (place, page.status_code)
        for form in forms_of(page.text):
            if form.action in pressed or form.action.startswith(ENDS_THE_SESSION):
                continue
            pressed.add(form.action)
            for changed in tries(form, turn, how):
                answer = await sent(browser, form, changed, len(pressed))
                if answer.status_code >= 500 or "<script>alert(1)" in answer.text:
                    wrong.append(
                        (form.action, {name: value[:24] for name, value in changed.items()}, answer.status_code)
                    )
    assert wrong == []
    assert len(pressed) > 60, "the forms are found"
