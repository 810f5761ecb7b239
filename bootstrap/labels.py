"""Export labelled readings as a file, to train or measure the reader; recorded in the audit log before any is opened."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import BinaryIO

from bootstrap import keys
from bootstrap.os_user import os_user
from bootstrap.private_files import new_private_file
from bootstrap.settings import Settings
from bootstrap.store import opened
from bootstrap.words import Problem
from database.session import Database
from database.tables.columns import now
from domain.sealing import KeyRing, SealBroken
from services.quality.reading_labels import Label, count, on_record, streamed
from web.spreadsheet import Cell, table

ACTOR = "cli"  # In the audit log: the command line, with the system's own user next to it.
HEADS = ("card", "photo", "field", "reader", "confidence_bp", "accepted", "read", "truth", "at")
CSV, JSON_LINES = ".csv", ".jsonl"


async def export(settings: Settings, out: Path, *, clear: bool) -> int:
    """Writes all labels, oldest first, and returns how many; `clear` has numbers and PINs as they are, else masked.

    The ending chooses the form, `.csv` or `.jsonl` (JSON Lines). The file is its owner's alone, and is gone again when
    something fails. Raises Problem for another ending, a file that exists, a folder that cannot be written to, and keys
    that do not open what is there.
    """
    if out.suffix not in (CSV, JSON_LINES):
        raise Problem("文件名须以 .csv 或 .jsonl 结尾。", "The file's name ends in .csv or .jsonl.")
    keyring = keys.load(settings).keyring
    with new_private_file(out) as file:
        async with opened(settings) as store:
            try:
                return await _write(store, keyring, out, file, clear=clear)
            except SealBroken:
                raise Problem(
                    "有标注无法用现有密钥打开，未导出。", "A label does not open with these keys; nothing was exported."
                ) from None


async def _write(store: Database, keyring: KeyRing, out: Path, file: BinaryIO, *, clear: bool) -> int:
    until = now()
    async with store.transaction() as session:  # Committed first: an export that is broken off is on record too.
        number = await count(session, until)
        on_record(session, ACTOR, labels=number, clear=clear, file=out.name, os_user=os_user())
    async with store.transaction() as session:
        labels = streamed(session, keyring, until, clear=clear)
        async for part in table(HEADS, _rows(labels)) if out.suffix == CSV else _lines(labels):
            file.write(part)
    return number


async def _rows(labels: AsyncIterator[Label]) -> AsyncIterator[Sequence[Cell]]:
    async for one in labels:
        accepted = "yes" if one.accepted else "no"
        yield (
            one.card_id, one.photo_id, one.field, one.reader, one.confidence_bp, accepted, one.read, one.truth, one.at,
        )  # fmt: skip


async def _lines(labels: AsyncIterator[Label]) -> AsyncIterator[bytes]:
    async for one in labels:
        yield f"{one.as_json()}\n".encode()
