"""Mail as customers send it, and a desk that takes it and answers by a real mail server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage, Message

from sqlalchemy import delete, select

from database.reads.support.tickets import TicketRecord, record
from database.tables.platform import OutboxRow
from database.tables.support.mail import InboundMailRow
from domain.identifiers import new_id
from domain.support.mail import MailOutcome
from gateways.http import new_client
from gateways.webhooks import WebhookGateway
from services.notices.outbox_delivery import Delivery
from services.review.desk import review_desk
from services.support.conversation import AfterReply, Conversation, Reply, depart, locked
from services.support.desk import SupportDesk
from services.support.inbound import InboundMails
from services.support.mail_identity import MailIdentity
from services.support.mailing import Mailing
from tests.builders.notified import Post, mail_server
from tests.builders.queueing import Clock
from tests.builders.world import World

HELP = "help@shop.test"


def a_mail(words: str = "Where is my money?", sender: str = "", **headers: str) -> EmailMessage:
    """A mail of a customer, each from an address and with an id of its own; `headers` replace or add (`In_Reply_To`)."""
    message = EmailMessage()
    given = {
        "From": sender or a_customer(), "To": HELP, "Subject": "My card", "Message-ID": f"<{new_id()}@mail.test>",
    } | {name.replace("_", "-"): value for name, value in headers.items()}  # fmt: skip
    for name, value in given.items():
        if value:
            message[name] = value
    message.set_content(words)
    return message


def a_customer() -> str:
    """An unused address."""
    return f"{new_id().lower()}@mail.test"


@dataclass
class MailDesk:
    """Support's mail: `post` is the server by which it leaves."""

    world: World
    post: Post
    mails: InboundMails
    mailing: Mailing
    conversation: Conversation
    clock: Clock = field(default_factory=Clock)

    async def take(self, message: EmailMessage | bytes) -> MailOutcome:
        return await self.mails.take(message if isinstance(message, bytes) else message.as_bytes())

    async def ticket(self, message: EmailMessage) -> TicketRecord:
        """The ticket that this mail went to."""
        (row,) = await self.world.rows(InboundMailRow, message_id=str(message["message-id"])[1:-1])
        return await self.of(str(row.ticket_id))

    async def of(self, ticket_id: str) -> TicketRecord:
        async with self.world.database.transaction() as session:
            return await record(session, ticket_id)

    async def opened(self, message: EmailMessage | None = None) -> tuple[TicketRecord, EmailMessage]:
        message = message or a_mail()
        assert await self.take(message) is MailOutcome.OPENED
        return await self.ticket(message), message

    async def replied(
        self, found: TicketRecord, after: AfterReply = AfterReply.WAIT, files: tuple[tuple[str, bytes], ...] = ()
    ) -> str:
        """An agent's reply that has left the desk; returns its message."""
        agent = await self.world.a_person("support")
        leases = review_desk(self.world.database, self.world.keyring, self.clock).leases
        assert await leases.take(agent, found.task.id)
        message = await self.conversation.reply(agent, found.ticket.id, Reply("It is paid.", after, "explained", files))
        self.clock.passes(minutes=5)
        async with self.world.database.transaction() as session:
            ticket, _ = await locked(session, found.ticket.id)
            assert await depart(session, ticket, self.clock()) == 1
        return message

    async def sent(self) -> list[Message]:
        """What left by mail since the last look."""
        async with new_client("") as client:
            for waiting in await self.waiting():
                own = Delivery(
                    self.world.database, self.world.keyring, WebhookGateway(client), None,
                    destination=waiting.destination, mail=self.mailing.deliver,
                )  # fmt: skip
                await own.deliver_due(1)  # In their order: a lane has several tries at once.
        taken, self.post.taken = self.post.taken, []
        return taken

    async def waiting(self) -> list[OutboxRow]:
        wanted = select(OutboxRow).where(
            OutboxRow.kind == "mail", OutboxRow.delivered_at.is_(None), OutboxRow.given_up_at.is_(None)
        )
        async with self.world.database.transaction() as session:
            return list((await session.execute(wanted.order_by(OutboxRow.id))).scalars())


@asynccontextmanager
async def a_mail_desk(world: World) -> AsyncIterator[MailDesk]:
    """A desk with its mail server, nothing of other tests waiting to leave."""
    async with world.database.transaction() as session:
        await session.execute(delete(OutboxRow).where(OutboxRow.kind == "mail"))
    clock, post = Clock(), Post()
    identity = MailIdentity(HELP, "Cardloop", ("notices@shop.test",), "mx.shop.test", tagged=True)
    async with mail_server(post) as gateway:
        yield MailDesk(
            world,
            post,
            InboundMails(SupportDesk(world.database, world.keyring, world.photos, clock), identity),
            Mailing(SupportDesk(world.database, world.keyring, world.photos, clock), gateway, identity),
            Conversation(SupportDesk(world.database, world.keyring, world.photos, clock)),
            clock,
        )
