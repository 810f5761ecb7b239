"""Opens files from outside in a child process, so that a file made to exhaust memory or time harms no other request."""

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
from threading import Lock, Timer
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
FILES_MAX = 200  # A child that opened so many ends: what decoders do not release ends with it.
SECONDS_MAX = 30.0  # Of one file, by the clock on the wall: the child's own limit counts the processor's time.
LENGTH = struct.Struct(">I")
PROJECT = Path(__file__).resolve().parents[2]
_THREADS = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="decode")


async def photos(raw: bytes) -> tuple[AcceptedPhoto, ...]:
    """Decode the uploaded bytes to clean photos: one, or the pages of a PDF.

    Refuses as `gateways.pictures.pages.photos_in` does, and FileTooDemanding.
    """
    head, joined = await _asked({"kind": "photos"}, raw[: BYTES_MAX + 1])
    taken, start = [], 0
    for fields in head["photos"]:
        end = start + fields.pop("bytes")
        taken.append(AcceptedPhoto(jpeg=joined[start:end], **fields))
        start = end
    return tuple(taken)


def warm() -> None:
    """Start a child, so that the first file of this process does not wait for one; does not wait for it either."""
    _idle.put(_Child())


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
        self._opened = 0

    @property
    def is_usable(self) -> bool:
        """Whether it lives and may open another file."""
        return self._process.poll() is None and self._opened < FILES_MAX

    def kill(self) -> None:
        """Kill the process over its file; the thread that waits for the answer cleans up."""
        self._process.kill()

    def ask(self, head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        """Return the child's answer. Raises EOFError or OSError when it died over the question, also by our hand."""
        process, end = self._process, Timer(SECONDS_MAX, self._process.kill)
        end.daemon = True
        end.start()
        self._opened += 1
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


class _Question:
    """One file to be opened. The request that asked may end before the answer comes: the child stops then."""

    def __init__(self) -> None:
        self._turn = Lock()
        self._child: _Child | None = None
        self._is_given_up = False

    def begin(self, child: _Child) -> bool:
        """Return whether the answer is still wanted."""
        with self._turn:
            self._child = child
            return not self._is_given_up

    def end(self) -> None:
        """From here on the child serves others."""
        with self._turn:
            self._child = None

    def give_up(self) -> None:
        """Stop the child over the file, in the middle of whatever it does."""
        with self._turn:
            self._is_given_up = True
            if self._child is not None:
                self._child.kill()


async def _asked(head: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
    question = _Question()
    try:
        return await asyncio.get_running_loop().run_in_executor(_THREADS, _exchange, head, body, question)
    except asyncio.CancelledError:
        question.give_up()
        raise


def _exchange(head: dict[str, Any], body: bytes, question: _Question) -> tuple[dict[str, Any], bytes]:
    child = _taken()
    try:
        if not question.begin(child):
            raise EOFError
        answer, kept = child.ask(head, body)
    except (EOFError, OSError, ValueError):
        child.end()
        raise FileTooDemanding() from None
    finally:
        question.end()
    if child.is_usable:
        _idle.put(child)
    else:
        child.end()
    if "refused" in answer:
        raise REGISTER[answer["refused"]](**answer["data"])
    return answer, kept


def _taken() -> _Child:
    """A child that lives: one that died while nothing was asked of it costs no file."""
    while True:
        try:
            child = _idle.get_nowait()
        except Empty:
            return _Child()
        if child.is_usable:
            return child
        child.end()


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
