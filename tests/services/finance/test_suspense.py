"""Money in suspense is cleared by two people with a document, never more than is left, and a wrong clearing is reversed."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from database.invariants.base import Look
from database.invariants.sources import SourcesAgree
from database.reads.finance.suspense import InSuspense
from database.repositories import ledger
from database.tables.finance.ledger import LedgerTransactionRow
from database.tables.finance.suspense import SuspenseClearingRow
from domain.errors.finance import NotReversible
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.people import NotAllowed
from domain.errors.sales import BuyerOwesLess
from domain.errors.suspense import ClearingOver, MoreThanStands
from domain.errors.work import OwnWork
from domain.finance.chart import account
from domain.finance.ledger import Posting
from domain.finance.reversals import ReversalOf
from domain.finance.suspense import ClearedAs
from domain.identifiers import new_id
from domain.money import Money
from services.finance.proof_files import ProofFile
from services.finance.reversals import Reversals
from services.finance.suspense import Found, Suspense
from tests.builders.own_world import own_world
from tests.builders.paying import PDF
from tests.builders.reconciling import FinanceDesk
from tests.builders.suspense import in_suspense, standing
from tests.builders.world import World

world = own_world("suspense")
PROOF = ProofFile("bank-letter.pdf", PDF)


@pytest.fixture
def desk(world: World) -> FinanceDesk:
    return FinanceDesk(world)


async def now_standing(world: World, entry: InSuspense) -> int:
    return next((one.stands.amount_minor for one in await standing(world) if one.entry_id == entry.entry_id), 0)


async def owed_by(world: World, buyer: str, minor: int) -> None:
    lines = (
        Posting(account("buyer_receivable", f"buyer:{buyer}"), Money(minor)), Posting(account("sales"), Money(-minor)),
    )  # fmt: skip
    async with world.database.transaction() as session:
        await ledger.post(session, new_id(), None, "sold", lines, cause=f"test:{new_id()}")


async def cleared(world: World, desk: FinanceDesk, found: Found) -> str:
    acts = Suspense(world.database, world.keyring, desk.clock)
    clearing = await acts.propose(await world.a_person("finance"), found, world.photos)
    await acts.agree(await world.a_person("finance"), clearing)
    return clearing


async def books_are_right(world: World) -> None:
    async with world.database.transaction() as session:
        wrong = await SourcesAgree().broken(session, Look(most=100_000))
    assert [line for line in wrong if line.startswith(("suspense:", "line:", "break:"))] == []


async def test_a_buyers_payment_leaves_suspense_in_parts_by_postings_that_name_it(
    desk: FinanceDesk, world: World
) -> None:
    entry = await in_suspense(desk, world, 90_00)
    assert (entry.came_in, entry.stands, entry.by != "") == (True, Money(90_00), True)
    await owed_by(world, "merchant-1", 60_00)
    before = await desk.balance("suspense:wechat")
    found = Found(
        entry.entry_id, ClearedAs.BUYER, Money(60_00), "The buyer sent the slip.", "merchant-1", evidence=PROOF
    )
    with pytest.raises(BuyerOwesLess):
        await cleared(world, desk, replace(found, amount=Money(60_01)))
    clearing = await cleared(world, desk, found)
    assert (await desk.balance("suspense:wechat"), await desk.balance("buyer_receivable:buyer:merchant-1")) == (
        before + 60_00, 0,
    )  # fmt: skip
    (posted,) = await world.rows(LedgerTransactionRow, cause=f"suspense:{clearing}")
    assert (posted.what, posted.key) == ("suspense_cleared", f"suspense:{clearing}:cleared")
    assert await now_standing(world, entry) == 30_00
    with pytest.raises(MoreThanStands):
        await cleared(world, desk, replace(found, cleared_as=ClearedAs.DEPOSIT, amount=Money(30_01)))
    await cleared(world, desk, replace(found, cleared_as=ClearedAs.DEPOSIT, amount=Money(30_00)))
    assert await now_standing(world, entry) == 0
    assert await desk.balance("buyer_deposit:buyer:merchant-1") == -30_00
    await books_are_right(world)


@pytest.mark.parametrize(
    ("minor", "cleared_as", "code"),
    [
        (5_00, ClearedAs.INTEREST, "interest:wechat"), (-5_00, ClearedAs.FEE, "rail_fee:wechat"),
        (6_00, ClearedAs.ISSUER, "issuer_payable"), (-6_00, ClearedAs.ISSUER, "issuer_payable"),
        (7_00, ClearedAs.CAPITAL, "capital"), (-7_00, ClearedAs.CAPITAL, "capital"),
    ],
)  # fmt: skip
async def test_each_kind_moves_to_its_account_in_its_direction(
    desk: FinanceDesk, world: World, minor: int, cleared_as: ClearedAs, code: str
) -> None:
    entry = await in_suspense(desk, world, minor)
    before = await desk.balance(code), await desk.balance("suspense:wechat")
    await cleared(world, desk, Found(entry.entry_id, cleared_as, Money(abs(minor)), "By letter.", evidence=PROOF))
    assert (await desk.balance(code), await desk.balance("suspense:wechat")) == (before[0] - minor, before[1] + minor)
    await books_are_right(world)


async def test_money_returned_to_its_sender_offsets_its_entry(desk: FinanceDesk, world: World) -> None:
    came, went = await in_suspense(desk, world, 40_00), await in_suspense(desk, world, -40_00)
    before = await desk.balance("suspense:wechat")
    found = Found(came.entry_id, ClearedAs.RETURNED, Money(40_00), "Sent back.", other=went.entry_id, evidence=PROOF)
    for other in (None, came.entry_id):
        with pytest.raises(FieldInvalid):
            await cleared(world, desk, replace(found, other=other))
    clearing = await cleared(world, desk, found)
    assert [await now_standing(world, one) for one in (came, went)] == [0, 0]
    assert await desk.balance("suspense:wechat") == before
    with pytest.raises(MoreThanStands):
        await cleared(world, desk, replace(found, entry_id=went.entry_id, other=came.entry_id))
    (row,) = await world.rows(SuspenseClearingRow, id=clearing)
    assert row.posted_key == ""
    await books_are_right(world)


async def test_no_more_than_the_suspense_is_proposed_or_cleared_even_concurrently(
    desk: FinanceDesk, world: World
) -> None:
    entry = await in_suspense(desk, world, 10_00)
    acts, found = (
        Suspense(world.database, world.keyring, desk.clock),
        Found(entry.entry_id, ClearedAs.CAPITAL, Money(6_00), "Ours.", evidence=PROOF),
    )
    people = [await world.a_person("finance") for _ in range(3)]
    tried = await asyncio.gather(
        *(acts.propose(one, found, world.photos) for one in people), return_exceptions=True
    )  # fmt: skip
    assert sorted(type(one).__name__ for one in tried) == ["MoreThanStands", "MoreThanStands", "str"]
    (clearing,) = [one for one in tried if isinstance(one, str)]
    (row,) = await world.rows(SuspenseClearingRow, id=clearing)
    with pytest.raises(OwnWork):
        await acts.agree(row.proposed_by, clearing)
    second = next(one for one in people if one != row.proposed_by)
    await asyncio.gather(*(acts.agree(second, clearing) for _ in range(2)))
    assert await now_standing(world, entry) == 4_00
    with pytest.raises(ClearingOver):
        await acts.decline(second, clearing)


async def test_a_proposal_is_refused_without_right_document_reason_or_sense(desk: FinanceDesk, world: World) -> None:
    entry = await in_suspense(desk, world, 11_00)
    finance, acts = await world.a_person("finance"), Suspense(world.database, world.keyring, desk.clock)
    found = Found(entry.entry_id, ClearedAs.CAPITAL, Money(11_00), "Ours.", evidence=PROOF)
    with pytest.raises(NotAllowed):
        await acts.propose(await world.a_person("support"), found, world.photos)
    wrong: tuple[dict[str, object], ...] = (
        {"evidence": None}, {"reason": " "}, {"amount": Money(0)}, {"amount": Money(-1)}, {"cleared_as": ClearedAs.FEE},
        {"cleared_as": ClearedAs.DEPOSIT, "buyer": "No Code"},
    )  # fmt: skip
    for values in wrong:
        with pytest.raises(FieldInvalid):
            await acts.propose(finance, replace(found, **values), world.photos)  # type: ignore[arg-type]
    with pytest.raises(NotFound):
        await acts.propose(finance, replace(found, entry_id=1), world.photos)
    clearing = await acts.propose(finance, found, world.photos)
    await acts.decline(await world.a_person("finance"), clearing)
    with pytest.raises(ClearingOver):
        await acts.agree(await world.a_person("finance"), clearing)
    assert await now_standing(world, entry) == 11_00


async def test_a_wrong_clearing_is_reversed_before_the_decision_that_filled_suspense(
    desk: FinanceDesk, world: World
) -> None:
    entry = await in_suspense(desk, world, 12_00)
    acts, first = Reversals(world.database, world.keyring, desk.clock), await world.a_person("finance")
    before = await desk.balance("capital")
    clearing = await cleared(
        world, desk, Found(entry.entry_id, ClearedAs.CAPITAL, Money(12_00), "Ours.", evidence=PROOF)
    )  # fmt: skip
    with pytest.raises(NotReversible) as why:
        await acts.ask(first, ReversalOf.BREAK, entry.break_id, "Not ours.")
    assert why.value.data == {"what": "cleared"}
    await acts.agree(
        await world.a_person("finance"), await acts.ask(first, ReversalOf.CLEARING, clearing, "Not ours.")
    )  # fmt: skip
    assert (await now_standing(world, entry), await desk.balance("capital")) == (12_00, before)
    await books_are_right(world)
    with pytest.raises(NotReversible):
        await acts.ask(first, ReversalOf.CLEARING, clearing, "Again.")
    suspense = await desk.balance("suspense:wechat")
    await acts.agree(
        await world.a_person("finance"), await acts.ask(first, ReversalOf.BREAK, entry.break_id, "Not ours.")
    )  # fmt: skip
    assert (await now_standing(world, entry), await desk.balance("suspense:wechat")) == (0, suspense + 12_00)
    await books_are_right(world)
