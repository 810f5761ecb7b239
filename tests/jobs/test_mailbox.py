"""A real mailbox is emptied into tickets: nothing leaves its folder before it is kept, and nothing is kept twice."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import delete

from database.tables.platform import SetAsideRow
from database.tables.support.mail import InboundMailRow
from domain.support.mail import MailOutcome
from gateways.errors import GatewayUnavailable
from gateways.mail.mailbox import Mailbox
from jobs.mailbox import LOOP, MailboxReader
from services.support.inbound import InboundMails
from tests.builders.imap_server import MISSING, PROGRAM, ImapServer, imap_server
from tests.builders.mailing import MailDesk, a_mail, a_mail_desk
from tests.builders.world import World

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason=MISSING),
    pytest.mark.xdist_group("imap"),
    pytest.mark.usefixtures("set_aside_for_long"),
]


@pytest.fixture(scope="module")
def running() -> Iterator[ImapServer]:
    with TemporaryDirectory(prefix="imap-") as home, imap_server(Path(home)) as server:
        yield server


@pytest.fixture
def server(running: ImapServer) -> ImapServer:
    running.empty()
    return running


@pytest.fixture
async def desk(world: World) -> AsyncIterator[MailDesk]:
    async with world.database.transaction() as session:
        await session.execute(delete(SetAsideRow).where(SetAsideRow.loop == LOOP))
    async with a_mail_desk(world) as made:
        yield made


def reader(desk: MailDesk, server: ImapServer) -> MailboxReader:
    """As another process would build it: it remembers nothing."""
    return MailboxReader(desk.world.database, server.mailbox(), desk.mails)


async def outcomes(desk: MailDesk, message_id: str) -> list[MailOutcome]:
    return [one.outcome for one in await desk.world.rows(InboundMailRow, message_id=message_id.strip("<>"))]


async def test_mail_becomes_a_ticket_and_leaves_the_folder(desk: MailDesk, server: ImapServer) -> None:
    mail = a_mail("付款没有到账。")
    server.deliver(mail.as_bytes())
    assert (await reader(desk, server).look(), await reader(desk, server).look()) == (1, 0)
    assert (server.count(), server.count("Cardloop")) == (0, 1)
    assert (await desk.ticket(mail)).said[0].words == "付款没有到账。"


async def test_a_crash_between_keeping_and_moving_keeps_nothing_twice(
    desk: MailDesk, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = a_mail()
    server.deliver(mail.as_bytes())

    async def dies(*_: object) -> bool:
        raise GatewayUnavailable("mailbox", "connection")

    with monkeypatch.context() as patched:
        patched.setattr(Mailbox, "move", dies)
        with pytest.raises(GatewayUnavailable):
            await reader(desk, server).look()
    assert server.count() == 1
    assert await reader(desk, server).look() == 1
    assert (server.count(), await outcomes(desk, str(mail["message-id"]))) == (0, [MailOutcome.OPENED])
    assert len(await desk.sent()) == 1


async def test_after_the_server_renumbers_its_mails_none_is_kept_twice(desk: MailDesk, server: ImapServer) -> None:
    mail = a_mail()
    server.deliver(mail.as_bytes())
    await reader(desk, server).look()
    with server.opened("Cardloop") as box:
        box.move(box.uids(), "INBOX")
        box.folder.delete("Cardloop")
    assert await reader(desk, server).look() == 1
    assert (server.count(), await outcomes(desk, str(mail["message-id"]))) == (0, [MailOutcome.OPENED])


async def test_one_mail_that_cannot_be_taken_stays_and_holds_up_no_other(
    desk: MailDesk, server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = a_mail("bad"), a_mail("good")
    for mail in (bad, good):
        server.deliver(mail.as_bytes())
    take = InboundMails.take

    async def fails(self: InboundMails, raw: bytes, *, whole: bool = True) -> MailOutcome:
        if b"bad" in raw:
            raise ValueError
        return await take(self, raw, whole=whole)

    with monkeypatch.context() as patched:
        patched.setattr(InboundMails, "take", fails)
        assert (await reader(desk, server).look(), await reader(desk, server).look()) == (1, 0)
    assert (server.count(), await outcomes(desk, str(good["message-id"]))) == (1, [MailOutcome.OPENED])
    async with desk.world.database.transaction() as session:
        await session.execute(delete(SetAsideRow).where(SetAsideRow.loop == LOOP))
    assert await reader(desk, server).look() == 1
    assert await outcomes(desk, str(bad["message-id"])) == [MailOutcome.OPENED]


async def test_a_full_mailbox_is_emptied_in_its_order(desk: MailDesk, server: ImapServer) -> None:
    mails = [a_mail(f"Mail {number}") for number in range(5)]
    for mail in mails:
        server.deliver(mail.as_bytes())
    few = MailboxReader(desk.world.database, server.mailbox(), desk.mails, at_once=3)
    assert [await few.look() for _ in range(3)] == [3, 2, 0]
    opened = [(await desk.ticket(mail)).ticket.id for mail in mails]
    assert opened == sorted(opened)
