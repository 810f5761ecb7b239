"""Cards that were bought, and the acts of finance on their sales."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import text

from domain.finance.sales import SaleMode
from domain.identifiers import new_id, payout_key
from domain.money import Money
from domain.places import business_day
from services.finance.sale_returns import SaleReturns
from services.finance.sales import SaleAsked, Sales
from tests.builders.world import World

Lines = dict[tuple[str, str], int]


async def a_bought_card(world: World, **more: Any) -> str:
    """A card that was bought for 465.00 and paid for; returns its id."""
    card_id, quote_id = await world.a_confirmed_quote(**more)
    await pay(world, card_id, quote_id)
    return card_id


async def an_offered_card(world: World, **more: Any) -> str:
    """A confirmed card whose seller was made an offer and has not answered; returns its id."""
    card_id = await world.a_card(accept_at_or_above=Money(10**9), **more)
    await world.verification.ask_issuer(card_id)
    valued = await world.pricing.value(card_id, 1)
    await world.pricing.offer(card_id, valued.quote_id)
    return card_id


async def declined(world: World, card_id: str) -> None:
    """The seller says no to the offer, as the workflow records it."""
    async with world.database.transaction() as session:
        await session.execute(text("UPDATE quote SET state = 'declined', answered_at = now() WHERE card_id = :card"), {"card": card_id})  # fmt: skip
        await session.execute(text("UPDATE card SET outcome = 'declined', stage = 'ended', waiting_for = 'nobody', until = NULL, live = false WHERE id = :card"), {"card": card_id})  # fmt: skip


async def brokered(world: World, **more: Any) -> tuple[str, str]:
    """A brokered sale for 475.00, of which the seller has 451.25; returns its id and the card's owner."""
    card_id = await an_offered_card(world)
    await declined(world, card_id)
    owner = await world.payee_of(card_id)
    return await sold(world, await world.a_person("finance"), card_id, mode=SaleMode.BROKERED, **more), owner


async def pay(world: World, card_id: str, quote_id: str) -> None:
    """Pay the card's seller, as the workflow does."""
    key = payout_key(card_id, 1)
    await world.payout.prepare(card_id, quote_id, key)
    await world.payout.send(key)
    await world.payout.conclude(key)


def today() -> date:
    """The office's day."""
    return business_day(datetime.now(UTC))


def a_sale(card_id: str, **more: Any) -> SaleAsked:
    """A sale of the card for 475.00, today, to a buyer of its own."""
    given: dict[str, Any] = {"buyer": f"b-{card_id.lower()[-12:]}", "price": Money(475_00), "sold_on": today()} | more
    return SaleAsked(card_id, **given)


async def sold(world: World, person: str, card_id: str, **more: Any) -> str:
    """Record a sale of the card; returns its id."""
    return await Sales(world.database).record(person, new_id(), a_sale(card_id, **more))


async def taken_back(world: World, sale_id: str, reason_code: str) -> None:
    """Have one person of finance ask for the sale to be taken back, and another agree."""
    returns = SaleReturns(world.database)
    await returns.ask(await world.a_person("finance"), sale_id, reason_code)
    await returns.agree(await world.a_person("finance"), sale_id)


async def posted(world: World, cause: str) -> Lines:
    """Return the sum on each account and currency by transactions of this cause, in minor units; debits are positive."""
    summed = text("""
        SELECT a.code, e.currency, sum(e.amount_minor)::bigint AS minor
        FROM ledger_transaction t JOIN entry e ON e.transaction_id = t.id JOIN account a ON a.id = e.account_id
        WHERE t.cause = :cause GROUP BY a.code, e.currency HAVING sum(e.amount_minor) <> 0
    """)
    async with world.database.transaction() as session:
        return {
            (row.code, row.currency): row.minor for row in await session.execute(summed, {"cause": cause})
        }  # fmt: skip
