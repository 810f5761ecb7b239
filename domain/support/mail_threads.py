"""The ids that join mails into one conversation: our own carry the ticket and a keyed tag, so that none can be guessed."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Iterable, Iterator

from domain.identifiers import is_id

TAG_CHARACTERS = 16  # 64 bits of a keyed hash.
MESSAGE_ID_CHARACTERS_MAX = 250
IDS_MAX = 100  # Of References: the oldest and the newest stay.
_ID = re.compile(r"<([^<>\s]{1,500})>")
_BARE = re.compile(r"[^<>\s@,;]+@[^<>\s@,;]+")
_OURS = re.compile(r"t\.([0-9a-z]{26})\.([0-9a-z]{1,40})\.([0-9a-f]{16})@[^@]+", re.I)
_ADDRESS_TAG = re.compile(r"[^@+]+\+t\.([0-9a-z]{26})\.([0-9a-f]{16})@[^@]+", re.I)

TagOf = Callable[[str], str]  # A keyed hash of a text, in lower-case hex, at least as long as a tag.


def ids_in(header: str) -> tuple[str, ...]:
    """Return the message ids that a header names, without angle brackets, each once, at most IDS_MAX.

    Some programs leave the brackets out; then whatever looks like an id counts.
    """
    found = _ID.findall(header) or _BARE.findall(header)
    ids = list(dict.fromkeys(one[:MESSAGE_ID_CHARACTERS_MAX] for one in found))
    return tuple(ids if len(ids) <= IDS_MAX else [ids[0], *ids[1 - IDS_MAX :]])


def outgoing_id(ticket_id: str, message_id: str, domain: str, tag_of: TagOf) -> str:
    """Return the Message-ID of our mail about a ticket: always the same for the same message of the same ticket."""
    stem = f"t.{ticket_id.lower()}.{message_id.lower()}"
    return f"{stem}.{_tag(tag_of, stem)}@{domain}"


def reply_address(ticket_id: str, address: str, tag_of: TagOf) -> str:
    """Return our address with the ticket in its plus tag: an answer finds its ticket without any reference."""
    local, _, domain = address.rpartition("@")
    stem = f"t.{ticket_id.lower()}"
    return f"{local}+{stem}.{_tag(tag_of, stem)}@{domain}"


def tickets_of(message_ids: Iterable[str], tag_of: TagOf) -> tuple[str, ...]:
    """Return the tickets of those ids that we made, in their order; a changed or invented id names none."""
    return tuple(ticket for ticket, _ in messages_of(message_ids, tag_of))


def messages_of(message_ids: Iterable[str], tag_of: TagOf) -> tuple[tuple[str, str], ...]:
    """Return ticket and message of those ids that we made, in their order, each once."""
    return tuple(dict.fromkeys(_messages_of(message_ids, tag_of)))


def ticket_of_addresses(addresses: Iterable[str], tag_of: TagOf) -> str | None:
    """Return the ticket in the plus tag of the first address that carries a genuine one."""
    for address in addresses:
        found = _ADDRESS_TAG.fullmatch(address)
        if (
            found
            and is_id(found[1].upper())
            and hmac.compare_digest(_tag(tag_of, f"t.{found[1].lower()}"), found[2].lower())
        ):
            return found[1].upper()
    return None


def _messages_of(message_ids: Iterable[str], tag_of: TagOf) -> Iterator[tuple[str, str]]:
    for one in message_ids:
        found = _OURS.fullmatch(one)
        if not found or not is_id(found[1].upper()):
            continue
        stem = f"t.{found[1].lower()}.{found[2].lower()}"
        if hmac.compare_digest(_tag(tag_of, stem), found[3].lower()):
            yield found[1].upper(), found[2].upper()


def _tag(tag_of: TagOf, stem: str) -> str:
    return tag_of(stem)[:TAG_CHARACTERS]
