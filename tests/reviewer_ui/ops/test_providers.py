"""The pages of providers: figures, and maintenance begun, planned and ended by forms, with one clear answer for each person."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, text

from database.tables.ops.providers import ProviderWindowRow
from domain.ops.maintenance import WindowState
from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.ops_scenes import a_provider_in_maintenance, stuck_runs

JD = "/operations/providers/issuer:jd"


async def windows(house: House, provider: str) -> list[ProviderWindowRow]:
    async with house.database.transaction() as session:
        found = select(ProviderWindowRow).where(ProviderWindowRow.provider == provider).order_by(ProviderWindowRow.id)
        return list((await session.execute(found)).scalars())


@pytest.fixture(autouse=True)
async def _nothing_in_maintenance(house: House) -> None:
    async with house.database.transaction() as session:
        await session.execute(text("DELETE FROM provider_window"))


async def test_provider_list_shows_call_outcomes_and_maintenance(house: House) -> None:
    await a_provider_in_maintenance(house, await house.cards.person(Role.OPS))
    page = (await (await house.as_(Role.OPS)).get("/operations/providers")).text
    row = page.split('data-row="issuer:jd"')[1].split("</tr>")[0]
    assert "Draining: no new calls" in row
    assert "90.0 %" in row
    assert "50 / 1000 ms" in row, "the bounds of the classes in which half and 95 % of the calls are"
    assert "<code>http_503</code>" in row
    assert "Maintenance planned" in page.split('data-row="payout"')[1].split("</tr>")[0]
    assert "Normal" in page.split('data-row="outlet"')[1].split("</tr>")[0]


async def test_maintenance_is_started_and_ended_by_forms_with_an_audit_history(house: House) -> None:
    lin = await house.as_(Role.OPS, "Lin")
    until = (datetime.now(UTC) + timedelta(hours=12)).strftime("%Y-%m-%dT%H:%M")
    sent = await post(lin, f"{JD}/maintenance", reason="New data centre", ends_at=until)
    assert (sent.status_code, sent.headers["location"]) == (303, JD)
    [window] = await windows(house, "issuer:jd")
    assert window.state is WindowState.DRAINING
    page = (await lin.get(JD)).text
    assert "New data centre" in page
    assert "Resume gradually: 1 %, 10 %, all" in page
    assert "Lin" in page
    ended = await post(lin, f"{JD}/maintenance/{window.id}/end")
    assert ended.status_code == 303
    page = (await lin.get(JD)).text
    assert "Resuming at 1 %" in page
    assert "10 % of the calls are let through" in page
    assert "Resume everything now" in page
    await post(lin, f"{JD}/maintenance/{window.id}/end", at_once="yes")
    assert "Resuming at 100 %" in (await lin.get(JD)).text


async def test_maintenance_end_is_changed_by_form_and_invalid_input_is_kept(house: House) -> None:
    lin = await house.as_(Role.OPS, "Lin")
    await post(lin, f"{JD}/maintenance", reason="New data centre")
    [window] = await windows(house, "issuer:jd")
    typed = (datetime.now(UTC) + timedelta(days=2)).strftime("%Y-%m-%dT%H:%M")
    sent = await post(lin, f"{JD}/maintenance/{window.id}/change-end", ends_at=typed)
    assert (sent.status_code, sent.headers["location"]) == (303, JD)
    page = (await lin.get(JD)).text
    assert "the end was changed" in page
    assert f'value="{typed}"' in page, "the form shows the end in force, by the person's own clock"
    refused = await post(lin, f"{JD}/maintenance/{window.id}/change-end", ends_at="2020-01-01T00:00")
    assert refused.status_code == 422
    assert 'value="2020-01-01T00:00"' in refused.text
    await post(lin, f"{JD}/maintenance/{window.id}/change-end", ends_at="")
    [window] = await windows(house, "issuer:jd")
    assert window.ends_at is None


async def test_page_shows_when_workers_hold_the_calls(house: House) -> None:
    lin = await house.as_(Role.OPS)
    said = "the workers hold the calls themselves"
    assert said not in (await lin.get(JD)).text
    async with house.database.transaction() as session:
        found = {"found": '{"offered": false}'}
        await session.execute(text("INSERT INTO run_watch VALUES ('rates', now(), CAST(:found AS jsonb))"), found)
    try:
        assert said in (await lin.get(JD)).text
        assert said not in (await lin.get("/operations/providers/messages")).text, "these leave by our own outbox"
    finally:
        async with house.database.transaction() as session:
            await session.execute(text("DELETE FROM run_watch WHERE look = 'rates'"))


async def test_concurrent_change_names_the_first_person_and_keeps_the_input(house: House) -> None:
    lin, bo = await house.as_(Role.OPS, "Lin"), await house.as_(Role.ADMIN, "Bo")
    await post(lin, f"{JD}/maintenance", reason="New data centre")
    refused = await post(bo, f"{JD}/maintenance", reason="Fibre is cut")
    assert refused.status_code == 409
    assert "Existing maintenance, started by Lin" in refused.text
    assert 'value="Fibre is cut"' in refused.text
    [window] = await windows(house, "issuer:jd")
    await post(lin, f"{JD}/maintenance/{window.id}/end")
    late = await post(bo, f"{JD}/maintenance/{window.id}/end")
    assert late.status_code == 409
    assert "has changed in the meantime" in late.text


async def test_times_are_shown_in_the_persons_time_zone(house: House) -> None:
    lin = await house.as_(Role.OPS)
    begins = (datetime.now(UTC) + timedelta(days=2)).replace(minute=0, second=0, microsecond=0)
    typed = begins.strftime("%Y-%m-%dT%H:%M")
    await post(lin, f"{JD}/maintenance", reason="Certificates", starts_at=typed)
    [window] = await windows(house, "issuer:jd")
    assert window.starts_at == begins - timedelta(hours=8), "the person's clock is Shanghai's"
    assert "Cancel this maintenance" in (await lin.get(JD)).text


async def test_card_page_shows_issuer_maintenance(house: House) -> None:
    waiting = await house.cards.waiting(brand_code="jd")
    await a_provider_in_maintenance(house, await house.cards.person(Role.OPS))
    page = (await (await house.as_(Role.REVIEWER)).get(f"/cards/{waiting.card_id}")).text
    assert "Issuer in maintenance: the card waits" in page


@pytest.mark.parametrize("provider", ["issuer:nobody", "issuer", "outlet:jd", "nonsense"])
async def test_unknown_provider_is_not_found(house: House, provider: str) -> None:
    assert (await (await house.as_(Role.OPS)).get(f"/operations/providers/{provider}")).status_code == 404


async def test_live_fragment_of_each_page_is_served_separately(house: House) -> None:
    await a_provider_in_maintenance(house, await house.cards.person(Role.OPS))
    await stuck_runs(house, (await house.cards.waiting()).card_id)
    lin = await house.as_(Role.OPS)
    for path, part in (("/operations", "causes"), ("/operations/providers", "providers"), (JD, "figures")):
        fetched = await lin.get(path, headers={"hx-request": "true"})
        assert fetched.status_code == 200, path
        assert fetched.text.strip().startswith(f'<div id="{part}"')
