"""What other desks have to do with a demo's tickets: questions, a rejected card, ratings, an erasure, a mail address to confirm."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select

from activities.cards import Journey
from activities.review.tasks import Review
from database.session import Database
from database.tables.support.contact_links import ContactLinkRow
from database.tables.support.tickets import TicketLinkRow, TicketRow
from domain.cards.card import EndReason, Outcome
from domain.cards.intake import Submission, SubmittedCard
from domain.cards.review import RejectReason, ReviewOutcome
from domain.identifiers import new_id, ticket_task
from domain.money import Money
from domain.people.roles import Role
from domain.sealing import KeyRing
from domain.support.contact_links import LINK_LASTS
from domain.support.tickets import InsideDesk, LinkedKind
from gateways.pictures.store import PhotoStore
from services.cards.intake import Intake
from services.review.desk import ReviewDesk, review_desk
from services.support.desk import SupportDesk
from services.support.erasure import Erasures
from services.support.escalating import Escalations
from services.support.opening import link_card
from services.support.ratings import Ratings

REJECTED = SubmittedCard("starbucks", Money(20_000), "8110927345018265", "73910468")
PAYEE = ("13800009002", "李明")


class DemoDesks:
    """Does for a story what its extra fields say. `people` are the demo's by role, `now` the moment at which its desk is."""

    def __init__(
        self,
        store: Database,
        keyring: KeyRing,
        photos: PhotoStore,
        people: Mapping[Role, str],
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._keyring = keyring
        self._people = people
        self._now = now
        self._intake = Intake(store, keyring, photos)
        desk = SupportDesk(store, keyring, photos, now)
        self._escalations = Escalations(desk)
        self._ratings = Ratings(desk)
        self._erasures = Erasures(desk)
        self._desk: ReviewDesk = review_desk(store, keyring, now)

    async def after(self, ticket_id: str, customer: str, story: Mapping[str, Any]) -> None:
        """Do what the story asks of other desks, once its conversation is written."""
        if "rate" in story:
            good, words = story["rate"]
            await self._ratings.rate(customer, ticket_id, good, words)
        if story.get("card") == "rejected":
            await self._link(ticket_id, await self._rejected(customer))
        if "ask" in story:
            await self._ask(ticket_id, InsideDesk(story["inside"]), *story["ask"])
        if story.get("erase"):
            await self._erasures.propose(self._people[Role.COMPLIANCE], ticket_id)

    async def ask_about_address(self, ticket_id: str, seller_id: str) -> None:
        """Ask a seller whether the mail address of the ticket is theirs."""
        async with self._store.transaction() as session:
            ticket = await session.get_one(TicketRow, ticket_id)
            contact_id, moment = ticket.requester.partition(":")[2], self._now()
            session.add(
                ContactLinkRow(
                    id=new_id(), contact_id=contact_id, seller_id=seller_id, ticket_id=ticket_id,
                    asked_by=self._people[Role.SUPPORT], asked_at=moment, expires_at=moment + LINK_LASTS,
                )
            )  # fmt: skip

    async def _ask(self, ticket_id: str, desk: InsideDesk, reason: str, question: str) -> None:
        agent, task_id = self._people[Role.SUPPORT], ticket_task(ticket_id)
        cards = select(TicketLinkRow.subject).where(
            TicketLinkRow.ticket_id == ticket_id, TicketLinkRow.kind == LinkedKind.CARD
        )
        async with self._store.transaction() as session:
            card_id = (await session.execute(cards)).scalars().first()
        await self._desk.leases.take(agent, task_id)
        await self._escalations.ask(agent, ticket_id, desk, question, reason, card_id)
        await self._desk.leases.release(agent, task_id)

    async def _link(self, ticket_id: str, card_id: str) -> None:
        async with self._store.transaction() as session:
            ticket = await session.get_one(TicketRow, ticket_id)
            await link_card(session, ticket, card_id, f"person:{self._people[Role.SUPPORT]}", self._now())

    async def _rejected(self, owner: str) -> str:
        """A card that the demo's reviewer has rejected, as its workflow would have recorded it."""
        receipt = await self._intake.submit(Submission(owner, new_id(), (REJECTED,), *PAYEE, channel="web"))
        (card_id,) = receipt.card_ids
        await self._intake.mark_started(card_id)
        reviewer, review = self._people[Role.REVIEWER], Review(self._store, self._keyring, self._now)
        task_id = (await review.open(card_id, 1, ["card_type"])).task_id
        await self._desk.leases.take(reviewer, task_id)
        decision = await self._desk.decisions.record_decision(
            reviewer, task_id, ReviewOutcome.REJECT, RejectReason.ALREADY_USED, note="发卡方两次返回余额 0"
        )
        await review.apply(task_id, decision)
        await Journey(self._store, self._now).end(
            card_id, Outcome.REJECTED, EndReason.REVIEWER, RejectReason.ALREADY_USED.value
        )
        return card_id
