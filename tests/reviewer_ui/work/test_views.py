"""A view of the queue is saved under a name, opened with one click, and shared by those who may share."""

from __future__ import annotations

import asyncio
import re

import pytest

from database.reads.work import saved_views as reads
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.work import TooManyViews, ViewNameTaken
from domain.people.roles import Role
from services.work.saved_views import VIEWS_MAX, SavedViews
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.queue_scenes import browser_of, send, shown

HERE = "/review/views"


async def views_of(house: House, person: str) -> list[reads.View]:
    async with house.database.transaction() as session:
        return [view for view in await reads.views(session, person) if view.own]


async def test_saved_filter_is_shown_above_the_queue(house: House) -> None:
    me, regional = await house.cards.person(Role.REVIEWER), await house.cards.waiting(brand_code="hualian")
    other, browser = await house.cards.waiting(), await browser_of(house, me)
    page = (await browser.get("/review?type=regional&sort=due")).text
    assert 'name="query" value="type=regional&amp;sort=due"' in page
    saved = await send(browser, HERE, name="  Regional   first ", query="type=regional&sort=due")
    assert saved.headers["location"] == "/review?type=regional&sort=due"
    page = (await browser.get(saved.headers["location"])).text
    assert re.search(r'aria-current="page">\s*Regional first</a>', page)
    assert "Save as view" not in page
    assert shown(page, regional, other) == [regional.card_id]


async def test_default_view_opens_first(house: House) -> None:
    me = await house.cards.person(Role.REVIEWER)
    browser, views = await browser_of(house, me), SavedViews(house.database)
    first, second = await views.save(me, "A", "type=dining"), await views.save(me, "B", "sort=value")
    await send(browser, f"{HERE}/{first}", act="first")
    assert (await browser.get("/review")).headers["location"] == "/review?type=dining"
    await send(browser, f"{HERE}/{second}", act="first")
    assert (await browser.get("/review")).headers["location"] == "/review?sort=value"
    assert [(view.name, view.opens_first) for view in await views_of(house, me)] == [("A", False), ("B", True)]
    assert (await browser.get("/review?all=yes")).status_code == 200
    await send(browser, f"{HERE}/{second}", act="not_first")
    assert (await browser.get("/review")).status_code == 200


async def test_shared_view_is_open_to_all_and_changed_only_by_its_owner(house: House) -> None:
    lead, colleague = await house.cards.person(Role.SENIOR, "Lead"), await house.cards.person(Role.REVIEWER)
    views = SavedViews(house.database)
    view_id = await views.save(lead, "Early birds", "soon_late=yes")
    browser = await browser_of(house, colleague)
    assert "Early birds" not in (await browser.get(HERE)).text
    assert (await send(browser, f"{HERE}/{view_id}", act="pin")).status_code == 404
    await views.share(lead, view_id, True)
    assert "Shared by Lead" in (await browser.get(HERE)).text
    await send(browser, f"{HERE}/{view_id}", act="pin")
    assert ">Early birds</a>" in (await browser.get("/review")).text
    for act in ("rename", "delete", "unshare"):
        refused = await send(browser, f"{HERE}/{view_id}", act=act, name="Mine now")
        assert refused.status_code in (403, 404), act
    await views.share(lead, view_id, False)
    assert "Early birds" not in (await browser.get("/review")).text


async def test_refused_view_shows_the_reason_and_keeps_the_name(house: House) -> None:
    me = await house.cards.person(Role.REVIEWER)
    browser, views = await browser_of(house, me), SavedViews(house.database)
    view_id = await views.save(me, "Dear", "value_min=500")
    again = await send(browser, HERE, name="dear", query="value_min=900")
    assert (again.status_code, "You already have a view with that name" in again.text) == (409, True)
    assert ('value="dear"' in again.text, 'value="value_min=900"' in again.text) == (True, True)
    with pytest.raises(FieldInvalid):
        await views.save(me, "Odd", "type=plastic")
    with pytest.raises(NotAllowed):
        await views.save(me, "Ours", "type=dining", shared=True)
    for name in ("", "x" * 41):
        renamed = await send(browser, f"{HERE}/{view_id}", act="rename", name=name)
        assert renamed.status_code == 422
    assert (await send(browser, f"{HERE}/{view_id}", act="explode")).status_code == 422
    assert [view.name for view in await views_of(house, me)] == ["Dear"]


async def test_concurrent_saves_keep_one_view_per_name(house: House) -> None:
    me, views = await house.cards.person(Role.REVIEWER), SavedViews(house.database)
    made = await asyncio.gather(*(views.save(me, "Mine", "type=dining") for _ in range(3)), return_exceptions=True)
    assert sorted(type(one).__name__ for one in made) == ["ViewNameTaken", "ViewNameTaken", "str"]
    assert issubclass(ViewNameTaken, Exception)


async def test_number_of_views_is_limited(house: House) -> None:
    me, views = await house.cards.person(Role.REVIEWER), SavedViews(house.database)
    for place in range(VIEWS_MAX):
        await views.save(me, f"View {place}", f"value_min={place}")
    with pytest.raises(TooManyViews) as refused:
        await views.save(me, "One more", "type=dining")
    assert refused.value.data == {"most": VIEWS_MAX}


async def test_deleted_view_is_removed_from_all_pins(house: House) -> None:
    lead, colleague = await house.cards.person(Role.SENIOR), await house.cards.person(Role.REVIEWER)
    views = SavedViews(house.database)
    view_id = await views.save(lead, "Short lived", "hand=free", shared=True)
    await views.open_first(colleague, view_id, True)
    await views.delete(lead, view_id)
    assert (await (await browser_of(house, colleague)).get("/review")).status_code == 200
    with pytest.raises(NotFound):
        await views.pin(colleague, view_id, True)
