"""Every mail is read as far as it goes: in any charset, however broken, however large, and nothing in it runs or loads."""

from __future__ import annotations

import tracemalloc
from email.message import EmailMessage

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.support.mail import FILES_MAX, TEXT_CHARACTERS_MAX, MailFlag, MailNote
from gateways import decoding
from gateways.mail.parsing import parse
from gateways.mail.texts import reply_in
from gateways.mail.wire import BYTES_MAX, Reader, packed, unpacked

READER = Reader(("help@shop.test",), "mark", "mx.shop.test")
ASKED = "我的付款还没有到账，请问什么时候可以收到？"


def mail(content: bytes = b"Where is my money?", **headers: str) -> bytes:
    """A mail made by hand: headers and body exactly as given."""
    given = {"From": "wang@mail.test", "Message-ID": "<1@mail.test>", "Subject": "card"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
    return head.encode("utf-8", "surrogateescape") + b"\r\n" + content


def built(files: int = 0, kind: tuple[str, str] = ("application", "pdf")) -> EmailMessage:
    message = EmailMessage()
    message["From"], message["Message-ID"], message["Subject"] = "wang@mail.test", "<1@mail.test>", "card"
    message.set_content("See the files.")
    for number in range(files):
        message.add_attachment(b"%d" % number, maintype=kind[0], subtype=kind[1], filename=f"文件 {number}.pdf")
    return message


@pytest.mark.parametrize(
    ("words", "charset"),
    [
        (ASKED, "gbk"),
        (ASKED, "gb18030"),
        ("付款", "gbk"),
        (ASKED, "utf-8"),
        ("付款嗎？我還沒有收到錢，請幫我查詢一下這張卡的付款狀態，謝謝", "big5"),
        ("Grüße aus Köln, wo ist mein Geld?", "cp1252"),
        ("Где мои деньги, пожалуйста ответьте", "cp1251"),
    ],
)
@pytest.mark.parametrize("declared", ["", "wrong"])
def test_a_charset_that_is_not_or_wrongly_declared_is_found(words: str, charset: str, declared: str) -> None:
    more = {"Content_Type": "text/plain; charset=us-ascii"} if declared else {}
    assert parse(mail(words.encode(charset), **more), READER).text == words


@pytest.mark.parametrize("declared", ["gb2312", "GBK", "x-gbk", "gb18030"])
def test_characters_beyond_gb2312_are_read_although_it_is_declared(declared: str) -> None:
    words = "付款给㐂喆镕"
    read = parse(mail(words.encode("gb18030"), Content_Type=f"text/plain; charset={declared}"), READER)
    assert read.text == words


@pytest.mark.parametrize("charset", ["gbk", "utf-8"])
def test_a_subject_of_raw_bytes_is_read(charset: str) -> None:
    raw = b"From: a@b.test\r\nSubject: " + "付款没有到账".encode(charset) + b"\r\n\r\nx"
    assert parse(raw, READER).subject == "付款没有到账"


def test_encoded_words_are_read_and_a_name_proves_nothing() -> None:
    read = parse(mail(From="=?gb2312?B?zfW3vA==?= <WANG@mail.test>", To="a <a@b.test>, c@d.test"), READER)
    assert (read.sender.address, read.sender.name) == ("wang@mail.test", "王芳")
    assert [one.address for one in read.to] == ["a@b.test", "c@d.test"]


@pytest.mark.parametrize(
    "sender",
    [
        '"help@shop.test" <wang@mail.test>',
        '"victim@mail.test, x" <wang@mail.test>',
        "=?utf-8?q?victim=40mail.test=2C_x?= <wang@mail.test>",
        "=?utf-8?q?=3Cvictim=40mail.test=3E?= <wang@mail.test>",
    ],
)
def test_a_name_that_looks_like_an_address_is_none(sender: str) -> None:
    read = parse(mail(From=sender), READER)
    assert (read.sender.address, read.flags) == ("wang@mail.test", frozenset())


@pytest.mark.parametrize(
    "sender",
    ["a\x00b@mail.test", "\udcff@mail.test", "a b@mail.test", '"a@b"@mail.test', "=?utf-8?q?a?=@mail.test", "a@", "@b"],
)
def test_invalid_address_is_no_sender(sender: str) -> None:
    read = parse(mail(From=sender), READER)
    assert read.sender.address in ("", "b@mail.test")
    read.sender.address.encode()


@given(st.from_regex(r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,20}@[a-z0-9.-]{1,20}", fullmatch=True))
@settings(deadline=None)
def test_every_sender_can_be_answered(address: str) -> None:
    sender = parse(mail(From=address), READER).sender.address
    if sender:
        letter = EmailMessage()
        letter["To"] = sender
        assert [one.addr_spec for one in letter["To"].addresses] == [sender]


def test_a_mail_of_several_senders_is_verified_of_none() -> None:
    assert parse(mail(From="wang@mail.test, victim@mail.test"), READER).flags == frozenset({MailFlag.UNVERIFIED})
    twice = b"From: victim@mail.test\r\n" + mail()
    assert parse(twice, READER).flags == frozenset({MailFlag.UNVERIFIED})


def test_of_a_page_only_what_is_shown_remains() -> None:
    page = (
        "<html><head><title>t</title><style>p{color:red}</style></head><body onload=x()><p>Hello &amp; 你好</p>"
        "<script>alert(1)</script><img src='http://track.test/1.gif' alt='pixel'><div style='display:none'>secret</div>"
        "<a href='http://evil.test/'>click</a><!-- comment --><iframe src=x>frame</iframe><svg><text>drawn</text></svg>"
        "<ul><li>one</li><li>two</li></ul></body></html>"
    )
    read = parse(mail(page.encode(), Content_Type="text/html; charset=utf-8"), READER)
    assert [word for word in ("Hello & 你好", "click", "one") if word not in read.text] == []
    gone = ("alert", "track", "pixel", "secret", "evil", "comment", "frame", "drawn", "color", "<")
    assert [word for word in gone if word in read.text] == []


def test_plain_text_is_preferred_to_the_page_beside_it() -> None:
    message = built()
    message.add_alternative("<p>the page</p>", subtype="html")
    read = parse(message.as_bytes(), READER)
    assert (read.text, read.files) == ("See the files.", ())


def test_files_keep_their_names_and_are_counted_beyond_the_limit() -> None:
    read = parse(built(200).as_bytes(), READER)
    assert (len(read.files), read.files_left_out) == (FILES_MAX, 200 - FILES_MAX)
    assert read.notes == frozenset({MailNote.FILES_LEFT_OUT})
    assert (read.files[0].name, read.files[0].content) == ("文件 0.pdf", b"0")


def test_a_text_of_one_megabyte_is_cut_with_a_note() -> None:
    read = parse(mail("付款".encode() * 170_000), READER)
    assert (len(read.text), read.notes) == (TEXT_CHARACTERS_MAX, frozenset({MailNote.TEXT_CUT}))


def test_outlooks_own_file_is_left_out_with_a_note() -> None:
    read = parse(built(1, ("application", "ms-tnef")).as_bytes(), READER)
    assert (read.files, read.notes) == ((), frozenset({MailNote.OUTLOOK_ONLY}))


def test_a_mail_over_the_limit_is_read_by_its_head() -> None:
    read = parse(mail(b"x" * BYTES_MAX), READER)
    assert (read.subject, read.text, read.notes) == ("card", "", frozenset({MailNote.TOO_LARGE}))


def test_a_mail_inside_the_mail_is_a_file() -> None:
    message = built()
    message.add_attachment(built())
    (file,) = parse(message.as_bytes(), READER).files
    assert (file.media_type, b"See the files." in file.content) == ("message/rfc822", True)


def test_emoji_and_right_to_left_words_stay_and_what_turns_the_line_goes() -> None:
    words = "😀👩‍👩‍👧 שלום مرحبا"
    assert parse(mail(f"{words}\u202etxt.exe\x00\x1b[31m".encode()), READER).text == f"{words}txt.exe[31m"


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        ("谢谢，已收到。\n\n在 2026年11月28日，Cardloop <help@shop.test> 写道：\n> 您好", "谢谢，已收到。"),
        ("2026年11月28日 10:00，Cardloop 写道：\n> 您好", "2026年11月28日 10:00，Cardloop 写道：\n> 您好"),
        ("收到\n\n------------------ 原始邮件 ------------------\n发件人: \"Cardloop\"<help@shop.test>\n内容", "收到"),
        ("好的\n\n发件人: Cardloop\n发送时间: 2026年11月28日\n收件人: 王芳\n主题: 卡\n\n您好", "好的"),
        ("收到\n| ---- 回复的原邮件 ---- |\n| 发件人 | Cardloop |", "收到"),
        ("It works.\n\nOn Sat, 28 Nov 2026 at 10:00, Cardloop <help@shop.test> wrote:\n> hi\n> there", "It works."),
        ("ok\n\nFrom: Cardloop\nSent: Monday\nTo: Wang\nSubject: card\n\nold", "ok"),
        ("> question\nanswer\n> more\nlast answer", "> question\nanswer\n> more\nlast answer"),
        ("Hello\n\nThanks,\nWang", "Hello\n\nThanks,\nWang"),
        ("- first\n- second", "- first\n- second"),
        ("> only quoted", "> only quoted"),
    ],
)  # fmt: skip
def test_what_is_written_above_a_quoted_mail_is_the_reply(text: str, reply: str) -> None:
    assert reply_in(text) == reply


def test_a_report_of_a_failed_delivery_names_our_mail() -> None:
    report = (
        b"--b\r\nContent-Type: text/plain\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        b"Reporting-MTA: dns; mx.test\r\n\r\nFinal-Recipient: rfc822; a@b.test\r\nAction: failed\r\nStatus: 5.1.1\r\n\r\n"
        b"--b\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <t.ours@shop.test>\r\nSubject: x\r\n\r\nhi\r\n--b--\r\n"
    )
    kind = 'multipart/report; report-type=delivery-status; boundary="b"'
    read = parse(mail(report, Content_Type=kind, From="MAILER-DAEMON@mx.test"), READER)
    assert MailFlag.BOUNCE in read.flags
    assert [(one.message_id, one.status, one.final) for one in read.failed] == [("t.ours@shop.test", "5.1.1", True)]
    delayed = report.replace(b"Action: failed", b"Action: delayed").replace(b"5.1.1", b"4.4.7")
    (later,) = parse(mail(delayed, Content_Type=kind), READER).failed
    assert (later.status, later.final) == ("4.4.7", False)
    relayed = report.replace(b"Action: failed", b"Action: relayed").replace(b"5.1.1", b"2.0.0")
    assert parse(mail(relayed, Content_Type=kind), READER).failed == ()


def test_a_report_in_a_servers_own_words_names_our_mail_too() -> None:
    words = "抱歉，您的邮件被退回来了。550 5.1.1 mailbox not found\n\nMessage-ID: <t.ours@shop.test>\n"
    read = parse(mail(words.encode("gbk"), From="postmaster@qq.test", Subject="系统退信"), READER)
    assert [(one.message_id, one.status) for one in read.failed] == [("t.ours@shop.test", "5.1.1")]


def test_a_mail_without_an_id_is_known_again_by_its_content() -> None:
    raw = b"From: a@b.test\r\n\r\nhello"
    assert parse(raw, READER).message_id == parse(raw, READER).message_id != parse(raw + b"!", READER).message_id


HOSTILE = {
    "nothing": b"",
    "no head": b"\r\n\r\n",
    "zeros": b"\0" * 1000,
    "deep comments": b"From: " + b"(" * 100_000 + b"\r\n\r\nx",
    "a hundred thousand senders": b"From: " + b"a@b.test, " * 100_000 + b"\r\n\r\nx",
    "encoded words without an end": b"Subject: " + b"=?utf-8?q?a?= " * 20_000 + b"\r\n\r\nx",
    "an unknown charset": b"Content-Type: text/plain; charset=x-none\r\n\r\nhello",
    "a codec that is no charset": b"Content-Type: text/plain; charset=zlib\r\n\r\nhello",
    "an unknown encoding": b"Content-Transfer-Encoding: x\r\n\r\nhello",
    "broken base64": b"Content-Transfer-Encoding: base64\r\n\r\n!!!a",
    "no boundary": b"Content-Type: multipart/mixed\r\n\r\nhello",
    "an open boundary": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello",
    "a name of a broken charset": b"Content-Disposition: attachment; filename*=x''%ff%fe\r\n\r\nhello",
    "many parts": b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\nx\r\n" * 20_000,
    "deep parts": b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (depth, depth) for depth in range(3000)
    ),
    "deep elements": b"Content-Type: text/html\r\n\r\n" + b"<div>" * 200_000,
    "deep tables": b"Content-Type: text/html\r\n\r\n" + b"<table><tr><td>" * 60_000,
    "open tags": b"Content-Type: text/html\r\n\r\n" + b"<div display:none " * 50_000,
    "one line of openings": b"\r\n\r\n" + b"On " * 300_000,
    "lines of openings": b"\r\n\r\n" + b"On x\n" * 200_000,
    "quoted heads": b"\r\n\r\n" + b"From: x\n" * 130_000,
    "empty lines": b"\r\n\r\n" + b" \n" * 500_000,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.timeout(15)
def test_hostile_mail_is_read_in_seconds(name: str) -> None:
    read = parse(HOSTILE[name], READER)
    assert read.message_id
    assert len(read.text) <= TEXT_CHARACTERS_MAX


_HEADS = st.sampled_from(
    [
        "From",
        "To",
        "Subject",
        "Message-ID",
        "Content-Type",
        "Content-Transfer-Encoding",
        "Content-Disposition",
        "References",
        "Date",
    ]
)
_VALUES = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            "multipart/mixed; boundary=b", "text/html; charset=gbk", "message/rfc822", "base64", "quoted-printable",
            "=?utf-8?b?5L2g?=", "attachment; filename*=utf-8''%e4%bd", "a@b.test", "multipart/report; boundary=b",
            "message/delivery-status", "text/plain; charset*0=g; charset*1=bk",
        ]
    ),
)  # fmt: skip
_BODIES = st.one_of(
    st.binary(max_size=300), st.sampled_from([b"--b\r\nContent-Type: text/html\r\n\r\n<p>x\r\n--b--", b"--b\r\n\r\n"])
)


@given(st.lists(st.tuples(_HEADS, _VALUES), max_size=6), st.lists(_BODIES, max_size=4))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_mail_raises_and_every_mail_can_be_passed_on_and_stored(
    heads: list[tuple[str, str]], bodies: list[bytes]
) -> None:
    head = "".join(f"{name}: {value}\r\n" for name, value in heads).encode("utf-8", "surrogatepass")
    read = parse(head + b"\r\n" + b"\r\n".join(bodies), READER)
    assert unpacked(*packed(read)) == read
    people = (read.sender, *read.to, *read.cc)
    words = (
        read.message_id, read.subject, read.text, read.whole, *read.thread, *(one.name for one in read.files),
        *(one.media_type for one in read.files), *(text for one in people for text in (one.address, one.name)),
        *(one.message_id + one.status for one in read.failed),
    )  # fmt: skip
    for text in words:
        assert "\0" not in text
        text.encode()


def test_memory_stays_within_a_few_times_the_mail() -> None:
    raw = mail(b"x" * 5_000_000)
    tracemalloc.start()
    parse(raw, READER)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 12 * len(raw)


async def test_mail_leaves_the_child_as_it_was_read_there() -> None:
    raw = built(3).as_bytes()
    assert await decoding.mail(raw, READER) == parse(raw, READER)


async def test_a_mail_that_takes_too_long_is_read_by_its_head(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "SECONDS_MAX", 2.0)
    raw = mail(b"--b\r\n\r\nx\r\n" * 2_000_000, Content_Type="multipart/mixed; boundary=b")
    read = await decoding.mail(raw, READER)
    assert (read.subject, read.notes) == ("card", frozenset({MailNote.DAMAGED}))
