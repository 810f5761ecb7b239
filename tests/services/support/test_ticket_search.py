"""Tickets are found by their words in both languages, by customer and by card; each search is on record."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import delete, func, select, text, update

from database.reads.support.search import Sought, matches
from database.tables.people import AuditRow, PartnerRow, SellerRow
from database.tables.support.search import TicketSearchRow
from database.tables.support.tickets import ContactRow, TicketRow
from domain.errors.general import CardNumberTyped
from domain.errors.people import NotAllowed
from domain.identifiers import new_id, ticket_task
from domain.people.roles import Role
from domain.support.contacts import address_index_of
from domain.support.grams import BLOCK, terms
from domain.support.tickets import TICKET, TicketCategory, TicketChannel
from services.people.seller_sign_in import phone_index
from services.support import grams, search
from services.support.backlog import SearchBacklog
from services.support.contacts import contact_of
from services.support.conversation import Conversation, Heard, Reply
from services.support.desk import SupportDesk
from services.support.opening import NewTicket, Opening
from services.support.search import TicketSearch
from services.work.comments import Comments
from tests.builders.queueing import Clock
from tests.builders.world import PHONES, World, a_number, a_submission, a_typed_card


class Desk:
    """Tickets of one seller, an agent, and the search."""

    def __init__(self, world: World, owner: str, agent: str) -> None:
        self.world, self.owner, self.agent, self.clock = world, owner, agent, Clock()
        desk = SupportDesk(world.database, world.keyring, world.photos, self.clock)
        self.opening = Opening(desk)
        self.conversation = Conversation(desk)
        self.search = TicketSearch(world.database, world.keyring)

    async def ticket(self, words: str, *, owner: str = "", cards: tuple[str, ...] = (), subject: str = "-") -> str:
        self.clock.passes(minutes=1)
        asked = NewTicket(TicketCategory.OTHER, subject, words, cards)
        return await self.opening.open(owner or self.owner, asked, TicketChannel.WEB)

    async def found(self, typed: str) -> list[str]:
        return [one.id for one in (await self.search.find(self.agent, typed)).lines]


@pytest.fixture
async def desk(world: World) -> Desk:
    return Desk(world, await world.a_seller(), await world.a_person("support"))


def unlike() -> str:
    """A word that is in no other ticket."""
    return new_id()[-9:].lower().translate(str.maketrans("0123456789", "ilouilouil"))


async def test_words_are_found_in_either_language_and_as_a_whole(desk: Desk) -> None:
    mark = unlike()
    chinese = await desk.ticket(f"{mark} 提现三天了，钱还没有到账！")
    english = await desk.ticket(f"{mark} My Payout is STILL missing")
    assert await desk.found(f"{mark} 到账") == [chinese]
    assert await desk.found(f"{mark} 有到账") == [chinese]
    assert await desk.found(f"{mark} 账到") == []  # Its characters stand there, the other way round.
    assert await desk.found(f"{mark} payout") == [english]
    assert await desk.found(f"{mark} ISSING") == [english]
    assert await desk.found(mark) == [english, chinese]  # The newest first.


async def test_search_finds_subject_answers_and_notes_and_no_undone_reply(desk: Desk) -> None:
    subject, said, noted, gone = unlike(), unlike(), unlike(), unlike()
    ticket_id = await desk.ticket("Hello", subject=subject)
    await desk.conversation.hear(desk.owner, ticket_id, Heard(said, TicketChannel.WEB))
    talk = Comments(desk.world.database, desk.world.keyring, desk.world.photos, {TICKET: grams.index_task})
    await talk.add_to_item(desk.agent, ticket_task(ticket_id), noted)
    await desk.world.review_desk.leases.take(desk.agent, ticket_task(ticket_id))
    reply = await desk.conversation.reply(desk.agent, ticket_id, Reply(gone))
    for word in (subject, said, noted, gone):
        assert await desk.found(word) == [ticket_id], word
    await desk.conversation.take_back(desk.agent, reply)
    assert await desk.found(gone) == []
    assert await desk.found(said) == [ticket_id]


async def test_pattern_characters_are_literal_and_one_character_is_too_short(desk: Desk) -> None:
    mark = unlike()
    ticket_id = await desk.ticket(f"{mark} 100% a_b")
    for typed in (f"{mark} %", f"{mark} 100%", f"{mark}\\", f"{mark} a_b"):
        assert await desk.found(typed) == [ticket_id], typed
    for typed in ("%", "_", "卡", "7"):
        found = await desk.search.find(desk.agent, typed)
        assert (found.lines, found.too_short) == ((), typed in ("卡", "7")), typed


async def test_a_card_is_found_by_the_end_of_its_number_and_of_its_id(desk: Desk) -> None:
    number = a_number("jd")
    card_id = await desk.world.a_card(owner=desk.owner, number=number)
    ticket_id = await desk.ticket("It does not work", cards=(card_id,))
    card = await desk.world.card(card_id)
    assert card.number_tail
    for typed in (card.number_tail, card_id, f"card:{card_id}", card_id[-6:], ticket_id, ticket_id[-6:].lower()):
        assert ticket_id in await desk.found(typed), typed
    with pytest.raises(CardNumberTyped):
        await desk.found(number)


async def test_customers_are_found_by_telephone_payee_address_and_name(desk: Desk) -> None:
    world, phone = desk.world, f"1{next(PHONES) % 10**10:010d}"
    await world.a_card(owner=desk.owner)
    async with world.database.transaction() as session:
        mine = phone_index(world.keyring, f"+86{phone}")
        await session.execute(update(SellerRow).where(SellerRow.id == desk.owner[7:]).values(phone_index=mine))
    account = f"{unlike()}@example.com"
    paid = await world.intake.submit(
        replace(a_submission(a_typed_card(), owner=await world.a_seller()), payee_account=account)
    )
    payee = await world.payee_of(paid.card_ids[0])
    name = f"Partner {unlike()}"
    partner, contact = new_id(), new_id()
    address = f"{unlike()}@example.com"
    async with world.database.transaction() as session:
        session.add(PartnerRow(id=partner, name=name))
        session.add(
            ContactRow(
                id=contact, address_sealed=b"-", address_index=address_index_of(world.keyring, address), address_masked="-"
            )
        )  # fmt: skip
    of_seller, of_payee = await desk.ticket("One"), await desk.ticket("Two", owner=payee)
    of_partner = await desk.ticket("Three", owner=f"partner:{partner}")
    of_contact = await desk.ticket("Four", owner=f"contact:{contact}")
    assert await desk.found(phone) == [of_seller]
    assert await desk.found(account.upper()) == [of_payee]
    assert await desk.found(name.lower()) == [of_partner]
    assert await desk.found(address) == [of_contact]
    facts = [row.facts for row in await world.rows(AuditRow, actor=f"person:{desk.agent}")]
    kept = str(facts)
    assert not [one for one in (phone, account, address) if one in kept.lower()]
    assert {"by": "phone", "found": 1} in facts


async def test_each_search_is_on_record_and_only_for_those_who_see_tickets(desk: Desk) -> None:
    mark = unlike()
    ticket_id = await desk.ticket(mark)
    await desk.found(mark)
    (row,) = [one for one in await desk.world.rows(AuditRow, act="console:search:tickets") if one.subject == ticket_id]
    assert (row.actor, row.facts) == (f"person:{desk.agent}", {"by": "words", "found": 1, "words": mark})
    with pytest.raises(NotAllowed):
        await desk.search.find(await desk.world.a_person(Role.REVIEWER), mark)


async def test_pages_follow_each_other_without_a_gap_or_a_double(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "PAGE", 2)
    mark = unlike()
    tickets = [await desk.ticket(mark) for _ in range(5)]
    seen: list[str] = []
    before, more = "", True
    while more:
        found = await desk.search.find(desk.agent, mark, before)
        seen, more = [*seen, *(one.id for one in found.lines)], found.more
        before = seen[-1]
    assert seen == tickets[::-1]


async def test_tickets_of_every_block_are_found_the_newest_first(desk: Desk) -> None:
    mark = unlike()
    wanted = [await desk.ticket(mark)]
    for _ in range(2):
        await _next_block(desk)
        wanted.append(await desk.ticket(mark))
    async with desk.world.database.transaction() as session:
        assert list(await matches(session, Sought(parts=terms(mark)), 10)) == wanted[::-1]
        assert list(await matches(session, Sought(parts=terms(mark)), 2)) == wanted[:0:-1]
        assert list(await matches(session, Sought(parts=terms(mark)), 10, wanted[1])) == wanted[:1]


async def _next_block(desk: Desk) -> None:
    """The tickets of a whole block were opened meanwhile."""
    async with desk.world.database.transaction() as session:
        highest = (await session.execute(select(func.max(TicketSearchRow.number)))).scalar_one()
        sequence = text("SELECT setval(pg_get_serial_sequence('ticket_search', 'number'), :number)")
        await session.execute(sequence, {"number": highest + BLOCK})


async def test_mail_contact_is_found_by_address(desk: Desk) -> None:
    address = f"{unlike()}@example.com"
    async with desk.world.database.transaction() as session:
        contact = await contact_of(session, desk.world.keyring, address, "zh_CN")
    ticket_id = await desk.ticket("It came by mail", owner=f"contact:{contact.id}")
    assert await desk.found(address.upper()) == [ticket_id]


async def test_old_tickets_are_indexed_in_order_and_the_rest_is_reported(
    desk: Desk,
) -> None:
    word = unlike()
    oldest, older, new = [await desk.ticket(f"{word} {place}") for place in ("first", "second", "third")]
    async with desk.world.database.transaction() as session:
        await session.execute(delete(TicketSearchRow).where(TicketSearchRow.ticket_id.in_([oldest, older])))
        await session.execute(update(TicketRow).where(TicketRow.id.in_([oldest, older])).values(searchable=False))
    before = await desk.search.find(desk.agent, word)
    assert ([one.id for one in before.lines], before.not_searchable >= 2) == ([new], True)
    backlog = SearchBacklog(desk.world.database)
    assert await backlog.work_off(1) == 1  # Broken off here, it goes on with the next.
    assert await desk.found(word) == [new, older]
    while await backlog.work_off(100):
        pass
    after = await desk.search.find(desk.agent, word)
    assert ([one.id for one in after.lines], after.not_searchable) == ([new, older, oldest], 0)
    async with desk.world.database.transaction() as session:
        assert await matches(session, Sought(parts=terms(word)), 1, before=new) == (older,)
        assert await matches(session, Sought(parts=terms(word)), 5, before=older) == (oldest,)
