"""Rows, workflows and the gateway's own list are compared, and differences are fixed or named; `check` only names.

The rows are the truth of a card's journey, the gateway's signed word that of a payment. A journey can always be started
again from its rows: every step can be repeated, and nothing is sent that the gateway has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession
from temporalio.client import Client, WorkflowExecutionStatus
from temporalio.service import RPCError

from bootstrap import goodwill_runs, keys
from bootstrap.local import temporal
from bootstrap.paying import payment_gateways
from bootstrap.repair_runs import compare, correct
from bootstrap.settings import Settings
from bootstrap.store import opened, photo_store
from bootstrap.words import Problem
from database.repositories.orders import ORDER_TABLES
from database.session import Database
from domain.errors.general import TemporarilyUnavailable
from domain.finance.payout import ListedPayment, PayoutOutcome, PayoutReport
from domain.finance.rails import Rail
from domain.money import Money
from domain.places import BUSINESS_ZONE, business_day
from gateways.errors import GatewayError
from services.cards.intake import Intake
from services.finance.adoption import Adopting
from workflows.client import CardClient
from workflows.codec import data_converter

CARDS = "WorkflowType = 'CardWorkflow'"
RUNNING = WorkflowExecutionStatus.RUNNING
# What is on its way at this moment differs for a little while, and the gateway's list is behind by minutes.
ON_ITS_WAY = timedelta(minutes=5)
LIST_IS_BEHIND = timedelta(hours=1)
LOOKED_BACK = timedelta(days=2)
BILL_READY = timedelta(hours=10)


@dataclass(frozen=True)
class CardState:
    """A card as its row has it."""

    started: bool
    ended: bool
    since: datetime


@dataclass(frozen=True)
class Order:
    """A payment order as its row has it."""

    state: str
    amount_minor: int
    prepared_at: datetime
    settled_at: datetime | None
    rail: Rail = Rail.ALIPAY


_TABLES = [table.__tablename__ for table in ORDER_TABLES.values()]
_EVERY_ORDER = " UNION ALL ".join(
    f"SELECT key, state, amount_minor, prepared_at, settled_at, rail FROM {table}"  # noqa: S608  # Our own table.
    for table in _TABLES
)
_ORDERS = f"""
SELECT key, CASE WHEN returned_at IS NULL THEN state ELSE 'returned' END, ordered.amount_minor, prepared_at, settled_at, rail
FROM ({_EVERY_ORDER}) AS ordered LEFT JOIN payout_return USING (key)
"""  # noqa: S608  # Names of our own tables.
_KNOWN = " UNION ALL ".join(
    f"SELECT answered, amount_minor FROM {table} WHERE key = :key"  # noqa: S608  # Our own table.
    for table in _TABLES
)


@dataclass(frozen=True)
class Difference:
    """One thing that does not agree, in words with ids and amounts; `fixed` when it does now."""

    what: str
    fixed: bool = False


def workflow_differences(
    cards: Mapping[str, CardState], runs: Mapping[str, WorkflowExecutionStatus], now: datetime
) -> list[str]:
    """Cards by id against the newest run of each card's workflow, in both directions."""
    found = []
    for card_id, card in cards.items():
        run, settled = runs.get(card_id), card.since < now - ON_ITS_WAY
        if card.started and not card.ended and run is not RUNNING and settled:
            found.append(f"card {card_id} has not ended and its workflow {_said(run)}")
        if card.ended and run is RUNNING and settled:
            found.append(f"card {card_id} has ended and its workflow still runs")
    for card_id, run in runs.items():
        if card_id not in cards:
            found.append(f"workflow card:{card_id} {_said(run)} and there is no such card")
    return found


def payment_differences(
    orders: Mapping[str, Order], listed: Sequence[ListedPayment], since: datetime, now: datetime
) -> list[str]:
    """Orders by key against what left our account, by the gateway's list since that moment, in both directions."""
    found, seen = [], {one.key for one in listed}
    for one in listed:
        order = orders.get(one.key)
        if order is None:
            found.append(f"payment {one.key} of {one.amount} left our account and there is no such order")
        elif order.amount_minor != one.amount.amount_minor:
            found.append(f"payment {one.key} of {one.amount} was ordered with {Money(order.amount_minor)}")
        elif order.state == "refused":
            found.append(f"payment {one.key} of {one.amount} left our account and is recorded as refused")
        elif order.state not in ("paid", "returned") and order.prepared_at < now - LIST_IS_BEHIND:
            found.append(f"payment {one.key} of {one.amount} left our account and is not settled")
    for key, order in orders.items():
        paid_within = order.settled_at is not None and since < order.prepared_at
        if (
            order.state == "paid"
            and paid_within
            and order.prepared_at < listed_until(order.rail, now)
            and key not in seen
        ):
            found.append(f"payment {key} is recorded as paid and never left our account")
    return found


def listed_until(rail: Rail, now: datetime) -> datetime:
    """Return until when a rail's list is complete: WeChat Pay's is made of bills, ready after ten the next day."""
    if rail is not Rail.WECHAT:
        return now - LIST_IS_BEHIND
    return datetime.combine(business_day(now - BILL_READY), time(), BUSINESS_ZONE)


async def differences(settings: Settings) -> list[str]:
    """Return everything that does not agree at this moment; an unanswered query is a difference too."""
    now = datetime.now(UTC)
    async with opened(settings) as store:
        async with store.transaction() as session:
            cards, orders = await _cards(session), await _orders(session)
        try:
            client = await _client(settings)
            found = workflow_differences(cards, await _runs(client), now)
            found += [one.what for one in await _repairs(client, store, fixes=False)]
            found += [one.what for one in await _goodwill(client, store, fixes=False)]
        except (RuntimeError, RPCError, TimeoutError):
            found = ["Temporal does not answer: its workflows were not compared with the cards"]
        since = now - LOOKED_BACK
        try:
            found += payment_differences(orders, await _listed(settings, store, since, now), since, now)
        except GatewayError as failed:
            found.append(f"the payment gateway gives no list ({failed.reason}): payments were not compared")
    return found


async def reconcile(settings: Settings, since: datetime, *, after_restore: bool = False) -> list[Difference]:
    """Make rows, workflows and payments agree, and name what no program can fix.

    `since` is from when on the gateway's list is read: the moment of the backup, or earlier. `after_restore` restarts every
    card that has not ended. Run it while no worker runs. Raises Problem when Temporal or the gateway cannot be asked.
    """
    secrets, now = keys.load(settings), datetime.now(UTC)
    try:
        async with opened(settings) as store:
            listed = await _listed(settings, store, since, now)
    except GatewayError as failed:
        raise Problem(
            f"支付渠道未能提供账单（{failed.reason}），未作任何改动。",
            f"The payment gateway gives no list ({failed.reason}); nothing was changed.",
        ) from None
    async with opened(settings) as store:
        adopting = Adopting(store, secrets.keyring)
        done = [await _adopted(store, adopting, one) for one in listed]
        try:
            client = await _client(settings)
            runs = await _runs(client)
            async with store.transaction() as session:
                cards = await _cards(session)
            intake = Intake(store, secrets.keyring, photo_store(settings, secrets.keyring))
            done += await _journeys(client, intake, cards, runs, after_restore=after_restore)
            done += await _repairs(client, store, fixes=True)
            done += await _goodwill(client, store, fixes=True)
            done += await _settlements(store)
        except (RuntimeError, RPCError, TimeoutError, TemporarilyUnavailable):
            raise Problem(
                "无法连接 Temporal；付款已核对，卡片流程尚未核对。",
                "Temporal does not answer; payments were compared, workflows were not.",
            ) from None
    return [one for one in done if one is not None]


async def _adopted(store: Database, adopting: Adopting, one: ListedPayment) -> Difference | None:
    async with store.transaction() as session:
        known = (await session.execute(text(_KNOWN), {"key": one.key})).one_or_none()
    if known is not None and tuple(known) == ("paid", one.amount.amount_minor):
        return None
    why_not = await adopting.adopt(PayoutReport(one.key, PayoutOutcome.PAID, one.reference, one.amount))
    if why_not is not None:
        return Difference(f"payment {one.key} {why_not}")
    return Difference(f"payment {one.key} of {one.amount} had no answer here", fixed=True)


async def _journeys(
    client: Client,
    intake: Intake,
    cards: Mapping[str, CardState],
    runs: Mapping[str, WorkflowExecutionStatus],
    *,
    after_restore: bool,
) -> list[Difference]:
    desk, done = CardClient(client), []
    for card_id, card in cards.items():
        run = runs.get(card_id)
        if card.ended and run is RUNNING:
            await client.get_workflow_handle(f"card:{card_id}").terminate("the card has ended")
            done.append(Difference(f"card {card_id} has ended and its workflow still ran", fixed=True))
        if not card.ended and card.started and (after_restore or run is not RUNNING):
            await desk.restart(await intake.card_to_buy(card_id))
            done.append(Difference(f"card {card_id} was restarted; its workflow {_said(run)}", fixed=True))
    for card_id in runs.keys() - cards.keys():
        if runs[card_id] is RUNNING:
            await client.get_workflow_handle(f"card:{card_id}").terminate("there is no such card")
        done.append(Difference(f"workflow card:{card_id} {_said(runs[card_id])} and there is no such card"))
    return done


async def _settlements(store: Database) -> list[Difference]:
    """Wake every open settlement run: its workflow continues, or is started where it does not run."""
    async with store.transaction() as session:
        woken = await session.execute(
            text("UPDATE settlement_run SET revision = revision + 1 WHERE state <> 'closed' RETURNING id")
        )
        return [Difference(f"settlement {one} continues from its rows", fixed=True) for one in woken.scalars()]


async def _repairs(client: Client, store: Database, *, fixes: bool) -> list[Difference]:
    """Repairs whose rows and workflows do not agree; `fixes` makes them agree."""
    found = await compare(client, store)
    if fixes:
        await correct(client, found)
    stopped = (f"repair {one} is open and its workflow does not run" for one in found.stopped)
    stray = (f"workflow repair:{one} runs and there is no such open repair" for one in found.stray)
    return [Difference(what, fixed=fixes) for what in (*stopped, *stray)]


async def _goodwill(client: Client, store: Database, *, fixes: bool) -> list[Difference]:
    """Goodwill payments that two people agreed to, whose workflow does not run; `fixes` starts them again from their rows."""
    found = await goodwill_runs.stopped(client, store)
    if fixes:
        await goodwill_runs.start_again(client, found)
    return [Difference(f"goodwill {one} is agreed to and its workflow does not run", fixed=fixes) for one in found]


async def _client(settings: Settings) -> Client:
    return await temporal.connect(settings, data_converter(keys.load(settings).keyring))


async def _runs(client: Client) -> dict[str, WorkflowExecutionStatus]:
    """The newest run of each card's workflow, by card."""
    newest: dict[str, tuple[datetime, WorkflowExecutionStatus]] = {}
    async for one in client.list_workflows(CARDS):
        card_id = one.id.removeprefix("card:")
        found = (one.start_time, one.status or RUNNING)
        newest[card_id] = max(newest.get(card_id, found), found, key=lambda run: run[0])
    return {card_id: status for card_id, (_, status) in newest.items()}


async def _cards(session: AsyncSession) -> dict[str, CardState]:
    rows = await session.execute(text("SELECT id, started_at IS NOT NULL, outcome IS NOT NULL, since FROM card"))
    return {card_id: CardState(started, ended, since) for card_id, started, ended, since in rows}


async def _orders(session: AsyncSession) -> dict[str, Order]:
    rows = await session.execute(text(_ORDERS))
    return {
        key: Order(state, amount_minor, prepared_at, settled_at, Rail(rail))
        for key, state, amount_minor, prepared_at, settled_at, rail in rows
    }


async def _listed(settings: Settings, store: Database, since: datetime, until: datetime) -> list[ListedPayment]:
    gateways = payment_gateways(settings, store)
    try:
        asked = [await one.listed(since, until + timedelta(minutes=1)) for one in gateways.values()]
    finally:
        for one in gateways.values():
            await one.aclose()
    return [payment for listed in asked for payment in listed]


def _said(run: WorkflowExecutionStatus | None) -> str:
    if run is None:
        return "is not there"
    return "runs" if run is RUNNING else f"has ended ({run.name.lower()})"
