"""Reconciliation with something of everything: a statement with matched, open and rejected lines, breaks, a proposal, a refused file."""

from __future__ import annotations

from datetime import timedelta

from database.reads.finance.suspense import standing
from domain.finance.breaks import Against, BreakKind, Choice, Verb
from domain.finance.reversals import ReversalOf
from domain.finance.rollback import RollbackState
from domain.finance.suspense import ClearedAs
from domain.money import Money
from domain.people.roles import Role
from domain.places import business_day
from services.finance.proof_files import ProofFile
from services.finance.reversals import Reversals
from services.finance.suspense import Found, Suspense
from tests.builders.paying import PDF
from tests.builders.reconciling import WECHAT, FinanceDesk
from tests.reviewer_ui.conftest import House
from tests.reviewer_ui.payment_scenes import a_claim


async def reconciliation_of_every_kind(house: House) -> dict[str, str]:
    """Make it; return the ids by name. The statements are of the day before yesterday."""
    desk = FinanceDesk(house, timedelta(0))
    desk.today -= timedelta(days=2)
    key = await desk.paid(465_00)
    lines = [
        desk.moved(key, -465_00), desk.moved("", 100_000_00, kind="充值"), desk.moved("", -12_34), desk.moved("", -1_00, kind="手续费"),
        desk.moved("", -88_00),
    ]  # fmt: skip
    bill = desk.bill(lines).replace(b"`88.00", "`８８.00".encode())
    row = await desk.imported(bill, day=desk.today)
    refused = await desk.brought(bill[: len(bill) // 2], day=desk.today, name="half.csv")
    breaks = {one.kind: one for one in await desk.breaks_of(row)}
    others = [one for one in await desk.breaks_of(row) if one.kind is BreakKind.MISSING_HERE]
    first = await house.cards.person(Role.FINANCE, "Fei")
    proposed = await desk.taken(first, others[0])
    await desk.breaks.decide(
        first, proposed.id, Choice(Verb.CREATE, "own_funds", Against.CAPITAL, note="充值 · Topped up")
    )
    names = await _suspense_and_reversals(house, desk, first, row.closing_minor or 0)
    await desk.matching.run(WECHAT)  # As the job does.
    return names | {
        "statement": row.id, "statement_refused": refused.id, "break": others[1].id, "break_proposed": proposed.id,
        "break_fee": breaks[BreakKind.FEE_DIFFERENCE].id, "recon_day": desk.today.isoformat(), "recon_finance": first,
        "recon_today": business_day(desk.clock()).isoformat(),
    }  # fmt: skip


async def _suspense_and_reversals(house: House, desk: FinanceDesk, first: str, opening: int) -> dict[str, str]:
    """Money in suspense, cleared, proposed to be and reversed, a seller's repayment among it; and a decision that was reversed."""
    second = await house.cards.person(Role.FINANCE, "Bai")
    lines = [desk.moved("", 300_00), desk.moved("", -40_00), desk.moved("", -9_00), desk.moved("", 80_00)]
    row = await desk.imported(desk.bill(lines, opening=opening), day=desk.today)
    came, went, wrong, repaid = await desk.breaks_of(row)
    for one in (came, went, wrong, repaid):
        await desk.taken(first, one)
        choice = Choice(Verb.CREATE, "unexplained", Against.SUSPENSE, note="已问渠道 · Asked the provider.")
        if (await desk.breaks.decide(first, one.id, choice)).second:
            await desk.breaks.agree(second, one.id)
    async with house.database.transaction() as session:
        entries = {one.break_id: one for one in await standing(session)}
    acts, reversals = (
        Suspense(house.database, house.keyring, desk.clock),
        Reversals(house.database, house.keyring, desk.clock),
    )
    clearings = []
    for minor in (100_00, 50_00, 25_00):
        found = Found(
            entries[came.id].entry_id, ClearedAs.CAPITAL, Money(minor), "自有资金充值 · Topped up by us.",
            evidence=ProofFile("bank-letter.pdf", PDF),
        )  # fmt: skip
        clearings.append(await acts.propose(first, found, house.photos))
    repayment = Found(
        entries[repaid.id].entry_id, ClearedAs.CLAIM, Money(80_00), "卖家附言写明卡号 · The seller wrote the card's number.",
        claim=await a_claim(house, first, RollbackState.CLAIMED), evidence=ProofFile("bank-letter.pdf", PDF),
    )  # fmt: skip
    for clearing in (*clearings[:2], await acts.propose(first, repayment, house.photos)):
        await acts.agree(second, clearing)
    await reversals.ask(first, ReversalOf.CLEARING, clearings[0], "买家付款 · A buyer paid it.")
    await reversals.agree(
        second, await reversals.ask(first, ReversalOf.CLEARING, clearings[1], "买家付款 · A buyer paid it.")
    )
    await reversals.agree(second, await reversals.ask(first, ReversalOf.BREAK, wrong.id, "是手续费 · It is a charge."))
    await reversals.ask(first, ReversalOf.BREAK, went.id, "是手续费 · It is a charge.")
    return {
        "break_reversed": wrong.id, "break_suspense": went.id, "suspense_entry": str(entries[came.id].entry_id),
        "suspense_clearing": clearings[2], "suspense_cleared": clearings[0],
    }  # fmt: skip
