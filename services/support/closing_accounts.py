"""Closes the account of an erasure once nothing waits for its person any more: telephone, mail addresses and the request go."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

from sqlalchemy import delete, exists, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.support.requesters import requesters_of
from database.repositories.loop_faults import apart
from database.repositories.set_aside import left_out
from database.sealed import CONTACT_ADDRESS, SELLER_PHONE
from database.tables.cards import CardRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from database.tables.people import SellerRow, SignInCodeRow
from database.tables.platform import OutboxRow
from database.tables.support.contact_links import ContactLinkRow
from database.tables.support.privacy import ErasureRow
from database.tables.support.tickets import ContactRow, TicketMessageRow, TicketRow
from domain.cards.card import Outcome
from domain.finance.payout import PayoutState
from domain.support.tickets import UNDER_WAY
from languages import translate
from services.support.conversation import locked
from services.support.desk import SupportDesk
from services.support.erasable import ENDED
from services.support.erasing import NOBODY, words_gone
from services.support.history import happened

LOOP = "closing_accounts"
UNSETTLED = (PayoutState.PREPARED, PayoutState.UNKNOWN)


@dataclass(frozen=True)
class ClosingAccounts:
    """Closes accounts whose erasure two people agreed to."""

    desk: SupportDesk

    async def close_due(self, limit: int) -> int:
        """Close up to `limit` accounts that nothing waits for; return how many. Raises DatabaseUnavailable."""
        due = (
            select(ErasureRow.id)
            .join(TicketRow, TicketRow.id == ErasureRow.ticket_id)
            .where(
                ErasureRow.confirmed_at.is_not(None), ErasureRow.account_closed_at.is_(None), TicketRow.state.in_(ENDED),
                ~left_out(LOOP, ErasureRow.id, self.desk.now()),
            )
            .order_by(ErasureRow.id)
            .limit(limit)
        )  # fmt: skip
        async with self.desk.database.transaction() as session:
            found = list((await session.execute(due)).scalars())
        done = 0
        for erasure_id in found:
            async with apart(self.desk.database, LOOP, erasure_id), self.desk.database.transaction() as session:
                done += await self._closed(session, erasure_id)
        return done

    async def _closed(self, session: AsyncSession, erasure_id: str) -> bool:
        known = await session.get_one(ErasureRow, erasure_id)
        ticket, _ = await locked(session, known.ticket_id)
        row = await session.get_one(ErasureRow, erasure_id, with_for_update=True, populate_existing=True)
        if row.account_closed_at is not None or ticket.state not in ENDED or await waited_for(session, ticket):
            return False
        seller_id = ticket.requester.partition(":")[2]
        seller = await session.get_one(SellerRow, seller_id, with_for_update=True)
        own = select(TicketMessageRow).where(TicketMessageRow.ticket_id == ticket.id)
        messages = (await session.execute(own)).scalars().all()
        await words_gone(session, [ticket], messages, translate("privacy.erased_words", seller.locale))
        await session.execute(delete(SignInCodeRow).where(SignInCodeRow.phone_index == seller.phone_index))
        seller.phone_sealed = SELLER_PHONE.seal(self.desk.keyring, seller.id, "")
        seller.phone_index, seller.phone_masked = secrets.token_hex(32), NOBODY
        seller.erased_at = row.account_closed_at = self.desk.now()
        await self._contacts(session, seller_id)
        happened(session, ticket, "machine", "account_closed", self.desk.now())
        return True

    async def _contacts(self, session: AsyncSession, seller_id: str) -> None:
        """Their mail addresses go with everything that names them."""
        await session.execute(delete(ContactLinkRow).where(ContactLinkRow.seller_id == seller_id))
        for contact in (await session.execute(select(ContactRow).where(ContactRow.seller_id == seller_id))).scalars():
            contact.address_sealed = CONTACT_ADDRESS.seal(self.desk.keyring, contact.id, "")
            contact.address_index, contact.address_masked, contact.name = secrets.token_hex(32), NOBODY, ""


async def waited_for(session: AsyncSession, request: TicketRow) -> bool:
    """Return whether anything of the person is on its way: a card, a payment, another question, a message to them."""
    owner = request.requester
    whose = await requesters_of(session, owner)
    cards = select(CardRow.id).join(SubmissionRow).where(SubmissionRow.owner == owner)
    open_card = CardRow.outcome.is_(None) | (CardRow.outcome == Outcome.PAYMENT_REFUSED)
    waits = [
        exists().where(CardRow.id.in_(cards), open_card),
        exists().where(PayoutRow.card_id.in_(cards), PayoutRow.state.in_(UNSETTLED)),
        exists().where(TicketRow.requester.in_(whose), TicketRow.state.in_(UNDER_WAY)),
        exists().where(OutboxRow.destination.in_(whose), OutboxRow.delivered_at.is_(None), OutboxRow.given_up_at.is_(None)),
    ]  # fmt: skip
    return bool((await session.execute(select(or_(*waits)))).scalar_one())
