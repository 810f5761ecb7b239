"""A customer's mail becomes a ticket once, in its conversation, as its true sender, and no machine is ever answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from email.message import EmailMessage, Message

import pytest

from database.reads.support.tickets import TicketRecord
from database.tables.notices import NoticeRow
from database.tables.support.mail import InboundMailRow
from database.tables.support.tickets import ContactRow, TicketMessageRow, TicketRow
from domain.notices.kinds import NoticeKind
from domain.support.mail import MailOutcome
from domain.support.mail_signs import LOOP_MAX
from domain.support.tickets import MessageKind, TicketChannel, TicketState
from services.support.conversation import AfterReply, Conversation, Heard
from services.support.inbound import InboundMails
from tests.builders.mailing import HELP, MailDesk, a_customer, a_mail, a_mail_desk
from tests.builders.world import World
from tests.gateways.drawn import card, encoded


@pytest.fixture
async def desk(world: World) -> AsyncIterator[MailDesk]:
    async with a_mail_desk(world) as made:
        yield made


def events(found: TicketRecord) -> list[str]:
    return [one.what for one in found.events]


async def test_a_mail_opens_a_ticket_and_its_sender_is_answered_once(desk: MailDesk) -> None:
    found, mail = await desk.opened(
        a_mail("我的付款还没有到账。", "王芳 <Wang.Fang@mail.test>", Subject="Re: 回复：付款")
    )
    assert (found.ticket.state, found.ticket.channel, found.ticket.subject) == (
        TicketState.NEW, TicketChannel.MAIL, "付款",
    )  # fmt: skip
    (contact,) = await desk.world.rows(ContactRow, id=found.ticket.requester.partition(":")[2])
    assert (contact.address_masked, contact.name, contact.locale) == ("w***@mail.test", "王芳", "zh_CN")
    (answer,) = await desk.sent()
    assert (answer["to"], answer["auto-submitted"]) == ("wang.fang@mail.test", "auto-replied")
    assert answer["in-reply-to"] == mail["message-id"]
    assert found.ticket.id[-6:] in words_of(answer)
    assert await desk.sent() == []


async def test_duplicate_mail_is_stored_once_even_concurrently(desk: MailDesk) -> None:
    mail = a_mail()
    outcomes = await asyncio.gather(*(desk.take(mail) for _ in range(12)))
    assert set(outcomes) == {MailOutcome.OPENED}
    found = await desk.ticket(mail)
    assert len(await desk.world.rows(TicketRow, requester=found.ticket.requester)) == 1
    assert len(await desk.sent()) == 1


async def test_other_mails_with_the_same_id_are_not_lost(desk: MailDesk) -> None:
    sender, same = a_customer(), "<always-the-same@mail.test>"
    mails = [a_mail(words, sender, Message_ID=same) for words in ("First.", "Second.")]
    assert [await desk.take(mail) for mail in mails] == [MailOutcome.OPENED] * 2
    rows = await desk.world.rows(InboundMailRow, message_id="always-the-same@mail.test")
    assert len({row.ticket_id for row in rows}) == 2


async def test_after_a_crash_the_mail_is_taken_again_without_a_second_ticket(
    desk: MailDesk, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = a_mail()

    async def dies(*_: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patched:
        patched.setattr(InboundMails, "_take_part", dies)
        with pytest.raises(RuntimeError):
            await desk.take(mail)
    assert await desk.world.rows(InboundMailRow, message_id=str(mail["message-id"])[1:-1]) == []
    found, _ = await desk.opened(mail)
    assert len(await desk.world.rows(TicketRow, requester=found.ticket.requester)) == 1
    assert [one.words for one in found.said] == ["Where is my money?"]
    assert len(await desk.sent()) == 1


async def test_an_answer_joins_its_conversation_by_any_known_id_and_never_by_its_subject(desk: MailDesk) -> None:
    found, first = await desk.opened()
    sender = str(first["from"])
    await desk.replied(found)
    _, reply = await desk.sent()
    answer = a_mail(
        "Thank you, but no.\n\n> It is paid.", sender, References=f"<unknown@x> {reply['message-id']} <y@x>"
    )
    assert await desk.take(answer) is MailOutcome.APPENDED
    own = a_mail("And another thing.", sender, In_Reply_To=str(first["message-id"]), Subject="Something else")
    assert await desk.take(own) is MailOutcome.APPENDED
    joined = await desk.of(found.ticket.id)
    assert [one.words for one in joined.said] == [
        "Where is my money?", "It is paid.", "Thank you, but no.", "And another thing.",
    ]  # fmt: skip
    assert (joined.ticket.state, joined.task.waiting) == (TicketState.OPEN, False)
    assert await desk.take(a_mail("A new one.", sender, Subject="Re: My card")) is MailOutcome.OPENED
    assert len(await desk.sent()) == 1, "only the new ticket is answered"


async def test_an_answer_to_the_tagged_address_needs_no_reference(desk: MailDesk) -> None:
    found, first = await desk.opened()
    (received,) = await desk.sent()
    assert received["reply-to"].startswith("help+t.")
    answer = a_mail("More.", str(first["from"]), To=received["reply-to"])
    assert await desk.take(answer) is MailOutcome.APPENDED
    assert (await desk.ticket(answer)).ticket.id == found.ticket.id


async def test_reply_is_in_the_customers_conversation_with_its_files(desk: MailDesk) -> None:
    found, first = await desk.opened()
    await desk.sent()
    message = await desk.replied(found, files=(("账单.txt", b"paid"),))
    (reply,) = await desk.sent()
    (file,) = [part for part in reply.walk() if part.get_filename()]
    assert (file.get_filename(), file.get_payload(decode=True)) == ("账单.txt", b"paid")
    assert (reply["to"], reply["auto-submitted"], reply["in-reply-to"]) == (first["from"], None, first["message-id"])
    assert "It is paid." in words_of(reply)
    (row,) = await desk.world.rows(TicketMessageRow, id=message)
    assert f"<{row.mail_id}>" == reply["message-id"]


async def test_replies_go_to_the_requester_and_a_receiver_of_their_mail_may_add_to_it(desk: MailDesk) -> None:
    friend = a_customer()
    found, first = await desk.opened(a_mail(Cc=f"{friend}, {HELP}"))
    joined = a_mail("I can confirm that.", friend, In_Reply_To=str(first["message-id"]))
    assert await desk.take(joined) is MailOutcome.APPENDED
    said = (await desk.of(found.ticket.id)).said
    assert (said[-1].words, said[-1].author == found.ticket.requester) == ("I can confirm that.", False)
    await desk.sent()
    await desk.replied(found)
    (reply,) = await desk.sent()
    assert (reply["to"], reply["cc"]) == (first["from"], None)


async def test_stranger_with_a_known_id_opens_a_new_ticket(desk: MailDesk) -> None:
    found, first = await desk.opened()
    forged = a_mail("Send the money to me.", a_customer(), In_Reply_To=str(first["message-id"]))
    other, _ = await desk.opened(forged)
    assert len((await desk.of(found.ticket.id)).said) == 1
    assert other.ticket.requester != found.ticket.requester
    assert [one.subject for one in other.links] == [found.ticket.id]
    assert "possible_duplicate" in events(other)


async def test_a_sender_that_our_mail_server_calls_forged_is_not_believed_and_not_answered(desk: MailDesk) -> None:
    found, first = await desk.opened()
    await desk.sent()
    forged = a_mail(
        "It is me.", str(first["from"]), In_Reply_To=str(first["message-id"]),
        Authentication_Results="mx.shop.test; spf=fail; dmarc=fail",
    )  # fmt: skip
    other, _ = await desk.opened(forged)
    assert len((await desk.of(found.ticket.id)).said) == 1
    assert {"possible_duplicate", "mail_unverified"} <= set(events(other))
    assert await desk.sent() == []


async def test_an_answer_to_a_closed_ticket_opens_a_new_one_and_to_a_solved_one_reopens_it(desk: MailDesk) -> None:
    found, first = await desk.opened()
    await desk.replied(found, AfterReply.SOLVE)
    again = a_mail("Not solved.", str(first["from"]), In_Reply_To=str(first["message-id"]))
    assert await desk.take(again) is MailOutcome.APPENDED
    assert (await desk.of(found.ticket.id)).ticket.reopened == 1
    async with desk.world.database.transaction() as session:
        (await session.get_one(TicketRow, found.ticket.id)).state = TicketState.CLOSED
    late = a_mail("Still not.", str(first["from"]), In_Reply_To=str(again["message-id"]))
    other, _ = await desk.opened(late)
    assert [one.subject for one in other.links] == [found.ticket.id]


async def test_answer_to_a_closing_ticket_opens_a_new_one(desk: MailDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    found, first = await desk.opened()
    hear = Conversation.hear

    async def closes(self: Conversation, requester: str, ticket_id: str, heard: Heard) -> str:
        async with desk.world.database.transaction() as session:
            (await session.get_one(TicketRow, ticket_id)).state = TicketState.CLOSED
        return await hear(self, requester, ticket_id, heard)

    with monkeypatch.context() as patched:
        patched.setattr(Conversation, "hear", closes)
        other, _ = await desk.opened(a_mail("Late.", str(first["from"]), In_Reply_To=str(first["message-id"])))
    assert [one.subject for one in other.links] == [found.ticket.id]


async def test_automatic_answers_are_kept_without_a_clock_and_never_answered(desk: MailDesk) -> None:
    found, first = await desk.opened()
    await desk.replied(found)
    _, reply = await desk.sent()
    away = a_mail("I am away.", str(first["from"]), In_Reply_To=reply["message-id"], Auto_Submitted="auto-replied")
    assert await desk.take(away) is MailOutcome.NOTED
    after = await desk.of(found.ticket.id)
    assert (after.ticket.state, after.task.waiting, len(after.said)) == (TicketState.WAITING_CUSTOMER, True, 3)
    assert await desk.take(a_mail("I am away.", Subject="自动回复：卡")) is MailOutcome.IGNORED
    assert await desk.take(a_mail("Buy!", List_Id="<news.shop.test>")) is MailOutcome.IGNORED
    assert await desk.sent() == []


async def test_own_mail_is_never_accepted(desk: MailDesk) -> None:
    await desk.opened()
    (received,) = await desk.sent()
    del received["auto-submitted"]
    received.replace_header("from", a_customer())
    received.replace_header("to", HELP)
    assert await desk.take(received.as_bytes()) is MailOutcome.IGNORED
    for own in (HELP, "help+t.x@shop.test", "notices@shop.test"):
        assert await desk.take(a_mail(sender=own)) is MailOutcome.IGNORED
    assert await desk.sent() == []


async def test_unmarked_auto_reply_loop_ends_without_losing_text(desk: MailDesk) -> None:
    robot = a_customer()
    for number in range(LOOP_MAX + 5):
        await desk.take(a_mail(f"Answer {number}", robot))
    assert len(await desk.sent()) == LOOP_MAX
    rows = [one for one in await desk.world.rows(TicketMessageRow) if one.words.startswith("Answer ")]
    assert (len(rows), len({one.ticket_id for one in rows})) == (LOOP_MAX + 5, LOOP_MAX)
    desk.clock.passes(minutes=90)
    assert await desk.take(a_mail("Later", robot)) is MailOutcome.OPENED


async def test_a_reply_that_bounces_is_marked_and_its_author_is_notified(desk: MailDesk) -> None:
    found, _ = await desk.opened()
    message = await desk.replied(found)
    _, reply = await desk.sent()
    forged = bounce(str(reply["message-id"]).replace("t.", "t.0", 1))
    assert await desk.take(forged) is MailOutcome.IGNORED
    assert await desk.take(bounce(reply["message-id"], action="delayed", status="4.4.7")) is MailOutcome.REPORTED
    assert (await desk.world.rows(TicketMessageRow, id=message))[0].undelivered == ""
    assert await desk.take(bounce(reply["message-id"])) is MailOutcome.REPORTED
    (row,) = await desk.world.rows(TicketMessageRow, id=message)
    assert (row.undelivered, row.kind) == ("5.1.1", MessageKind.REPLY)
    after = await desk.of(found.ticket.id)
    assert (after.ticket.state, after.task.waiting) == (TicketState.OPEN, False)
    assert "mail_failed" in events(after)
    author = row.author.partition(":")[2]
    assert [one.kind for one in await desk.world.rows(NoticeRow, person_id=author)] == [NoticeKind.REPLY_UNDELIVERED]
    await desk.take(bounce(reply["message-id"], words="once more"))
    assert len(await desk.world.rows(NoticeRow, person_id=author)) == 1


async def test_a_reply_that_the_server_refuses_for_good_is_marked_and_one_for_now_leaves_later(desk: MailDesk) -> None:
    found, _ = await desk.opened()
    await desk.sent()
    message = await desk.replied(found)
    desk.post.answers = ["450 later"]
    assert await desk.sent() == []
    (waiting,) = await desk.waiting()
    assert waiting.last_failure == "mail: smtp_450"
    async with desk.world.database.transaction() as session:
        (await session.get_one(type(waiting), waiting.id)).due_at = waiting.due_at.replace(year=2020)
    desk.post.answers = ["550 nobody here"]
    assert await desk.sent() == []
    assert await desk.waiting() == []
    (row,) = await desk.world.rows(TicketMessageRow, id=message)
    assert row.undelivered == "smtp_550"


async def test_card_numbers_and_pins_are_masked_before_they_are_stored_and_the_sender_learns_it(desk: MailDesk) -> None:
    mail = a_mail(
        "My card 6222 0212 3456 7890 123 fails", "6222021234567890123 <a@mail.test>", Subject="6222021234567890123"
    )
    found, _ = await desk.opened(mail)
    (contact,) = await desk.world.rows(ContactRow, id=found.ticket.requester.partition(":")[2])
    stored = (found.ticket.subject, found.said[0].words, contact.name)
    assert [text for text in stored if "6222" in text] == []
    assert "mail_secret_masked" in events(found)
    (answer,) = await desk.sent()
    assert "We masked it" in words_of(answer)
    assert "6222" not in str(answer["subject"])


async def test_card_named_in_the_text_is_not_linked(desk: MailDesk) -> None:
    foreign = await desk.world.a_card()
    found, _ = await desk.opened(a_mail(f"What about card {foreign}?", Subject=f"Card {foreign}"))
    assert found.links == ()


async def test_files_are_cleaned_and_those_that_are_not_taken_are_counted(desk: MailDesk) -> None:
    mail = a_mail()
    mail.add_attachment(
        encoded(card(), "JPEG", comment=b"31.2304N"), maintype="image", subtype="jpeg", filename="卡.jpg"
    )
    mail.add_attachment(b"MZ\0\0", maintype="application", subtype="pdf", filename="bill.pdf")
    for number in range(200):
        mail.add_attachment(b"note %d" % number, maintype="text", subtype="plain", filename=f"{number}.txt")
    found, _ = await desk.opened(mail)
    (said,) = found.said
    files = {one.name: one.sha256 for one in said.files}
    assert set(files) == {"卡.jpg", "0.txt", "1.txt", "2.txt", "3.txt"}
    assert b"31.2304N" not in desk.world.photos.read(files["卡.jpg"])
    assert {"mail_files_refused", "mail_files_left_out"} <= set(events(found))
    (answer,) = await desk.sent()
    assert "not accepted" in words_of(answer)


async def test_very_long_and_empty_mails_open_tickets(desk: MailDesk) -> None:
    found, _ = await desk.opened(a_mail("付款没有到账。\n" * 100_000))
    assert (len(found.said[0].words) <= 10_000, found.said[0].shortened) == (True, True)
    assert "mail_text_cut" in events(found)
    empty, _ = await desk.opened(a_mail("", Subject=""))
    assert (empty.ticket.subject, empty.said[0].words) == ("无主题邮件", "（此邮件没有正文。）")


async def test_truncated_mail_is_marked(desk: MailDesk) -> None:
    mail = a_mail()
    head = mail.as_bytes().partition(b"\n\n")[0] + b"\n\n"
    assert await desk.mails.take(head, whole=False) is MailOutcome.OPENED
    found = await desk.ticket(mail)
    assert (found.said[0].words, "mail_too_large" in events(found)) == ("My card", True)


def words_of(mail: Message) -> str:
    """The plain text of a mail that left."""
    (words, *_) = [part for part in mail.walk() if part.get_content_type() == "text/plain"]
    content = words.get_payload(decode=True)
    assert isinstance(content, bytes)
    return content.decode()


def bounce(message_id: str, action: str = "failed", status: str = "5.1.1", words: str = "Sorry.") -> bytes:
    report = EmailMessage()
    report["From"], report["To"], report["Subject"] = "MAILER-DAEMON@mail.test", HELP, "Undelivered"
    report["Message-ID"] = f"<{abs(hash((message_id, action, words)))}@mail.test>"
    head = report.as_bytes().partition(b"\n\n")[0] + b'\nContent-Type: multipart/report; boundary="b"\n\n'
    return (
        head
        + (
            f"--b\n\n{words}\n--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx\n\n"
            f"Final-Recipient: rfc822; x\nAction: {action}\nStatus: {status}\n\n"
            f"--b\nContent-Type: message/rfc822\n\nMessage-ID: {message_id}\n\nhi\n--b--\n"
        ).encode()
    )
