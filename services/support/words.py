"""What customers and agents write: judged, masked and shortened before it is stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards
from database.tables.cards import CardRow
from database.tables.support.tickets import TicketFileRow, TicketLinkRow, TicketMessageRow
from domain.errors.general import FieldInvalid
from domain.identifiers import new_id
from domain.sealing import KeyRing
from domain.support.masking import Masked, mask_secrets
from domain.support.tickets import FILES_MAX, SUBJECT_MAX, WORDS_MAX, LinkedKind
from gateways import decoding
from gateways.attachments import Attachment
from gateways.pictures.store import PhotoStore
from services.work import comments


def required_words(words: str, files: Sequence[object] = ()) -> str:
    """Return the words without surrounding space. Refuse FieldInvalid (`words`, `files`) for nothing at all or too much."""
    return comments.required_words(words, files, longest=WORDS_MAX, most=FILES_MAX)


def required_subject(subject: str) -> str:
    """Return the subject in one line. Refuse FieldInvalid (`subject`) where it is missing or too long."""
    line = " ".join(subject.split())
    if not line:
        raise FieldInvalid(field="subject", why="missing")
    if len(line) > SUBJECT_MAX:
        raise FieldInvalid(field="subject", why="too_long")
    return line


async def masked(session: AsyncSession, keyring: KeyRing, ticket_id: str, words: str) -> Masked:
    """Mask what looks like a card number, and the numbers and PINs of the cards that the ticket is about."""
    about = select(TicketLinkRow.subject).where(
        TicketLinkRow.ticket_id == ticket_id, TicketLinkRow.kind == LinkedKind.CARD
    )
    rows = (await session.execute(select(CardRow).where(CardRow.id.in_(about)))).scalars().all()
    return mask_secrets(
        words, [cards.open_number(keyring, row) for row in rows], [cards.open_pin(keyring, row) for row in rows]
    )


async def cleaned(store: PhotoStore, files: Sequence[tuple[str, bytes]]) -> list[Attachment]:
    """Clean and seal files (name, bytes) before the transaction; one left over by a refusal has no owner.

    Refuse AttachmentTooLarge, AttachmentUnsupported and FileTooDemanding.
    """
    kept = []
    for name, content in files:
        taken = await decoding.attachment(name, content)
        await asyncio.to_thread(store.write, taken.content)
        kept.append(taken)
    return kept


def attach(session: AsyncSession, message: TicketMessageRow, kept: Sequence[Attachment]) -> None:
    """Keep the files with their message."""
    for one in kept:
        session.add(
            TicketFileRow(
                id=new_id(), ticket_id=message.ticket_id, message_id=message.id, name=mask_secrets(one.name).words,
                media_type=one.media_type, size_bytes=len(one.content), sha256=one.sha256,
            )
        )  # fmt: skip
