"""A customer's ticket about a card, an agent who holds it, and the desks that they ask."""

from __future__ import annotations

from database.reads.support.tickets import TicketRecord, record
from database.tables.review import ReviewDecisionRow
from database.tables.support.escalations import TicketEscalationRow
from database.tables.work import WorkItemRow
from domain.cards.card import EndReason, Outcome
from domain.cards.review import RejectReason, ReviewOutcome
from domain.support.escalations import ASKED
from domain.support.tickets import InsideDesk, TicketCategory, TicketChannel
from services.quality.blind_review import BlindReviews
from services.review.desk import ReviewDesk, review_desk
from services.support.concluding import SettledReviews
from services.support.conversation import Conversation
from services.support.desk import SupportDesk
from services.support.escalating import Escalations
from services.support.opening import NewTicket, Opening
from tests.builders.queueing import Clock
from tests.builders.reviewing import a_taken_task
from tests.builders.world import World

DESKS = {InsideDesk.OPS: "ops", InsideDesk.FINANCE: "finance", InsideDesk.COMPLIANCE: "compliance"}


class Escalating:
    """A ticket that is held by an agent, with a fixed clock."""

    def __init__(self, world: World, owner: str, card_id: str) -> None:
        self.world, self.owner, self.card_id, self.clock = world, owner, card_id, Clock()
        self.desk: ReviewDesk = review_desk(world.database, world.keyring, self.clock)
        desk = SupportDesk(world.database, world.keyring, world.photos, self.clock)
        self.opening = Opening(desk)
        self.conversation = Conversation(desk)
        self.escalations = Escalations(desk)
        self.second = BlindReviews(world.database, world.keyring)
        self.settled = SettledReviews(desk)
        self.agent = self.ticket_id = ""

    async def open(self, category: TicketCategory = TicketCategory.PAYOUT_LATE) -> None:
        """Open the ticket and have an agent hold it."""
        new = NewTicket(category, "Money", "Where is my money?", (self.card_id,))
        self.ticket_id = await self.opening.open(self.owner, new, TicketChannel.WEB)
        self.agent = await self.world.a_person("support")
        assert await self.desk.leases.take(self.agent, f"ticket:{self.ticket_id}:ticket:1")

    async def ask(
        self, desk: InsideDesk, question: str = "What is the matter?", card_id: str | None = None, why: str = "stuck"
    ) -> str:
        """Ask a desk; return the question's id."""
        return await self.escalations.ask(self.agent, self.ticket_id, desk, question, why, card_id)

    async def answered(self, escalation_id: str, code: str) -> str:
        """Have a person of the desk answer; return who."""
        (row,) = await self.world.rows(TicketEscalationRow, id=escalation_id)
        person = await self.world.a_person(DESKS[row.desk])
        assert await self.desk.leases.take(person, row.task_id)
        await self.escalations.answer(person, escalation_id, code, "It is done.")
        return person

    async def found(self) -> TicketRecord:
        """Return the ticket in its present state."""
        async with self.world.database.transaction() as session:
            return await record(session, self.ticket_id)

    async def question(self, escalation_id: str) -> TicketEscalationRow:
        """Return the question in its present state."""
        async with self.world.database.transaction() as session:
            return await session.get_one(TicketEscalationRow, escalation_id)

    async def item(self, escalation_id: str, desk: InsideDesk) -> WorkItemRow:
        """The question's piece of work."""
        async with self.world.database.transaction() as session:
            return await session.get_one(WorkItemRow, f"escalation:{escalation_id}:{ASKED[desk].code}:1")


async def a_held_ticket(world: World) -> Escalating:
    """A ticket about an undecided card."""
    owner = await world.a_seller()
    scene = Escalating(world, owner, await world.a_card(owner=owner))
    await scene.open()
    return scene


async def a_rejected_card(world: World) -> tuple[str, ReviewDecisionRow]:
    """A card that ended by a reviewer's rejection, and that decision."""
    card_id, task_id, person = await a_taken_task(world)
    decision_id = await world.review_desk.decisions.record_decision(
        person, task_id, ReviewOutcome.REJECT, RejectReason.FORGED
    )
    await world.review.apply(task_id, decision_id)
    await world.journey.end(card_id, Outcome.REJECTED, EndReason.REVIEWER, RejectReason.FORGED.value)
    (decision,) = await world.rows(ReviewDecisionRow, id=decision_id)
    return card_id, decision


async def a_ticket_about_a_rejection(world: World) -> tuple[Escalating, ReviewDecisionRow]:
    """A held ticket about a card that a reviewer rejected, and that decision."""
    card_id, decision = await a_rejected_card(world)
    scene = Escalating(world, await world.payee_of(card_id), card_id)
    await scene.open(TicketCategory.CARD_REJECTED)
    return scene, decision
