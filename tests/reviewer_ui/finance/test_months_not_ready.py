"""The page of months names what is missing of one before it is asked for, and the refusal says what to do."""

from __future__ import annotations

from datetime import date

import pytest
from sqlalchemy import delete

from database.repositories import ledger
from database.tables.columns import now
from database.tables.finance.books import ClosingRow
from database.tables.finance.statements import StatementRow
from domain.finance.chart import account
from domain.finance.ledger import Posting
from domain.finance.statements import StatementSource, StatementState
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.people.roles import Role
from domain.places import business_day
from tests.reviewer_ui.conftest import House, post

YEAR = business_day(now()).year - 2
MONTH = f"{YEAR}-03"


async def exchanged(house: House, minor: int, day: date) -> None:
    foreign = Money(minor, Currency.KWD)
    lines = (Posting(account("buyer_receivable", "buyer:gulf"), foreign), Posting(account("fx_position"), -foreign))
    async with house.database.transaction() as session:
        await ledger.post(session, new_id(), None, "sold", lines, happened_on=day, cause=f"made:{new_id()}")


@pytest.mark.parametrize(
    ("language", "words", "refusal", "days", "asks"),
    [
        (
            "en",
            f"Foreign money not valued at the end of {MONTH}: KWD",
            "Foreign money is not valued",
            "Issuer",
            "Why days stay open",
        ),
        ("zh", f"{MONTH} 月末未重估的外币：KWD", f"{MONTH} 月末有外币尚未重估", "天未关账，最早为", "为何保留未关账日"),
    ],
)
async def test_missing_month_values_are_listed_before_and_after_the_request(
    house: House, language: str, words: str, refusal: str, days: str, asks: str
) -> None:
    headers, file = {"accept-language": language}, new_id()
    finance, colleague = await house.as_(Role.FINANCE), await house.as_(Role.FINANCE)
    await exchanged(house, 1_000, date(YEAR, 3, 5))
    async with house.database.transaction() as session:
        await session.execute(delete(ClosingRow).where(ClosingRow.month == MONTH))
        session.add(
            StatementRow(
                id=file, sha256=file, file_name="a.csv", bytes=1, state=StatementState.IMPORTED,
                source=StatementSource.ISSUER, first_day=date(YEAR, 3, 30), last_day=date(YEAR, 3, 31), brought_by="machine:bills",
            )
        )  # fmt: skip
    page = (await finance.get("/money/periods", headers=headers)).text
    assert [one for one in (words, days, asks, f"{YEAR}-03-30") if one not in page] == []
    finance.headers["accept-language"] = language
    refused = await post(finance, "/money/periods/ask", month=MONTH, note="they come by mail")
    assert (refused.status_code, refusal in refused.text, "they come by mail" in refused.text) == (409, True, True)
    await exchanged(house, -1_000, date(YEAR, 3, 31))
    assert (await post(finance, "/money/periods/ask", month=MONTH)).status_code == 422
    assert (await post(finance, "/money/periods/ask", month=MONTH, note="they come by mail")).status_code == 303
    assert "they come by mail" in (await colleague.get("/money/periods")).text
    async with house.database.transaction() as session:
        await session.execute(delete(ClosingRow).where(ClosingRow.month == MONTH))
        await session.execute(delete(StatementRow).where(StatementRow.id == file))
