"""The page of queues and workers, and the drain of a worker by a person."""

from __future__ import annotations

import os

import pytest

from database.drains import is_drained
from domain.people.roles import Role
from services.ops.workers import Workers
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.ops_scenes import stuck_runs, worker_processes
from tests.reviewer_ui.queue_scenes import send

WORKER = "/operations/queues/workers/cards@here"


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Draining", "Lost", "Drained", "Taken at once", "98 %", "≤ 2.5 s", "2 / 100")),
        ("zh-CN", ("工作中", "失联", "已排空", "立即领取", "98 %", "≤ 2.5 秒", "2 / 100")),
    ],
)
async def test_page_shows_queues_workers_and_workflows_a_deployment_must_continue(
    house: House, language: str, words: tuple[str, ...]
) -> None:
    await stuck_runs(house, (await house.cards.waiting()).card_id)
    browser = await house.as_(Role.OPS)
    await worker_processes(house, await house.cards.person(Role.OPS))
    await Workers(house.database).drain("cli:root", "cards@here", "an update") if language == "en" else None
    page = (await browser.get("/operations/queues", headers={"accept-language": language})).text
    assert [word for word in words if word not in page] == []
    assert "<code>b2</code>" in page
    assert 'class="amount">41</td>' in page
    assert ("to be read" if language == "en" else "待识别") in page, "how many photos wait"


async def test_worker_is_drained_with_a_reason_and_resumed(house: House) -> None:
    browser, pid = await house.as_(Role.OPS, "Olga"), os.getpid()
    await worker_processes(house, await house.cards.person(Role.OPS))
    workers = Workers(house.database)
    refused = await send(browser, f"{WORKER}/drain", why="   ")
    assert refused.status_code == 422
    assert not await workers.beat("cards@here", pid, {})
    drained = await send(browser, f"{WORKER}/drain", why="the host is replaced")
    assert (drained.status_code, drained.headers["location"]) == (303, WORKER)
    assert await workers.beat("cards@here", pid, {})
    page = (await browser.get(WORKER)).text
    assert "Draining" in page
    assert "the host is replaced" in page
    assert "Olga" in page
    await workers.ended("cards@here", pid)
    assert "Drained" in (await browser.get(WORKER)).text
    assert (await send(browser, f"{WORKER}/undrain")).status_code == 303
    assert not await is_drained(house.database.engine.url.render_as_string(hide_password=False), "cards@here")


async def test_an_unknown_worker_has_no_page(house: House) -> None:
    assert (await (await house.as_(Role.ADMIN)).get("/operations/queues/workers/cards@nowhere")).status_code == 404


@pytest.mark.parametrize("path", ["/operations", "/operations/queues", WORKER])
async def test_refreshed_fragment_is_rendered_separately(house: House, path: str) -> None:
    await stuck_runs(house, (await house.cards.waiting()).card_id)
    await worker_processes(house, await house.cards.person(Role.OPS))
    part = await (await house.as_(Role.OPS)).get(path, headers={"hx-request": "true"})
    assert part.status_code == 200
    assert "<html" not in part.text
    assert "hx-trigger" in part.text
