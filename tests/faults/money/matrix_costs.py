"""What asking about a card costs: activities that are broken around the call and the posting of its cost, at the provider's own count."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import text

from database.repositories import ledger
from database.tables.finance.settlement import SettlementRunRow
from domain.cards.verification import Party
from domain.finance.counterparties import CounterpartyKind
from domain.finance.settlement import SettlementDeed
from domain.finance.settlement_acts import SettlementAct
from domain.finance.settlement_periods import PeriodKind, over_by
from domain.identifiers import new_id, settlement_key
from domain.places import business_day
from domain.rules.settlement import settlement_in_force
from tests.builders.outlets import an_outlet
from tests.builders.settling import Clock, Settling
from tests.builders.world import World
from tests.faults.money.matrix import COMMITTING, Case, Floor, Row, Step
from tests.faults.money.points import COMMITTED
from tests.gateways.partners import Partner

OWED, MORE = 12_30, 10  # What our books have of a month's calls, and what the provider bills beyond that, fen.
# A card has its entries of costs once for each answered call that our books know.
_BOOKED = text("""
SELECT coalesce(sum(e.amount_minor), 0)::bigint FROM ledger_transaction t JOIN entry e ON e.transaction_id = t.id
JOIN account a ON a.id = e.account_id WHERE t.card_id = :card AND a.code = :code
""")


@dataclass(frozen=True)
class Asking:
    """A card about which a provider is about to be asked."""

    card_id: str
    act: Step
    provider: Partner
    free_again: bool = False  # A question that was answered before is asked again and costs nothing.

    def billed(self) -> int:
        """Return what the provider will bill for what it answered since the case began, fen."""
        answered = sum(one["status"] < 300 for one in self.provider.program.requests)
        return int(answered * self.provider.program.controls.cost_fen)

    async def booked(self, world: World, code: str = "issuer_cost") -> int:
        """Return what our books have of it on an account, fen; a cost is a debit."""
        async with world.database.transaction() as session:
            return int((await session.execute(_BOOKED, {"card": self.card_id, "code": code})).scalar_one())


@dataclass(frozen=True)
class Cost:
    """How one activity is made ready, and at which of its commits the cost is posted."""

    ready: Callable[[World], Awaitable[Asking]]
    commit: int = 1
    free: bool = False  # It asks nobody: an answer or a silence is kept.

    @property
    def places(self) -> tuple[tuple[str, bool], ...]:
        """Return each place at which it is broken, and whether the cost is in the books by then."""
        return (f"{COMMITTING} {self.commit}", False), (f"{COMMITTED} {self.commit}", True)


def _asking(
    brand: str, act: Callable[[World, str], Awaitable[object]], provider: Callable[[World], Partner],
    before: Callable[[World, str], Awaitable[object]] | None = None, *, free_again: bool = False,
) -> Callable[[World], Awaitable[Asking]]:  # fmt: skip
    async def ready(world: World) -> Asking:
        card_id = await world.a_card(brand)
        if before is not None:
            await before(world, card_id)
        provider(world).program.requests.clear()
        return Asking(card_id, lambda: act(world, card_id), provider(world), free_again)

    return ready


async def _silent_outlet(world: World, _card_id: str) -> None:
    await an_outlet(world)


COSTS: dict[str, Cost] = {
    "verification.ask_issuer": Cost(
        _asking("jd", lambda world, card: world.verification.ask_issuer(card), lambda world: world.issuer)
    ),
    "verification.ask_store": Cost(
        _asking("starbucks", lambda world, card: world.verification.ask_store(card), lambda world: world.pos)
    ),
    "verification.ask_outlet": Cost(
        _asking(
            "hualian",
            lambda world, card: world.verification.ask_outlet(card),
            lambda world: world.outlet,
            _silent_outlet,
        ),
        2,
    ),
    "verification.send_code": Cost(
        _asking("walmart", lambda world, card: world.verification.send_code(card, 1), lambda world: world.issuer), 2
    ),
    "verification.check_code": Cost(
        _asking(
            "walmart",
            lambda world, card: world.verification.check_code(card, 1, "00000x"),
            lambda world: world.issuer,
            lambda world, card: world.verification.send_code(card, 1),
            free_again=True,
        )
    ),
    "verification.open_channel": Cost(
        _asking("amazon-us", lambda world, card: world.verification.open_channel(card), lambda world: world.fx), 2
    ),
    "verification.record_outlet_report": Cost(
        _asking(
            "hualian",
            lambda world, card: world.verification.record_outlet_report(card, "nobody's", confirmed=True),
            lambda world: world.outlet,
        ),
        2,
        free=True,
    ),
    "verification.record_silence": Cost(
        _asking(
            "hualian",
            lambda world, card: world.verification.record_silence(card, Party.OUTLET),
            lambda world: world.outlet,
        ),
        free=True,
    ),
}


async def _an_invoice(world: World) -> tuple[Settling, SettlementRunRow, int]:
    """A provider's run of the newest month, before its invoice came; and what all providers were owed before it."""
    await world.calm()
    scene = Settling(world.database, world.keyring, world.photos, world.payout, Clock(datetime.now(UTC)))
    async with world.database.transaction() as session:
        stood = (await ledger.balance(session, "issuer_payable")).amount_minor
    today = business_day(scene.clock())
    terms = settlement_in_force(today).terms["by-invoice"]
    *_, newest = over_by(today - timedelta(days=70), today, PeriodKind.MONTH, terms.cut_off_days)
    party = await scene.a_party(
        kind=CounterpartyKind.PROVIDER, owner=f"issuer:{new_id()[-9:].lower()}", mail="bills@issuer.example",
        terms="by-invoice", since=newest.first, opening=OWED,
    )  # fmt: skip
    return scene, await scene.stated(party), stood


async def _take_invoice(floor: Floor) -> Case:
    """The provider bills more than our books have: the difference is posted as a cost, and all of it is paid."""
    world = floor.world
    scene, run, stood = await _an_invoice(world)
    act, key, payout = scene.activities.act, settlement_key(run.id, 1), world.payout
    person = f"person:{await scene.a_person()}"
    corrected = SettlementAct(run.id, SettlementDeed.CORRECT, person, 1, "A call was lost.", (), MORE)
    rest: tuple[Step, ...] = (
        lambda: scene.activities.state(run.id),
        lambda: act(SettlementAct(run.id, SettlementDeed.CONFIRM, person, 2, amount_minor=OWED + MORE, reference="INV-1")),
        *await _agreed(scene, run, 2), lambda: scene.activities.prepare(run.id, key), lambda: payout.send(key),
        lambda: payout.conclude(key),
    )  # fmt: skip
    disputed = SettlementAct(run.id, SettlementDeed.DISPUTE, person, 1, "The invoice says more.")
    await act(disputed)
    return Case(lambda: act(corrected), rest, key, OWED + MORE, "issuer_payable", stood=stood)


async def _pay_invoice(floor: Floor) -> Case:
    world = floor.world
    scene, run, stood = await _an_invoice(world)
    act, key, payout = scene.activities.act, settlement_key(run.id, 1), world.payout
    person = f"person:{await scene.a_person()}"
    await act(SettlementAct(run.id, SettlementDeed.CONFIRM, person, 1, amount_minor=OWED, reference="INV-2"))
    for step in await _agreed(scene, run, 1):
        await step()
    return Case(
        lambda: scene.activities.prepare(run.id, key), (lambda: payout.send(key), lambda: payout.conclude(key)), key,
        OWED, "issuer_payable", stood=stood,
    )  # fmt: skip


async def _agreed(scene: Settling, run: SettlementRunRow, version: int) -> tuple[Step, ...]:
    agreed = SettlementAct(run.id, SettlementDeed.APPROVE, f"person:{await scene.a_person()}", version)
    return (lambda: scene.activities.act(agreed),)


INVOICES: dict[str, Row] = {
    "settlement.act on an invoice": Row(_take_invoice),
    "settlement.prepare of an invoice": Row(_pay_invoice),
}
