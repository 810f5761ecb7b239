"""Opens files from outside in a child process, where a file made to eat memory or time can hurt nobody but itself."""

from __future__ import annotations

import asyncio
import atexit
import json
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Timer
from typing import IO, Any

from domain.errors.base import REGISTER
from domain.errors.files import FileTooDemanding
from domain.support.mail import InboundMail
from gateways.attachments import BYTES_MAX as ATTACHMENT_BYTES_MAX
from gateways.attachments import Attachment
from gateways.mail.wire import BYTES_MAX as MAIL_BYTES_MAX
from gateways.mail.wire import HEAD_BYTES_MAX, Reader, unpacked
from gateways.pictures.accept import BYTES_MAX, AcceptedPhoto

AT_ONCE = 2  # A picture of 40 megapixels takes 120 MB while it is decoded.
SECONDS_MAX = 30.0  # Of one file, by the clock on the wall: the child's own limit counts the processor's time.
LENGTH = struct.Struct(">I")
PROJECT = Path(__file__).resolve().parents[2]
_THREADS = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="decode")


async def photo(raw: bytes) -> AcceptedPhoto:
    """Decode the uploaded bytes to a clean photo. Refuses as `gateways.pictures.accept.accept` does, and FileTooDemanding."""
    fields, jpeg = await _asked({"kind": "photo"}, raw[: BYTES_MAX + 1])
    return AcceptedPhoto(jpeg=jpeg, **fields)


async def attachment(name: str, content: bytes) -> Attachment:
    """Convert the file to the form in which it is stored. Refuses as `gateways.attachments.accept` does, and FileTooDemanding."""
    fields, kept = await _asked({"kind": "attachment", "name": name}, content[: ATTACHMENT_BYTES_MAX + 1])
    return Attachment(content=kept, **fields)


async def mail(raw: bytes, reader: Reader) -> InboundMail:
    """Return the mail in these bytes; of one that takes too much memory or time, its head. Refuses FileTooDemanding for such a head."""
    asked = {"kind": "mail", "reader": asdict(reader), "head_only": False}
    try:
        return unpacked(*await _asked(asked, raw[: MAIL_BYTES_MAX + 1]))
    except FileTooDemanding:
        return unpacked(*await _asked({**asked, "head_only": True}, raw[:HEAD_BYTES_MAX]))


def write(pipe: IO[bytes], head: dict[str, Any], body: bytes) -> None:
    """One message on a pipe: a JSON object and bytes, each after its length."""
    written = json.dumps(head).encode()
    pipe.write(LENGTH.pack(len(written)) + written + LENGTH.pack(len(body)))
    pipe.write(body)
    pipe.flush()


def read(pipe: IO[bytes]) -> tuple[dict[str, Any], bytes]:
    """Read the next message. Raises EOFError when the other side is gone."""
    head = json.loads(_part(pipe))
    return head, _part(pipe)


class _Child:
    """One child process that opens one file after the other."""

    def __init__(self) -> None:
        # Neither the database's address nor a password of ours goes along: the child needs none.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "gateways.decoding.child"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=PROJECT,
            env={"PYTHONPATH": str(PROJECT)},
        )

    def ask(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Return the child's answer. Raises EOFError or OSError when it died over the question, also by our hand."""
        process, end = self._process, Timer(SECONDS_MAX, self._process.kill)
        end.daemon = True
        end.start()
        try:
            assert process.stdin is not None  # noqa: S101  # Both are pipes; the annotations do not know.
            assert process.stdout is not None  # noqa: S101
            write(process.stdin, head, body)
            return read(process.stdout)
        finally:
            end.cancel()

    def end(self) -> None:
        """Kills the process and leaves no zombie."""
        self._process.kill()
        for pipe in (self._process.stdout, self._process.stdin):
            if pipe is not None:
                _close(pipe)
        self._process.wait()


_idle: SimpleQueue[_Child] = SimpleQueue()


async def _asked(head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    return await asyncio.get_running_loop().run_in_executor(_THREADS, _exchange, head, body)


def _exchange(head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    child = _taken()
    try:
        answer, kept = child.ask(head, body)
    except (EOFError, OSError, ValueError):
        child.end()
        raise FileTooDemanding() from None
    _idle.put(child)
    if "refused" in answer:
        raise REGISTER[answer["refused"]](**answer["data"])
    return answer, kept


def _taken() -> _Child:
    try:
        return _idle.get_nowait()
    except Empty:
        return _Child()


def _part(pipe: IO[bytes]) -> bytes:
    (size,) = LENGTH.unpack(_whole(pipe, LENGTH.size))
    return _whole(pipe, size)


def _whole(pipe: IO[bytes], size: int) -> bytes:
    found = pipe.read(size)
    if len(found) < size:
        raise EOFError
    return found


def _close(pipe: IO[bytes]) -> None:
    try:
        pipe.close()
    except OSError:
        return  # What the dead child did not read is lost with it.


@atexit.register
def _end_all() -> None:
    while not _idle.empty():
        _idle.get_nowait().end()
