"""Support's mailbox is read from a real mail server: nothing is lost, marked or moved before it was kept."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from gateways.errors import GatewayUnavailable
from gateways.mail import mailbox as reading
from gateways.mail.mailbox import Mailbox, MailboxServer, Waiting
from tests.builders.imap_server import MISSING, PASSWORD, PROGRAM, USER, ImapServer, imap_server

pytestmark = [
    pytest.mark.skipif(PROGRAM is None, reason=MISSING),
    pytest.mark.xdist_group("imap"),
]
MAIL = b"From: wang@mail.test\r\nMessage-ID: <1@mail.test>\r\nSubject: card\r\n\r\nWhere is my money?\r\n"


@pytest.fixture(scope="module")
def running() -> Iterator[ImapServer]:
    # Sockets of the server need a short path.
    with TemporaryDirectory(prefix="imap-") as home, imap_server(Path(home)) as server:
        yield server


@pytest.fixture
def server(running: ImapServer) -> ImapServer:
    running.empty()
    return running


async def waiting(box: Mailbox) -> list[Waiting]:
    generation, numbers = await box.numbers()
    found = [await box.fetch(generation, number) for number in numbers]
    return [one for one in found if one is not None]


async def test_mail_is_read_whole_and_stays_unread_until_it_is_moved(server: ImapServer) -> None:
    server.deliver(MAIL)
    (one,) = await waiting(server.mailbox())
    assert (one.raw, one.whole) == (MAIL, True)
    with server.opened() as box:
        assert box.uids("UNSEEN") == [one.number]
    assert await server.mailbox().move(one.generation, [one.number])
    assert (server.count(), server.count("Cardloop")) == (0, 1)


async def test_mail_that_another_program_has_read_is_read_all_the_same(server: ImapServer) -> None:
    server.deliver(MAIL)
    with server.opened() as box:
        box.flag(box.uids(), "\\Seen", True)
    assert len(await waiting(server.mailbox())) == 1


async def test_mail_is_in_order_of_arrival(server: ImapServer) -> None:
    for number in range(12):
        server.deliver(MAIL.replace(b"card", b"card %d" % number))
    found = await waiting(server.mailbox())
    assert [b"Subject: card %d\r\n" % number in one.raw for number, one in enumerate(found)] == [True] * 12


async def test_other_folders_have_any_name(server: ImapServer) -> None:
    server.deliver(MAIL, "客服")
    box = server.mailbox(folder="客服", kept_folder="已处理 & gone")
    (one,) = await waiting(box)
    assert await box.move(one.generation, [one.number])
    assert (server.count("客服"), server.count("已处理 & gone")) == (0, 1)


async def test_after_the_server_renumbers_its_mails_no_other_mail_is_moved(server: ImapServer) -> None:
    server.deliver(MAIL, "moved")
    box = server.mailbox(folder="moved")
    (one,) = await waiting(box)
    with server.opened() as other:
        other.folder.delete("moved")
    for later in (b"2", b"3"):
        server.deliver(MAIL.replace(b"<1@", b"<%b@" % later), "moved")
    assert await box.move(one.generation, [one.number]) is False
    assert await box.fetch(one.generation, one.number) is None
    found = await waiting(box)
    assert [b"<2@" in found[0].raw, b"<3@" in found[1].raw, found[0].generation != one.generation] == [True] * 3


async def test_a_mail_that_vanished_meanwhile_is_no_error(server: ImapServer) -> None:
    server.deliver(MAIL)
    (one,) = await waiting(server.mailbox())
    server.empty()
    assert await server.mailbox().fetch(one.generation, one.number) is None
    assert await server.mailbox().move(one.generation, [one.number])


async def test_of_a_mail_over_the_limit_only_the_head_is_fetched(
    server: ImapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.deliver(MAIL + b"x" * 5000)
    monkeypatch.setattr(reading, "BYTES_MAX", 1000)
    (one,) = await waiting(server.mailbox())
    assert (one.whole, b"Subject: card" in one.raw, len(one.raw) < 200) == (False, True, True)


async def test_a_wrong_password_is_an_outage_that_tells_nothing(server: ImapServer) -> None:
    with pytest.raises(GatewayUnavailable, match="authentication") as failed:
        await server.mailbox(password="wrong").numbers()
    assert "wrong" not in str(failed.value)
    assert PASSWORD not in repr(MailboxServer("h", 993, USER, PASSWORD))


async def test_a_server_with_an_unknown_certificate_is_not_spoken_to(server: ImapServer) -> None:
    with pytest.raises(GatewayUnavailable, match="certificate"):
        await server.mailbox(trust=ssl.create_default_context()).numbers()
    with pytest.raises(GatewayUnavailable, match="certificate"):
        await server.mailbox(trust=None).numbers()


async def test_missing_server_and_missing_folder_are_outages(server: ImapServer) -> None:
    with pytest.raises(GatewayUnavailable, match="connection"):
        await Mailbox(MailboxServer("127.0.0.1", 1, USER, PASSWORD)).numbers()
    with pytest.raises(GatewayUnavailable, match="refused"):
        await server.mailbox(folder="nowhere").numbers()
