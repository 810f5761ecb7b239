"""Machines, lists and our own mail are known by their signs, and people are never taken for machines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from domain.support.mail import MailFlag
from domain.support.mail_signs import LOOP_MAX, flags_of, is_own, loops

OWN, MARK, SERVER = ("help@shop.test",), "mark-of-ours", "mx.shop.test"
PERSON = "wang@mail.test"
NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)


def flags(
    headers: dict[str, str] | None = None, sender: str = PERSON, subject: str = "My card", kind: str = "text/plain"
) -> set[str]:
    listed = {name: [value] for name, value in (headers or {}).items()}
    return {flag.value for flag in flags_of(listed, sender, subject, kind, OWN, MARK, SERVER)}


@pytest.mark.parametrize(
    ("headers", "sender", "subject"),
    [
        ({"auto-submitted": "auto-replied"}, PERSON, "x"),
        ({"auto-submitted": 'Auto-Generated; owner-email="a@b.test"'}, PERSON, "x"),
        ({"precedence": "auto_reply"}, PERSON, "x"),
        ({"x-autoreply": "yes"}, PERSON, "x"),
        ({"x-autorespond": "1"}, PERSON, "x"),
        ({}, "no-reply@bank.test", "x"),
        ({}, "noreply+77@bank.test", "x"),
        ({}, PERSON, "Out of Office: my card"),
        ({}, PERSON, "Automatic reply: My card"),
        ({}, PERSON, "自动回复：我的卡"),
        ({}, PERSON, "Re: 自动回复: 我的卡"),
        ({}, PERSON, "【自动回复】我的卡"),
        ({}, PERSON, "自動回覆: 我的卡"),
    ],
)
def test_automatic_answers_are_known(headers: dict[str, str], sender: str, subject: str) -> None:
    assert "auto_reply" in flags(headers, sender, subject)


@pytest.mark.parametrize(
    ("headers", "subject"),
    [
        ({}, "我的付款没有自动到账"),
        ({"auto-submitted": "no"}, "Where is my money?"),
        ({"return-path": "<wang@mail.test>"}, "Re: Your card"),
        ({"return-path": "<>"}, "Re: Your card"),
        ({"x-auto-response-suppress": "All"}, "Re: Your card"),
        ({"precedence": "normal"}, "Failure of my card"),
        ({}, "The office was closed, out of order"),
    ],
)
def test_people_are_not_taken_for_machines(headers: dict[str, str], subject: str) -> None:
    assert flags(headers, subject=subject) == set()


@pytest.mark.parametrize(
    ("headers", "sender", "subject", "kind"),
    [
        ({}, "mailer-daemon@mx.test", "Undelivered Mail Returned to Sender", "text/plain"),
        ({}, PERSON, "x", 'multipart/report; report-type=delivery-status; boundary="b"'),
        ({}, "postmaster@qq.test", "系统退信/Systems bounce", "text/plain"),
        ({"return-path": "<>"}, "support@mail.test", "Delivery Status Notification (Failure)", "text/plain"),
        ({"x-failed-recipients": "a@b.test"}, "mailer-daemon@mx.test", "Mail", "text/plain"),
    ],
)
def test_delivery_reports_are_known(headers: dict[str, str], sender: str, subject: str, kind: str) -> None:
    assert "bounce" in flags(headers, sender, subject, kind)


def test_a_receipt_of_reading_is_an_automatic_answer_and_no_delivery_report() -> None:
    assert flags({}, kind="multipart/report; report-type=disposition-notification") == {"auto_reply"}


@pytest.mark.parametrize("name", ["list-id", "list-unsubscribe", "feedback-id"])
def test_mail_of_lists_is_known(name: str) -> None:
    assert flags({name: "x"}) == {"list"}
    assert flags({"precedence": "bulk"}) == {"list"}


@pytest.mark.parametrize("sender", ["help@shop.test", "HELP@shop.test", "help+t.01abc.77@shop.test"])
def test_our_own_address_is_known_with_and_without_a_tag(sender: str) -> None:
    assert "own" in flags(sender=sender)
    assert is_own(sender, OWN)
    assert not is_own("help@other.test", OWN)


def test_mail_that_carries_our_mark_is_our_own_whatever_address_it_comes_from() -> None:
    assert flags({"x-cardloop-loop": "Mark-Of-Ours"}) == {"own"}
    assert flags({"x-cardloop-loop": "of another installation"}) == set()


def test_only_our_own_server_is_believed_about_a_forged_sender() -> None:
    ours = "mx.shop.test; spf=pass; dkim=fail; dmarc=fail (p=reject)"
    assert flags({"authentication-results": ours}) == {"unverified"}
    assert flags({"authentication-results": "mx.elsewhere.test; dmarc=fail"}) == set()
    assert flags({"authentication-results": "mx.shop.test; dkim=fail; dmarc=pass"}) == set()
    listed = {"authentication-results": ["mx.shop.test; dmarc=pass", "mx.shop.test; dmarc=fail"]}
    assert MailFlag.UNVERIFIED not in flags_of(listed, PERSON, "x", "text/plain", OWN, MARK, SERVER)
    assert MailFlag.UNVERIFIED not in flags_of({"authentication-results": [ours]}, PERSON, "x", "", OWN, MARK)


def test_a_sender_reaches_the_limit_with_ten_mails_in_an_hour() -> None:
    recent = [NOW - timedelta(minutes=5 * number) for number in range(LOOP_MAX)]
    assert loops(recent, NOW)
    assert not loops(recent[1:], NOW)
    assert not loops(recent, NOW + timedelta(minutes=56))
