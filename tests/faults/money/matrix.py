"""The crash matrix: each activity that moves money, and what makes it ready; what must be so in the end is in `verdict`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from database.repositories import cards
from domain.cards.pricing import QuoteState
from domain.finance.order_kinds import OrderCode
from domain.finance.payout import PaymentGateway, PayoutOrder, PayoutOutcome
from domain.finance.rails import Rail
from domain.finance.settlement import SettlementDeed
from domain.finance.settlement_acts import SettlementAct
from domain.identifiers import goodwill_key, new_id, payout_key, settlement_key
from domain.money import Money
from services.support.desk import SupportDesk
from services.support.goodwill import Goodwill, GoodwillProposal
from tests.builders.escalating import Escalating
from tests.builders.orders import PAYABLES, a_stated_run
from tests.builders.outlet_shop import a_shop
from tests.builders.rails import Rails
from tests.builders.settling import Clock, Settling
from tests.builders.world import World
from tests.faults.money.gateway import AFTER, AFTER_QUERY, BEFORE, BEFORE_QUERY
from tests.faults.money.points import ACT, COMMITTED, Act, Break, done
from tests.gateways.partners import Partner

COMMITTING = "committing"
Step = Callable[[], Awaitable[Any]]


class Watched:
    """The gateway's client, with the places around its calls."""

    def __init__(self, inner: PaymentGateway) -> None:
        self._inner = inner

    async def transfer(self, order: PayoutOrder) -> Any:
        """Pay between two places."""
        await ACT.get().arrive(BEFORE)
        answer = await self._inner.transfer(order)
        await ACT.get().arrive(AFTER)
        return answer

    async def query(self, order: PayoutOrder) -> Any:
        """Ask between two places."""
        await ACT.get().arrive(BEFORE_QUERY)
        answer = await self._inner.query(order)
        await ACT.get().arrive(AFTER_QUERY)
        return answer

    def __getattr__(self, name: str) -> Any:
        """Do all else as the gateway does."""
        return getattr(self._inner, name)


@dataclass(frozen=True)
class Case:
    """One card, or one goodwill payment, just before the activity: how it goes on from there, and what it must come to."""

    act: Step
    rest: tuple[Step, ...]  # What follows when it was done.
    key: str  # Of the payment order.
    paid: int  # What must have left under this key at the end, fen.
    owed: str  # The account of what is owed, which must stand at the end as it stood before.
    card_id: str = ""  # Empty where it is for no card.
    rail: Rail = Rail.ALIPAY
    stood: int = 0  # What that account stood at before.


@dataclass(frozen=True)
class Floor:
    """Where the matrix plays: the world, its rails, and the bank's counter."""

    world: World
    rails: Rails
    bank: Partner


@dataclass(frozen=True)
class Row:
    """How one activity is made ready, and the numbered place at which its effect takes place."""

    ready: Callable[[Floor], Awaitable[Case]]
    effect: tuple[str, str] = (f"{COMMITTING} 1", f"{COMMITTED} 1")  # The last place before it, and the first after it.
    commits: int = 1  # How many transactions it commits.


async def _priced(world: World, *, standing: bool, brand: str = "jd") -> tuple[str, str]:
    more: dict[str, Any] = {"accept_at_or_above": Money(1)} if standing else {}
    card_id = await world.a_card(brand, **more)
    await world.verification.ask_issuer(card_id)
    return card_id, (await world.pricing.value(card_id, 1)).quote_id


async def card_case(world: World, card_id: str, act: Step, *rest: Step, paid: bool = True) -> Case:
    quote = 465_00 if paid else 0
    return Case(act, rest, payout_key(card_id, 1), quote, f"seller_payable:{await world.payee_of(card_id)}", card_id)


def _paying(world: World, card_id: str, quote_id: str) -> tuple[Step, ...]:
    key, payout = payout_key(card_id, 1), world.payout
    return (
        lambda: world.verification.recheck(card_id, quote_id), lambda: payout.prepare(card_id, quote_id, key),
        lambda: payout.send(key), lambda: payout.conclude(key),
    )  # fmt: skip


async def _offer(world: World) -> Case:
    card_id, quote_id = await _priced(world, standing=True)
    return await card_case(
        world, card_id, lambda: world.pricing.offer(card_id, quote_id), *_paying(world, card_id, quote_id)
    )


async def _close(world: World) -> Case:
    card_id, quote_id = await _priced(world, standing=False)
    await world.pricing.offer(card_id, quote_id)
    close = lambda: world.pricing.close(card_id, quote_id, QuoteState.ACCEPTED)  # noqa: E731
    return await card_case(world, card_id, close, *_paying(world, card_id, quote_id))


async def _recheck(world: World) -> Case:
    """The seller has gone shopping: the debt is reversed."""
    card_id, quote_id = await world.an_accepted_quote(brand_code="jd")
    card = await world.card(card_id)
    spent = {"brand": card.brand, "number": cards.open_number(world.keyring, card), "amount_minor": 50_000}
    (await world.issuer.plain.post("/spend", json=spent)).raise_for_status()
    return await card_case(world, card_id, lambda: world.verification.recheck(card_id, quote_id), paid=False)


async def _cancel(world: World) -> Case:
    card_id, _ = await world.an_accepted_quote(brand_code="jd")
    repair = new_id()
    return await card_case(world, card_id, lambda: world.journey.cancel(card_id, repair, "person:ops"), paid=False)


async def _prepare(world: World) -> Case:
    card_id, quote_id = await world.a_confirmed_quote()
    _, prepare, *rest = _paying(world, card_id, quote_id)
    return await card_case(world, card_id, prepare, *rest)


async def _send(world: World) -> Case:
    """As a card's journey sends: a certain answer is kept, and posted by the same step."""
    card_id, key = await world.a_prepared_payout()
    return await card_case(world, card_id, lambda: world.payout.send(key, True), lambda: world.payout.conclude(key))


async def _reconcile(world: World) -> Case:
    """Its sender died when the gateway had paid."""
    card_id, key = await world.a_prepared_payout()
    died = await done(Act(stop=(f"{AFTER} 1", Break.DIES)), lambda: world.payout.send(key))
    assert died.act.broken
    return await card_case(world, card_id, lambda: world.payout.reconcile(key), lambda: world.payout.conclude(key))


async def _conclude(world: World) -> Case:
    card_id, key = await world.a_prepared_payout()
    await world.payout.send(key)
    return await card_case(world, card_id, lambda: world.payout.conclude(key))


async def _settle(world: World) -> Case:
    card_id, key = await world.a_prepared_payout()
    await world.payout.send(key)
    return await card_case(world, card_id, lambda: world.payout.settle(key, PayoutOutcome.PAID, None))


async def _prepare_goodwill(world: World) -> Case:
    card_id, key = await world.a_prepared_payout()
    await world.payout.send(key)
    await world.payout.conclude(key)
    scene = Escalating(world, await world.payee_of(card_id), card_id)
    await scene.open()
    goodwill = Goodwill(SupportDesk(world.database, world.keyring, world.photos, scene.clock))
    given = await goodwill.propose(scene.agent, scene.ticket_id, GoodwillProposal(Money(20_00), "late", key, ""))
    await goodwill.agree(await world.a_person("support_lead"), given)
    order, payout = goodwill_key(given), world.payout
    rest: tuple[Step, ...] = (lambda: payout.send(order), lambda: payout.conclude(order))
    return Case(
        lambda: payout.prepare_goodwill(given, order), rest, order, 20_00, f"seller_payable:{scene.owner}", card_id
    )


async def _settlement_act(world: World) -> Case:
    """The counterparty disputes its statement, and a person of finance corrects it: what is posted is paid with the rest."""
    scene, party, run = await a_stated_run(world, 300_00)
    partner, person = f"partner:{party.partner_id}", f"person:{await scene.a_person()}"
    await scene.does(run, SettlementDeed.DISPUTE, partner, words="A card is missing.")
    act, key, payout = scene.activities.act, settlement_key(run.id, 1), world.payout
    corrected = SettlementAct(run.id, SettlementDeed.CORRECT, person, 1, "It was left out.", (), 20_00)
    agreed = SettlementAct(run.id, SettlementDeed.APPROVE, f"person:{await scene.a_person()}", 2)
    rest: tuple[Step, ...] = (
        lambda: scene.activities.state(run.id), lambda: act(SettlementAct(run.id, SettlementDeed.CONFIRM, partner, 2)),
        lambda: act(agreed), lambda: scene.activities.prepare(run.id, key), lambda: payout.send(key),
        lambda: payout.conclude(key),
    )  # fmt: skip
    return Case(lambda: act(corrected), rest, key, 320_00, f"partner_share:{party.owner}")


async def _settlement_state(world: World) -> Case:
    """The share of a returned sale was paid: it is taken off the next run, when that is stated, and the rest of it is paid."""
    scene = Settling(world.database, world.keyring, world.photos, world.payout, Clock(datetime.now(UTC)))
    shop = await a_shop(scene, world)
    returned = await shop.sells_by_row(150_00)
    await shop.paid(await shop.stated())
    await shop.takes_back(returned, 150_00)
    await shop.sells_by_row(400_00)
    run, act, payout = await shop.collected(), scene.activities.act, world.payout
    key, person = settlement_key(run.id, 1), f"person:{scene.finance}"
    confirmed = SettlementAct(run.id, SettlementDeed.CONFIRM, person, 1, reference="by mail")
    agreed = SettlementAct(run.id, SettlementDeed.APPROVE, f"person:{await scene.a_person()}", 1)
    rest: tuple[Step, ...] = (
        lambda: act(confirmed), lambda: act(agreed), lambda: scene.activities.prepare(run.id, key),
        lambda: payout.send(key), lambda: payout.conclude(key),
    )  # fmt: skip
    return Case(lambda: scene.activities.state(run.id), rest, key, 250_00, f"partner_receivable:{shop.party.owner}")


async def _settlement_prepare(world: World) -> Case:
    case, payout = await PAYABLES[OrderCode.SETTLEMENT](world), world.payout
    rest: tuple[Step, ...] = (lambda: payout.send(case.key), lambda: payout.conclude(case.key))
    return Case(case.prepare, rest, case.key, case.amount.amount_minor, case.owed)


def _in(ready: Callable[[World], Awaitable[Case]]) -> Callable[[Floor], Awaitable[Case]]:
    """Make a case ready that needs the world alone."""
    return lambda floor: ready(floor.world)


MATRIX: dict[str, Row] = {
    "pricing.offer": Row(_in(_offer)),
    "pricing.close": Row(_in(_close)),
    "verification.recheck": Row(_in(_recheck), (f"{COMMITTING} 2", f"{COMMITTED} 2"), 2),
    "journey.cancel": Row(_in(_cancel)),
    "payout.prepare": Row(_in(_prepare)),
    "payout.prepare_goodwill": Row(_in(_prepare_goodwill)),
    "payout.send": Row(_in(_send), (f"{BEFORE} 1", f"{AFTER} 1"), 3),
    "payout.reconcile": Row(_in(_reconcile), (f"{BEFORE_QUERY} 1", f"{AFTER_QUERY} 1")),
    "payout.conclude": Row(_in(_conclude)),
    "payout.settle": Row(_in(_settle)),
    "settlement.act": Row(_in(_settlement_act)),
    "settlement.prepare": Row(_in(_settlement_prepare)),
    "settlement.state": Row(_in(_settlement_state)),
}
