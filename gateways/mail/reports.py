"""What a mail server reports of a mail of ours that it did not deliver (RFC 3464), also where it uses words of its own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message

from domain.support.mail import FailedDelivery
from domain.support.mail_threads import ids_in
from gateways.mail.charsets import readable

PARTS_MAX = 50
TEXT_CHARACTERS_MAX = 100_000
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
_NAMED_ID = re.compile(r"^[ \t>]*message-id[ \t]*:[ \t]*(<[^<>\s]{1,500}>)", re.I | re.M)
FINAL, UNSTATED = "5.", "5.0.0"


def failed_deliveries(report: Message) -> tuple[FailedDelivery, ...]:
    """Return what the report says of each of our mails that it names; an empty tuple when it names none."""
    parts = [part for _, part in zip(range(PARTS_MAX), _parts(report), strict=False)]
    status, final = _verdict(parts)
    if status.startswith("2."):
        return ()
    ids = dict.fromkeys(one for part in parts for one in _original_ids(part, report))
    return tuple(FailedDelivery(one, status, final) for one in ids)


def _parts(message: Message) -> Iterator[Message]:
    waiting = [message]
    while waiting:
        part = waiting.pop()
        yield part
        inner = part.get_payload()
        if isinstance(inner, list):
            waiting.extend(reversed([one for one in inner if isinstance(one, Message)]))


def _verdict(parts: list[Message]) -> tuple[str, bool]:
    """The status and whether it is final, of the first receiver that failed; a report without one is final."""
    fields = [part for part in parts if part.get("action") is not None or part.get("status") is not None]
    for part in fields:
        action = str(part.get("action", "")).strip().casefold()
        found = _STATUS.search(str(part.get("status", "")))
        status = found[1] if found else UNSTATED
        if action == "failed" or (not action and status.startswith(FINAL)):
            return status, True
    for part in fields:
        found = _STATUS.search(str(part.get("status", "")))
        return (found[1] if found else "4.0.0"), False
    worded = _STATUS.search("\n".join(_words(part) for part in parts))
    status = worded[1] if worded else UNSTATED
    return status, not status.startswith("4.")


def _original_ids(part: Message, report: Message) -> Iterator[str]:
    """Our mail is quoted as a mail, as its headers alone, or in the words of the report."""
    if part is not report and (named := part.get("message-id")) is not None:
        yield from ids_in(readable(str(named)))
    yield from (one for named in _NAMED_ID.findall(_words(part)) for one in ids_in(readable(named)))


def _words(part: Message) -> str:
    """The text of a part; empty for one that contains others."""
    try:
        content = part.get_payload(decode=True)
    except (ValueError, LookupError, AttributeError, TypeError):
        return ""
    return content.decode("utf-8", "replace")[:TEXT_CHARACTERS_MAX] if isinstance(content, bytes) else ""
