"""People are told outside the console as they wish: once, in their language, awake, and with nothing secret in it."""

from __future__ import annotations

import asyncio
import email
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from email.message import Message
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio
import time_machine
from aiosmtpd.smtp import SMTP, Envelope, Session
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import delete, select

from activities.notice_delivery import ATTEMPTS_MAX, NoticeDelivery
from activities.notice_words import Reader, sentence
from activities.notices import Channels, Notices, WishForm
from database.repositories.notices import tell
from database.session import Database
from database.tables.columns import now
from database.tables.notices import NoticeRow, NoticeWishRow
from database.tables.people import PersonRow
from domain.identifiers import new_id
from domain.notices import NoticeKind, Wishes, leaves_at, quiet_until
from domain.refusals import FieldInvalid, NotFound
from domain.sealing import KeyRing
from gateways.http import new_client
from gateways.mail import MailGateway, MailServer
from gateways.signatures import HEADER, require_signature
from gateways.webhooks import DELIVERY_HEADER, EVENT_HEADER, WebhookGateway
from languages import LOCALES, has
from tests.gateways.partners import Mailbox, mailbox

SHANGHAI, NEW_YORK = ZoneInfo("Asia/Shanghai"), ZoneInfo("America/New_York")
NIGHT = (time(22), time(7))
ROW: Any = NoticeRow


@dataclass
class Post:
    """A real SMTP server: what it took, and the answers it gives next instead of taking."""

    taken: list[Message] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        self.taken.append(email.message_from_bytes(content))
        return "250 taken"

    def texts(self) -> list[str]:
        return [str(mail.get_payload(decode=True), "utf-8") for mail in self.taken]  # type: ignore[arg-type]


@dataclass
class Town:
    """A person who can be told, the mail server, and the receiver of webhooks."""

    database: Database
    keyring: KeyRing
    post: Post
    box: Mailbox
    channels: Channels
    person: str = ""

    @property
    def delivery(self) -> NoticeDelivery:
        """As another process would build it: it remembers nothing."""
        return NoticeDelivery(self.database, self.keyring, self.channels)

    @property
    def notices(self) -> Notices:
        return Notices(self.database, self.keyring, self.channels)

    async def lives(self, *, locale: str = "en", zone: str = "Asia/Shanghai", **wishes: Any) -> str:
        """A new person with these wishes."""
        self.person = new_id()
        async with self.database.transaction() as session:
            session.add(
                PersonRow(
                    id=self.person, email=f"{self.person.lower()}@cardloop.test", name="Lin", password_hash="-",
                    roles=["reviewer"], locale=locale, timezone=zone,
                )
            )  # fmt: skip
            await session.flush()
            session.add(NoticeWishRow(person_id=self.person, **{"digest_minutes": 0, **wishes}))
        return self.person

    async def told(self, kind: NoticeKind, key: str = "", card_id: str = "CARD7Q2MXY", **facts: str) -> None:
        async with self.database.transaction() as session:
            await tell(session, [self.person], kind, key or new_id(), card_id=card_id, **facts)

    async def rows(self) -> list[NoticeRow]:
        statement = select(NoticeRow).where(ROW.person_id == self.person).order_by(ROW.id)
        async with self.database.transaction() as session:
            return list((await session.execute(statement)).scalars())


@asynccontextmanager
async def mail_server(post: Post) -> AsyncIterator[MailGateway]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(post, hostname="mail.test", loop=loop), "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield MailGateway(MailServer("127.0.0.1", port, "cardloop@cardloop.test", tls="none"))
    finally:
        server.close()
        await server.wait_closed()


@pytest_asyncio.fixture(loop_scope="session")
async def town(database_url: str) -> AsyncIterator[Town]:
    database, post = Database(database_url, pool_size=4), Post()
    async with database.transaction() as session:
        await session.execute(delete(NoticeRow))
    async with mail_server(post) as mail, mailbox() as box, new_client("") as client:
        hooks = WebhookGateway(client, allow_private=True)
        channels = Channels(mail, hooks, "https://console.test", insecure_urls=True)
        yield Town(database, KeyRing.generate(), post, box, channels)
    await database.dispose()


async def test_a_wished_mail_says_in_the_persons_language_what_happened_and_where_to_look(town: Town) -> None:
    await town.lives(mail=True, locale="zh_CN")
    await town.told(NoticeKind.RETURNED, by=await colleague(town, "王芳"), reason="look_again")
    assert await town.delivery.deliver_due() == 1
    (mail,) = town.post.taken
    (text,) = town.post.texts()
    assert mail["to"] == f"{town.person.lower()}@cardloop.test"
    assert "卡片 7Q2MXY 的复核人退回了您的结论。操作人：王芳。原因：请再核对照片。" in text
    assert "https://console.test/cards/CARD7Q2MXY" in text
    assert await town.delivery.deliver_due() == 0


async def test_moments_in_a_notice_are_on_the_persons_own_clock(town: Town) -> None:
    await town.lives(mail=True, zone="America/New_York")
    wang = await colleague(town, "王芳")
    await town.told(
        NoticeKind.STAND_IN, person=wang, **{"from": "2026-11-23T09:00:00+08:00", "until": "2026-11-24T09:00:00+08:00"}
    )
    await town.told(NoticeKind.BREACH, due_at="2026-11-23T04:30:00+00:00")
    await town.delivery.deliver_due()
    (text,) = town.post.texts()
    assert "You stand in for 王芳 from 22 Nov 20:00 to 23 Nov 20:00." in text
    assert "Card 7Q2MXY is late: it was due 22 Nov 23:30." in text


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("kind", NoticeKind)
def test_every_kind_of_news_has_a_sentence(kind: NoticeKind, locale: str) -> None:
    assert has(f"notice.{kind.value}", locale)


async def colleague(town: Town, name: str) -> str:
    person_id = new_id()
    async with town.database.transaction() as session:
        session.add(PersonRow(id=person_id, email=f"{person_id}@cardloop.test", name=name, password_hash="-"))
    return person_id


async def test_nobody_is_told_outside_who_did_not_ask_for_it(town: Town) -> None:
    await town.lives()
    await town.told(NoticeKind.BREACH)
    assert await town.delivery.deliver_due() == 0
    (row,) = await town.rows()
    assert row.read_at is None


async def test_news_is_collected_into_one_mail(town: Town) -> None:
    await town.lives(mail=True, digest_minutes=15)
    with time_machine.travel(datetime(2026, 11, 23, 2, 0, tzinfo=UTC), tick=False) as clock:
        await town.told(NoticeKind.ASSIGNED)
        clock.shift(timedelta(minutes=10))
        await town.told(NoticeKind.RETURNED)
        assert await town.delivery.deliver_due() == 0
        clock.shift(timedelta(minutes=5))
        assert await town.delivery.deliver_due() == 1
    (mail,), (text,) = town.post.taken, town.post.texts()
    assert mail["subject"] == "[Cardloop] 2 notices"
    assert text.index("was given to you") < text.index("was sent back")


async def test_a_deadline_that_has_passed_waits_for_no_digest_and_a_warning_neither(town: Town) -> None:
    await town.lives(mail=True, digest_minutes=240)
    await town.told(NoticeKind.ASSIGNED)
    await town.told(NoticeKind.BREACH)
    await town.told(NoticeKind.WARNING)
    assert await town.delivery.deliver_due() == 1
    (text,) = town.post.texts()
    assert "is late" in text
    assert "late soon" in text
    assert "given to you" not in text


async def test_what_was_read_in_the_console_is_not_sent_after_that(town: Town) -> None:
    await town.lives(mail=True)
    await town.told(NoticeKind.ASSIGNED)
    await town.told(NoticeKind.RETURNED)
    await town.notices.read(town.person, (await town.rows())[0].id)
    assert await town.delivery.deliver_due() == 1
    assert "given to you" not in town.post.texts()[0]


async def test_the_night_is_quiet_but_for_what_is_late(town: Town) -> None:
    await town.lives(mail=True, zone="America/New_York", quiet_from=NIGHT[0], quiet_until=NIGHT[1])
    with time_machine.travel(datetime(2026, 11, 23, 23, 30, tzinfo=NEW_YORK), tick=False) as clock:
        await town.told(NoticeKind.ASSIGNED)
        await town.told(NoticeKind.CHAIN)
        assert await town.delivery.deliver_due() == 1
        assert "late for long" in town.post.texts()[0]
        clock.move_to(datetime(2026, 11, 24, 6, 59, 59, tzinfo=NEW_YORK), tick=False)
        assert await town.delivery.deliver_due() == 0
        clock.move_to(datetime(2026, 11, 24, 7, 0, tzinfo=NEW_YORK), tick=False)
        assert await town.delivery.deliver_due() == 1
    assert "given to you" in town.post.texts()[1]


async def test_quiet_hours_set_later_hold_for_what_is_waiting_already(town: Town) -> None:
    await town.lives(mail=True)
    with time_machine.travel(datetime(2026, 11, 23, 22, 30, tzinfo=SHANGHAI), tick=False) as clock:
        await town.told(NoticeKind.ASSIGNED)
        await town.notices.wish(town.person, WishForm(True, "", 0, *NIGHT))
        assert await town.delivery.deliver_due() == 0
        clock.move_to(datetime(2026, 11, 24, 7, 0, tzinfo=SHANGHAI), tick=False)
        assert await town.delivery.deliver_due() == 1


async def test_a_mail_that_was_not_taken_comes_later_with_the_same_id_and_the_same_news(town: Town) -> None:
    await town.lives(mail=True)
    await town.told(NoticeKind.ASSIGNED)
    await town.told(NoticeKind.RETURNED)
    town.post.answers = ["451 later"]
    with time_machine.travel(now(), tick=False) as clock:
        assert await town.delivery.deliver_due() == 1
        await town.told(NoticeKind.MENTIONED)
        assert await town.delivery.deliver_due() == 1
        clock.shift(timedelta(seconds=29))
        assert await town.delivery.deliver_due() == 0
        clock.shift(timedelta(seconds=2))
        assert await town.delivery.deliver_due() == 1
    other, retried = town.post.texts()
    assert "mentioned you" in other
    assert "mentioned you" not in retried
    assert retried.count("Card 7Q2MXY") + retried.count("card 7Q2MXY") == 2


async def test_a_deliverer_that_dies_after_sending_sends_the_very_same_mail_again(town: Town) -> None:
    await town.lives(mail=True)
    await town.told(NoticeKind.ASSIGNED)
    await town.told(NoticeKind.RETURNED)

    class Dies(NoticeDelivery):
        async def _deliver(self, digest: Any) -> None:
            await self._mail(digest)

    with time_machine.travel(now(), tick=False) as clock:
        assert await Dies(town.database, town.keyring, town.channels).deliver_due() == 1
        await town.told(NoticeKind.MENTIONED)
        await town.notices.read(town.person, (await town.rows())[0].id)
        clock.shift(timedelta(minutes=3))
        assert await town.delivery.deliver_due() == 2
        clock.shift(timedelta(hours=3))
        assert await town.delivery.deliver_due() == 0
    first, *others = town.post.taken
    (again,) = [mail for mail in others if mail["message-id"] == first["message-id"]]
    assert again.get_payload() == first.get_payload()
    assert len({mail["message-id"] for mail in town.post.taken}) == 2


async def test_what_is_refused_for_good_is_asked_no_more_and_what_never_works_is_given_up(town: Town) -> None:
    await town.lives(mail=True)
    await town.told(NoticeKind.ASSIGNED)
    town.post.answers = ["550 no such mailbox"]
    assert await town.delivery.deliver_due() == 1
    await town.lives(mail=True)
    await town.told(NoticeKind.ASSIGNED)
    town.post.answers = ["451 later"] * 100
    tries = 0
    with time_machine.travel(now(), tick=False) as clock:
        for _ in range(30):
            tries += await town.delivery.deliver_due()
            clock.shift(timedelta(minutes=61))
    assert tries == ATTEMPTS_MAX
    assert town.post.taken == []


async def test_a_webhook_is_signed_and_numbered_and_goes_on_when_mail_does_not(town: Town) -> None:
    await town.lives(mail=True, webhook_url=town.box.url)
    await town.told(NoticeKind.OVERTURNED)
    town.post.answers = ["451 later"]
    with time_machine.travel(now(), tick=False) as clock:
        assert await town.delivery.deliver_due() == 1
        clock.shift(timedelta(minutes=5))
        assert await town.delivery.deliver_due() == 1
    ((body, headers),) = await town.box.holds(1)
    assert len(town.post.taken) == 1
    secret = town.notices.webhook_secret(town.person, town.box.url)
    require_signature("webhook", secret, body, headers[HEADER.lower()])
    said = json.loads(body)
    assert headers[EVENT_HEADER.lower()] == "notices"
    assert headers[DELIVERY_HEADER.lower()] == said["id"]
    (entry,) = said["notices"]
    assert (entry["kind"], entry["card_id"]) == ("overturned", "CARD7Q2MXY")
    assert entry["link"] == "https://console.test/cards/CARD7Q2MXY"


async def test_a_webhook_into_our_own_network_is_refused_and_not_tried_again(town: Town) -> None:
    await town.lives(webhook_url=town.box.url.replace("http:", "https:"))
    await town.told(NoticeKind.ASSIGNED)
    async with new_client("") as client:
        channels = Channels(None, WebhookGateway(client), "https://console.test")
        delivery = NoticeDelivery(town.database, town.keyring, channels)
        assert await delivery.deliver_due() == 1
        assert await delivery.deliver_due() == 0
    assert town.box.received == []
    assert (await town.rows())[0].hooked_at is not None


async def test_without_a_mail_server_nothing_piles_up_for_the_day_it_comes(town: Town) -> None:
    await town.lives(mail=True)
    await town.told(NoticeKind.ASSIGNED)
    without = Channels(None, town.channels.webhooks, "https://console.test")
    assert await NoticeDelivery(town.database, town.keyring, without).deliver_due() == 1
    assert await town.delivery.deliver_due() == 0
    assert town.post.taken == []


async def test_two_deliverers_at_once_send_one_mail(town: Town) -> None:
    await town.lives(mail=True)
    for _ in range(5):
        await town.told(NoticeKind.ASSIGNED)
    await asyncio.gather(*(town.delivery.deliver_due() for _ in range(4)))
    assert len(town.post.taken) == 1


async def test_somebody_who_left_is_told_nothing_more(town: Town) -> None:
    await town.lives(mail=True)
    await town.told(NoticeKind.ASSIGNED)
    async with town.database.transaction() as session:
        (await session.get_one(PersonRow, town.person)).active = False
    await town.delivery.deliver_due()
    assert town.post.taken == []


async def test_the_same_cause_tells_once_and_only_ones_own_can_be_read(town: Town) -> None:
    await town.lives()
    await town.told(NoticeKind.ASSIGNED, "the same")
    await town.told(NoticeKind.ASSIGNED, "the same")
    ((row,), _) = await town.notices.page(town.person)
    assert await town.notices.unread(town.person) == 1
    with pytest.raises(NotFound):
        await town.notices.read("somebody-else", row.id)
    await town.notices.read_all(town.person, row.id)
    assert await town.notices.unread(town.person) == 0


def test_digits_that_somebody_wrote_into_a_fact_do_not_leave() -> None:
    for locale in ("en", "zh_CN"):
        facts = {"reason": "PIN 604128, card 8104 2231 9907 6643"}
        said = sentence("returned", "CARD7Q2MXY", facts, Reader(locale, SHANGHAI))
        assert "604128" not in said
        assert "6643" not in said


@pytest.mark.parametrize(
    ("form", "wrong"),
    [
        (WishForm(False, "http://hook.test/x", 15, None, None), "webhook_url"),
        (WishForm(False, "https://me:pw@hook.test/", 15, None, None), "webhook_url"),
        (WishForm(False, "https://[::1", 15, None, None), "webhook_url"),
        (WishForm(False, "file:///etc/passwd", 15, None, None), "webhook_url"),
        (WishForm(False, "", 7, None, None), "digest_minutes"),
        (WishForm(False, "", 15, time(22), None), "quiet_hours"),
        (WishForm(False, "", 15, time(22), time(22)), "quiet_hours"),
        (WishForm(True, "", 15, None, None), "mail"),
    ],
)
async def test_wishes_that_cannot_be_kept_are_refused(town: Town, form: WishForm, wrong: str) -> None:
    await town.lives()
    without = Notices(town.database, town.keyring, Channels(None, town.channels.webhooks, ""))
    with pytest.raises(FieldInvalid) as refused:
        await without.wish(town.person, form)
    assert refused.value.data["field"] == wrong


async def test_a_test_message_goes_by_every_wished_channel_and_says_what_failed(town: Town) -> None:
    await town.lives(mail=True, webhook_url=town.box.url)
    town.box.answers = [500]
    assert await town.notices.try_out(town.person) == {"mail": "", "webhook": "http_500"}
    assert "notices reach you here" in town.post.texts()[0]


def test_quiet_hours_end_on_the_persons_own_clock_also_when_it_changes() -> None:
    sleeper = Wishes(quiet=NIGHT, zone=NEW_YORK)
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
def test_nothing_but_urgent_news_leaves_in_quiet_hours(
    moment: datetime, begins: time, ends: time, zone: ZoneInfo, kind: NoticeKind
) -> None:
    wishes = Wishes(mail=True, quiet=(begins, ends) if begins != ends else None, zone=zone)
    leaves = leaves_at(kind, moment, wishes)
    clock = leaves.astimezone(zone).time()
    inside = begins <= clock < ends if begins < ends else clock >= begins or clock < ends
    assert leaves >= moment
    assert leaves - moment <= timedelta(days=1, minutes=15)
    if kind in (NoticeKind.BREACH, NoticeKind.CHAIN):
        assert leaves == moment
    else:
        assert wishes.quiet is None or not inside
