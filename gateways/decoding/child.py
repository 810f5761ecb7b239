"""The child process that opens files: it may use so much memory and processor time, write no file, and ends with its parent."""

from __future__ import annotations

import resource
import sys
from typing import Any

from domain.errors.base import Refusal
from domain.errors.files import FileTooDemanding
from domain.support.mail import MailNote
from gateways import attachments
from gateways.decoding import read, write
from gateways.mail.wire import Reader, packed
from gateways.pictures.pages import photos_in

MEMORY_BYTES_MAX = 1024**3  # 40 megapixels with transparency take 160 MB, and at most twice that while they are turned.
PROCESSOR_S_MAX = 20  # Of one file.
OPEN_FILES_MAX = 32


def main() -> None:
    """Answers one question after the other on standard input until that ends."""
    _limit()
    while True:
        try:
            head, body = read(sys.stdin.buffer)
        except EOFError:
            return
        _allow_time()
        write(sys.stdout.buffer, *_answered(head, body))


def _answered(head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    try:
        return _OPENERS[head["kind"]](head, body)
    except MemoryError:
        refusal: Refusal = FileTooDemanding()
    except Refusal as refused:
        refusal = refused
    return {"refused": refusal.code, "data": refusal.data}, b""


def _photos(_head: dict[str, Any], raw: bytes) -> tuple[dict[str, Any], bytes]:
    taken = photos_in(raw)
    names = ("upload_sha256", "stored_sha256", "width", "height", "look")
    fields = [{name: getattr(one, name) for name in names} | {"bytes": len(one.jpeg)} for one in taken]
    return {"photos": fields}, b"".join(one.jpeg for one in taken)


def _attachment(head: dict[str, Any], content: bytes) -> tuple[dict[str, Any], bytes]:
    taken = attachments.accept(head["name"], content)
    return {"name": taken.name, "media_type": taken.media_type, "sha256": taken.sha256}, taken.content


def _mail(head: dict[str, Any], raw: bytes) -> tuple[dict[str, Any], bytes]:
    from gateways.mail import parsing  # Only a child that is given mail loads what reads HTML.

    reader = Reader(**head["reader"])
    if head["head_only"]:
        return packed(parsing.head_only(raw, reader, MailNote.DAMAGED))
    return packed(parsing.parse(raw, reader))


_OPENERS = {"photos": _photos, "attachment": _attachment, "mail": _mail}


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES_MAX, MEMORY_BYTES_MAX))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # A core would hold a card in the clear.
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES_MAX, OPEN_FILES_MAX))


def _allow_time() -> None:
    """Moves the limit of processor seconds, after which the kernel ends this process, ahead of what was used so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime) + PROCESSOR_S_MAX, hard))


if __name__ == "__main__":
    main()
