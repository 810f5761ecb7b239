"""The pages of health, alerts and the runbook: what they show in both languages, and the forms of an alert."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta

import httpx
import pytest
from sqlalchemy import delete, select

from database.tables.columns import now
from database.tables.ops.health import AlertRow, HealthReadingRow
from database.tables.ops.runs import RunWatchRow
from domain.identifiers import new_id
from domain.ops.health import Measure
from domain.ops.runbook import Topic
from domain.people.roles import Role
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument, PolicyKind
from languages import LOCALES, translate
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.ops_scenes import readings_and_alerts, stuck_runs

ROW = re.compile(r'<tr class="([^"]*)" data-row="([a-z_]+)">(.*?)</tr>', re.DOTALL)


async def operator(house: House, locale: str = "en") -> tuple[httpx.AsyncClient, str]:
    person = await house.cards.person(Role.OPS, "Mei")
    browser = house.browser(await house.sessions.open(person))
    browser.headers["accept-language"] = locale.replace("_", "-")
    browser.cookies.set("cardloop_language", locale)
    return browser, person


async def kept(house: House, alert_id: str) -> AlertRow:
    async with house.database.transaction() as session:
        return (await session.execute(select(AlertRow).where(AlertRow.id == alert_id))).scalar_one()


@pytest.mark.parametrize("locale", LOCALES)
async def test_health_page_lists_failures_first_with_remedies(house: House, locale: str) -> None:
    browser, person = await operator(house, locale)
    await readings_and_alerts(house, person)
    page = (await browser.get("/operations/health")).text
    rows = {name: (look, text) for look, name, text in ROW.findall(page)}
    assert rows.keys() == {one.value for one in Measure}
    assert list(rows)[:2] == ["connections", "workers"]
    assert translate("ops_do.connections", locale) in page
    assert 'href="/operations/runbook#connections"' in page
    assert rows["workers"][0] == "is-late"
    assert "reading activity" in rows["workers"][1]
    assert 'href="/operations/queues"' in rows["workers"][1]
    assert translate("ops.health.never", locale) in rows["backup"][1]
    assert translate("ops.health.absent", locale) in rows["replication"][1]
    assert translate("ops.health.state.unknown", locale) in rows["loops"][1]
    assert translate("ops_means.clock", locale) not in rows["clock"][1]
    assert "1.4 GB" in rows["database_size"][1]


async def test_polling_page_gets_only_its_fragment(house: House) -> None:
    browser, person = await operator(house)
    cards = [await house.cards.waiting(), await house.cards.waiting()]
    await stuck_runs(house, *(one.card_id for one in cards))
    await readings_and_alerts(house, person)
    for address in ("/operations", "/operations/health"):
        part = await browser.get(address, headers={"hx-request": "true"})
        assert part.status_code == 200
        assert "<html" not in part.text
        assert "2 broken" in part.text
        assert "data-row=" in part.text


@pytest.mark.parametrize("locale", LOCALES)
async def test_while_temporal_does_not_answer_the_last_known_state_is_shown_with_its_age(
    house: House, locale: str
) -> None:
    browser, _ = await operator(house, locale)
    cards = [await house.cards.waiting(), await house.cards.waiting()]
    await stuck_runs(house, *(one.card_id for one in cards))
    said = {name: translate(f"ops.stuck.{name}", locale) for name in ("unseen", "stale")}

    async def looked(minutes_ago: int) -> tuple[str, str]:
        ended = now() - timedelta(minutes=minutes_ago)
        async with house.database.transaction() as session:
            await session.execute(delete(RunWatchRow).where(RunWatchRow.look.in_(("stuck", "queues"))))
            session.add_all(RunWatchRow(look=look, ended_at=ended, found={}) for look in ("stuck", "queues"))
        return (await browser.get("/operations")).text, (await browser.get("/operations/queues")).text

    for page in await looked(-5):  # However slow the machine is.
        assert [words for words in said.values() if words in page] == []
    stuck, queues = await looked(42)
    assert [words in stuck for words in said.values()] == [True, True]
    assert said["unseen"] in queues
    for page in (stuck, queues):
        assert re.search(r"4[2-9]\s?(min|分钟)", page)
    assert "data-row=" in stuck, "the rows of before are still shown"
    async with house.database.transaction() as session:
        await session.execute(delete(RunWatchRow).where(RunWatchRow.look.in_(("stuck", "queues"))))


async def test_unmeasured_installation_is_labelled(house: House) -> None:
    async with house.database.transaction() as session:
        await session.execute(delete(HealthReadingRow))
    browser, _ = await operator(house)
    assert f"{len(Measure)} unknown" in (await browser.get("/operations/health")).text
    assert f"{len(Measure)} unknown" in (await browser.get("/operations")).text


@pytest.mark.parametrize("locale", LOCALES)
async def test_the_runbook_has_a_section_for_every_topic(house: House, locale: str) -> None:
    browser, _ = await operator(house, locale)
    page = (await browser.get("/operations/runbook")).text
    assert re.findall(r'<section class="panel" id="([a-z_]+)"', page) == [topic.value for topic in Topic]
    assert translate("ops_expect.disk", locale) in page
    assert "<code>restore --check</code>" in page  # Commands look like commands.


@pytest.mark.parametrize("locale", LOCALES)
async def test_firing_and_ended_alerts_are_listed(house: House, locale: str) -> None:
    browser, person = await operator(house, locale)
    alerts = await readings_and_alerts(house, person)
    page = (await browser.get("/operations/alerts")).text
    firing, over = page.split(translate("ops.alerts.history", locale))
    assert all(alerts[name] in firing for name in ("reading activity", "payout_unknown", "disk"))
    assert "<code>I5</code>" in over
    assert "a new disk comes at noon" in firing
    assert f"/operations/alerts/{alerts['disk']}/acknowledge" not in firing  # It is acknowledged already.
    assert translate("role.ops", locale) in firing
    assert "Mei" in firing
    home = (await browser.get("/")).text
    assert translate("console.home.need.alerts", locale) in home
    assert re.search(r'href="/operations/alerts">[^<]*</a><strong class="amount">2<', home)


async def test_an_alert_is_acknowledged_and_leaves_the_home_page(house: House) -> None:
    browser, person = await operator(house)
    alerts = await readings_and_alerts(house, person)
    for name in ("reading activity", "payout_unknown"):
        answer = await post(browser, f"/operations/alerts/{alerts[name]}/acknowledge")
        assert (answer.status_code, answer.headers["location"]) == (303, "/operations/alerts")
    assert (await kept(house, alerts["payout_unknown"])).acknowledged_by == person
    assert "/operations/alerts" not in (await browser.get("/")).text.split("<main")[1]


async def test_a_snooze_needs_a_reason_and_keeps_what_was_entered(house: House) -> None:
    browser, person = await operator(house)
    alert = (await readings_and_alerts(house, person))["payout_unknown"]
    refused = await post(browser, f"/operations/alerts/{alert}/snooze", hours="4", reason="  ")
    assert refused.status_code == 422
    wrong = await post(browser, f"/operations/alerts/{alert}/snooze", hours="5", reason="the gateway is down")
    assert wrong.status_code == 422
    assert 'value="the gateway is down"' in wrong.text
    assert (await kept(house, alert)).snoozed_until is None
    assert (
        await post(browser, f"/operations/alerts/{alert}/snooze", hours="4", reason="the gateway is down")
    ).status_code == 303
    snoozed = await kept(house, alert)
    assert (snoozed.snooze_reason, snoozed.snoozed_by) == ("the gateway is down", person)
    await post(browser, f"/operations/alerts/{alert}/snooze", hours="0")
    assert (await kept(house, alert)).snoozed_until is None


async def test_acting_on_an_ended_alert_is_refused(house: House) -> None:
    browser, person = await operator(house)
    alert = (await readings_and_alerts(house, person))["I5"]
    answer = await post(browser, f"/operations/alerts/{alert}/acknowledge")
    assert answer.status_code == 409
    assert translate("error.alert_is_over", "en") in answer.text


async def test_history_continues_on_further_pages(house: House) -> None:
    browser, person = await operator(house)
    over = (await readings_and_alerts(house, person))["I5"]
    row = await kept(house, over)
    async with house.database.transaction() as session:
        for _ in range(55):
            session.add(AlertRow(**{**row.values("id"), "id": new_id(), "subject": "I7"}))
    first = (await browser.get("/operations/alerts")).text
    older = re.search(r'href="(/operations/alerts\?before=[^"]+)"', first)
    assert older is not None
    second = (await browser.get(older[1].replace("&amp;", "&"))).text
    assert (first.count("<code>I7</code>"), second.count("<code>I7</code>") + second.count("<code>I5</code>")) == (
        50,
        6,
    )
    assert (await browser.get("/operations/alerts?before=nonsense")).status_code == 200


async def test_webhook_secret_is_shown_only_to_policy_editors(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    in_force, url = BOOK.in_force, "https://ops.example.com/alerts"

    def with_address(kind: PolicyKind, on: date) -> PolicyDocument:
        found = in_force(kind, on)
        return replace(found, document={**found.document, "webhook_url": url}) if kind.code == "alerts" else found

    monkeypatch.setattr(BOOK, "in_force", with_address)
    shown = {role: (await (await house.as_(role)).get("/operations/alerts")).text for role in (Role.OPS, Role.ADMIN)}
    assert [translate("ops.alerts.secret", "en") in shown[role] for role in (Role.OPS, Role.ADMIN)] == [False, True]
