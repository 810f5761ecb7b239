"""What support sends to customers by mail: replies of agents, and that a mail has arrived."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.tables.platform import OutboxRow
from database.tables.support.tickets import ContactRow, TicketFileRow, TicketMessageRow, TicketRow
from domain.identifiers import short
from domain.support.mail_threads import outgoing_id, reply_address
from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.mail import SYSTEM, Letter, MailGateway, domain_of
from languages import translate
from services.notices.outbox_delivery import NoAddress
from services.support.contacts import address_of
from services.support.desk import SupportDesk
from services.support.mail_failures import failed
from services.support.mail_identity import MailIdentity, mark_of, tags

ANSWERED, RECEIVED = "ticket.answered", "ticket.received"
REFERENCES_MAX = 20  # The newest; mail programs need no more to show a conversation.


@dataclass(frozen=True)
class _Written:
    """The rows that a mail is made of; `message` is None for what the product itself sends."""

    ticket: TicketRow
    contact: ContactRow
    message: TicketMessageRow | None
    files: tuple[TicketFileRow, ...]
    before: tuple[str, ...]  # Ids of the mails before it, the newest last.


@dataclass(frozen=True)
class Mailing:
    """Delivers rows of the outbox that go to a contact. Without a `gateway` they wait until mail is set up."""

    desk: SupportDesk
    gateway: MailGateway | None
    identity: MailIdentity

    async def deliver(self, row: OutboxRow) -> None:
        """Send the mail of this row; repeated, it has the same Message-ID.

        Raises GatewayUnavailable, GatewayRefused after the message was marked undelivered, and NoAddress.
        """
        if self.gateway is None:
            raise GatewayUnavailable(SYSTEM, "not_configured")
        async with self.desk.database.transaction() as session:
            written = await self._written(session, row)
        letter = await self._letter(row, written)
        try:
            await self.gateway.post(letter, row.id)
        except GatewayRefused as refused:
            if written.message is not None:
                async with self.desk.database.transaction() as session:
                    await failed(session, written.ticket.id, written.message.id, refused.code, self.desk.now())
            raise

    async def _written(self, session: AsyncSession, row: OutboxRow) -> _Written:
        """Read what the mail is made of, and give a reply its id before it leaves: an answer may be faster than we."""
        ticket = await session.get(TicketRow, str(row.payload["ticket_id"]))
        contact = await session.get(ContactRow, row.destination.partition(":")[2])
        if ticket is None or contact is None or not address_of(self.desk.keyring, contact):
            raise NoAddress
        ids = select(TicketMessageRow.mail_id).where(
            TicketMessageRow.ticket_id == ticket.id, TicketMessageRow.mail_id.is_not(None)
        )
        newest = ids.order_by(TicketMessageRow.id.desc()).limit(REFERENCES_MAX + 1)
        message, files = None, tuple[TicketFileRow, ...]()
        if row.topic == ANSWERED:
            message = await session.get_one(TicketMessageRow, str(row.payload["message_id"]))
            message.mail_id = self._id_of(ticket, message.id)
            await session.flush()
            kept = select(TicketFileRow).where(TicketFileRow.message_id == message.id).order_by(TicketFileRow.id)
            files = tuple((await session.execute(kept)).scalars())
        own = self._id_of(ticket, message.id if message else row.id)
        found = [one for one in (await session.execute(newest)).scalars() if one and one != own]
        # A second mail with the same id has a mark of ours behind it, which its sender does not know.
        before = tuple(one.partition("#")[0] for one in reversed(found[:REFERENCES_MAX]))
        return _Written(ticket, contact, message, files, before)

    async def _letter(self, row: OutboxRow, written: _Written) -> Letter:
        ticket, identity = written.ticket, self.identity
        locale = ticket.language
        about = {"subject": ticket.subject, "ticket": short(ticket.id)}
        files = [
            (one.name, one.media_type, await asyncio.to_thread(self.desk.store.read, one.sha256))
            for one in written.files
        ]
        return Letter(
            to=address_of(self.desk.keyring, written.contact),
            subject=translate("mail.subject", locale, about),
            text=_text(row, written, locale, about),
            message_id=self._id_of(ticket, written.message.id if written.message else row.id),
            sender=identity.address,
            sender_name=identity.name,
            reply_to=reply_address(ticket.id, identity.address, tags(self.desk.keyring)) if identity.tagged else "",
            references=written.before,
            automatic="" if row.topic == ANSWERED else "auto-replied",
            mark=mark_of(self.desk.keyring, identity),
            files=tuple(files),
        )

    def _id_of(self, ticket: TicketRow, message_id: str) -> str:
        return outgoing_id(ticket.id, message_id, domain_of(self.identity.address), tags(self.desk.keyring))


def _text(row: OutboxRow, written: _Written, locale: str, about: dict[str, str]) -> str:
    foot = translate("mail.foot", locale, about)
    if written.message is not None:
        return f"{written.message.words}\n\n-- \n{foot}\n"
    said = translate("mail.received" if row.payload.get("opened") else "mail.added", locale, about)
    notes = [translate(f"mail.note.{note}", locale, about) for note in row.payload.get("notes", ())]
    return "\n\n".join((said, *notes)) + f"\n\n-- \n{foot}\n"
