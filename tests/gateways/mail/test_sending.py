"""Mail leaves encrypted or not at all, says what it was refused with, and nothing that is in it can become a header."""

from __future__ import annotations

import asyncio
import email.utils
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.header import decode_header, make_header
from email.message import Message
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.mail import Letter, MailGateway, MailServer

PASSWORD = "open sesame"


@dataclass
class Box:
    """What the server took; `rcpt` is its answer to every recipient."""

    taken: list[Message] = field(default_factory=list)
    rcpt: str = "250 OK"
    hangs_up: bool = False  # After it took the mail, before it says so.

    async def handle_RCPT(  # noqa: N802
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, serving: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.taken.append(email.message_from_bytes(envelope.content))
        if self.hangs_up:
            assert isinstance(serving.transport, asyncio.Transport)
            serving.transport.abort()
        return "250 taken"


def right_password(_server: SMTP, _session: Session, _envelope: Envelope, _way: str, given: Any) -> AuthResult:
    right = isinstance(given, LoginPassword) and given.password == PASSWORD.encode()
    return AuthResult(success=right, handled=False)  # Not handled: the server itself answers that it is wrong.


@asynccontextmanager
async def server(box: Box, **options: Any) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    serving = await loop.create_server(lambda: SMTP(box, hostname="mail.test", loop=loop, **options), "127.0.0.1", 0)
    try:
        yield serving.sockets[0].getsockname()[1]
    finally:
        serving.close()
        await serving.wait_closed()


def gateway(port: int, **more: Any) -> MailGateway:
    return MailGateway(MailServer("127.0.0.1", port, "cardloop@shop.test", **({"tls": "none"} | more)))


async def test_a_mail_arrives_with_its_words_and_its_id() -> None:
    async with server(box := Box()) as port:
        call = await gateway(port).send("lin@shop.test", "2 条通知", "卡片 7Q2MXY 已超时。\n", "k1")
    (mail,) = box.taken
    assert str(make_header(decode_header(mail["subject"]))) == "2 条通知"
    assert str(mail.get_payload(decode=True), "utf-8").rstrip() == "卡片 7Q2MXY 已超时。"  # type: ignore[arg-type]
    assert (mail["message-id"], mail["auto-submitted"]) == ("<k1@shop.test>", "auto-generated")
    assert (call.system, call.request_id) == ("mail", "k1")


async def test_a_line_break_in_a_subject_adds_no_header() -> None:
    async with server(box := Box()) as port:
        await gateway(port).send("lin@shop.test", "news\r\nBcc: everybody@else.test", "text", "k1")
    (mail,) = box.taken
    assert mail["bcc"] is None
    assert mail["subject"] == "news Bcc: everybody@else.test"


async def test_a_letter_joins_its_conversation_and_a_person_is_no_machine() -> None:
    letter = Letter(
        "lin@mail.test", "Re: card", "您好", "t.1@shop.test", sender="help@shop.test", sender_name="礼品卡, help",
        reply_to="help+1@shop.test", references=("first@mail.test", "second@mail.test"), mark="ours",
        files=(("账单.pdf", "application/pdf", b"%PDF-1"),),
    )  # fmt: skip
    async with server(box := Box()) as port:
        await gateway(port).post(letter, "k1")
    (mail,) = box.taken
    assert (mail["message-id"], mail["in-reply-to"]) == ("<t.1@shop.test>", "<second@mail.test>")
    assert mail["references"].split() == ["<first@mail.test>", "<second@mail.test>"]
    assert (mail["reply-to"], mail["x-cardloop-loop"], mail["auto-submitted"]) == ("help+1@shop.test", "ours", None)
    assert email.utils.parseaddr(mail["from"])[1] == "help@shop.test"
    _, words, file = mail.walk()
    assert words.get_payload(decode=True) == "您好\r\n".encode()
    assert (file.get_filename(), file.get_payload(decode=True)) == ("账单.pdf", b"%PDF-1")


async def test_whether_a_mail_perhaps_left_is_known() -> None:
    async with server(Box()) as port:
        pass
    with pytest.raises(GatewayUnavailable) as away:
        await gateway(port).send("lin@shop.test", "s", "t", "k1")
    async with server(box := Box(hangs_up=True)) as port:
        with pytest.raises(GatewayUnavailable) as unknown:
            await gateway(port).send("lin@shop.test", "s", "t", "k1")
    assert (away.value.perhaps_done, unknown.value.perhaps_done, len(box.taken)) == (False, True, 1)


@pytest.mark.parametrize(("answer", "kind"), [("550 nobody", GatewayRefused), ("450 later", GatewayUnavailable)])
async def test_a_mailbox_that_does_not_take_it(answer: str, kind: type[Exception]) -> None:
    async with server(box := Box(rcpt=answer)) as port:
        with pytest.raises(kind, match=f"smtp_{answer[:3]}") as failed:
            await gateway(port).send("lin@shop.test", "s", "t", "k1")
    assert "lin" not in str(failed.value)
    assert box.taken == []


async def test_a_server_without_encryption_gets_no_mail_where_encryption_is_asked_for() -> None:
    async with server(box := Box()) as port:
        with pytest.raises(GatewayUnavailable):
            await gateway(port, tls="starttls").send("lin@shop.test", "s", "t", "k1")
    assert box.taken == []


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # On this machine nobody listens in.
@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
async def test_a_wrong_password_can_be_corrected(password: str) -> None:
    async with server(box := Box(), authenticator=right_password, auth_require_tls=False, auth_required=True) as port:
        sending = gateway(port, user="cardloop", password=password).send("lin@shop.test", "s", "t", "k1")
        if password == PASSWORD:
            await sending
        else:
            with pytest.raises(GatewayUnavailable, match="authentication") as failed:
                await sending
            assert password not in str(failed.value)
    assert len(box.taken) == (password == PASSWORD)


async def test_missing_server_is_an_outage() -> None:
    async with server(Box()) as port:
        pass
    with pytest.raises(GatewayUnavailable, match="connection"):
        await gateway(port).send("lin@shop.test", "s", "t", "k1")


def test_a_password_is_in_no_text_of_the_server() -> None:
    assert PASSWORD not in repr(MailServer("h", 25, "a@b", "user", PASSWORD))
