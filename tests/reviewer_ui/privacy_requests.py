"""A seller's privacy request, for the console's tests."""

from __future__ import annotations

from database.tables.people import SellerRow
from domain.identifiers import new_id
from domain.support.tickets import TicketCategory, TicketChannel
from services.support.desk import SupportDesk
from services.support.opening import NewTicket, Opening
from tests.reviewer_ui.conftest import House


async def a_privacy_request(house: House) -> str:
    """A seller asks for their data; returns the ticket's id."""
    seller = new_id()
    sealed = house.keyring.seal_text("+8613800008888", purpose="seller", aad=f"seller:{seller}:phone")
    async with house.database.transaction() as session:
        session.add(SellerRow(id=seller, phone_sealed=sealed, phone_index=new_id(), phone_masked="138****8888"))
    asked = NewTicket(TicketCategory.PRIVACY, "获取我的数据副本", "请提供我的个人数据副本。")
    return await Opening(SupportDesk(house.database, house.keyring, house.photos)).open(
        f"seller:{seller}", asked, TicketChannel.WEB
    )
