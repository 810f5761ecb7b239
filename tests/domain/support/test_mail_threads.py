"""Mails are joined by their ids alone, and an id of ours cannot be guessed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from domain.identifiers import new_id
from domain.sealing import KeyRing
from domain.support.mail import language_of
from domain.support.mail_threads import (
    IDS_MAX,
    ids_in,
    messages_of,
    outgoing_id,
    reply_address,
    ticket_of_addresses,
    tickets_of,
)

RING, OTHER = KeyRing.generate(), KeyRing.generate()


def tag_of(text: str) -> str:
    return RING.index(text, purpose="mail")


def foreign(text: str) -> str:
    return OTHER.index(text, purpose="mail")


def test_an_id_of_ours_names_its_ticket_and_message() -> None:
    ticket, message = new_id(), new_id()
    made = outgoing_id(ticket, message, "shop.test", tag_of)
    assert made == outgoing_id(ticket, message, "shop.test", tag_of)
    assert messages_of([made.upper(), "other@mail.test"], tag_of) == ((ticket, message),)


def test_a_changed_id_names_nothing() -> None:
    ticket, message = new_id(), new_id()
    made = outgoing_id(ticket, message, "shop.test", tag_of)
    elsewhere = outgoing_id(ticket, message, "shop.test", foreign)
    other_ticket = made.replace(ticket.lower(), new_id().lower())
    assert tickets_of([elsewhere, other_ticket, f"t.{ticket.lower()}.x.{'0' * 16}@shop.test"], tag_of) == ()


def test_a_tagged_address_names_its_ticket_and_a_forged_one_none() -> None:
    ticket = new_id()
    address = reply_address(ticket, "help@shop.test", tag_of)
    assert ticket_of_addresses(["help@shop.test", address.lower()], tag_of) == ticket
    assert ticket_of_addresses([reply_address(ticket, "help@shop.test", foreign)], tag_of) is None
    local, _, domain = address.partition("@")
    assert len(local) <= 64, "a mail server takes no longer local part"
    assert domain == "shop.test"


def test_ids_are_found_with_and_without_brackets_and_the_newest_stay() -> None:
    assert ids_in("<a@x>\r\n\t<b@x> <a@x>") == ("a@x", "b@x")
    assert ids_in("a@x, b@x") == ("a@x", "b@x")
    many = ids_in(" ".join(f"<{number}@x>" for number in range(300)))
    assert (len(many), many[0], many[-1]) == (IDS_MAX, "0@x", "299@x")


@given(st.text(max_size=400))
def test_no_header_breaks_the_search_for_ids(header: str) -> None:
    assert len(ids_in(header)) <= IDS_MAX
    assert tickets_of(ids_in(header), tag_of) == ()


def test_the_language_of_the_answer_follows_the_words() -> None:
    words = [
        "我的卡没有到账",
        "My card was not paid",
        "Card 卡 from JD not paid yet today",
        "京东 JD 卡 not 到账",
        "12345",
    ]
    assert [language_of(one) for one in words] == ["zh_CN", "en", "en", "zh_CN", "zh_CN"]
