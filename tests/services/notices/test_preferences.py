"""What a person can wish for, what every kind of news says, and that quiet hours are quiet."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors.general import FieldInvalid
from domain.notices.kinds import NoticeKind, NoticePreferences, delivered_from, quiet_until
from languages import LOCALES, has
from services.notices.digest_text import Reader, sentence
from services.notices.inbox import Channels, Notices, PreferencesForm
from tests.builders.notified import Town
from tests.builders.notified import town as town

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
NIGHT = (time(22), time(7))


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", NoticeKind)
def test_every_kind_of_news_has_a_sentence(kind: NoticeKind, locale: str) -> None:
    assert has(f"notice.{kind.value}", locale)


def test_digits_in_a_free_text_fact_are_hidden() -> None:
    for locale in ("en", "zh_CN"):
        facts = {"reason": "PIN 604128, card 8104 2231 9907 6643"}
        said = sentence("returned", "CARD7Q2MXY", facts, Reader(locale, SHANGHAI))
        assert "604128" not in said
        assert "6643" not in said


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        (PreferencesForm(False, "http://hook.test/x", 15, None, None), "webhook_url"),
        (PreferencesForm(False, "https://me:pw@hook.test/", 15, None, None), "webhook_url"),
        (PreferencesForm(False, "https://[::1", 15, None, None), "webhook_url"),
        (PreferencesForm(False, "file:///etc/passwd", 15, None, None), "webhook_url"),
        (PreferencesForm(False, "", 7, None, None), "digest_minutes"),
        (PreferencesForm(False, "", 15, time(22), None), "quiet_hours"),
        (PreferencesForm(False, "", 15, time(22), time(22)), "quiet_hours"),
        (PreferencesForm(True, "", 15, None, None), "mail"),
    ],
)
async def test_preferences_that_cannot_be_kept_are_refused(town: Town, form: PreferencesForm, wrong: str) -> None:
    await town.lives()
    without = Notices(town.database, town.keyring, Channels(None, town.channels.webhooks, ""))
    with pytest.raises(FieldInvalid) as refused:
        await without.set_preferences(town.person, form)
    assert refused.value.data["field"] == wrong


async def test_test_message_uses_every_enabled_channel_and_reports_failures(town: Town) -> None:
    await town.lives(mail=True, webhook_url=town.box.url)
    town.box.answers = [500]
    assert await town.notices.try_out(town.person) == {"mail": "", "webhook": "http_500"}
    assert "notifications reach you here" in town.post.texts()[0]


def test_quiet_hours_end_on_the_persons_own_clock_also_when_it_changes() -> None:
    sleeper = NoticePreferences(quiet=NIGHT, zone=NEW_YORK)
    # The night of 1 November 2026 has an hour more in New York: 7 o'clock is 12:00 UTC, no longer 11:00.
    assert quiet_until(datetime(2026, 11, 1, 3, 0, tzinfo=UTC), sleeper) == datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
    assert quiet_until(datetime(2026, 10, 31, 3, 0, tzinfo=UTC), sleeper) == datetime(2026, 10, 31, 11, 0, tzinfo=UTC)


@given(
    st.integers(0, 365 * 24 * 60).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)),
    st.times().map(lambda one: one.replace(second=0, microsecond=0)),
    st.times().map(lambda one: one.replace(second=0, microsecond=0)),
    st.sampled_from([SHANGHAI, ZoneInfo("Asia/Kolkata"), ZoneInfo("UTC")]),
    st.sampled_from(list(NoticeKind)),
)
def test_only_urgent_notices_are_sent_in_quiet_hours(
    moment: datetime, begins: time, ends: time, zone: ZoneInfo, kind: NoticeKind
) -> None:
    preferences = NoticePreferences(mail=True, quiet=(begins, ends) if begins != ends else None, zone=zone)
    leaves = delivered_from(kind, moment, preferences)
    clock = leaves.astimezone(zone).time()
    inside = begins <= clock < ends if begins < ends else clock >= begins or clock < ends
    assert leaves >= moment
    assert leaves - moment <= timedelta(days=1, minutes=15)
    if kind in (NoticeKind.BREACH, NoticeKind.CHAIN, NoticeKind.ALERT):
        assert leaves == moment
    else:
        assert preferences.quiet is None or not inside
