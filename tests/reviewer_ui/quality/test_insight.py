"""The insight page: figures with their numbers, definitions and files, for people with permission."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import update

from database.tables.review import ReviewDecisionRow
from database.tables.work import WorkItemRow
from domain.cards.review import ReviewOutcome
from domain.identifiers import new_id
from domain.people.roles import Role
from languages import LOCALES, has
from reviewer_ui import charts
from reviewer_ui.quality.insight import _days
from reviewer_ui.quality.insight_figures import MAKERS, duration, share
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.waiting_cards import Waiting
from tests.reviewer_ui.windows import window


async def decided(house: House, waiting: Waiting, person: str, took: timedelta) -> None:
    """The card's task was opened `took` ago and is decided now."""
    at = datetime.now(UTC)
    async with house.database.transaction() as session:
        row = ReviewDecisionRow(
            id=new_id(), task_id=waiting.task_id, card_id=waiting.card_id, person_id=person, outcome=ReviewOutcome.APPROVE,
            opened_at=at - took / 2, made_at=at,
        )  # fmt: skip
        session.add(row)
        await session.flush()
        done = {"opened_at": at - took, "decided": True, "closed_at": at, "decision_id": row.id}
        await session.execute(update(WorkItemRow).where(WorkItemRow.id == waiting.task_id).values(done))


async def nothing_yet(house: House) -> None:
    """Other tests' work is so long ago that no span of this test reaches it."""
    long_ago = datetime(2020, 1, 1, tzinfo=UTC)
    async with house.database.transaction() as session:
        await session.execute(update(WorkItemRow).values(opened_at=long_ago, closed_at=long_ago, due_at=long_ago))
        await session.execute(update(ReviewDecisionRow).values(made_at=long_ago))


async def test_page_shows_figures_and_their_definitions(house: House) -> None:
    await nothing_yet(house)
    lin = await house.cards.person(Role.REVIEWER, "=Lin")
    for hours in (1, 3):
        await decided(house, await house.cards.waiting(), lin, timedelta(hours=hours))
    await house.cards.waiting(reasons=("wrong_pin", "high_value"))
    page = (await (await house.as_(Role.SENIOR)).get("/insight")).text
    assert "3 received, 2 decided" in page
    assert "1 h 0 min" in page
    assert "3 h 0 min" in page
    assert "=Lin" in page
    assert page.count("How is this calculated?") == len(MAKERS)
    assert re.search(r"<title id=\"chart-flow-title\">Received and decided</title>", page)
    assert "style=" not in page


async def test_empty_desk_shows_an_explanation(house: House) -> None:
    await nothing_yet(house)
    for language, said in (("en", "No cards were paid in this period."), ("zh-CN", "所选日期内没有打款成功的卡。")):
        page = await (await house.as_(Role.OPS)).get("/insight?brand=wanda", headers={"accept-language": language})
        assert said in page.text
        assert page.text.count("figure-empty") == len(MAKERS)
        assert ".csv" not in page.text


async def test_each_figure_is_a_file_that_opens_safely(house: House) -> None:
    await nothing_yet(house)
    lin = await house.cards.person(Role.REVIEWER, "=Lin")
    await decided(house, await house.cards.waiting(), lin, timedelta(hours=1))
    await house.cards.waiting()
    browser = await house.as_(Role.FINANCE)
    for key in MAKERS:
        answer = await browser.get(f"/insight/{key}.csv?range=30")
        assert answer.headers["content-type"] == "text/csv; charset=utf-8", key
        assert answer.content.startswith(b"\xef\xbb\xbf"), key
    work = (await browser.get("/insight/workload.csv")).content.decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(work)))[1] == ["'=Lin", "1", "1800", "0", "0"]
    assert len((await browser.get("/insight/flow.csv?range=30")).text.splitlines()) == 31
    assert (await browser.get("/insight/passwords.csv")).status_code == 404


async def test_filters_apply_to_every_figure_and_invalid_ones_are_reported(house: House) -> None:
    await nothing_yet(house)
    await house.cards.waiting(brand_code="starbucks")
    await house.cards.waiting(brand_code="jd")
    browser = await house.as_(Role.ADMIN)
    assert "2 received" in (await browser.get("/insight")).text
    assert "1 received" in (await browser.get("/insight?brand=jd")).text
    assert "1 received" in (await browser.get("/insight?type=dining")).text
    empty = await browser.get("/insight?range=custom&from=2021-01-01&to=2021-01-31")
    assert "Nothing was received or decided" in empty.text
    for query in (
        "range=custom&from=2026-02-30&to=2026-03-01", "range=custom&from=2026-03-02&to=2026-03-01", "range=1000000",
        "range=custom&from=2020-01-01&to=2026-01-01", "range=custom&from=0001-01-01&to=0001-01-02",
        "range=custom&from=9999-12-30&to=9999-12-31", "brand='; DROP TABLE card", "type=dinosaur",
    ):  # fmt: skip
        answer = await browser.get(f"/insight?{query}")
        assert answer.status_code == 200, query
        assert 'role="alert"' in answer.text, query


@pytest.mark.parametrize("role", Role)
async def test_figures_require_permission(house: House, role: Role) -> None:
    browser = await house.as_(role)
    allowed = role not in (Role.REVIEWER, Role.SUPPORT)
    for path in ("/insight", "/insight/workload.csv"):
        assert (await browser.get(path)).status_code == (200 if allowed else 403), path
    assert ('href="/insight"' in (await browser.get("/cards")).text) == allowed


async def test_page_fits_in_both_languages_without_csp_errors(house: House, browser_program: Path) -> None:
    await nothing_yet(house)
    lin = await house.cards.person(Role.REVIEWER, "Lin")
    for number in range(3):
        await decided(house, await house.cards.waiting(), lin, timedelta(hours=number + 1))
    await house.cards.waiting()
    for width in (1366, 390):
        async with window(house, browser_program, width, 800) as (page, complaints):
            for locale in LOCALES:
                await page.goto("/cards")
                await page.context.add_cookies([{"name": "cardloop_language", "value": locale, "url": page.url}])
                for path in ("/insight", "/notices", "/account/notices"):
                    await page.goto(path)
                    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (
                        path,
                        width,
                        locale,
                    )
        assert complaints == []


@pytest.mark.parametrize("locale", LOCALES)
def test_every_figure_is_translated(locale: str) -> None:
    wanted = [f"insight.{kind}.{key}" for key in MAKERS for kind in ("figure", "how", "empty")]
    wanted += [f"insight.head.{key}_name" for key in MAKERS]
    assert [key for key in wanted if not has(key, locale)] == []


def test_durations_are_shown_in_the_usual_unit() -> None:
    assert [duration(seconds, "en") for seconds in (0, 59, 60, 3599, 3600, 86_399, 90_000)] == [
        "0 s", "59 s", "1 min", "59 min", "1 h 0 min", "23 h 59 min", "1 d 1 h",
    ]  # fmt: skip


def test_only_the_total_row_is_labelled_as_all() -> None:
    assert [share(*pair) for pair in ((9999, 10_000), (1, 1), (0, 3), (1, 3))] == ["99.9 %", "100 %", "0 %", "33.3 %"]


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**9)), min_size=1, max_size=366))
def test_chart_columns_have_position_and_height(values: list[tuple[int, int]]) -> None:
    chart = charts.columns("t", "d", ("a", "b"), [str(number) for number in range(len(values))], values)
    top = charts.ceiling(max(number for pair in values for number in pair))
    scale = (charts.HEIGHT - charts.TOP - charts.BOTTOM) / top
    flat = [number for pair in values for number in pair]
    assert len(chart.bars) == len(flat)
    for bar, number in zip(chart.bars, flat, strict=True):
        assert abs(bar.height - number * scale) < 0.01
        assert abs(bar.y + bar.height - (charts.HEIGHT - charts.BOTTOM)) < 0.02
        assert charts.LEFT <= bar.x <= bar.x + bar.width <= charts.WIDTH - charts.RIGHT + 0.02
    assert 1 <= len(chart.labels) <= charts.LABELS_MAX


@given(st.integers(0, 10**12))
def test_chart_maximum_is_rounded_up(highest: int) -> None:
    top = charts.ceiling(highest)
    assert top >= max(1, highest)
    assert top <= max(1, highest * 2.5)
    assert str(top).rstrip("0") in ("1", "2", "5")


@given(st.dates(), st.dates())
def test_date_range_is_used_or_refused_as_a_whole(first: date, last: date) -> None:
    today = date(2026, 11, 23)
    days, wrong = _days("custom", first.isoformat(), last.isoformat(), today)
    assert days == ((first, last) if not wrong else (today - timedelta(days=6), today))
    assert 0 <= (days[1] - days[0]).days < 366
