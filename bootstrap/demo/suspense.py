"""Money in suspense of a demo: of three entries one is cleared by two people, one waits for the second of them, one is open."""

from __future__ import annotations

from sqlalchemy import select

from bootstrap.demo.hands import Hands, Step
from bootstrap.demo.sales import MERCHANT, NETWORK
from bootstrap.demo.statements import NAMELESS, PREPAID
from database.reads.finance import suspense as reads
from database.tables.finance.statements import BreakRow
from database.tables.finance.suspense import SuspenseClearingRow
from domain.finance.breaks import Against, BreakState
from domain.finance.rails import Rail
from domain.finance.statements import StatementSource
from domain.finance.suspense import ClearedAs
from domain.money import Money
from domain.people.roles import Role
from services.finance.proof_files import ProofFile
from services.finance.suspense import Found, Suspense

# By amount: whose payment it is said to be, why, and the document.
FOUND = {
    PREPAID: (
        MERCHANT, "买家来函说明，这笔款项为预付购卡款。",
        ProofFile("买家来函.txt", "来函：本公司昨日转入 88.00 元，为预付购卡款，请计入本公司预付款。\n".encode()),
    ),
    NAMELESS: (
        NETWORK, "银行回单显示付款方为该买家。",
        ProofFile("银行回单.txt", "银行回单：转入 66.60 元，付款方为转售网络。\n".encode()),
    ),
}  # fmt: skip


async def explained(hands: Hands) -> Step:
    """Say of two entries whose payments they are, once their breaks were put into suspense; another person agrees to the first."""
    said = select(SuspenseClearingRow.amount_minor).where(
        SuspenseClearingRow.rail == Rail.BANK, SuspenseClearingRow.amount_minor.in_(FOUND)
    )
    decided = select(BreakRow.amount_minor).where(
        BreakRow.source == StatementSource.BANK, BreakRow.against == Against.SUSPENSE, BreakRow.state == BreakState.CLOSED,
        BreakRow.amount_minor.in_(FOUND),
    )  # fmt: skip
    async with hands.store.transaction() as session:
        known = set((await session.execute(said)).scalars())
        over = set((await session.execute(decided)).scalars())
        stands = {one.amount.amount_minor: one for one in await reads.standing(session, Rail.BANK) if one.came_in}
    for amount in FOUND:
        if amount not in known and amount in stands:
            await _say(hands, amount, stands[amount].entry_id)
            return Step.DONE
    return Step.OVER if over == set(FOUND) else Step.WAITS  # What is not there any more another person has explained.


async def _say(hands: Hands, amount: int, entry_id: int) -> None:
    buyer, why, proof = FOUND[amount]
    suspense = Suspense(hands.store, hands.keyring)
    found = Found(entry_id, ClearedAs.DEPOSIT, Money(amount), why, buyer=buyer, evidence=proof)
    made = await suspense.propose(await hands.person(Role.FINANCE), found, hands.photos)
    if amount == PREPAID:
        await suspense.agree(await hands.person(Role.FINANCE, 2), made)
