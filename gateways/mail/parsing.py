"""Takes the bytes of a mail apart. Broken mail is read as far as it goes; nothing in it can make this raise or grow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message
from email.parser import BytesHeaderParser, BytesParser
from email.utils import getaddresses
from hashlib import sha256
from itertools import islice

from domain.support import mail_signs
from domain.support.mail import (
    ADDRESS_CHARACTERS_MAX,
    ADDRESSES_MAX,
    FILE_BYTES_MAX,
    FILES_BYTES_MAX,
    FILES_MAX,
    NAME_CHARACTERS_MAX,
    SUBJECT_CHARACTERS_MAX,
    TEXT_CHARACTERS_MAX,
    InboundMail,
    MailAddress,
    MailFile,
    MailFlag,
    MailNote,
    language_of,
)
from domain.support.mail_threads import ids_in
from gateways.mail.charsets import decoded, readable
from gateways.mail.reports import failed_deliveries
from gateways.mail.texts import of_html, reply_in, tidy
from gateways.mail.wire import BYTES_MAX, HEAD_BYTES_MAX, Reader

PARTS_MAX = 500
KIND_CHARACTERS_MAX = 80
HEADER_CHARACTERS_MAX = 20_000
ADDRESS_HEADER_CHARACTERS_MAX = 5_000
TEXT_BYTES_MAX = 2 * 1024 * 1024  # Of one text or page: many times what is kept of it.
TNEF = frozenset({"application/ms-tnef", "application/vnd.ms-tnef"})
# Atoms alone: a quoted local part, or one that looks like an encoded word, is read otherwise by the next program.
_ATOM, _LABEL = r"[\w!#$%&'*+/=?^`{|}~-]+", r"\w(?:[\w-]*\w)?"
_ADDRESS = re.compile(rf"(?!.*=\?){_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")


@dataclass
class _Parts:
    """What was collected while walking through a mail."""

    plain: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    files: list[MailFile] = field(default_factory=list)
    left_out: int = 0
    notes: set[MailNote] = field(default_factory=set)


def parse(raw: bytes, reader: Reader) -> InboundMail:
    """Return the mail in these bytes. Of a mail over BYTES_MAX only the head is read. Never raises."""
    if len(raw) > BYTES_MAX:
        return head_only(raw, reader, MailNote.TOO_LARGE)
    try:
        message = BytesParser().parsebytes(raw)
    except (ValueError, LookupError, RecursionError, AssertionError, AttributeError, TypeError, IndexError):
        return head_only(raw, reader, MailNote.DAMAGED)
    parts = _collected(message)
    if message.defects:
        parts.notes.add(MailNote.DAMAGED)
    return _mail(raw, message, parts, reader)


def head_only(raw: bytes, reader: Reader, note: MailNote) -> InboundMail:
    """Return a mail of which nothing but the head is read, with a note why."""
    head = re.split(rb"\r?\n\r?\n", raw[:HEAD_BYTES_MAX], maxsplit=1)[0]
    message = BytesHeaderParser().parsebytes(head)
    return _mail(raw, message, _Parts(notes={note}), reader)


def _mail(raw: bytes, message: Message, parts: _Parts, reader: Reader) -> InboundMail:
    headers = _headers(message)
    senders = _addresses(message, "from")
    sender = next(
        iter((*senders, *_addresses(message, "sender"), *_addresses(message, "return-path"))), MailAddress("")
    )
    subject = readable(" ".join(_first(headers, "subject").split()))[:SUBJECT_CHARACTERS_MAX]
    whole = _text(parts)
    flags = mail_signs.flags_of(
        headers, sender.address, subject, _first(headers, "content-type"), reader.own, reader.loop_mark, reader.auth_server
    )  # fmt: skip
    text = reply_in(whole)
    return InboundMail(
        message_id=(ids_in(_first(headers, "message-id")) or (_own_name(raw),))[0],
        sender=sender,
        subject=subject,
        text=text,
        whole=whole,
        language=language_of(f"{subject}\n{text}"),
        in_reply_to=ids_in(_first(headers, "in-reply-to")),
        references=ids_in(_first(headers, "references")),
        to=_addresses(message, "to"),
        cc=_addresses(message, "cc"),
        files=tuple(parts.files),
        # It is unknown which of several senders was checked.
        flags=flags if len(senders) <= 1 else flags | {MailFlag.UNVERIFIED},
        notes=frozenset(parts.notes),
        files_left_out=parts.left_out,
        failed=failed_deliveries(message) if MailFlag.BOUNCE in flags else (),
    )


def _own_name(raw: bytes) -> str:
    """A mail without an id is known again by its content."""
    return f"{sha256(raw).hexdigest()[:40]}@no-message-id"


def _collected(message: Message) -> _Parts:
    parts = _Parts()
    for count, part in enumerate(_leaves(message)):
        if count >= PARTS_MAX:
            parts.notes.add(MailNote.FILES_LEFT_OUT)
            parts.left_out += 1
            continue
        _collect(parts, part)
    return parts


def _leaves(message: Message) -> Iterator[Message]:
    """The parts that hold content, in their order; a mail inside the mail counts as one. No recursion: a mail may nest deep."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        inner = part.get_payload()
        if isinstance(inner, list) and part.get_content_maintype() == "multipart":
            waiting.extend(reversed([one for one in inner if isinstance(one, Message)]))
        else:
            yield part


def _collect(parts: _Parts, part: Message) -> None:
    kind = readable(part.get_content_type())[:KIND_CHARACTERS_MAX]
    name = _file_name(part)
    if kind in TNEF or name.casefold() == "winmail.dat":
        parts.notes.add(MailNote.OUTLOOK_ONLY)
    elif kind in ("text/plain", "text/html") and not name and part.get_content_disposition() != "attachment":
        content = _content(part)
        if len(content) > TEXT_BYTES_MAX:
            parts.notes.add(MailNote.TEXT_CUT)
        words = decoded(content[:TEXT_BYTES_MAX], _charset(part))
        (parts.plain if kind == "text/plain" else parts.pages).append(words)
    elif kind not in ("message/delivery-status", "text/rfc822-headers", "message/disposition-notification"):
        _keep_file(parts, name, kind, part)


def _keep_file(parts: _Parts, name: str, kind: str, part: Message) -> None:
    content = _content(part)
    if not content:
        return
    held = sum(len(one.content) for one in parts.files)
    if len(parts.files) >= FILES_MAX or len(content) > FILE_BYTES_MAX or held + len(content) > FILES_BYTES_MAX:
        parts.left_out += 1
        parts.notes.add(MailNote.FILES_LEFT_OUT)
    else:
        parts.files.append(MailFile(name or f"file-{len(parts.files) + 1}", kind, content))


def _text(parts: _Parts) -> str:
    """The plain text where there is one, else that of the pages; cut to what is kept, with a note."""
    plain = tidy("\n\n".join(parts.plain))
    whole = plain or tidy("\n\n".join(of_html(one) for one in parts.pages))
    if len(whole) > TEXT_CHARACTERS_MAX:
        parts.notes.add(MailNote.TEXT_CUT)
    return whole[:TEXT_CHARACTERS_MAX].rstrip()


def _content(part: Message) -> bytes:
    """The bytes of a part; a mail inside the mail as it would be sent on."""
    try:
        inner = part.get_payload()
        if isinstance(inner, list):
            return b"\n\n".join(one.as_bytes() for one in inner if isinstance(one, Message))
        found = part.get_payload(decode=True)
    except (ValueError, LookupError, RecursionError, AttributeError, TypeError, KeyError, AssertionError):
        return b""
    return found if isinstance(found, bytes) else b""


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (ValueError, LookupError, TypeError):
        return None


def _file_name(part: Message) -> str:
    try:
        given = part.get_filename()
    except (ValueError, LookupError, TypeError, AttributeError):
        return "file"
    return _header_text(given)[-NAME_CHARACTERS_MAX:] if given else ""


def _headers(message: Message) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in message.raw_items():
        found.setdefault(name.casefold(), []).append(_header_text(str(value)))
    return found


def _header_text(value: str) -> str:
    """The header as it is read: encoded words decoded, undeclared bytes guessed."""
    value = value[:HEADER_CHARACTERS_MAX]
    try:
        pieces = decode_header(value.encode("ascii", "surrogateescape").decode("latin-1")) if "=?" in value else None
    except (HeaderParseError, ValueError, UnicodeError):
        pieces = None
    if pieces is None:
        return decoded(value.encode("utf-8", "surrogateescape"), None)
    return "".join(_piece(content, charset) for content, charset in pieces)


def _piece(content: bytes | str, charset: str | None) -> str:
    return decoded(content.encode("latin-1", "replace") if isinstance(content, str) else content, charset)


def _addresses(message: Message, header: str) -> tuple[MailAddress, ...]:
    """The addresses of a header in their order, each once; what is no address is left out.

    A name is decoded only after it is apart from its address: decoded, it may look like another one.
    """
    written = [str(value) for name, value in message.raw_items() if name.casefold() == header]
    found: dict[str, MailAddress] = {}
    for name, address in islice(_pairs(written), ADDRESSES_MAX):
        plain = address.encode("utf-8", "surrogateescape").decode("utf-8", "replace").strip().lower()
        if len(plain) <= ADDRESS_CHARACTERS_MAX and _ADDRESS.fullmatch(plain):
            found.setdefault(plain, MailAddress(plain, " ".join(_header_text(name).split())[:NAME_CHARACTERS_MAX]))
    return tuple(found.values())


def _pairs(written: list[str]) -> list[tuple[str, str]]:
    try:
        return getaddresses([value[:ADDRESS_HEADER_CHARACTERS_MAX] for value in written])
    except (RecursionError, IndexError, ValueError):  # Comments within comments within comments.
        return []


def _first(headers: dict[str, list[str]], name: str) -> str:
    return next(iter(headers.get(name, ())), "")
