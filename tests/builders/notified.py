"""A person who can be notified: a real mail server, a receiver of webhooks, and the deliverer between them."""

from __future__ import annotations

import asyncio
import email
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import Message
from typing import Any

import pytest_asyncio
from aiosmtpd.smtp import SMTP, Envelope, Session
from sqlalchemy import delete, select

from database.repositories.notices import tell
from database.session import Database
from database.tables.notices import NoticePreferencesRow, NoticeRow
from database.tables.people import PersonRow
from domain.identifiers import new_id
from domain.notices.kinds import NoticeKind
from domain.sealing import KeyRing
from gateways.http import new_client
from gateways.mail import MailGateway, MailServer
from gateways.webhooks import WebhookGateway
from services.notices.digest import NoticeDelivery
from services.notices.inbox import Channels, Notices
from tests.gateways.partners import Mailbox, mailbox
from tests.pools import at_rest


@dataclass
class Post:
    """A real SMTP server: what it took, and the answers it gives next instead of taking."""

    taken: list[Message] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self.answers:
            return self.answers.pop(0)
        content = envelope.content
        assert isinstance(content, bytes)
        self.taken.append(email.message_from_bytes(content))
        return "250 taken"

    def texts(self) -> list[str]:
        return [str(mail.get_payload(decode=True), "utf-8") for mail in self.taken]  # type: ignore[arg-type]


@dataclass
class Town:
    """A person who can be notified, the mail server, and the receiver of webhooks."""

    database: Database
    keyring: KeyRing
    post: Post
    box: Mailbox
    channels: Channels
    person: str = ""

    @property
    def delivery(self) -> NoticeDelivery:
        """As another process would build it: it remembers nothing."""
        return NoticeDelivery(self.database, self.keyring, self.channels)

    @property
    def notices(self) -> Notices:
        return Notices(self.database, self.keyring, self.channels)

    async def lives(self, *, locale: str = "en", zone: str = "Asia/Shanghai", **preferences: Any) -> str:
        """A new person with these preferences."""
        self.person = new_id()
        async with self.database.transaction() as session:
            session.add(
                PersonRow(
                    id=self.person, email=f"{self.person.lower()}@cardloop.test", name="Lin", password_hash="-",
                    roles=["reviewer"], locale=locale, timezone=zone,
                )
            )  # fmt: skip
            await session.flush()
            session.add(NoticePreferencesRow(person_id=self.person, **{"digest_minutes": 0, **preferences}))
        return self.person

    async def notify(self, kind: NoticeKind, key: str = "", card_id: str = "CARD7Q2MXY", **facts: str) -> None:
        async with self.database.transaction() as session:
            await tell(session, [self.person], kind, key or new_id(), card_id=card_id, **facts)

    async def rows(self) -> list[NoticeRow]:
        statement = select(NoticeRow).where(NoticeRow.person_id == self.person).order_by(NoticeRow.id)
        async with self.database.transaction() as session:
            return list((await session.execute(statement)).scalars())


@asynccontextmanager
async def mail_server(post: Post) -> AsyncIterator[MailGateway]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(post, hostname="mail.test", loop=loop), "127.0.0.1", 0)
    try:
        port = server.sockets[0].getsockname()[1]
        yield MailGateway(MailServer("127.0.0.1", port, "cardloop@cardloop.test", tls="none"))
    finally:
        server.close()
        await server.wait_closed()


@pytest_asyncio.fixture(loop_scope="session")
async def town(database_url: str, pool_of: Callable[[str], Database]) -> AsyncIterator[Town]:
    database, post = pool_of(database_url), Post()
    async with database.transaction() as session:
        await session.execute(delete(NoticeRow))
    async with mail_server(post) as mail, mailbox() as box, new_client("") as client:
        hooks = WebhookGateway(client, allow_private=True)
        channels = Channels(mail, hooks, "https://console.test", insecure_urls=True)
        yield Town(database, KeyRing.generate(), post, box, channels)
    await at_rest(database)


async def colleague(town: Town, name: str) -> str:
    person_id = new_id()
    async with town.database.transaction() as session:
        session.add(PersonRow(id=person_id, email=f"{person_id}@cardloop.test", name=name, password_hash="-"))
    return person_id
