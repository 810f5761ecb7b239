"""Reconciliation with something of everything: a statement with matched, open and rejected lines, breaks, a proposal, a refused file."""

from __future__ import annotations

from datetime import timedelta

from domain.finance.breaks import Against, BreakKind, Choice, Verb
from domain.people.roles import Role
from domain.places import business_day
from tests.builders.reconciling import FinanceDesk
from tests.reviewer_ui.conftest import House


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
    return {
        "statement": row.id, "statement_refused": refused.id, "break": others[1].id, "break_proposed": proposed.id,
        "break_fee": breaks[BreakKind.FEE_DIFFERENCE].id, "recon_day": desk.today.isoformat(), "recon_finance": first,
        "recon_today": business_day(desk.clock()).isoformat(),
    }  # fmt: skip
