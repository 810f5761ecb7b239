"""A counterparty disputes a statement: a ticket says what, and the run waits until finance has answered it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.sealed import COUNTERPARTY_MAIL
from database.tables.finance.settlement import CounterpartyRow, SettlementRunRow
from database.tables.support.tickets import TicketLinkRow, TicketRow
from domain.errors.general import FieldInvalid
from domain.finance.settlement import SettlementDeed, SettlementState
from domain.finance.settlement_acts import SettlementAct
from domain.support.tickets import LinkedKind, TicketCategory, TicketChannel
from languages import translate
from services.finance.settlement import answering
from services.support.contacts import contact_of
from services.support.desk import SupportDesk
from services.support.history import happened
from services.support.opening import NewTicket, Opening

RESOLVED = (SettlementDeed.UPHOLD, SettlementDeed.CORRECT)


@dataclass(frozen=True)
class SettlementActs:
    """Does what people and partners do with runs; a dispute opens its ticket first, under a key, so that there is one."""

    desk: SupportDesk

    async def do(self, act: SettlementAct) -> SettlementState:
        """Do the deed and return the run's state; done before, nothing changes. Refuse as `answering.perform` does."""
        if act.deed is SettlementDeed.DISPUTE:
            return await self._dispute(act)
        async with self.desk.database.transaction() as session:
            now = self.desk.now()
            state = await answering.perform(session, act, now)
            if act.deed in RESOLVED:
                await _say_in_ticket(session, act, now)
        return state

    async def _dispute(self, act: SettlementAct) -> SettlementState:
        async with self.desk.database.transaction() as session:
            party = await answering.require_disputable(session, act, self.desk.now())
            run = await session.get_one(SettlementRunRow, act.run_id)
            if party is None:
                return run.state
            requester = await self._requester(session, party)
        about = {"period": run.period, "version": run.version, "name": party.name}
        subject = translate("settlement.dispute_subject", party.language, about)
        channel = TicketChannel.PHONE if act.by.startswith(answering.PERSON) else TicketChannel.API
        if party.partner_id is None:
            channel = TicketChannel.MAIL
        asked = NewTicket(TicketCategory.SETTLEMENT, subject, _words(act, party.language), key=f"settlement:{act.key}")
        ticket_id = await Opening(self.desk).open(requester, asked, channel)
        async with self.desk.database.transaction() as session:
            link = TicketLinkRow(ticket_id=ticket_id, kind=LinkedKind.SETTLEMENT, subject=run.id, by=act.by)
            await insert_once(session, link, "ticket_id", "subject")
            return await answering.disputed(session, act, ticket_id, self.desk.now())

    async def _requester(self, session: AsyncSession, party: CounterpartyRow) -> str:
        if party.partner_id is not None:
            return f"partner:{party.partner_id}"
        if party.mail_sealed is None:
            raise FieldInvalid(field="mail", why="missing")
        address = COUNTERPARTY_MAIL.open(self.desk.keyring, party.id, party.mail_sealed)
        contact = await contact_of(session, self.desk.keyring, address, party.language)
        return f"contact:{contact.id}"


async def _say_in_ticket(session: AsyncSession, act: SettlementAct, now: datetime) -> None:
    """Write in the ticket's history how finance answered; the agent who has the ticket tells the counterparty."""
    run = await session.get_one(SettlementRunRow, act.run_id)
    ticket = None if run.ticket_id is None else await session.get(TicketRow, run.ticket_id)
    if ticket is not None:
        facts = {"settlement": run.id, "period": run.period, "words": " ".join(act.words.split())}
        happened(session, ticket, act.by, f"settlement_{act.deed.value}", now, **facts)


def _words(act: SettlementAct, locale: str) -> str:
    if not act.lines:
        return act.words.strip()
    named = translate("settlement.dispute_lines", locale, {"lines": ", ".join(act.lines)})
    return f"{act.words.strip()}\n\n{named}"
