"""Money in suspense of buyers and partners: in both directions, never more than is owed, lost or free, and taken back exactly."""

from __future__ import annotations

from dataclasses import replace

import pytest

from database.invariants.base import Look
from database.invariants.sources import SourcesAgree
from database.repositories import ledger
from domain.errors.general import FieldInvalid
from domain.errors.sales import BuyerOwesLess
from domain.finance.chart import account
from domain.finance.ledger import Posting
from domain.finance.reversals import ReversalOf
from domain.finance.suspense import ClearedAs
from domain.identifiers import new_id
from domain.money import Money
from services.finance.debts import Debts, WriteOff
from services.finance.proof_files import ProofFile
from services.finance.reversals import Reversals
from services.finance.suspense import Found, Suspense
from tests.builders.own_world import own_world
from tests.builders.paying import PDF
from tests.builders.reconciling import FinanceDesk
from tests.builders.suspense import in_suspense
from tests.builders.world import World

world = own_world("suspense_debts")
PROOF = ProofFile("bank-letter.pdf", PDF)


@pytest.fixture
def desk(world: World) -> FinanceDesk:
    return FinanceDesk(world)


async def moved(world: World, debit: str, credit: str, minor: int) -> None:
    codes = [code.partition(":") for code in (debit, credit)]
    lines = tuple(
        Posting(account(one[0], one[2]), Money(sign * minor)) for one, sign in zip(codes, (1, -1), strict=True)
    )
    async with world.database.transaction() as session:
        await ledger.post(session, new_id(), None, "sold", lines, cause=f"test:{new_id()}")


async def cleared(world: World, desk: FinanceDesk, found: Found) -> str:
    acts = Suspense(world.database, world.keyring, desk.clock)
    clearing = await acts.propose(await world.a_person("finance"), found, world.photos)
    await acts.agree(await world.a_person("finance"), clearing)
    return clearing


async def reversed_(world: World, desk: FinanceDesk, clearing: str) -> None:
    acts = Reversals(world.database, world.keyring, desk.clock)
    asked = await acts.ask(await world.a_person("finance"), ReversalOf.CLEARING, clearing, "Another's.")
    await acts.agree(await world.a_person("finance"), asked)


async def books_are_right(world: World) -> None:
    async with world.database.transaction() as session:
        wrong = await SourcesAgree().broken(session, Look(most=100_000))
    assert [line for line in wrong if line.startswith("suspense:")] == []


@pytest.mark.parametrize(
    ("minor", "cleared_as", "whose", "code", "before"),
    [
        (-20_00, ClearedAs.CALLED_BACK, "called-1", "buyer_receivable:buyer:called-1", 0),
        (-30_00, ClearedAs.REFUND, "refund-1", "buyer_deposit:buyer:refund-1", -30_00),
        (40_00, ClearedAs.PARTNER, "coop-1", "partner_receivable:coop-1", 40_00),
        (-50_00, ClearedAs.OVERPAID, "coop-2", "partner_receivable:coop-2", 0),
    ],
)
async def test_each_kind_moves_to_the_account_of_its_owner_and_back(
    desk: FinanceDesk, world: World, minor: int, cleared_as: ClearedAs, whose: str, code: str, before: int
) -> None:
    if before:
        await moved(world, *((code, "sales") if before > 0 else ("cash:bank", code)), abs(before))
    entry = await in_suspense(desk, world, minor)
    found = Found(entry.entry_id, cleared_as, Money(abs(minor)), "By letter.", whose, evidence=PROOF)
    with pytest.raises(FieldInvalid):
        await cleared(world, desk, replace(found, buyer="No Code"))
    made = await cleared(world, desk, found)
    assert await desk.balance(code) == before - minor
    await books_are_right(world)
    await reversed_(world, desk, made)
    assert await desk.balance(code) == before
    await books_are_right(world)


@pytest.mark.parametrize(
    ("minor", "cleared_as"), [(-30_00, ClearedAs.PARTNER), (30_00, ClearedAs.REFUND), (30_00, ClearedAs.OVERPAID)]
)
async def test_a_kind_of_the_other_direction_is_refused(
    desk: FinanceDesk, world: World, minor: int, cleared_as: ClearedAs
) -> None:
    entry = await in_suspense(desk, world, minor)
    with pytest.raises(FieldInvalid):
        await cleared(world, desk, Found(entry.entry_id, cleared_as, Money(1), "By letter.", "coop-3", evidence=PROOF))


async def test_no_more_than_the_deposit_or_the_debt_is_taken(desk: FinanceDesk, world: World) -> None:
    await moved(world, "cash:bank", "buyer_deposit:buyer:less-1", 10_00)
    await moved(world, "partner_receivable:less-2", "sales", 10_00)
    went, came = await in_suspense(desk, world, -11_00), await in_suspense(desk, world, 11_00)
    for entry, kind, whose in ((went, ClearedAs.REFUND, "less-1"), (came, ClearedAs.PARTNER, "less-2")):
        with pytest.raises(BuyerOwesLess) as less:
            await cleared(world, desk, Found(entry.entry_id, kind, Money(10_01), "By letter.", whose, evidence=PROOF))
        assert less.value.data == {"there": "¥10.00"}


async def test_a_buyers_money_after_a_write_off_leaves_suspense_as_a_recovery(desk: FinanceDesk, world: World) -> None:
    code = "buyer_receivable:buyer:late-1"
    await moved(world, code, "sales", 70_00)
    debts = Debts(world.database, world.keyring)
    off = await debts.ask(
        await world.a_person("finance"), new_id(), WriteOff(code, Money(50_00), "Bankrupt.", PROOF), world.photos
    )
    await debts.write_off(await world.a_person("finance"), off)
    entry, lost = await in_suspense(desk, world, 80_00), await desk.balance("write_off")
    found = Found(entry.entry_id, ClearedAs.BUYER, Money(60_00), "The slip.", "late-1", evidence=PROOF)
    with pytest.raises(BuyerOwesLess):
        await cleared(world, desk, replace(found, amount=Money(70_01)))
    made = await cleared(world, desk, found)
    assert (await desk.balance(code), await desk.balance("write_off")) == (0, lost - 40_00)
    await books_are_right(world)
    await reversed_(world, desk, made)
    assert (await desk.balance(code), await desk.balance("write_off")) == (20_00, lost)
    await cleared(world, desk, replace(found, amount=Money(70_00)))
    assert (await desk.balance(code), await desk.balance("write_off")) == (0, lost - 50_00)
    await books_are_right(world)
