"""People talk about a card or a work item among themselves: a comment, its mentions, and its files, proved by their hashes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import cards, evidence, notices
from database.repositories.audit import by_person
from database.session import Database
from database.tables.columns import now
from database.tables.people import PersonRow
from database.tables.work import AttachmentRow, CommentRow, WorkItemRow
from domain.errors.general import FieldInvalid, NotFound
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.people.roles import Permission, Role, permissions_of
from domain.sealing import KeyRing
from domain.work.comments import FILES_MAX, WORDS_MAX, Mentionable, mentioned
from domain.work.kinds import kind_of
from gateways import decoding
from gateways.attachments import Attachment
from gateways.pictures.store import PhotoMissing, PhotoStore
from services.people.permissions import require
from services.work.items import item
from services.work.secret_scan import require_no_secret, require_no_secret_about

ATTACHED = "comment.attached"
FOUND_MAX = 8
Written = Callable[[AsyncSession, str], Awaitable[None]]


@dataclass(frozen=True)
class Download:
    """A kept file as it was uploaded."""

    name: str
    media_type: str
    content: bytes = field(repr=False)


class Comments:
    """Comments and files of cards and of work items of any kind. `person` is always a person's id; what they may do is judged here.

    `written` is called by kind of work with the item's id, in the transaction of a comment on one.
    """

    def __init__(
        self, database: Database, keyring: KeyRing, store: PhotoStore, written: Mapping[str, Written] | None = None
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._store = store
        self._written = written or {}

    async def add(self, person: str, card_id: str, words: str, files: Sequence[tuple[str, bytes]] = ()) -> str:
        """Write the comment, notify all it mentions, and keep its files, in one transaction; return its id.

        `files` are names with bytes. Refuses NotAllowed, NotFound, FieldInvalid for no words or too many files,
        SecretInWords, AttachmentTooLarge and AttachmentUnsupported.
        """
        said = required_words(words, files)
        kept = [await self._kept(name, content) for name, content in files]
        async with self._database.transaction() as session:
            await require(session, person, Permission.COMMENT)
            card = await cards.load(session, card_id)
            require_no_secret(self._keyring, card, said, *(one.name for one in kept))
            return await _write(session, CommentRow(id=new_id(), card_id=card_id, person_id=person, words=said), kept)

    async def add_to_item(
        self, person: str, task_id: str, words: str, files: Sequence[tuple[str, bytes]] = ()
    ) -> str:  # fmt: skip
        """Write a comment with its files on a work item of any kind that the person may see, as `add` does on a card.

        With a card it is shown among the card's comments.
        """
        said = required_words(words, files)
        kept = [await self._kept(name, content) for name, content in files]
        async with self._database.transaction() as session:
            task = await _seen_item(session, person, task_id)
            comment_id = await write_on_item(session, self._keyring, task, person, said, kept)
            if (written := self._written.get(task.kind)) is not None:
                await written(session, task.id)
            return comment_id

    async def download(self, person: str, card_id: str, attachment_id: str) -> Download:
        """Return a file kept with the card, and write who took it into the audit record. Refuses NotAllowed and NotFound."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.COMMENT)
            row = await session.get(AttachmentRow, attachment_id)
            if row is None or row.card_id != card_id:
                raise NotFound(attachment=attachment_id[:26])
            session.add(by_person(person, "console:card:download", card_id, facts={"attachment": row.id}))
        return await self._opened(row)

    async def download_of_item(self, person: str, task_id: str, attachment_id: str) -> Download:
        """Return a file kept with a work item that the person may see, on record. Refuses NotAllowed and NotFound."""
        async with self._database.transaction() as session:
            await _seen_item(session, person, task_id)
            row = await session.get(AttachmentRow, attachment_id)
            if row is None or row.task_id != task_id:
                raise NotFound(attachment=attachment_id[:26])
            session.add(by_person(person, "console:work:download", task_id, facts={"attachment": row.id}))
        return await self._opened(row)

    async def _opened(self, row: AttachmentRow) -> Download:
        try:
            content = await asyncio.to_thread(self._store.read, row.sha256)
        except PhotoMissing:
            raise NotFound(attachment=row.id) from None
        return Download(row.name, row.media_type, content)

    async def people(self, person: str, beginning: str) -> tuple[Mentionable, ...]:
        """Whom one may call whose name, in either script, login name or address begins so. Refuses NotAllowed."""
        begun = beginning.strip().casefold()
        async with self._database.transaction() as session:
            await require(session, person, Permission.COMMENT)
            everybody = await mentionable(session)
        fitting = (one for one in everybody if any(called.casefold().startswith(begun) for called in one.calls))
        return tuple(fitting)[:FOUND_MAX]

    async def _kept(self, name: str, content: bytes) -> Attachment:
        """Judged and sealed before the transaction: a file left over by a refusal is sealed and has no owner."""
        taken = await decoding.attachment(name, content)
        await asyncio.to_thread(self._store.write, taken.content)
        return taken


async def write_on_item(
    session: AsyncSession, keyring: KeyRing, task: WorkItemRow, person: str, words: str, kept: Sequence[Attachment] = ()
) -> str:  # fmt: skip
    """Write a comment on an item within the caller's transaction, who judged the person; return its id. Refuse SecretInWords."""
    await require_no_secret_about(session, keyring, task.card_id, words, *(one.name for one in kept))
    row = CommentRow(id=new_id(), card_id=task.card_id, task_id=task.id, person_id=person, words=words)
    return await _write(session, row, kept)


async def _seen_item(session: AsyncSession, person: str, task_id: str) -> WorkItemRow:
    """The item, for a person who may comment; one without a card only for those who see its queue.

    Refuses NotAllowed and NotFound.
    """
    await require(session, person, Permission.COMMENT)
    task = await item(session, task_id)
    if task.card_id is None:
        await require(session, person, kind_of(task.kind).see)
    return task


async def _write(session: AsyncSession, row: CommentRow, kept: Sequence[Attachment]) -> str:
    """Write the comment with its files, and notify all it mentions; return its id."""
    row.mentions = list(mentioned(row.words, await mentionable(session)))
    session.add(row)
    await session.flush()
    for one in kept:
        _attach(session, row, one)
    await _tell_called(session, row, row.person_id)
    return row.id


async def _tell_called(session: AsyncSession, row: CommentRow, by: str) -> None:
    others = [who for who in row.mentions if who != by]
    await notices.tell(
        session,
        others,
        NoticeKind.MENTIONED,
        f"comment:{row.id}",
        card_id=row.card_id,
        task_id=None if row.card_id else row.task_id,
        by=by,
    )


async def mentionable(session: AsyncSession) -> tuple[Mentionable, ...]:
    """Return all people of the console who may see a card, by name."""
    found = await session.execute(select(PersonRow).where(PersonRow.active).order_by(PersonRow.name, PersonRow.id))
    return tuple(Mentionable(one.id, one.name, one.email) for one in found.scalars() if _may_see(one))


def _may_see(person: PersonRow) -> bool:
    return Permission.SEE_CARD in permissions_of(Role(role) for role in person.roles)


def required_words(words: str, files: Sequence[object] = (), *, longest: int = WORDS_MAX, most: int = FILES_MAX) -> str:
    """Return the words without surrounding space; files alone are enough.

    Refuse FieldInvalid (`words`, `files`) for nothing at all, more than `longest` characters, and more than `most` files.
    """
    said = words.strip()
    if not said and not files:
        raise FieldInvalid(field="words", why="missing")
    if len(said) > longest:
        raise FieldInvalid(field="words", why="too_long")
    if len(files) > most:
        raise FieldInvalid(field="files", why="too_many")
    return said


def _attach(session: AsyncSession, comment: CommentRow, kept: Attachment) -> None:
    """The file's row, and its hash in the evidence of the card, or of the item where there is no card."""
    row = AttachmentRow(
        id=new_id(), card_id=comment.card_id, task_id=comment.task_id, comment_id=comment.id,
        person_id=comment.person_id, name=kept.name, media_type=kept.media_type, size_bytes=len(kept.content),
        sha256=kept.sha256,
    )  # fmt: skip
    session.add(row)
    facts = {
        "attachment": row.id,
        "media_type": row.media_type,
        "sha256": row.sha256,
        "size_bytes": str(row.size_bytes),
    }
    about = {"card_id": comment.card_id, "task_id": comment.task_id}
    body = {"actor": f"person:{comment.person_id}", "at": now().isoformat(), "facts": facts}
    body |= {name: value for name, value in about.items() if value is not None}
    evidence.append(session, comment.card_id, ATTACHED, body)
