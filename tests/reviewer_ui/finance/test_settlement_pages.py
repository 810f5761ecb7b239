"""Settlement at the console: what finance does with a run, pressed twice, by the wrong person and with bad input."""

from __future__ import annotations

import re

from sqlalchemy import select, update

from database.tables.finance.settlement import SettlementRunRow
from database.tables.people import PersonRow
from domain.finance.settlement import SettlementState
from domain.identifiers import settlement_key
from domain.people.roles import Role
from tests.builders.paying import with_rules
from tests.builders.settling import Settling
from tests.reviewer_ui.conftest import House, post
from tests.reviewer_ui.settlement_scenes import settlements_in_every_state


async def test_finance_confirms_resolves_approves_and_adds(house: House) -> None:
    names = await settlements_in_every_state(house)
    settling = Settling(house.database, house.keyring, house.photos)
    finance, other = await house.as_(Role.FINANCE, "Su"), await house.as_(Role.FINANCE, "Ding")
    listed = (await finance.get("/settlements?state=disputed")).text
    assert names["settlement_disputed"] in listed
    assert names["settlement_closed"] not in listed
    # An invoice of another amount stays in the form with what was entered.
    invoice = names["settlement_invoice"]
    wrong = await post(finance, f"/settlements/{invoice}/confirm", version="1", reference="INV 7", amount="4,000")
    assert (wrong.status_code, 'value="INV 7"' in wrong.text, "¥4.50" in wrong.text) == (409, True, True)
    for amount in ("nothing", "", "1e3"):
        assert (
            await post(finance, f"/settlements/{invoice}/confirm", version="1", reference="I", amount=amount)
        ).status_code == 422
    for _ in range(2):
        assert (
            await post(finance, f"/settlements/{invoice}/confirm", version="1", reference="INV 7", amount="４.50")
        ).status_code == 303
    assert (await settling.run(invoice)).state is SettlementState.APPROVAL
    assert (
        await post(finance, f"/settlements/{invoice}/approve", version="1")
    ).status_code == 403  # Who took the invoice.
    # A dispute is answered with a correction: two versions are kept, each with its files.
    disputed = names["settlement_disputed"]
    assert (
        await post(finance, f"/settlements/{disputed}/correct", version="1", amount="-9.5", words=" ")
    ).status_code == 422
    correct = f"/settlements/{disputed}/correct"
    given = {"version": "1", "words": "Counted twice.", "token": "1"}
    shown = await post(finance, correct, **given, amount="-9.50")
    assert (shown.status_code, 'name="seen" value="-950"' in shown.text) == (200, True)
    assert (
        'id="then"' in (await post(finance, correct, **given, amount="-8", seen="-950")).text
    )  # Another amount than was shown.
    assert (await settling.run(disputed)).state is SettlementState.DISPUTED
    assert (await post(finance, correct, **given, amount="-99999999", seen="-9999999900")).status_code == 409
    done = await post(finance, correct, **given, amount="-9.50", seen="-950")
    assert done.status_code == 303
    page = (await finance.get(f"/settlements/{disputed}")).text
    files = re.findall(rf"/settlements/{disputed}/statements/[12]/[a-z]+\.[a-zA-Z_]+", page)
    assert len(set(files)) == 8
    for file in sorted(set(files)):
        answer = await finance.get(file)
        assert (answer.status_code, answer.headers["content-disposition"].startswith("attachment")) == (200, True)
    old = await post(finance, f"/settlements/{disputed}/confirm", version="1", reference="call")
    assert (old.status_code, "version 2" in old.text) == (409, True)
    # A payment: the demo's two people, pressed twice.
    waiting = names["settlement_approval"]
    assert (await post(other, f"/settlements/{waiting}/take")).status_code == 303
    for _ in range(2):
        assert (await post(other, f"/settlements/{waiting}/approve", version="1")).status_code == 303
    assert (await settling.run(waiting)).state is SettlementState.PAYING
    # Held first, then ordered: on the list of held payments, in the run's story, in the list of payments, on a page of its own.
    key = settlement_key(waiting, 1)
    with_rules(limits={"enabled": False})
    assert await settling.activities.prepare(waiting, key) is not None
    assert f'href="/settlements/{waiting}"' in (await finance.get("/held")).text
    assert "is on hold" in (await finance.get(f"/settlements/{waiting}", headers={"accept-language": "en"})).text
    with_rules()
    assert await settling.activities.prepare(waiting, key) is None
    assert f'href="/settlements/{waiting}"' in (await finance.get("/payouts")).text
    page = (await finance.get(f"/payouts/{key}")).text
    assert f'href="/settlements/{waiting}"' in page
    assert "payout-routing-1" in page  # By which rules it was let go.


async def test_dispute_and_answer_are_shown_on_the_run_and_sent_to_the_agent(house: House) -> None:
    disputed = (await settlements_in_every_state(house))["settlement_disputed"]
    finance, agent = await house.as_(Role.FINANCE, "Su"), await house.as_(Role.SUPPORT, "He")
    english = {"accept-language": "en"}
    run = await Settling(house.database, house.keyring, house.photos).run(disputed)
    assert "Finance has not answered yet" in (await agent.get(f"/tickets/{run.ticket_id}", headers=english)).text
    why = "One card of that day came back."
    done = await post(finance, f"/settlements/{disputed}/uphold", version="1", words=why, token="1")
    assert done.status_code == 303
    page = (await finance.get(f"/settlements/{disputed}", headers=english)).text
    assert page.count(why) == 1
    assert page.count('<blockquote class="asked">') == 2  # What was disputed, and the answer.
    ticket = (await agent.get(f"/tickets/{run.ticket_id}", headers=english)).text
    assert "The statement is upheld. Pass this on to the counterparty." in ticket
    assert f'<blockquote class="asked">{why}' in ticket


async def test_run_with_too_few_approvers_shows_a_warning(house: House) -> None:
    approval = (await settlements_in_every_state(house))["settlement_approval"]
    finance = await house.as_(Role.FINANCE, "Su")
    english = {"accept-language": "en"}
    said = "Not enough finance members"
    assert said not in (await finance.get(f"/settlements/{approval}", headers=english)).text
    async with house.database.transaction() as session:
        everybody = tuple((await session.execute(select(PersonRow.id).order_by(PersonRow.id))).scalars())
        run = update(SettlementRunRow).where(SettlementRunRow.id == approval)
        await session.execute(run.values(hands=list(everybody)))
    assert said in (await finance.get(f"/settlements/{approval}", headers=english)).text


async def test_person_who_would_leave_too_few_approvers_is_warned(house: House) -> None:
    answer = (await settlements_in_every_state(house))["settlement_answer"]
    page, warned = f"/settlements/{answer}", "too few finance members remain"
    first, second = await house.as_(Role.FINANCE, "Su"), await house.as_(Role.FINANCE, "Ding")
    assert warned not in (await first.get(page)).text
    async with house.database.transaction() as session:
        two = (await session.execute(select(PersonRow.id).order_by(PersonRow.created_at.desc()).limit(2))).scalars()
        others = select(PersonRow.id).where(PersonRow.id.not_in(list(two))).order_by(PersonRow.id)
        run = update(SettlementRunRow).where(SettlementRunRow.id == answer)
        everybody = list((await session.execute(others)).scalars())
        await session.execute(run.values(hands=everybody, payable_minor=5_00, two_people_from_minor=1_00))
    for browser in (first, second):
        assert warned in (await browser.get(page)).text


async def test_a_counterparty_is_added_and_its_payee_needs_two(house: House) -> None:
    settling = Settling(house.database, house.keyring, house.photos)
    await settling.a_party()  # There is another one.
    finance, other = await house.as_(Role.FINANCE, "Su"), await house.as_(Role.FINANCE, "Ding")
    given = {
        "kind": "outlet", "owner": "new-outlet", "since": "2026-11-01", "name": "新网点", "language": "zh_CN",
        "terms": "monthly", "rail": "alipay", "mail": "new@outlet.example", "partner": "", "opening": "12.50",
    }  # fmt: skip
    for field, bad in (
        ("owner", "New Outlet!"),
        ("since", "soon"),
        ("terms", "daily"),
        ("mail", ""),
        ("opening", "-0.5x"),
    ):
        refused = await post(finance, "/counterparties", **(given | {field: bad}))
        assert (refused.status_code, "新网点" in refused.text) == (422, True), field
    added = await post(finance, "/counterparties", **given)
    address = added.headers["location"]
    assert (await post(finance, "/counterparties", **given)).status_code == 409  # Sent twice.
    payee = {"rail": "alipay", "payee_account": "13900001234", "payee_name": "王芳"}
    assert (await post(finance, f"{address}/payees", **payee)).status_code == 303
    assert (await post(finance, f"{address}/payees", **payee)).status_code == 409
    page = (await finance.get(address)).text
    assert "13900001234" not in page
    [payee_id] = set(re.findall(rf"{address}/payees/([0-9A-Z]{{26}})/", page))
    assert (await post(finance, f"{address}/payees/{payee_id}/agree")).status_code == 403
    for _ in range(2):
        assert (await post(other, f"{address}/payees/{payee_id}/agree")).status_code == 303
    stale = await post(
        finance, address, revision="7", **{name: given[name] for name in ("name", "language", "terms", "rail")}
    )
    assert stale.status_code == 409
