"""A mail that a customer sent to support, as its reader understood it; nothing of a wire format is left in it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

FILES_MAX = 20  # So many of one mail are looked at; a note counts the others.
FILE_BYTES_MAX = 10 * 1024 * 1024
FILES_BYTES_MAX = 20 * 1024 * 1024  # Of all files of one mail together.
TEXT_CHARACTERS_MAX = 20_000  # Read; a ticket keeps fewer.
SUBJECT_CHARACTERS_MAX = 300
NAME_CHARACTERS_MAX = 120
ADDRESS_CHARACTERS_MAX = 254  # RFC 5321.
ADDRESSES_MAX = 50
_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_ANSWERED = re.compile(r"^\s*(?:(?:re|aw|fwd?|回复|答复|回覆|转发)\s*(?:\[\d+\])?\s*[:：]\s*)+", re.I)
_LATIN_WORD = re.compile(r"[A-Za-z]{2,}")


class MailFlag(StrEnum):
    """Signs by which a mail is treated otherwise than a customer's own words."""

    AUTO_REPLY = "auto_reply"  # A machine answered: out of office, or a ticket system like this one.
    BOUNCE = "bounce"  # A mail server reports what became of a mail of ours.
    LIST = "list"  # Sent to a mailing list or in bulk.
    OWN = "own"  # From one of our own addresses, or a mail of ours that came back.
    UNVERIFIED = "unverified"  # Our own mail server says that its sender address is forged.


class MailNote(StrEnum):
    """What a reader of the mail must know about what is missing in it."""

    TEXT_CUT = "text_cut"  # The text was longer than is kept.
    FILES_LEFT_OUT = "files_left_out"  # More files, or larger ones, than are kept.
    FILES_REFUSED = "files_refused"  # Files of a kind that is not taken.
    OUTLOOK_ONLY = "outlook_only"  # A file that only Outlook opens (TNEF) was left out.
    DAMAGED = "damaged"  # Its form is broken: parts may be missing.
    TOO_LARGE = "too_large"  # Over the size limit: only its head was read.
    SECRET_MASKED = "secret_masked"  # noqa: S105  # A card number or PIN was covered before the text was kept.


class MailOutcome(StrEnum):
    """What became of a mail."""

    OPENED = "opened"  # It is the first of a new ticket.
    APPENDED = "appended"  # It joined the conversation of a ticket.
    NOTED = "noted"  # An automatic answer in the conversation; it needs no reply.
    REPORTED = "reported"  # A delivery report on a mail of ours.
    IGNORED = "ignored"  # From ourselves, or from a machine about no ticket.


@dataclass(frozen=True)
class MailAddress:
    """An address in lower case and the name beside it, which proves nothing."""

    address: str
    name: str = ""


@dataclass(frozen=True)
class MailFile:
    """An attached file as it came: its name and media type are the sender's claims."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


@dataclass(frozen=True)
class FailedDelivery:
    """A mail server's word on a mail of ours: its Message-ID, and the status code (5.1.1) of each receiver.

    `final` says that it will not be tried again.
    """

    message_id: str
    status: str
    final: bool


@dataclass(frozen=True)
class InboundMail:
    """One mail. Ids have no angle brackets; `text` is what its writer wrote, `whole` has the quoted mail too."""

    message_id: str
    sender: MailAddress
    subject: str
    text: str = field(repr=False)
    whole: str = field(repr=False)
    language: str
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    to: tuple[MailAddress, ...] = ()
    cc: tuple[MailAddress, ...] = ()
    files: tuple[MailFile, ...] = ()
    flags: frozenset[MailFlag] = frozenset()
    notes: frozenset[MailNote] = frozenset()
    files_left_out: int = 0
    failed: tuple[FailedDelivery, ...] = ()

    @property
    def automatic(self) -> bool:
        """Return whether no person wrote it: it is never answered and starts no clock."""
        return bool(self.flags & {MailFlag.AUTO_REPLY, MailFlag.BOUNCE, MailFlag.LIST, MailFlag.OWN})

    @property
    def thread(self) -> tuple[str, ...]:
        """Return the ids of earlier mails that it answers, the nearest first, each once."""
        return tuple(dict.fromkeys((*self.in_reply_to, *reversed(self.references))))

    @property
    def receivers(self) -> frozenset[str]:
        """Return every address that it names in To and Cc."""
        return frozenset(one.address for one in (*self.to, *self.cc))


def plain_subject(subject: str) -> str:
    """Return the subject without the words that answering and passing on put before it."""
    return _ANSWERED.sub("", subject)


def language_of(text: str) -> str:
    """Return the language to answer in: `zh_CN` when a quarter of its words are Chinese characters, else `en`.

    A text without letters gets `zh_CN`, the language of most customers.
    """
    han, latin = len(_HAN.findall(text)), len(_LATIN_WORD.findall(text))
    return "zh_CN" if han * 3 >= latin else "en"
