"""Sellers and their cards."""

from __future__ import annotations

from database.tables.cards import SubmissionRow
from database.tables.people import SellerRow
from domain.identifiers import new_id
from services.people.seller_sign_in import phone_index
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.waiting_cards import Waiting

PHONE = "13800138021"


async def seller_of(house: House, waiting: Waiting, phone: str = PHONE) -> str:
    """A seller with that telephone, who submitted the card; its former owner has another now."""
    seller_id, index = new_id(), phone_index(house.keyring, f"+86{phone}")
    async with house.database.transaction() as session:
        session.add(
            SellerRow(id=seller_id, phone_sealed=b"-", phone_index=index, phone_masked=f"{phone[:3]}****{phone[-4:]}")
        )
        (await session.get_one(SubmissionRow, f"S{waiting.card_id}")).owner = f"seller:{seller_id}"
    return seller_id
