"""Files from outside are opened in a child with limits: whatever a file does there, this process and the next file are unaffected."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from bootstrap.settings import PROJECT_ROOT
from domain.errors.files import AttachmentUnsupported, FileTooDemanding, PhotoFormatUnsupported, PhotoTooLarge
from gateways import attachments, decoding
from gateways.pictures import accept
from tests.gateways.drawn import RED, card, encoded


def forget_children() -> None:
    while not decoding._idle.empty():
        decoding._idle.get_nowait().end()


async def test_a_photo_and_a_file_leave_the_child_as_they_would_leave_the_door() -> None:
    raw = encoded(card((400, 260)))
    assert await decoding.photos(raw) == (accept.accept(raw),)
    assert await decoding.attachment("a/路.jpg", raw) == attachments.accept("a/路.jpg", raw)


async def test_refusals_come_back_with_their_data() -> None:
    with pytest.raises(PhotoFormatUnsupported) as refused:
        await decoding.photos(b"GIF89a")
    assert refused.value.data == {"format": "gif", "send": "jpeg"}
    with pytest.raises(PhotoTooLarge):
        await decoding.photos(b"x" * (accept.BYTES_MAX + 5))
    with pytest.raises(AttachmentUnsupported):
        await decoding.attachment("page.txt", b"<html>")


async def test_event_loop_is_not_blocked_by_decoding() -> None:
    opening = asyncio.ensure_future(decoding.photos(encoded(Image.new("RGB", (4000, 3000), RED))))
    turns = 0
    while not opening.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert (await opening)[0].width == 2400
    assert turns > 3


async def test_a_file_that_takes_too_long_is_refused_and_the_next_one_is_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    raw = encoded(Image.effect_noise((5000, 5000), 80), "PNG")
    monkeypatch.setattr(decoding, "SECONDS_MAX", 0.05)
    with pytest.raises(FileTooDemanding):
        await decoding.photos(raw[: accept.BYTES_MAX])
    monkeypatch.undo()
    assert (await decoding.photos(encoded(card((64, 40)))))[0].width == 64


def test_the_child_has_a_limit_of_memory_and_of_time_and_writes_no_file() -> None:
    written = (
        "import json, os, resource as r; from gateways.decoding import child; child._limit(); child._allow_time();"
        "names = ('RLIMIT_AS', 'RLIMIT_CPU', 'RLIMIT_FSIZE', 'RLIMIT_CORE');"
        "print(json.dumps({n: r.getrlimit(getattr(r, n))[0] for n in names}))"
    )
    told = subprocess.run([sys.executable, "-c", written], cwd=PROJECT_ROOT, check=True, capture_output=True)
    limits = json.loads(told.stdout)
    assert (limits["RLIMIT_AS"], limits["RLIMIT_FSIZE"], limits["RLIMIT_CORE"]) == (1024**3, 0, 0)
    assert 20 <= limits["RLIMIT_CPU"] <= 25


def test_the_child_knows_no_password_of_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://a:secret@b/c")
    child = decoding._Child()
    assert b"secret" not in Path(f"/proc/{child._process.pid}/environ").read_bytes()
    child.end()


async def test_a_child_that_died_while_idle_costs_no_file() -> None:
    child = decoding._Child()
    os.kill(child._process.pid, signal.SIGKILL)
    child._process.wait()
    decoding._idle.put(child)
    answers = await asyncio.gather(*(decoding.photos(encoded(card((64, 40)))) for _ in range(3)))
    assert [len(taken) for taken in answers] == [1, 1, 1]


async def test_a_request_that_ends_stops_the_child_over_its_file() -> None:
    forget_children()
    decoding.warm()
    child = decoding._idle.get_nowait()
    os.kill(child._process.pid, signal.SIGSTOP)  # A file that takes for ever.
    decoding._idle.put(child)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(decoding.photos(encoded(card((64, 40)))), 0.5)
    assert await asyncio.to_thread(child._process.wait, 10) == -signal.SIGKILL
    assert len(await decoding.photos(encoded(card((64, 40))))) == 1


async def test_child_ends_after_its_file_limit_and_the_next_one_continues(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "FILES_MAX", 1)
    forget_children()
    await decoding.photos(encoded(card((64, 40))))
    assert decoding._idle.empty()
    assert len(await decoding.photos(encoded(card((64, 40))))) == 1
