"""The rules of four eyes in force are shown in the console, and cannot be changed there."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from html import unescape

from domain.people.roles import Role
from domain.rules.checks import check_policy, sampling_policy
from tests.reviewer_ui.conftest import House


async def test_four_eyes_page_shows_limits_sampling_and_compared_fields(house: House) -> None:
    today = datetime.now(UTC).date()
    checks, sampling = check_policy(today), sampling_policy(today)
    page = (await (await house.as_(Role.SENIOR)).get("/setup/four-eyes")).text
    told = unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page)))
    assert f"¥{checks.value_minor_min // 100:,}.00 or more." in told
    assert "Compared with the card's face value" in told
    assert checks.version in told
    assert sampling.version in told
    assert "Card not found at the issuer, or no answer" in told
    assert f"Daily maximum {sampling.per_day_max}" in told
    content = page.partition('<main id="content"')[2].partition("</main>")[0]
    assert "<form" not in content
