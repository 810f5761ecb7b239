"""Counterparties with runs in several states, as they come to be in a month of their own."""

from __future__ import annotations

from datetime import date

from database.repositories import ledger
from database.tables.finance.settlement import SettlementLineRow
from domain.finance.counterparties import CounterpartyKind
from domain.finance.ledger import issuer_cost
from domain.finance.rails import Rail
from domain.finance.settlement import SettlementDeed
from domain.identifiers import new_id
from domain.money import Money
from tests.builders.settling import Settling
from tests.reviewer_ui.conftest import House

DAYS = (date(2026, 11, 4), date(2026, 11, 9), date(2026, 11, 23))


async def settlements_in_every_state(house: House) -> dict[str, str]:
    """Write them and return their ids, by state; and that of a counterparty whose next payee waits."""
    settling = Settling(house.database, house.keyring, house.photos)
    runs: dict[str, str] = {}
    partner = await settling.a_party(name="Harbour Cards")
    for minor, day in zip((1_200_00, 845_50, -20_00), DAYS, strict=True):
        await settling.owes(partner, minor, day)
    runs["settlement_approval"] = (await settling.stated(partner)).id
    await settling.confirmed(await settling.run(runs["settlement_approval"]), partner)
    outlet = await settling.a_party(
        kind=CounterpartyKind.OUTLET,
        owner=f"outlet-{new_id()[-6:].lower()}",
        mail="books@outlet.example",
        name="浦东网点",
    )
    await settling.owes(outlet, 320_00, DAYS[0])
    run = await settling.stated(outlet)
    runs["settlement_disputed"], who = run.id, f"person:{settling.finance}"
    lines = await settling.rows(SettlementLineRow, run_id=run.id)
    await settling.does(
        run, SettlementDeed.DISPUTE, who, words="这笔分成应为 350 元。", lines=(str(lines[0].entry_id),)
    )  # fmt: skip
    small = await settling.a_party(
        owner=f"street-{new_id()[-6:].lower()}", mail="small@outlet.example", name="Street desk"
    )
    await settling.owes(small, 40_00, DAYS[1])
    run = await settling.stated(small)
    runs["settlement_closed"] = run.id
    await settling.does(run, SettlementDeed.CONFIRM, who, reference="mail of 5 December")
    open_one = await settling.a_party(name="Lantern Partners", payee=False)
    await settling.owes(open_one, 640_00, DAYS[2])
    runs["settlement_answer"] = (await settling.stated(open_one)).id
    await settling.counterparties.propose_payee(settling.finance, open_one.id, Rail.ALIPAY, "13900007777", "李强")
    point = await settling.a_party(
        kind=CounterpartyKind.INTAKE, owner=f"corner-{new_id()[-6:].lower()}", mail="c@corner.example", name="街角便利店"
    )  # fmt: skip
    return runs | {
        "counterparty": open_one.id,
        "intake_point": point.id,
        "settlement_invoice": await _invoice(settling),
    }


async def _invoice(settling: Settling) -> str:
    """A provider's month, which its invoice confirms."""
    owner = f"issuer:{new_id()[-6:].lower()}"
    provider = await settling.a_party(
        kind=CounterpartyKind.PROVIDER, owner=owner, mail="bills@issuer.example", terms="by-invoice", name="JD cards"
    )
    async with settling.database.transaction() as session:
        for _ in range(3):
            cost = issuer_cost(Money(1_50))
            await ledger.post(
                session,
                f"cost:{owner}:{new_id()}",
                None,
                "issuer_cost",
                cost,
                happened_on=DAYS[1],
                cause=f"answers:{new_id()}",
            )
    return (await settling.stated(provider)).id
