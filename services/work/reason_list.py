"""The managed list of reasons is kept: added to, renamed, put in order, and taken out of use; every change is on record."""

from __future__ import annotations

import re
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories.audit import by_person
from database.session import Database
from database.tables.people import AuditRow
from database.tables.work import ReasonCodeRow
from domain.cards.review import RejectReason
from domain.errors.general import FieldInvalid, NotFound
from domain.people.roles import Permission
from domain.review.suggestion import REASONS_USED
from domain.work.reason_codes import ReasonedAct
from services.people.permissions import require
from services.work.secret_scan import require_no_number

WORDS_LENGTH_MAX = 80
_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_LETTER = re.compile(r"[a-z]")


@dataclass(frozen=True)
class ReasonWords:
    """How a reason reads and is chosen; `seller_reason` is the rejection reason shown to the seller."""

    letter: str
    zh: str
    en: str
    seller_reason: RejectReason | None = None
    position: int | None = None


class ReasonList:
    """Changes of the reason lists. Nothing is ever deleted: decisions keep the reasons they were made with."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, person: str, act: ReasonedAct, code: str, words: ReasonWords) -> None:
        """Add a reason at the end of its list. Refuses NotAllowed and FieldInvalid (`code`, `letter`, `words`), SecretInWords."""
        if not _CODE.fullmatch(code):
            raise FieldInvalid(field="code", why="not_a_code")
        async with self._database.transaction() as session:
            await require(session, person, Permission.MANAGE_REASONS)
            await _lock(session, act)
            if await session.get(ReasonCodeRow, (act.value, code)) is not None:
                raise FieldInvalid(field="code", why="code_taken")
            last = (
                await session.execute(select(func.max(ReasonCodeRow.position)).where(ReasonCodeRow.act == act.value))
            ).scalar()
            row = ReasonCodeRow(act=act.value, code=code, letter="", zh="", en="", position=(last or 0) + 1)
            await _write(session, row, words)
            session.add(row)
            session.add(_audit(person, "add", act, code))

    async def change(self, person: str, act: ReasonedAct, code: str, words: ReasonWords) -> None:
        """Rename a reason, or change its letter, place or message to sellers. Refuses like `add`, and NotFound."""
        async with self._database.transaction() as session:
            row = await self._row(session, person, act, code)
            await _write(session, row, words)
            session.add(_audit(person, "change", act, code))

    async def use(self, person: str, act: ReasonedAct, code: str, active: bool) -> None:
        """Takes a reason out of use, or back into it.

        Refuses FieldInvalid where its letter has a new owner by now, and for a reason that the machine suggests with.
        """
        if not active and (act.value, code) in REASONS_USED:
            raise FieldInvalid(field="code", why="needed_by_machine")
        async with self._database.transaction() as session:
            row = await self._row(session, person, act, code)
            row.active = active
            if active:
                await _require_free(session, row, row.letter)
            session.add(_audit(person, "restore" if active else "retire", act, code))

    async def _row(self, session: AsyncSession, person: str, act: ReasonedAct, code: str) -> ReasonCodeRow:
        await require(session, person, Permission.MANAGE_REASONS)
        await _lock(session, act)
        row = await session.get(ReasonCodeRow, (act.value, code[:64]))
        if row is None:
            raise NotFound(reason=code[:40])
        return row


async def _write(session: AsyncSession, row: ReasonCodeRow, words: ReasonWords) -> None:
    letter = words.letter.strip().lower()
    if not _LETTER.fullmatch(letter):
        raise FieldInvalid(field="letter", why="not_a_letter")
    if not (words.zh.strip() and words.en.strip()):
        raise FieldInvalid(field="words", why="language_missing")
    if max(len(words.zh), len(words.en)) > WORDS_LENGTH_MAX:
        raise FieldInvalid(field="words", why="too_long")
    require_no_number(words.zh, words.en)
    await _require_free(session, row, letter)
    row.letter, row.zh, row.en = letter, words.zh.strip(), words.en.strip()
    if row.act == ReasonedAct.REJECT:
        row.reject_reason = words.seller_reason or RejectReason.OTHER
    if words.position is not None:
        row.position = words.position


async def _require_free(session: AsyncSession, row: ReasonCodeRow, letter: str) -> None:
    """Within one list every letter in use chooses one reason."""
    others = (
        ReasonCodeRow.act == row.act,
        ReasonCodeRow.code != row.code,
        ReasonCodeRow.letter == letter,
        ReasonCodeRow.active,
    )
    with session.no_autoflush:
        taken = (await session.execute(select(ReasonCodeRow.code).where(*others).limit(1))).scalar_one_or_none()
    if taken is not None and row.active:
        raise FieldInvalid(field="letter", why="letter_taken")


async def _lock(session: AsyncSession, act: ReasonedAct) -> None:
    """Two people change one list one after the other."""
    await session.execute(select(ReasonCodeRow.code).where(ReasonCodeRow.act == act.value).with_for_update())


def _audit(person: str, what: str, act: ReasonedAct, code: str) -> AuditRow:
    return by_person(person, f"console:reason:{what}", f"{act.value}:{code}")
