"""Import a file of a statement from the command line, as the console does it, and say what became of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from bootstrap import keys
from bootstrap.os_user import os_user
from bootstrap.settings import Settings
from bootstrap.store import opened
from bootstrap.words import Problem
from database.session import Database
from database.tables.finance.statements import StatementRow
from database.tables.people import AuditRow
from domain.errors.base import REGISTER
from domain.finance.statements import StatementState
from domain.sealing import KeyRing
from languages import translate
from services.finance.matching import Matching
from services.finance.statement_import import StatementImport
from services.finance.statements import Statements


@dataclass(frozen=True)
class Imported:
    """What became of a file: `known` where the same bytes were imported before."""

    statement_id: str
    known: bool
    lines: int
    matched: int
    rejected: int


async def bring(settings: Settings, path: Path, day: date | None) -> Imported:
    """Keep, import and match the file; on record with the system's own user.

    Raises Problem for a file that cannot be read, that is refused (with the reason), and while another is imported.
    """
    keyring = keys.load(settings).keyring
    async with opened(settings) as store:
        return await _brought(settings, store, keyring, path, day)


async def _brought(
    settings: Settings, store: Database, keyring: KeyRing, path: Path, day: date | None
) -> Imported:  # fmt: skip
    try:
        file = path.open("rb")
    except OSError as error:
        raise Problem(f"无法读取 {path}：{error.strerror}", f"{path} cannot be read: {error.strerror}") from None
    with file:

        async def read(size: int) -> bytes:
            return await asyncio.to_thread(file.read, size)

        kept = await Statements(store, keyring).keep(f"command:{os_user()}", path.name, read, day)
    async with store.transaction() as session:
        facts = {"file": path.name, "os_user": os_user()}
        session.add(AuditRow(actor="cli", act="cli:statement:bring", subject=kept.statement_id, facts=facts))
    row = await StatementImport(store, keyring, banks=settings.bank_formats).run(kept.statement_id)
    if row is None:
        raise Problem(
            "另一个账单正在导入，此文件已保存，稍后会自动导入。",
            "Another statement is being imported; this one is queued and follows automatically.",
        )
    if row.state is StatementState.REFUSED:
        raise Problem(*_why(row))
    await Matching(store).judge(row.id)
    return Imported(row.id, kept.known, row.lines, row.matched, row.rejected)


def _why(row: StatementRow) -> tuple[str, str]:
    """The refusal in both languages, with what to do."""
    code = row.refused_as if row.refused_as in REGISTER else "statement_unreadable"
    chinese, english = (
        f"{translate(f'error.{code}', locale, row.refused_with)} {translate(f'console.todo.{code}', locale)}"
        for locale in ("zh_CN", "en")
    )
    return chinese, english
