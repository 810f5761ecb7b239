"""Mail of customers becomes tickets: each mail once, in its conversation, as its true sender, and never an answer to a machine."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from prometheus_client import Counter
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire
from database.once import insert_once
from database.repositories import outbox
from database.tables.support.mail import InboundMailRow, TicketParticipantRow
from database.tables.support.tickets import ContactRow, TicketLinkRow, TicketMessageRow, TicketRow
from domain.errors.base import Refusal
from domain.errors.support import TicketEnded
from domain.identifiers import new_id
from domain.support.contacts import address_index_of
from domain.support.mail import InboundMail, MailFile, MailFlag, MailNote, MailOutcome, plain_subject
from domain.support.mail_signs import LOOP_WINDOW, is_own, loops
from domain.support.mail_threads import messages_of
from domain.support.masking import mask_secrets
from domain.support.tickets import (
    FILES_MAX,
    SUBJECT_MAX,
    WORDS_MAX,
    LinkedKind,
    TicketCategory,
    TicketChannel,
    TicketState,
)
from gateways import decoding
from languages import translate
from services.support import mail_failures
from services.support.contacts import contact_of, known_contact
from services.support.conversation import Conversation, Heard
from services.support.desk import SupportDesk
from services.support.history import happened
from services.support.mail_identity import MailIdentity, reader_of, tags
from services.support.mail_thread import (
    digest_of,
    free_mail_id,
    is_requester,
    newest_open,
    takes_part,
    ticket_of,
)
from services.support.mailing import RECEIVED
from services.support.opening import NewTicket, Opening

PARTICIPANTS_MAX = 20  # Of one mail.
SHORT_SUBJECT = 60  # Characters of a text that stand for a missing subject.

TAKEN = Counter("cardloop_mails_taken", "Mails of customers by what became of them.", ("outcome",))


@dataclass(frozen=True)
class _Place:
    """Where a mail belongs. `old` is a ticket that it refers to but must not be added to, `why` the reason."""

    contact: ContactRow
    ticket: TicketRow | None = None
    old: TicketRow | None = None
    why: str = ""


class InboundMails:
    """Takes the mail that is sent to support's address, whichever way it comes."""

    def __init__(self, desk: SupportDesk, identity: MailIdentity) -> None:
        self._desk = desk
        self._identity = identity
        self._reader = reader_of(desk.keyring, identity)
        self._opening = Opening(desk)
        self._conversation = Conversation(desk)
        # Who waits for the database's lock holds a connection: one at a time in this process leaves the others.
        self._one = asyncio.Lock()

    async def take(self, raw: bytes, *, whole: bool = True) -> MailOutcome:
        """Keep a mail and return what became of it; the same mail again changes nothing and gives the same answer.

        What is written to the ticket first has a key of its own: after a crash at any moment, taking the mail again is safe.
        With `whole` False the bytes are the head of a mail that is over the size limit. Refuses FileTooDemanding for a head that cannot be read.
        """
        mail = await decoding.mail(raw, self._reader)
        if not whole:
            mail = replace(mail, notes=mail.notes | {MailNote.TOO_LARGE})
        mail = await self._with_files(mail)
        async with self._one:
            return await self._once(mail)

    async def _once(self, mail: InboundMail) -> MailOutcome:
        digest = digest_of(mail)
        same = (InboundMailRow.message_id == mail.message_id, InboundMailRow.digest == digest)
        async with self._desk.database.transaction() as session:
            # One mail may come by two ways at once.
            await acquire(session, AdvisoryLock.INBOUND_MAIL)
            known = (await session.execute(select(InboundMailRow.outcome).where(*same))).scalar_one_or_none()
            if known is not None:
                return known
            outcome, ticket_id, notes = await self._kept(session, mail)
            session.add(
                InboundMailRow(
                    id=new_id(), message_id=mail.message_id, digest=digest, outcome=outcome, ticket_id=ticket_id,
                    sender_index=address_index_of(self._desk.keyring, mail.sender.address), flags=sorted(mail.flags),
                    notes=sorted(notes), at=self._desk.now(),
                )
            )  # fmt: skip
        TAKEN.labels(outcome.value).inc()
        return outcome

    async def _with_files(self, mail: InboundMail) -> InboundMail:
        """Leave out the files that are not taken, before anything is locked; what is left out is counted."""
        kept: list[MailFile] = []
        notes, left_out = set(mail.notes), mail.files_left_out
        for file in mail.files:
            if len(kept) == FILES_MAX:
                notes.add(MailNote.FILES_LEFT_OUT)
                left_out += 1
                continue
            try:
                await decoding.attachment(file.name, file.content)
            except Refusal:
                notes.add(MailNote.FILES_REFUSED)
                left_out += 1
            else:
                kept.append(file)
        return replace(mail, files=tuple(kept), notes=frozenset(notes), files_left_out=left_out)

    async def _kept(
        self, session: AsyncSession, mail: InboundMail
    ) -> tuple[MailOutcome, str | None, frozenset[MailNote]]:
        if MailFlag.OWN in mail.flags or (not mail.sender.address and MailFlag.BOUNCE not in mail.flags):
            return MailOutcome.IGNORED, None, mail.notes
        if MailFlag.BOUNCE in mail.flags:
            return await self._reported(session, mail), None, mail.notes
        thread = await ticket_of(session, mail, tags(self._desk.keyring))
        if mail.automatic:
            return await self._noted(session, mail, thread), thread.id if thread else None, mail.notes
        return await self._written(session, mail, thread)

    async def _reported(self, session: AsyncSession, mail: InboundMail) -> MailOutcome:
        """Accept a report only about ids that we made: no outsider can name one."""
        outcome = MailOutcome.IGNORED
        for failure in mail.failed:
            for ticket_id, message_id in messages_of([failure.message_id], tags(self._desk.keyring)):
                if failure.final:
                    await mail_failures.failed(session, ticket_id, message_id, failure.status, self._desk.now())
                outcome = MailOutcome.REPORTED
        return outcome

    async def _noted(self, session: AsyncSession, mail: InboundMail, ticket: TicketRow | None) -> MailOutcome:
        """Keep an automatic answer in its conversation without starting a clock; one without a ticket opens none."""
        contact = await known_contact(session, self._desk.keyring, mail.sender.address)
        if ticket is None or contact is None or ticket.state is TicketState.CLOSED:
            return MailOutcome.IGNORED
        if not (is_requester(ticket, contact) or await takes_part(session, ticket, contact)):
            return MailOutcome.IGNORED
        await self._heard(session, mail, ticket, contact, closing=True)
        happened(session, ticket, f"contact:{contact.id}", "mail_automatic", self._desk.now())
        return MailOutcome.NOTED

    async def _written(
        self, session: AsyncSession, mail: InboundMail, thread: TicketRow | None
    ) -> tuple[MailOutcome, str | None, frozenset[MailNote]]:
        trusted = MailFlag.UNVERIFIED not in mail.flags
        looping = loops(await self._earlier(session, mail), self._desk.now())
        if looping and not trusted:
            return MailOutcome.IGNORED, None, mail.notes
        place = await self._place(session, mail, thread, looping=looping)
        actor = f"contact:{place.contact.id}"
        try:
            ticket_id = await self._into(session, mail, place)
        except TicketEnded:  # Between our look at it and the message.
            place = replace(place, ticket=None, old=place.ticket, why="closed")
            ticket_id = await self._into(session, mail, place)
        ticket = await session.get_one(TicketRow, ticket_id, populate_existing=True)
        notes = await self._notes(session, mail)
        self._remark(session, ticket, actor, mail, place, notes)
        await self._take_part(session, ticket, place.contact, mail)
        opened = place.ticket is None
        if trusted and not looping and (opened or notes):
            payload = {"ticket_id": ticket.id, "opened": opened, "notes": sorted(notes)}
            await outbox.put(session, outbox.MAIL, actor, RECEIVED, payload)
        return (MailOutcome.OPENED if opened else MailOutcome.APPENDED), ticket.id, notes

    async def _into(self, session: AsyncSession, mail: InboundMail, place: _Place) -> str:
        if place.ticket is None:
            return await self._opened(session, mail, place.contact)
        await self._heard(session, mail, place.ticket, place.contact, closing=False)
        return place.ticket.id

    async def _place(
        self, session: AsyncSession, mail: InboundMail, thread: TicketRow | None, *, looping: bool
    ) -> _Place:
        """Where the mail belongs. A sender beyond the hourly limit opens no more tickets, but loses no word."""
        contact = await self._contact(mail)
        trusted = MailFlag.UNVERIFIED not in mail.flags
        if thread is not None:
            own = trusted and (is_requester(thread, contact) or await takes_part(session, thread, contact))
            if own and thread.state is not TicketState.CLOSED:
                return _Place(contact, thread)
            why = "closed" if own else "other_sender" if trusted else "unverified"
        newest = await newest_open(session, f"contact:{contact.id}") if looping else None
        if newest is not None:
            return _Place(contact, newest)
        return _Place(contact) if thread is None else _Place(contact, old=thread, why=why)

    async def _contact(self, mail: InboundMail) -> ContactRow:
        """Committed at once: what opens or adds to a ticket does so in a transaction of its own, and must see the contact."""
        async with self._desk.database.transaction() as session:
            contact = await contact_of(session, self._desk.keyring, mail.sender.address, mail.language)
            if MailFlag.UNVERIFIED not in mail.flags:
                contact.name = mask_secrets(mail.sender.name).words or contact.name
                contact.locale = mail.language
            return contact

    async def _opened(self, session: AsyncSession, mail: InboundMail, contact: ContactRow) -> str:
        first_line = next((line for line in mail.text.split("\n") if line.strip()), "")[:SHORT_SUBJECT]
        asked = NewTicket(
            TicketCategory.OTHER,
            (plain_subject(mail.subject) or first_line or _nothing("mail.no_subject", mail))[:SUBJECT_MAX],
            _words(mail.whole, mail),
            files=_files(mail),
            key=_key(mail),
            mail_id=await free_mail_id(session, mail),
            shortened=_shortened(mail.whole, mail),
        )
        return await self._opening.open(f"contact:{contact.id}", asked, TicketChannel.MAIL)

    async def _heard(
        self, session: AsyncSession, mail: InboundMail, ticket: TicketRow, contact: ContactRow, *, closing: bool
    ) -> None:
        heard = Heard(
            _words(mail.text, mail),
            TicketChannel.MAIL,
            files=_files(mail),
            key=_key(mail),
            mail_id=await free_mail_id(session, mail),
            shortened=_shortened(mail.text, mail),
            closing=closing,
            author="" if is_requester(ticket, contact) else f"contact:{contact.id}",
        )
        await self._conversation.hear(ticket.requester, ticket.id, heard)

    async def _notes(self, session: AsyncSession, mail: InboundMail) -> frozenset[MailNote]:
        """What sender and agent must know of the mail; whether something was masked is known once it is stored."""
        kept = select(TicketMessageRow.masked, TicketMessageRow.shortened).where(
            TicketMessageRow.idempotency_key == _key(mail)
        )
        row = (await session.execute(kept)).first()
        found = {
            MailNote.SECRET_MASKED: row is not None and row.masked,
            MailNote.TEXT_CUT: row is not None and row.shortened,
        }
        return mail.notes | {note for note, holds in found.items() if holds}

    def _remark(
        self, session: AsyncSession, ticket: TicketRow, actor: str, mail: InboundMail, place: _Place, notes: frozenset[MailNote]
    ) -> None:  # fmt: skip
        """Write into the history what an agent must know before they believe or answer the mail."""
        now = self._desk.now()
        for note in sorted(notes):
            happened(session, ticket, actor, f"mail_{note}", now, files=str(mail.files_left_out))
        if MailFlag.UNVERIFIED in mail.flags:
            happened(session, ticket, actor, "mail_unverified", now)
        if place.old is not None:
            session.add(
                TicketLinkRow(ticket_id=ticket.id, kind=LinkedKind.TICKET, subject=place.old.id, by=actor, at=now)
            )
            happened(session, ticket, actor, "possible_duplicate", now, other=place.old.id, why=place.why)

    async def _take_part(
        self, session: AsyncSession, ticket: TicketRow, contact: ContactRow, mail: InboundMail
    ) -> None:
        """Whom the requester wrote to besides us may answer in the conversation from now on."""
        if MailFlag.UNVERIFIED in mail.flags or not is_requester(ticket, contact):
            return
        others = [one for one in (*mail.to, *mail.cc) if not is_own(one.address, self._identity.own)]
        for one in others[:PARTICIPANTS_MAX]:
            other = await contact_of(session, self._desk.keyring, one.address, mail.language)
            if other.id != contact.id:
                row = TicketParticipantRow(ticket_id=ticket.id, contact_id=other.id, at=self._desk.now())
                await insert_once(session, row)

    async def _earlier(self, session: AsyncSession, mail: InboundMail) -> Sequence[datetime]:
        same = InboundMailRow.sender_index == address_index_of(self._desk.keyring, mail.sender.address)
        recent = (
            select(InboundMailRow.at)
            .where(same, InboundMailRow.at > self._desk.now() - LOOP_WINDOW)
            .order_by(InboundMailRow.at)
        )
        return (await session.execute(recent)).scalars().all()


def _key(mail: InboundMail) -> str:
    return f"mail:{digest_of(mail)[:32]}:{mail.message_id}"


def _files(mail: InboundMail) -> tuple[tuple[str, bytes], ...]:
    return tuple((one.name, one.content) for one in mail.files)


def _words(text: str, mail: InboundMail) -> str:
    """The text as a ticket keeps it; a mail of files or of a subject alone has words all the same."""
    return text[:WORDS_MAX].strip() or mail.subject or _nothing("mail.no_text", mail)


def _shortened(text: str, mail: InboundMail) -> bool:
    return len(text) > WORDS_MAX or MailNote.TEXT_CUT in mail.notes


def _nothing(key: str, mail: InboundMail) -> str:
    return translate(key, mail.language, {})
