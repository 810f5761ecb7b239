"""Carries an erasure out: words, files, photographs and sealed values go; the files' hashes are left for the loop `privacy`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.sealed import CORRECTED_ACCOUNT, CORRECTED_NAME, PAYEE_ACCOUNT, PAYEE_NAME, READING_VALUES
from database.tables.cards import PhotoRow, ReadingRow
from database.tables.finance.payout import PayeeCorrectionRow
from database.tables.quality import ReadingLabelRow, ShadowReadingRow
from database.tables.review import ReviewDecisionRow
from database.tables.support.desk import HandOverRow
from database.tables.support.escalations import TicketEscalationRow
from database.tables.support.privacy import ErasureRow, PrivacyCopyRow
from database.tables.support.tickets import TicketFileRow, TicketMessageRow, TicketRow
from database.tables.work import AttachmentRow, CommentRow, WorkItemRow
from domain.sealing import KeyRing
from domain.support.escalations import ASKED
from languages import translate
from services.support import grams
from services.support.erasable import Erasable
from services.work import drafts

NOBODY = "–"  # The mask of a payee that is gone.


async def erase(
    session: AsyncSession, keyring: KeyRing, found: Erasable, row: ErasureRow, locale: str, now: datetime
) -> None:  # fmt: skip
    """Erase what was found, but the account itself; the hashes of files without another owner go into `row.files`."""
    gone = translate("privacy.erased_words", locale)
    attachments = await words_gone(session, found.tickets, found.messages, gone)
    for request in found.requests:
        request.words = request.note = ""
    for contact in found.contacts:
        contact.name = ""
    for rating in found.ratings:
        rating.words = ""
    for note in found.notes:
        if isinstance(note, CommentRow):
            note.words = gone
        else:
            note.note = gone
    row.files = await _unshared(session, found, attachments)
    for file in (*found.files, *attachments):
        await session.delete(file)
    await _cards_gone(session, keyring, found, now)
    copies = update(PrivacyCopyRow).where(PrivacyCopyRow.ticket_id == row.ticket_id, PrivacyCopyRow.expires_at > now)
    await session.execute(copies.values(expires_at=now))  # A copy holds all that has just gone.
    await session.flush()


async def words_gone(
    session: AsyncSession, tickets: Sequence[TicketRow], messages: Sequence[TicketMessageRow], gone: str
) -> Sequence[AttachmentRow]:  # fmt: skip
    """Erase every word of these tickets and messages; return the files of colleagues' notes, which the caller erases."""
    for message in messages:
        message.words = gone
    for ticket in tickets:
        ticket.subject = gone
    ids = [one.id for one in tickets]
    asked = select(TicketEscalationRow.id).where(TicketEscalationRow.ticket_id.in_(ids))
    questions = [
        f"escalation:{one}:{kind.code}:1" for one in (await session.execute(asked)).scalars() for kind in ASKED.values()
    ]
    tasks = [*(one.task_id for one in tickets), *questions]
    for task_id in tasks:
        await drafts.forget(session, task_id)
    changes: list[Any] = [
        update(CommentRow).where(CommentRow.task_id.in_(tasks)).values(words=gone),
        update(TicketEscalationRow).where(TicketEscalationRow.ticket_id.in_(ids)).values(question=gone, files=[]),
        update(TicketEscalationRow).where(TicketEscalationRow.ticket_id.in_(ids), TicketEscalationRow.answer != "").values(answer=gone),
        update(HandOverRow).where(HandOverRow.ticket_id.in_(ids)).values(note="", answer_words=""),
        update(WorkItemRow).where(WorkItemRow.id.in_(tasks)).values(snooze_reason="", came_back_reason=""),
    ]  # fmt: skip
    for change in changes:
        await session.execute(change.execution_options(synchronize_session="fetch"))
    for ticket_id in sorted({*ids, *(one.ticket_id for one in messages)}):
        await grams.index(session, ticket_id)  # The search keeps the words, too.
    return await _all(session, select(AttachmentRow).where(AttachmentRow.task_id.in_(tasks)))


async def _cards_gone(session: AsyncSession, keyring: KeyRing, found: Erasable, now: datetime) -> None:
    """Erase pictures, numbers, PINs and what was read of cards that were not bought, and payees that were never paid."""
    for photo in found.photos:
        photo.erased_at = now
    ids = sorted({*(one.id for one in found.cards), *(one.card_id for one in found.photos)})
    for card in found.cards:
        card.number_sealed = card.pin_sealed = card.number_tail = None
    for reading in await _all(session, select(ReadingRow).where(ReadingRow.card_id.in_(ids))):
        reading.values_sealed = READING_VALUES.seal(keyring, reading.id, json.dumps({}))
    decisions = update(ReviewDecisionRow).where(ReviewDecisionRow.card_id.in_(ids)).values(corrected_sealed=None)
    await session.execute(decisions.execution_options(synchronize_session="fetch"))
    for read in (ReadingLabelRow, ShadowReadingRow):
        await session.execute(delete(read).where(read.card_id.in_(ids)))
    for submission in found.payees:
        submission.payee_account_sealed = PAYEE_ACCOUNT.seal(keyring, submission.id, "")
        submission.payee_name_sealed = PAYEE_NAME.seal(keyring, submission.id, "")
        submission.payee_masked, submission.payee_index = NOBODY, None
    ids = [one.id for one in found.payees]
    for named in await _all(session, select(PayeeCorrectionRow).where(PayeeCorrectionRow.submission_id.in_(ids))):
        named.account_sealed = CORRECTED_ACCOUNT.seal(keyring, named.id, "")
        named.name_sealed, named.masked = CORRECTED_NAME.seal(keyring, named.id, ""), NOBODY


async def _unshared(session: AsyncSession, found: Erasable, attachments: Sequence[AttachmentRow]) -> list[str]:
    """The files whose bytes no other row refers to: the store names them by their content."""
    files, photos = [one.id for one in found.files], [one.id for one in found.photos]
    digests = {one.sha256 for one in found.files} | {one.sha256 for one in attachments}
    digests |= {one.stored_sha256 for one in found.photos}
    elsewhere = [
        select(TicketFileRow.sha256).where(TicketFileRow.sha256.in_(digests), TicketFileRow.id.not_in(files)),
        select(AttachmentRow.sha256).where(AttachmentRow.sha256.in_(digests), AttachmentRow.id.not_in([one.id for one in attachments])),
        select(PhotoRow.stored_sha256).where(PhotoRow.stored_sha256.in_(digests), PhotoRow.id.not_in(photos), PhotoRow.erased_at.is_(None)),
    ]  # fmt: skip
    shared = {one for chosen in elsewhere for one in await _all(session, chosen)}
    return sorted(digests - shared)


async def _all(session: AsyncSession, chosen: Select[Any]) -> Sequence[Any]:
    rows: Sequence[Any] = (await session.execute(chosen)).scalars().all()
    return rows
