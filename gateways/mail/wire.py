"""A mail on its way from the process that took it apart to the one that asked for it: facts as JSON, files as bytes."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from domain.support.mail import FailedDelivery, InboundMail, MailAddress, MailFile, MailFlag, MailNote

BYTES_MAX = 25 * 1024 * 1024  # Of one mail: what most mail servers take.
HEAD_BYTES_MAX = 256 * 1024


@dataclass(frozen=True)
class Reader:
    """What an installation knows of itself: its addresses, the mark on its mail, and whose word on senders it believes."""

    own: tuple[str, ...] = ()
    loop_mark: str = ""
    auth_server: str = ""


def packed(mail: InboundMail) -> tuple[dict[str, Any], bytes]:
    """Return the mail as a JSON object, and the bytes of its files one after the other."""
    facts = {name: value for name, value in vars(mail).items() if name not in _OWN_FORM}
    facts |= {
        "in_reply_to": mail.in_reply_to,
        "references": mail.references,
        "sender": asdict(mail.sender),
        "to": [asdict(one) for one in mail.to],
        "cc": [asdict(one) for one in mail.cc],
        "flags": sorted(mail.flags),
        "notes": sorted(mail.notes),
        "failed": [asdict(one) for one in mail.failed],
        "files": [{"name": one.name, "media_type": one.media_type, "bytes": len(one.content)} for one in mail.files],
    }
    return facts, b"".join(one.content for one in mail.files)


def unpacked(facts: dict[str, Any], body: bytes) -> InboundMail:
    """Return the mail that `packed` was given."""
    return InboundMail(
        **{name: value for name, value in facts.items() if name not in _OWN_FORM},
        in_reply_to=tuple(facts["in_reply_to"]),
        references=tuple(facts["references"]),
        sender=MailAddress(**facts["sender"]),
        to=tuple(MailAddress(**one) for one in facts["to"]),
        cc=tuple(MailAddress(**one) for one in facts["cc"]),
        flags=frozenset(MailFlag(one) for one in facts["flags"]),
        notes=frozenset(MailNote(one) for one in facts["notes"]),
        failed=tuple(FailedDelivery(**one) for one in facts["failed"]),
        files=_files(facts["files"], body),
    )


_OWN_FORM = frozenset({"in_reply_to", "references", "sender", "to", "cc", "flags", "notes", "failed", "files"})


def _files(kept: list[dict[str, Any]], body: bytes) -> tuple[MailFile, ...]:
    files, start = [], 0
    for one in kept:
        end = start + one["bytes"]
        files.append(MailFile(one["name"], one["media_type"], body[start:end]))
        start = end
    return tuple(files)
