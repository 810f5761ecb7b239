"""Today is a day of a place: a card's last evening is the brand's, a policy begins on the office's day."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest

from domain.errors.cards import CardExpired
from domain.places import business_day, today_in, zoned
from domain.rules.brands import brand, catalogue

LAST_DAY = date(2026, 11, 30)
AT_TWO_IN_BEIJING = datetime(2026, 11, 30, 18, 0, tzinfo=UTC)  # 1 December, 02:00 in Beijing.
LAST_EVENING_IN_SEATTLE = datetime(2026, 12, 1, 5, 0, tzinfo=UTC)  # 30 November, 21:00 there.


def test_a_chinese_card_has_expired_at_two_in_the_morning_in_beijing() -> None:
    assert AT_TWO_IN_BEIJING.date() == LAST_DAY, "in UTC it is still the last day"
    with pytest.raises(CardExpired):
        brand("walmart").require_unexpired(LAST_DAY, AT_TWO_IN_BEIJING)
    assert brand("walmart").require_unexpired(date(2026, 12, 1), AT_TWO_IN_BEIJING) == date(2026, 12, 1)


def test_an_american_card_is_taken_on_its_last_evening() -> None:
    assert brand("amazon-us").require_unexpired(LAST_DAY, LAST_EVENING_IN_SEATTLE) == LAST_DAY
    with pytest.raises(CardExpired):
        brand("amazon-us").require_unexpired(LAST_DAY, datetime(2026, 12, 1, 8, 0, tzinfo=UTC))


def test_a_card_without_expiry_never_expires() -> None:
    assert brand("walmart").require_unexpired(None, AT_TWO_IN_BEIJING) is None


def test_each_brand_has_a_place_where_its_cards_expire() -> None:
    assert {one.zone.key for one in catalogue().values()} == {"Asia/Shanghai", "America/Los_Angeles"}


def test_policies_begin_on_the_day_of_the_office() -> None:
    assert business_day(AT_TWO_IN_BEIJING) == date(2026, 12, 1)
    assert today_in(ZoneInfo("America/New_York"), AT_TWO_IN_BEIJING) == LAST_DAY


@pytest.mark.parametrize("text", ["2026-12-01T02:00:00", "2026-12-01", "soon", ""])
def test_a_text_without_a_zone_names_no_moment(text: str) -> None:
    assert zoned(text) is None
    assert zoned("2026-12-01T02:00:00+08:00") == AT_TWO_IN_BEIJING


def test_a_moment_without_a_zone_has_no_day() -> None:
    with pytest.raises(ValueError, match="moment"):
        business_day(datetime(2026, 11, 30))  # noqa: DTZ001
