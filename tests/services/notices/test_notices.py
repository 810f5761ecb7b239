"""Notifications outside the console follow a person's settings: once, in their language, outside quiet hours, without secrets."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from database.tables.columns import now
from database.tables.people import PersonRow
from domain.errors.general import NotFound
from domain.notices.kinds import NoticeKind
from gateways.http import new_client
from gateways.signatures import HEADER, require_signature
from gateways.webhooks import DELIVERY_HEADER, EVENT_HEADER, WebhookGateway
from services.notices.digest import ATTEMPTS_MAX, NoticeDelivery
from services.notices.inbox import Channels, PreferencesForm
from tests.builders.notified import Town, colleague
from tests.builders.notified import town as town

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
NIGHT = (time(22), time(7))


async def test_notification_mail_is_in_the_persons_language_with_a_link(town: Town) -> None:
    await town.lives(mail=True, locale="zh_CN")
    await town.notify(NoticeKind.RETURNED, by=await colleague(town, "王芳"), reason="look_again")
    assert await town.delivery.deliver_due() == 1
    (mail,) = town.post.taken
    (text,) = town.post.texts()
    assert mail["to"] == f"{town.person.lower()}@cardloop.test"
    assert "卡片 7Q2MXY：复审人退回了您的结论。操作人：王芳。原因：请再核对照片。" in text
    assert "https://console.test/cards/CARD7Q2MXY" in text
    assert await town.delivery.deliver_due() == 0


async def test_moments_in_a_notice_are_on_the_persons_own_clock(town: Town) -> None:
    await town.lives(mail=True, zone="America/New_York")
    wang = await colleague(town, "王芳")
    await town.notify(
        NoticeKind.STAND_IN, person=wang, **{"from": "2026-11-23T09:00:00+08:00", "until": "2026-11-24T09:00:00+08:00"}
    )
    await town.notify(NoticeKind.BREACH, due_at="2026-11-23T04:30:00+00:00")
    await town.delivery.deliver_due()
    (text,) = town.post.texts()
    assert "You stand in for 王芳 from 22 Nov 20:00 to 23 Nov 20:00." in text
    assert "Card 7Q2MXY is overdue: it was due 22 Nov 23:30." in text


async def test_nothing_is_sent_outside_without_a_setting(town: Town) -> None:
    await town.lives()
    await town.notify(NoticeKind.BREACH)
    assert await town.delivery.deliver_due() == 0
    (row,) = await town.rows()
    assert row.read_at is None


async def test_notices_are_collected_into_one_digest(town: Town) -> None:
    await town.lives(mail=True, digest_minutes=15)
    with time_machine.travel(datetime(2026, 11, 23, 2, 0, tzinfo=UTC), tick=False) as clock:
        await town.notify(NoticeKind.ASSIGNED)
        clock.shift(timedelta(minutes=10))
        await town.notify(NoticeKind.RETURNED)
        assert await town.delivery.deliver_due() == 0
        clock.shift(timedelta(minutes=5))
        assert await town.delivery.deliver_due() == 1
    (mail,), (text,) = town.post.taken, town.post.texts()
    assert mail["subject"] == "[Cardloop] 2 notifications"
    assert text.index("was assigned to you") < text.index("returned your decision")


async def test_overdue_and_warning_notices_skip_the_digest(town: Town) -> None:
    await town.lives(mail=True, digest_minutes=240)
    await town.notify(NoticeKind.ASSIGNED)
    await town.notify(NoticeKind.BREACH)
    await town.notify(NoticeKind.WARNING)
    assert await town.delivery.deliver_due() == 1
    (text,) = town.post.texts()
    assert "is overdue" in text
    assert "due soon" in text
    assert "assigned to you" not in text


async def test_read_notice_is_not_sent(town: Town) -> None:
    await town.lives(mail=True)
    await town.notify(NoticeKind.ASSIGNED)
    await town.notify(NoticeKind.RETURNED)
    await town.notices.read(town.person, (await town.rows())[0].id)
    assert await town.delivery.deliver_due() == 1
    assert "assigned to you" not in town.post.texts()[0]


async def test_quiet_hours_allow_only_overdue_notices(town: Town) -> None:
    await town.lives(mail=True, zone="America/New_York", quiet_from=NIGHT[0], quiet_until=NIGHT[1])
    with time_machine.travel(datetime(2026, 11, 23, 23, 30, tzinfo=NEW_YORK), tick=False) as clock:
        await town.notify(NoticeKind.ASSIGNED)
        await town.notify(NoticeKind.CHAIN)
        assert await town.delivery.deliver_due() == 1
        assert "long overdue" in town.post.texts()[0]
        clock.move_to(datetime(2026, 11, 24, 6, 59, 59, tzinfo=NEW_YORK), tick=False)
        assert await town.delivery.deliver_due() == 0
        clock.move_to(datetime(2026, 11, 24, 7, 0, tzinfo=NEW_YORK), tick=False)
        assert await town.delivery.deliver_due() == 1
    assert "assigned to you" in town.post.texts()[1]


async def test_quiet_hours_set_later_hold_for_what_is_waiting_already(town: Town) -> None:
    await town.lives(mail=True)
    with time_machine.travel(datetime(2026, 11, 23, 22, 30, tzinfo=SHANGHAI), tick=False) as clock:
        await town.notify(NoticeKind.ASSIGNED)
        await town.notices.set_preferences(town.person, PreferencesForm(True, "", 0, *NIGHT))
        assert await town.delivery.deliver_due() == 0
        clock.move_to(datetime(2026, 11, 24, 7, 0, tzinfo=SHANGHAI), tick=False)
        assert await town.delivery.deliver_due() == 1


async def test_a_mail_that_was_not_taken_comes_later_with_the_same_id_and_the_same_news(town: Town) -> None:
    await town.lives(mail=True)
    await town.notify(NoticeKind.ASSIGNED)
    await town.notify(NoticeKind.RETURNED)
    town.post.answers = ["451 later"]
    with time_machine.travel(now(), tick=False) as clock:
        assert await town.delivery.deliver_due() == 1
        await town.notify(NoticeKind.MENTIONED)
        assert await town.delivery.deliver_due() == 1
        clock.shift(timedelta(seconds=29))
        assert await town.delivery.deliver_due() == 0
        clock.shift(timedelta(seconds=2))
        assert await town.delivery.deliver_due() == 1
    other, retried = town.post.texts()
    assert "You were mentioned" in other
    assert "You were mentioned" not in retried
    assert retried.count("Card 7Q2MXY") + retried.count("card 7Q2MXY") == 2


async def test_a_deliverer_that_dies_after_sending_sends_the_very_same_mail_again(town: Town) -> None:
    await town.lives(mail=True)
    await town.notify(NoticeKind.ASSIGNED)
    await town.notify(NoticeKind.RETURNED)

    class Dies(NoticeDelivery):
        async def _deliver(self, digest: Any) -> None:
            await self._mail(digest)

    with time_machine.travel(now(), tick=False) as clock:
        assert await Dies(town.database, town.keyring, town.channels).deliver_due() == 1
        await town.notify(NoticeKind.MENTIONED)
        await town.notices.read(town.person, (await town.rows())[0].id)
        clock.shift(timedelta(minutes=3))
        assert await town.delivery.deliver_due() == 2
        clock.shift(timedelta(hours=3))
        assert await town.delivery.deliver_due() == 0
    first, *others = town.post.taken
    (again,) = [mail for mail in others if mail["message-id"] == first["message-id"]]
    assert again.get_payload() == first.get_payload()
    assert len({mail["message-id"] for mail in town.post.taken}) == 2


async def test_permanent_refusals_and_repeated_failures_are_given_up(town: Town) -> None:
    await town.lives(mail=True)
    await town.notify(NoticeKind.ASSIGNED)
    town.post.answers = ["550 no such mailbox"]
    assert await town.delivery.deliver_due() == 1
    assert [(row.mail_lost, row.hook_lost) for row in await town.rows()] == [("smtp_550", "")]
    await town.lives(mail=True)
    await town.notify(NoticeKind.ASSIGNED)
    town.post.answers = ["451 later"] * 100
    tries = 0
    with time_machine.travel(now(), tick=False) as clock:
        for _ in range(30):
            tries += await town.delivery.deliver_due()
            clock.shift(timedelta(minutes=61))
    assert tries == ATTEMPTS_MAX
    assert [row.mail_lost for row in await town.rows()] == ["smtp_451"]
    assert town.post.taken == []


async def test_webhook_is_signed_and_numbered_and_sent_when_mail_fails(town: Town) -> None:
    await town.lives(mail=True, webhook_url=town.box.url)
    await town.notify(NoticeKind.OVERTURNED)
    town.post.answers = ["451 later"]
    with time_machine.travel(now(), tick=False) as clock:
        assert await town.delivery.deliver_due() == 1
        clock.shift(timedelta(minutes=5))
        assert await town.delivery.deliver_due() == 1
    ((body, headers),) = await town.box.holds(1)
    assert len(town.post.taken) == 1
    assert [(row.mail_lost, row.hook_lost) for row in await town.rows()] == [("", "")]  # It arrived at last.
    secret = town.notices.webhook_secret(town.person, town.box.url)
    require_signature("webhook", [secret], body, headers[HEADER.lower()])
    said = json.loads(body)
    assert headers[EVENT_HEADER.lower()] == "notices"
    assert headers[DELIVERY_HEADER.lower()] == said["id"]
    (entry,) = said["notices"]
    assert (entry["kind"], entry["card_id"]) == ("overturned", "CARD7Q2MXY")
    assert entry["link"] == "https://console.test/cards/CARD7Q2MXY"


async def test_a_webhook_into_our_own_network_is_refused_and_not_tried_again(town: Town) -> None:
    await town.lives(webhook_url=town.box.url.replace("http:", "https:"))
    await town.notify(NoticeKind.ASSIGNED)
    async with new_client("") as client:
        channels = Channels(None, WebhookGateway(client), "https://console.test")
        delivery = NoticeDelivery(town.database, town.keyring, channels)
        assert await delivery.deliver_due() == 1
        assert await delivery.deliver_due() == 0
    assert town.box.received == []
    assert (await town.rows())[0].hooked_at is not None


async def test_without_a_mail_server_nothing_piles_up_for_the_day_it_comes(town: Town) -> None:
    await town.lives(mail=True)
    await town.notify(NoticeKind.ASSIGNED)
    without = Channels(None, town.channels.webhooks, "https://console.test")
    assert await NoticeDelivery(town.database, town.keyring, without).deliver_due() == 1
    assert await town.delivery.deliver_due() == 0
    assert town.post.taken == []


async def test_two_deliverers_at_once_send_one_mail(town: Town) -> None:
    await town.lives(mail=True)
    for _ in range(5):
        await town.notify(NoticeKind.ASSIGNED)
    await asyncio.gather(*(town.delivery.deliver_due() for _ in range(4)))
    assert len(town.post.taken) == 1


async def test_a_deactivated_person_is_not_notified(town: Town) -> None:
    await town.lives(mail=True)
    await town.notify(NoticeKind.ASSIGNED)
    async with town.database.transaction() as session:
        (await session.get_one(PersonRow, town.person)).active = False
    await town.delivery.deliver_due()
    assert town.post.taken == []


async def test_notice_per_cause_is_sent_once_and_readable_by_its_person(town: Town) -> None:
    await town.lives()
    await town.notify(NoticeKind.ASSIGNED, "the same")
    await town.notify(NoticeKind.ASSIGNED, "the same")
    ((row,), _) = await town.notices.page(town.person)
    assert await town.notices.unread(town.person) == 1
    with pytest.raises(NotFound):
        await town.notices.read("somebody-else", row.id)
    await town.notices.read_all(town.person, row.id)
    assert await town.notices.unread(town.person) == 0
