"""The support desk with tickets in every state: asked, answered, noted, offered, waiting, solved and merged."""

from __future__ import annotations

from domain.people.roles import Role
from domain.support.tickets import TicketCategory
from domain.work.task import Priority
from services.review.desk import review_desk
from services.support.conversation import AfterReply, Reply
from services.support.sorting import Sorted
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.tickets import Customer, a_customer


async def tickets_in_every_state(house: House, agent: str) -> dict[str, str]:
    """Make the tickets, the first of them held by the agent (a person's id); return their ids by name."""
    customer = await a_customer(house)
    ada = await house.cards.person(Role.SUPPORT, "Ada")
    names = {"ticket": await _talked_about(house, customer, agent, ada)}
    names["ticket_free"] = await customer.asks(
        "我三天前卖的卡还没有收到钱，请帮我查一下。", subject="三天了钱还没到", category=TicketCategory.PAYMENT_UNKNOWN
    )
    names["ticket_waiting"] = await _answered(house, customer, ada, AfterReply.WAIT)
    names["ticket_solved"] = await _answered(house, customer, ada, AfterReply.SOLVE)
    names["ticket_merged"] = await customer.asks("同上 · Same as before", subject="再问一次 · Asking again")
    await customer.desk.merging.merge(ada, names["ticket_merged"], names["ticket_free"])
    names["ticket_offered"] = await customer.asks(
        "请给我回电话 · Please call me", subject="请回电 · A call, please", about_card=False
    )
    await _hold(house, ada, names["ticket_offered"])
    names["offer"] = await customer.desk.handing.offer(
        ada, names["ticket_offered"], agent, "known_customer", "您周一和客户通过话 · You spoke with them on Monday"
    )
    return names


async def _talked_about(house: House, customer: Customer, agent: str, ada: str) -> str:
    """A conversation with both sides and a note, held by the agent, whose last reply can still be taken back."""
    desk = customer.desk
    ticket_id = await customer.asks(
        "您好，我周一卖的卡还没有收到钱。 · Hello, I sold a card on Monday. Where is my money?",
        subject="周一卖的卡没到账 · No money since Monday",
    )
    await _hold(house, agent, ticket_id)
    await desk.sorting.change(agent, ticket_id, Sorted(cause="bank_slow", priority=Priority.HIGH, language="en"))
    await desk.conversation.reply(
        agent, ticket_id, Reply("银行仍在处理中。 · The bank is still working on it.", AfterReply.OPEN)
    )
    await desk.notes.add(
        ada,
        ticket_id,
        "昨天来过两次电话，渠道中午才恢复。 · They called twice yesterday; the channel was slow until noon.",
    )
    await customer.writes(ticket_id, "谢谢，什么时候能到？ · Thank you. When will it arrive?")
    await desk.sorting.follow(ada, ticket_id, on=True)
    return ticket_id


async def _answered(house: House, customer: Customer, ada: str, after: AfterReply) -> str:
    ticket_id = await customer.asks("How long does it take?", subject="多久到账？ · How long does it take?")
    await _hold(house, ada, ticket_id)
    await customer.desk.conversation.reply(ada, ticket_id, Reply("One working day.", after, "explained"))
    return ticket_id


async def _hold(house: House, person: str, ticket_id: str) -> None:
    leases = review_desk(house.database, house.keyring).leases
    assert await leases.take(person, f"ticket:{ticket_id}:ticket:1")
