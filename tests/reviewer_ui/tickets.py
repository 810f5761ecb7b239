"""Tickets of a seller with a card, for the console's tests."""

from __future__ import annotations

from dataclasses import dataclass

from database.sealed import SELLER_PHONE
from database.tables.cards import SubmissionRow
from database.tables.people import SellerRow
from domain.identifiers import new_id
from domain.support.tickets import TicketCategory, TicketChannel
from services.people.seller_sign_in import phone_index
from services.support.conversation import Heard
from services.support.desk import SupportDesk
from services.support.opening import NewTicket
from services.support.ticket_desk import TicketDesk, ticket_desk
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.waiting_cards import Waiting


@dataclass
class Customer:
    """A seller who owns one card; `phone` is theirs in the clear."""

    house: House
    seller_id: str
    phone: str
    card: Waiting

    @property
    def desk(self) -> TicketDesk:
        """The desk that serves them."""
        return ticket_desk(SupportDesk(self.house.database, self.house.keyring, self.house.photos))

    async def asks(
        self, words: str = "Where is my money?", *, subject: str = "My money has not come", about_card: bool = True,
        category: TicketCategory = TicketCategory.PAYOUT_LATE,
    ) -> str:  # fmt: skip
        """Open a ticket; returns its id."""
        cards = (self.card.card_id,) if about_card else ()
        asked = NewTicket(category, subject, words, cards)
        return await self.desk.opening.open(f"seller:{self.seller_id}", asked, TicketChannel.WEB)

    async def writes(self, ticket_id: str, words: str) -> str:
        """Add a message; returns its id."""
        return await self.desk.conversation.hear(f"seller:{self.seller_id}", ticket_id, Heard(words, TicketChannel.WEB))


async def a_customer(house: House, card: Waiting | None = None) -> Customer:
    """A seller with a phone number of their own, and the card or a new one."""
    about = card or await house.cards.waiting()
    seller_id = new_id()
    phone = f"+86139{int(seller_id[-4:], 36) % 10**8:08d}"
    row = SellerRow(
        id=seller_id, phone_sealed=SELLER_PHONE.seal(house.keyring, seller_id, phone),
        phone_index=phone_index(house.keyring, phone), phone_masked=f"{phone[3:6]}****{phone[-4:]}",
    )  # fmt: skip
    async with house.database.transaction() as session:
        session.add(row)
        (await session.get_one(SubmissionRow, f"S{about.card_id}")).owner = f"seller:{seller_id}"
    return Customer(house, seller_id, phone, about)
