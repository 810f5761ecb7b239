"""A mail contact is joined with the seller who confirms it, never by an agent alone, and can be taken apart again."""

from __future__ import annotations

import pytest

from database.reads.support import customers
from database.reads.support.desk import beside
from database.reads.support.tickets import record
from database.sealed import SELLER_PHONE
from database.tables.people import AuditRow, SellerRow
from database.tables.platform import OutboxRow
from database.tables.support.tickets import ContactRow, TicketRow
from database.tables.work import WorkItemRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed, PhoneInvalid
from domain.errors.support import ContactLinkOver, ContactLinkWaits
from domain.support.tickets import TicketCategory, TicketChannel
from services.notices.outbox_delivery import message_text
from services.people.seller_sign_in import phone_index
from services.support.contact_links import ContactLinks
from services.support.contacts import contact_of
from services.support.conversation import Conversation, Heard
from services.support.desk import SupportDesk
from services.support.linking import Linking
from services.support.opening import NewTicket, Opening
from tests.builders.queueing import Clock
from tests.builders.world import PHONES, World

pytestmark = pytest.mark.asyncio(loop_scope="session")


class Scene:
    """A mail contact's ticket, a seller with a card and a ticket, and an agent."""

    def __init__(self, world: World) -> None:
        self.world, self.clock = world, Clock()
        desk = SupportDesk(world.database, world.keyring, world.photos, self.clock)
        self.links = ContactLinks(desk)
        self.opening = Opening(desk)
        self.said = Conversation(desk)
        self.linking = Linking(desk)
        self.phone = f"+86{next(PHONES)}"
        self.agent = self.owner = self.contact = self.mail = self.own = self.card = ""

    async def set_up(self) -> Scene:
        world = self.world
        self.agent, self.owner = await world.a_person("support"), await world.a_seller()
        number = self.owner.partition(":")[2]
        async with world.database.transaction() as session:
            seller = await session.get_one(SellerRow, number)
            seller.phone_sealed = SELLER_PHONE.seal(world.keyring, number, self.phone)
            seller.phone_index = phone_index(world.keyring, self.phone)
            self.contact = (await contact_of(session, world.keyring, f"{number.lower()}@example.com", "en")).id
        self.card = await world.a_card(owner=self.owner)
        self.own = await self.opening.open(self.owner, NewTicket(TicketCategory.OTHER, "Own", "Own"), TicketChannel.WEB)
        asked = NewTicket(TicketCategory.OTHER, "By mail", "It is me")
        self.mail = await self.opening.open(f"contact:{self.contact}", asked, TicketChannel.MAIL)
        return self

    async def listed(self) -> set[str]:
        async with self.world.database.transaction() as session:
            lines, _ = await customers.listed(session, self.owner, limit=50)
        return {one.id for one in lines}

    async def others(self) -> set[str]:
        async with self.world.database.transaction() as session:
            return {one.id for one in (await beside(session, await record(session, self.mail))).others}

    async def item_seller(self) -> str:
        (ticket,) = await self.world.rows(TicketRow, id=self.mail)
        (item,) = await self.world.rows(WorkItemRow, id=ticket.task_id)
        return str(item.seller)


@pytest.fixture
async def scene(world: World) -> Scene:
    return await Scene(world).set_up()


async def test_contact_is_linked_only_after_the_seller_confirms(scene: Scene) -> None:
    link = await scene.links.ask(scene.agent, scene.mail, scene.phone)
    assert (await scene.listed(), await scene.others()) == ({scene.own}, set())
    with pytest.raises(NotFound):
        await scene.linking.card(scene.agent, scene.mail, scene.card)
    with pytest.raises(NotFound):
        await scene.links.answer(await scene.world.a_seller(), link, theirs=True)
    with pytest.raises(ContactLinkWaits):
        await scene.links.ask(scene.agent, scene.mail, scene.phone)
    await scene.links.answer(scene.owner, link, theirs=True)
    assert await scene.listed() == {scene.own, scene.mail}
    assert (await scene.others(), await scene.item_seller()) == ({scene.own}, scene.owner)
    await scene.linking.card(scene.agent, scene.mail, scene.card)
    await scene.said.hear(scene.owner, scene.mail, Heard("From my page", TicketChannel.WEB))
    acts = {one.act for one in await scene.world.rows(AuditRow, subject=scene.mail)}
    assert "console:ticket:contact_asked" in acts
    with pytest.raises(ContactLinkOver):
        await scene.links.answer(scene.owner, link, theirs=False)


async def test_the_seller_is_asked_without_showing_the_whole_address(scene: Scene) -> None:
    await scene.links.ask(scene.agent, scene.mail, scene.phone)
    (row,) = await scene.world.rows(OutboxRow, destination=scene.owner, topic="contact.asked")
    said = message_text(row.topic, row.payload, "en", "https://sell.example")
    assert ("***@example.com" in said, "https://sell.example/tickets" in said) == (True, True)
    assert scene.owner.partition(":")[2].lower() not in said


async def test_confirmed_link_is_removed_by_the_seller_or_a_lead(scene: Scene) -> None:
    link = await scene.links.ask(scene.agent, scene.mail, scene.phone)
    await scene.links.answer(scene.owner, link, theirs=True)
    await scene.linking.card(scene.agent, scene.mail, scene.card)
    with pytest.raises(NotAllowed):
        await scene.links.undo(f"person:{scene.agent}", link)
    with pytest.raises(NotFound):
        await scene.links.undo(await scene.world.a_seller(), link)
    await scene.links.undo(f"person:{await scene.world.a_person('support_lead')}", link)
    assert (await scene.listed(), await scene.others()) == ({scene.own}, set())
    assert await scene.item_seller() == f"contact:{scene.contact}"
    (contact,) = await scene.world.rows(ContactRow, id=scene.contact)
    assert contact.seller_id is None
    async with scene.world.database.transaction() as session:
        assert (await record(session, scene.mail)).links == ()
    with pytest.raises(NotFound):
        await scene.said.hear(scene.owner, scene.mail, Heard("Still?", TicketChannel.WEB))
    again = await scene.links.ask(scene.agent, scene.mail, scene.phone)
    await scene.links.answer(scene.owner, again, theirs=False)
    assert await scene.listed() == {scene.own}


async def test_invalid_questions_are_refused_and_old_ones_expire(scene: Scene) -> None:
    with pytest.raises(PhoneInvalid):
        await scene.links.ask(scene.agent, scene.mail, "12")
    with pytest.raises(FieldInvalid):
        await scene.links.ask(scene.agent, scene.mail, f"+86{next(PHONES)}")
    with pytest.raises(NotFound):
        await scene.links.ask(scene.agent, scene.own, scene.phone)
    with pytest.raises(NotAllowed):
        await scene.links.ask(await scene.world.a_person(), scene.mail, scene.phone)
    link = await scene.links.ask(scene.agent, scene.mail, scene.phone)
    await scene.links.withdraw(scene.agent, scene.mail, link)
    late = await scene.links.ask(scene.agent, scene.mail, scene.phone)
    scene.clock.passes(days=8)
    with pytest.raises(ContactLinkOver):
        await scene.links.answer(scene.owner, late, theirs=True)
    assert await scene.links.ask(scene.agent, scene.mail, scene.phone)
