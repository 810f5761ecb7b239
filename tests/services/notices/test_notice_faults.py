"""One person's notices, one channel, one slow receiver: each fails for itself, and the rest is delivered."""

from __future__ import annotations

from datetime import timedelta

import time_machine

from database.repositories import set_aside
from database.tables.columns import now
from database.tables.people import PersonRow
from domain.notices.kinds import NoticeKind
from services.notices.digest import ATTEMPTS_MAX, LOOP
from tests.builders.notified import Town
from tests.builders.notified import town as town

MINUTE = timedelta(minutes=1)


async def test_a_person_with_a_faulty_digest_is_set_aside_and_the_others_are_notified(town: Town) -> None:
    broken = await town.lives(mail=True)
    await town.notify(NoticeKind.ASSIGNED)
    async with town.database.transaction() as session:
        (await session.get_one(PersonRow, broken)).timezone = "Nowhere/Nothing"
    await town.lives(mail=True)
    await town.notify(NoticeKind.ASSIGNED)
    assert await town.delivery.deliver_due() == 1
    assert [mail["to"] for mail in town.post.taken] == [f"{town.person.lower()}@cardloop.test"]
    async with town.database.transaction() as session:
        kept = {(row.loop, row.subject): row.reason for row in await set_aside.listed(session, 10_000)}
    assert "ZoneInfoNotFoundError" in kept[LOOP, broken]
    async with town.database.transaction() as session:
        (await session.get_one(PersonRow, broken)).timezone = "Asia/Shanghai"
    with time_machine.travel(now() + MINUTE, tick=False):
        assert await town.delivery.deliver_due() == 1
    async with town.database.transaction() as session:
        assert broken not in {row.subject for row in await set_aside.listed(session, 10_000)}


async def test_retry_after_of_a_webhook_does_not_delay_the_mail(town: Town) -> None:
    await town.lives(mail=True, webhook_url=town.box.url)
    await town.notify(NoticeKind.OVERTURNED)
    town.post.answers = ["451 later"]
    town.box.answers, town.box.headers = [503], {"Retry-After": str(3 * 3600)}
    with time_machine.travel(now(), tick=False) as clock:
        assert await town.delivery.deliver_due() == 1
        clock.shift(MINUTE)
        assert await town.delivery.deliver_due() == 1
        assert (len(town.post.taken), len(town.box.received)) == (1, 1)
        clock.shift(2 * 60 * MINUTE)
        assert await town.delivery.deliver_due() == 0
        clock.shift(60 * MINUTE)
        assert await town.delivery.deliver_due() == 1
    assert (len(town.post.taken), len(town.box.received)) == (1, 2)
    assert [(row.mail_lost, row.hook_lost, row.hooked_at is None) for row in await town.rows()] == [("", "", False)]


async def test_a_webhook_that_waits_is_not_given_up_with_the_mail(town: Town) -> None:
    await town.lives(mail=True, webhook_url=town.box.url)
    await town.notify(NoticeKind.OVERTURNED)
    town.post.answers = ["451 later"] * ATTEMPTS_MAX
    town.box.answers, town.box.headers = [503], {"Retry-After": str(12 * 3600)}
    with time_machine.travel(now(), tick=False) as clock:
        for _ in range(ATTEMPTS_MAX):
            assert await town.delivery.deliver_due() == 1
            clock.shift(61 * MINUTE)
        assert [(row.mail_lost, row.hooked_at) for row in await town.rows()] == [("smtp_451", None)]
        clock.shift(12 * 60 * MINUTE)
        assert await town.delivery.deliver_due() == 1
    assert len(town.box.received) == 2
    assert [row.hook_lost for row in await town.rows()] == [""]
