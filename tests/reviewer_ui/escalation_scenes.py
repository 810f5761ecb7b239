"""A ticket about a card, held by an agent, and what they asked other desks, for the console's tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from database.sealed import ORDER_ACCOUNT, ORDER_NAME
from database.tables.cards import CardRow, SubmissionRow
from database.tables.columns import now
from database.tables.finance.payout import PayoutRow
from database.tables.people import SellerRow
from domain.finance.payout import PayoutState
from domain.identifiers import new_id, payout_key
from domain.money import Money
from domain.people.roles import Role
from domain.support.tickets import InsideDesk, TicketCategory, TicketChannel
from services.review.desk import review_desk
from services.support.desk import SupportDesk
from services.support.escalating import Escalations
from services.support.goodwill import Goodwill, GoodwillProposal
from services.support.opening import NewTicket, Opening
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.waiting_cards import Waiting


@dataclass(frozen=True)
class HeldTicket:
    """A ticket, the agent (id) who holds it, and its card."""

    ticket_id: str
    agent: str
    card_id: str


async def a_held_ticket(house: House, about: Waiting, agent: str = "") -> HeldTicket:
    """Open a ticket about the card for a seller of its own, and have an agent hold it."""
    agent = agent or await house.cards.person(Role.SUPPORT, "Su")
    seller = new_id()
    sealed = house.keyring.seal_text("+8613800009999", purpose="seller", aad=f"seller:{seller}:phone")
    async with house.database.transaction() as session:
        session.add(SellerRow(id=seller, phone_sealed=sealed, phone_index=new_id(), phone_masked="138****9999"))
        card = await session.get_one(CardRow, about.card_id)
        (await session.get_one(SubmissionRow, card.submission_id)).owner = f"seller:{seller}"
    new = NewTicket(TicketCategory.PAYOUT_LATE, "My money", "It was promised for Monday.", (about.card_id,))
    opening = Opening(SupportDesk(house.database, house.keyring, house.photos))
    ticket_id = await opening.open(f"seller:{seller}", new, TicketChannel.WEB)
    leases = review_desk(house.database, house.keyring).leases
    assert await leases.take(agent, f"ticket:{ticket_id}:ticket:1")
    return HeldTicket(ticket_id, agent, about.card_id)


async def a_question(house: House, ticket: HeldTicket, desk: InsideDesk = InsideDesk.OPS) -> str:
    """Ask a desk about the ticket's card; return the question's id."""
    escalations = Escalations(SupportDesk(house.database, house.keyring, house.photos))
    return await escalations.ask(ticket.agent, ticket.ticket_id, desk, "Is it stuck?", "stuck", ticket.card_id)


async def paid_before(house: House, ticket: HeldTicket) -> str:
    """Let the ticket's seller have been paid once for its card; return the order's key."""
    key = payout_key(ticket.card_id, 1)
    row = PayoutRow(
        key=key, card_id=ticket.card_id, amount_minor=44_100, state=PayoutState.PAID, payee_masked="138****0021",
        payee_account_sealed=ORDER_ACCOUNT.seal(house.keyring, key, "13800000021"),
        payee_name_sealed=ORDER_NAME.seal(house.keyring, key, "王芳"), settled_at=now(),
    )  # fmt: skip
    async with house.database.transaction() as session:
        session.add(row)
    return key


async def questions_on_desks(house: House, people: Mapping[Role, str]) -> dict[str, str]:
    """A ticket whose agent asked operations and compliance; compliance holds its question."""
    ticket = await a_held_ticket(house, await house.cards.waiting(), people[Role.SUPPORT])
    ops, compliance = [await a_question(house, ticket, desk) for desk in (InsideDesk.OPS, InsideDesk.COMPLIANCE)]
    key, goodwill = await paid_before(house, ticket), Goodwill(SupportDesk(house.database, house.keyring, house.photos))
    await goodwill.propose(
        people[Role.SUPPORT], ticket.ticket_id, GoodwillProposal(Money(2000), "late", key, "Two days late.")
    )
    leases = review_desk(house.database, house.keyring).leases
    assert await leases.take(people[Role.COMPLIANCE], f"escalation:{compliance}:complianceask:1")
    return {"question": ops, "question_held": compliance, "asking_ticket": ticket.ticket_id}
