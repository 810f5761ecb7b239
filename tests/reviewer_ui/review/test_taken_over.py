"""A task that another person claimed: the open page shows the holder, keeps the input, and decides nothing."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest

from domain.people.roles import Role
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.deciding import decide, decisions, suggested, taken
from tests.reviewer_ui.waiting_cards import OTHER_NUMBER


@pytest.mark.parametrize("form", [{"act": "accept"}, {"act": "approve"}, {"act": "approve_corrected"}, {"act": ""}])
async def test_taken_over_task_shows_its_holder_and_no_actions(house: House, form: dict[str, str]) -> None:
    ann, bo = await house.as_(Role.REVIEWER, "Ann"), await house.as_(Role.SENIOR, "Bo")
    waiting = await taken(house, ann)
    mark = suggested((await ann.get(f"/cards/{waiting.card_id}")).text)
    await post(bo, f"/cards/{waiting.card_id}/take-over", task_id=waiting.task_id, reason_code="urgent")
    refused = await decide(ann, waiting, **form, suggested=mark, number=OTHER_NUMBER, note="the rim")
    assert refused.status_code == 409
    assert "A colleague is working on this task" in refused.text
    assert "Bo is working on this" in refused.text
    assert f'value="{OTHER_NUMBER}"' in refused.text
    assert 'value="the rim"' in refused.text
    assert '<fieldset class="acts" disabled>' in refused.text
    accept = re.search(r'<button[^>]*value="accept"[^>]*>', refused.text)
    assert accept is None or "disabled" in accept[0]
    assert await decisions(house, waiting) == []


async def test_open_page_shows_the_current_holder(house: House) -> None:
    ann, bo = await house.as_(Role.REVIEWER, "Ann"), await house.as_(Role.SENIOR, "Bo")
    waiting = await taken(house, ann)
    where = f"/live/changed?card={waiting.card_id}&task={quote(waiting.task_id)}"
    assert f'hx-get="{where.replace("&", "&amp;")}' in (await ann.get(f"/cards/{waiting.card_id}")).text
    assert "data-lost" not in (await ann.get(where)).text
    await post(bo, f"/cards/{waiting.card_id}/take-over", task_id=waiting.task_id, reason_code="urgent")
    told = (await ann.get(where)).text
    assert "data-lost" in told
    assert "Bo has taken this task over" in told
    kept = await post(ann, f"/cards/{waiting.card_id}/draft", task_id=waiting.task_id, note="late words")
    assert kept.status_code == 204
    await decide(bo, waiting, act="approve")
    assert "You can no longer decide this task" in (await ann.get(where)).text
