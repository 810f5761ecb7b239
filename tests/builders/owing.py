"""What is owed to a card's seller, and a card whose payee the gateway refused."""

from __future__ import annotations

from dataclasses import dataclass

from database.repositories import ledger
from domain.cards.facts import PayoutFacts
from domain.finance.payout import PayoutOutcome
from domain.identifiers import payout_key
from services.finance.payees import Payees
from tests.builders.world import World

ACCOUNT, NAME = "13800000088", "李明"


@dataclass
class Refused:
    """A card whose payee the gateway refused."""

    card: str
    quote: str
    owner: str
    payees: Payees

    async def pay(self, world: World, attempt: int) -> PayoutFacts:
        key = payout_key(self.card, attempt)
        await world.payout.prepare(self.card, self.quote, key)
        await world.payout.send(key)
        return await world.payout.conclude(key)


async def refused(world: World, code: str = "PAYEE_USER_INFO_ERROR") -> Refused:
    card, quote = await world.a_confirmed_quote()
    case = Refused(card, quote, await world.payee_of(card), Payees(world.database, world.keyring))
    await world.alipay.control(refuse=code)
    assert await case.pay(world, 1) == PayoutFacts(PayoutOutcome.REFUSED, code)
    await world.alipay.control(refuse="")
    return case


async def owed(world: World, card_id: str) -> int:
    """What the platform owes the card's seller, minor units."""
    owner = await world.payee_of(card_id)
    async with world.database.transaction() as session:
        return -(await ledger.balance(session, f"seller_payable:{owner}")).amount_minor
