"""The crash matrix on the other rails: a transfer that its receiver confirms, and one that people take to a bank by file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

from database.tables.finance.rails import BankBatchRow, BankLineRow
from domain.finance.payout import PayoutOutcome
from domain.finance.rails import Rail
from domain.identifiers import payout_key
from tests.faults.money.gateway import AFTER, AFTER_QUERY, BEFORE, BEFORE_QUERY
from tests.faults.money.matrix import Case, Floor, Row, Step, card_case
from tests.faults.money.points import ACT, Act, Break, done

BANK = "harbour"
BEFORE_COUNTER, AFTER_COUNTER = "before the counter", "after the counter"


@dataclass
class Paper:
    """An order's way to the bank and back. Each step first looks whether it was done: people see what stands there."""

    floor: Floor
    key: str
    people: list[str] = field(default_factory=list)

    def steps(self) -> tuple[Step, ...]:
        """Return everything that people do, in order."""
        return self.propose, self.approve, self.take, self.take_in

    async def propose(self) -> None:
        """Gather the order into a batch, where it is in none."""
        if (await self._line()).batch_id is None:
            await self.floor.rails.batches.propose(await self._person(0), BANK)

    async def approve(self) -> None:
        """Let the batch out."""
        await self.floor.rails.batches.approve(await self._person(1), (await self._batch()).id)

    async def take(self) -> None:
        """Fetch the file and bring it to the bank."""
        _, content = await self.floor.rails.batches.file(await self._person(1), (await self._batch()).id)
        await ACT.get().arrive(BEFORE_COUNTER)
        (await self.floor.bank.plain.post("/batches", content=content)).raise_for_status()
        await ACT.get().arrive(AFTER_COUNTER)

    async def take_in(self) -> None:
        """Bring the bank's answer back."""
        batch = await self._batch()
        said = await self.floor.bank.plain.get(f"/batches/{batch.number}/result")
        await self.floor.rails.batches.take_in(await self._person(1), batch.id, said.raise_for_status().content)

    async def _line(self) -> BankLineRow:
        (line,) = await self.floor.world.rows(BankLineRow, key=self.key)
        return line  # type: ignore[no-any-return]

    async def _batch(self) -> BankBatchRow:
        (batch,) = await self.floor.world.rows(BankBatchRow, id=(await self._line()).batch_id)
        return batch  # type: ignore[no-any-return]

    async def _person(self, place: int) -> str:
        while len(self.people) <= place:
            self.people.append(await self.floor.world.a_person("finance"))
        return self.people[place]


def _until_certain(floor: Floor, rail: Rail, key: str) -> tuple[Step, ...]:
    """What the receiver, or people with their files, do until the gateway can say how the order ended."""
    return Paper(floor, key).steps() if rail is Rail.BANK else (lambda: floor.rails.press(key, "confirm"),)


async def _ordered(floor: Floor, rail: Rail) -> tuple[str, str]:
    return await floor.rails.a_prepared(rail)


async def _case(floor: Floor, rail: Rail, card_id: str, act: Step, *rest: Step) -> Case:
    return replace(await card_case(floor.world, card_id, act, *rest), rail=rail)


async def _did(steps: tuple[Step, ...]) -> None:
    for step in steps:
        await step()


async def _prepare(floor: Floor, rail: Rail) -> Case:
    card_id, quote_id = await floor.rails.a_confirmed(rail)
    key, payout = payout_key(card_id, 1), floor.world.payout
    rest = (
        lambda: payout.send(key), *_until_certain(floor, rail, key),
        lambda: payout.reconcile(key), lambda: payout.conclude(key),
    )  # fmt: skip
    return await _case(floor, rail, card_id, lambda: payout.prepare(card_id, quote_id, key), *rest)


async def _send(floor: Floor, rail: Rail) -> Case:
    card_id, key = await _ordered(floor, rail)
    payout = floor.world.payout
    rest = (*_until_certain(floor, rail, key), lambda: payout.reconcile(key), lambda: payout.conclude(key))
    return await _case(floor, rail, card_id, lambda: payout.send(key, True), *rest)


async def _reconcile(floor: Floor, rail: Rail) -> Case:
    """Its sender died when the gateway had the order; by now it has ended there."""
    card_id, key = await _ordered(floor, rail)
    payout = floor.world.payout
    died = await done(Act(stop=(f"{AFTER} 1", Break.DIES)), lambda: payout.send(key))
    assert died.act.broken
    await _did(_until_certain(floor, rail, key))
    return await _case(floor, rail, card_id, lambda: payout.reconcile(key), lambda: payout.conclude(key))


async def _ended(floor: Floor, rail: Rail) -> tuple[str, str]:
    card_id, key = await _ordered(floor, rail)
    await floor.world.payout.send(key)
    await _did(_until_certain(floor, rail, key))
    await floor.world.payout.reconcile(key)
    return card_id, key


async def _conclude(floor: Floor, rail: Rail) -> Case:
    card_id, key = await _ended(floor, rail)
    return await _case(floor, rail, card_id, lambda: floor.world.payout.conclude(key))


async def _settle(floor: Floor, rail: Rail) -> Case:
    card_id, key = await _ended(floor, rail)
    return await _case(floor, rail, card_id, lambda: floor.world.payout.settle(key, PayoutOutcome.PAID, None))


def _at_counter(place: int) -> Callable[[Floor], Awaitable[Case]]:
    """Make a case ready that is broken at the so-manieth step of people with their files."""

    async def ready(floor: Floor) -> Case:
        card_id, key = await _ordered(floor, Rail.BANK)
        payout, steps = floor.world.payout, Paper(floor, key).steps()
        await payout.send(key)
        await _did(steps[:place])
        rest = (*steps[place + 1 :], lambda: payout.reconcile(key), lambda: payout.conclude(key))
        return await _case(floor, Rail.BANK, card_id, steps[place], *rest)

    return ready


def _on(rail: Rail, ready: Callable[[Floor, Rail], Awaitable[Case]]) -> Callable[[Floor], Awaitable[Case]]:
    return lambda floor: ready(floor, rail)


_SENDS, _ASKS = (f"{BEFORE} 1", f"{AFTER} 1"), (f"{BEFORE_QUERY} 1", f"{AFTER_QUERY} 1")
# What a rail's gateway, its receiver or its bank is behind: all else moves money in our books alone, and is in MATRIX.
ON_RAILS: dict[str, Row] = {
    "payout.prepare at wechat": Row(_on(Rail.WECHAT, _prepare)),
    "payout.send at wechat": Row(_on(Rail.WECHAT, _send), _SENDS, 3),
    "payout.reconcile at wechat": Row(_on(Rail.WECHAT, _reconcile), _ASKS),
    "payout.conclude at wechat": Row(_on(Rail.WECHAT, _conclude)),
    "payout.settle at wechat": Row(_on(Rail.WECHAT, _settle)),
    "payout.prepare at bank": Row(_on(Rail.BANK, _prepare)),
    "payout.send at bank": Row(_on(Rail.BANK, _send), _SENDS, 3),
    "payout.reconcile at bank": Row(_on(Rail.BANK, _reconcile), _ASKS),
    "payout.conclude at bank": Row(_on(Rail.BANK, _conclude)),
    "payout.settle at bank": Row(_on(Rail.BANK, _settle)),
    "batch.propose": Row(_at_counter(0)),
    "batch.approve": Row(_at_counter(1)),
    "batch.take": Row(_at_counter(2), (f"{BEFORE_COUNTER} 1", f"{AFTER_COUNTER} 1")),
    "batch.take_in": Row(_at_counter(3)),
}
