"""Support's mailbox is emptied: each mail is kept first and moved out of the folder afterwards."""

from __future__ import annotations

from sqlalchemy import select

from database.repositories.loop_faults import apart
from database.session import Database
from database.tables.columns import now
from database.tables.platform import SetAsideRow
from gateways.mail.mailbox import Mailbox
from services.support.inbound import InboundMails

LOOP = "mailbox"
AT_ONCE = 10


class MailboxReader:
    """Takes what waits in the mailbox. A mail that cannot be taken stays there, is set aside, and holds up no other."""

    def __init__(self, database: Database, box: Mailbox, mails: InboundMails, at_once: int = AT_ONCE) -> None:
        self._database = database
        self._box = box
        self._mails = mails
        self._at_once = at_once

    async def look(self) -> int:
        """Take up to `at_once` mails, oldest first, and return how many; those that were taken before count, too.

        Raises DatabaseUnavailable, and GatewayUnavailable while the mailbox does not answer: this loop is then late, which
        the health of the installation shows. What was taken by then is moved at the next look.
        """
        generation, numbers = await self._box.numbers()
        aside = await self._set_aside()
        waiting = [one for one in numbers if f"{generation}:{one}" not in aside][: self._at_once]
        taken = []
        for number in waiting:
            mail = await self._box.fetch(generation, number)
            if mail is None:
                continue
            async with apart(self._database, LOOP, f"{generation}:{number}"):
                await self._mails.take(mail.raw, whole=mail.whole)
                taken.append(number)
        if taken:
            await self._box.move(generation, taken)
        return len(taken)

    async def _set_aside(self) -> frozenset[str]:
        waits = select(SetAsideRow.subject).where(SetAsideRow.loop == LOOP, SetAsideRow.again_at > now())
        async with self._database.transaction() as session:
            return frozenset((await session.execute(waits)).scalars())
