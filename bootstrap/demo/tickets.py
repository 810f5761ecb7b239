"""Tickets of a demo's first start: every state, channel and category, in both languages, as the desk itself would have made them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bootstrap import keys
from bootstrap.demo.ticket_desks import DemoDesks
from database.sealed import CONTACT_ADDRESS, SELLER_PHONE
from database.session import Database
from database.tables.people import SellerRow
from database.tables.support.tickets import ContactRow, TicketMessageRow
from domain.finance.payee import masked_account
from domain.identifiers import new_id, ticket_task
from domain.people.roles import Role
from domain.places import business_day
from domain.rules.deadlines import deadlines_in_force
from domain.support.contacts import address_index_of
from domain.support.tickets import TEAM, TICKET, TicketCategory, TicketChannel, TicketState
from domain.work.deadlines import Terms
from domain.work.task import Priority
from domain.work.working_time import WorkingCalendar
from gateways.pictures.store import PhotoStore
from services.people.seller_sign_in import masked_phone, phone_index
from services.review.desk import review_desk
from services.support import clocks, grams
from services.support.conversation import AfterReply, Conversation, Heard, Reply, locked
from services.support.desk import SupportDesk
from services.support.opening import NewTicket, Opening
from services.work.comments import Comments

STORIES = Path(__file__).with_name("tickets.json")
HORIZON = timedelta(days=60)
ASKED_AGO = timedelta(minutes=25)
# Their language, telephone or address; none of them is real.
SELLERS = {"wang": ("zh_CN", "+8613800009001"), "li": ("zh_CN", "+8613800009002"), "emma": ("en", "+8613800009003")}
CONTACTS = {"chen": ("zh_CN", "chen@customer.example"), "olivia": ("en", "olivia@customer.example")}


@dataclass
class _Clock:
    """The moment at which the desk of a story is."""

    moment: datetime

    def __call__(self) -> datetime:
        return self.moment


class DemoTickets:
    """Tells the stories of `tickets.json` through the acts of customers, of one agent, and of other desks (persons' ids by role)."""

    def __init__(self, store: Database, held: keys.Secrets, photos: PhotoStore, people: Mapping[Role, str]) -> None:
        agent = people[Role.SUPPORT]
        self._store = store
        self._keyring = held.keyring
        self._agent = agent
        self._clock = _Clock(datetime.now(UTC))
        desk = SupportDesk(store, held.keyring, photos, self._clock)
        self._opening = Opening(desk)
        self._conversation = Conversation(desk)
        self._comments = Comments(store, held.keyring, photos, {TICKET: grams.index_task})
        self._leases = review_desk(store, held.keyring, self._clock).leases
        self._desks = DemoDesks(store, held.keyring, photos, people, self._clock)

    async def tell(self, partner_id: str) -> int:
        """Write all stories, the oldest first, and return how many: none where they were begun before.

        Times count back from now in the desk's working time.
        """
        if await self._begun():
            return 0
        now = datetime.now(UTC)
        policies = deadlines_in_force(business_day(now))
        async with self._store.transaction() as session:
            who = {"partner": f"partner:{partner_id}", **await self._customers(session)}
        stories = json.loads(STORIES.read_text(encoding="utf-8"))
        for story in stories:
            terms = Terms(None, 0, Priority.NORMAL, frozenset({story["category"]}), TEAM, TICKET)
            calendar = policies.calendar_for(policies.policy_for(terms), TEAM)
            ticket_id = await self._play(story, who[story["who"]], _ago(calendar, story["ago"], now), now)
            if "link" in story:
                await self._desks.ask_about_address(ticket_id, who[f"seller:{story['link']}"].partition(":")[2])
        return len(stories)

    async def _begun(self) -> bool:
        """Whether an earlier start, which broke, has made the customers."""
        phones = [phone_index(self._keyring, phone) for _, phone in SELLERS.values()]
        async with self._store.transaction() as session:
            known = await session.execute(select(SellerRow.id).where(SellerRow.phone_index.in_(phones)).limit(1))
        return known.first() is not None

    async def _customers(self, session: AsyncSession) -> Mapping[str, str]:
        found = {}
        for name, (locale, phone) in SELLERS.items():
            seller = SellerRow(
                id=(seller_id := new_id()), phone_sealed=SELLER_PHONE.seal(self._keyring, seller_id, phone),
                phone_index=phone_index(self._keyring, phone), phone_masked=masked_phone(phone), locale=locale,
            )  # fmt: skip
            session.add(seller)
            found[f"seller:{name}"] = f"seller:{seller_id}"
        for name, (locale, address) in CONTACTS.items():
            contact = ContactRow(
                id=(contact_id := new_id()), address_sealed=CONTACT_ADDRESS.seal(self._keyring, contact_id, address),
                address_index=address_index_of(self._keyring, address), address_masked=masked_account(address), locale=locale,
            )  # fmt: skip
            session.add(contact)
            found[f"contact:{name}"] = f"contact:{contact_id}"
        return found

    async def _play(self, story: Mapping[str, Any], customer: str, opened_at: datetime, now: datetime) -> str:
        self._clock.moment = opened_at
        channel = TicketChannel(story["channel"])
        asked = NewTicket(TicketCategory(story["category"]), story["subject"], story["words"])
        if channel is TicketChannel.PHONE:
            ticket_id = await self._opening.open_for(self._agent, customer, asked)
        else:
            ticket_id = await self._opening.open(customer, asked, channel)
        for step in story["then"]:
            self._clock.moment = min(self._clock.moment + timedelta(minutes=step[1]), now)
            await self._step(ticket_id, customer, channel, step)
        if "ask" in story:  # Other desks were asked a moment ago: their time has just begun.
            self._clock.moment = max(self._clock.moment, now - ASKED_AGO)
        await self._desks.after(ticket_id, customer, story)
        async with self._store.transaction() as session:
            await self._ended(session, ticket_id, story)
        return ticket_id

    async def _step(self, ticket_id: str, customer: str, channel: TicketChannel, step: Sequence[Any]) -> None:
        kind, _, words, *more = step
        if kind == "customer":
            await self._conversation.hear(customer, ticket_id, Heard(words, channel))
        elif kind == "note":
            await self._comments.add_to_item(self._agent, ticket_task(ticket_id), words)
        else:
            after = AfterReply(more[0])
            await self._leases.take(self._agent, ticket_task(ticket_id))
            await self._conversation.reply(self._agent, ticket_id, Reply(words, after, "".join(more[1:])))
            await self._leases.release(self._agent, ticket_task(ticket_id))

    async def _ended(self, session: AsyncSession, ticket_id: str, story: Mapping[str, Any]) -> None:
        """Every reply has left, and the ticket is closed where its story ends so."""
        left = update(TicketMessageRow).where(
            TicketMessageRow.ticket_id == ticket_id, TicketMessageRow.sent_at.is_(None)
        )
        await session.execute(left.values(sent_at=TicketMessageRow.effective_at))
        if not story.get("closed"):
            return
        ticket, task = await locked(session, ticket_id)
        ticket.state, ticket.closed_at = TicketState.CLOSED, self._clock()
        await clocks.follow(session, ticket, task, self._clock(), "escalated")


def _ago(calendar: WorkingCalendar, minutes: int, now: datetime) -> datetime:
    """Return the newest moment since which the desk has worked so many minutes, exact to the minute."""
    span, least, most = timedelta(minutes=minutes), timedelta(), HORIZON
    while most - least > timedelta(minutes=1):
        middle = (least + most) / 2
        least, most = (least, middle) if calendar.worked(now - middle, now) >= span else (middle, most)
    return now - most
