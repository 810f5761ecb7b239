"""A file counts once, whole or not at all; what a line proves of an order is used, and a day is closed with every difference named."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from database.invariants.base import Look
from database.invariants.sources import SourcesAgree
from database.repositories import day_figures, ledger
from database.tables.finance.payout import PayoutRow
from database.tables.finance.statements import RejectedLineRow
from database.tables.notices import NoticeRow
from domain.errors.finance import DayAsked, DayClosed, DayNotAsked, DayNotReady
from domain.errors.people import NotAllowed
from domain.errors.work import OwnWork
from domain.finance.breaks import Against, Choice, Verb
from domain.finance.chart import account
from domain.finance.ledger import Posting
from domain.finance.payout import PayoutOutcome, PayoutState
from domain.finance.statements import LineState, Rejected, StatementSource, StatementState
from domain.identifiers import new_id
from domain.money import Money
from domain.notices.kinds import NoticeKind
from domain.places import BUSINESS_ZONE
from domain.policies.book import BOOK
from domain.policies.document import PolicyDocument
from domain.rules.reconciliation import KIND, reconciliation_in_force
from services.finance.daily_close import DailyClose
from services.notices.digest_text import Reader, page_of, sentence
from simulators.bills import bank_format, bank_statement
from tests.builders.own_world import own_world
from tests.builders.reconciling import ALIPAY, BANK, WECHAT, FinanceDesk
from tests.builders.world import World

world = own_world("statements")


@pytest.fixture
def desk(world: World) -> FinanceDesk:
    return FinanceDesk(world)


async def test_a_file_imported_twice_counts_once(desk: FinanceDesk) -> None:
    bill = desk.bill([desk.moved("", -3_00)])
    first, again = await desk.imported(bill, day=desk.today), await desk.imported(bill, day=desk.today)
    assert (first.id, again.lines) == (again.id, 1)


async def test_a_line_known_from_another_file_counts_once_and_one_that_contradicts_is_rejected(
    desk: FinanceDesk,
    world: World,
) -> None:
    known, changed = desk.moved("", -3_01), desk.moved("", -3_02)
    await desk.imported(desk.bill([known, changed]), day=desk.today)
    other = type(changed)(changed.at, changed.reference, "", -9_99)
    row = await desk.imported(desk.bill([known, other, desk.moved("", -3_03), known]), day=desk.today)
    assert (row.lines, row.known, row.rejected) == (1, 2, 1)
    assert [one.why for one in await world.rows(RejectedLineRow, statement_id=row.id)] == [Rejected.DIFFERS]


async def test_one_number_twice_in_a_file_is_one_line(desk: FinanceDesk) -> None:
    twice = desk.moved("", -4_01)
    row = await desk.imported(desk.bill([twice, twice]), day=desk.today)
    assert (row.lines, row.rejected) == (1, 1)


async def test_number_of_another_file_is_known_or_contradicts_each_time(desk: FinanceDesk) -> None:
    known, changed = desk.moved("", -4_11), desk.moved("", -4_12)
    await desk.imported(desk.bill([known, changed]), day=desk.today)
    other = type(changed)(changed.at, changed.reference, "", -9_98)
    fresh = desk.moved("", -4_13)
    row = await desk.imported(desk.bill([known, known, other, fresh, other, fresh, changed]), day=desk.today)
    assert (row.lines, row.known, row.rejected) == (1, 3, 3)


async def test_two_lines_of_one_order_and_amount_have_an_expectation_each_and_a_third_has_none(
    desk: FinanceDesk,
) -> None:
    key = await desk.paid(4_21)
    async with desk.world.database.transaction() as session:
        postings = (
            Posting(account("in_flight", "wechat"), Money(4_21)),
            Posting(account("cash", "wechat"), Money(-4_21)),
        )
        await ledger.post(session, f"{key}:again", None, "payout_paid", postings)
    row = await desk.brought(desk.bill([desk.moved(key, -4_21) for _ in range(3)]), day=desk.today)
    lines = await desk.lines(row)
    assert [line.state for line in lines] == [LineState.AUTO, LineState.AUTO, LineState.OPEN]
    first, second = lines[0].entry_id, lines[1].entry_id
    assert first is not None
    assert second is not None
    assert first < second
    assert row.matched == 2


async def test_pairs_of_one_order_and_amount_that_are_posted_later_are_matched_at_once(desk: FinanceDesk) -> None:
    key = f"card-{new_id()}-payout-1"
    row = await desk.brought(desk.bill([desk.moved(key, -4_25) for _ in range(2)]), day=desk.today)
    await desk.paid(4_25, key=key)
    async with desk.world.database.transaction() as session:
        postings = (
            Posting(account("in_flight", "wechat"), Money(4_25)),
            Posting(account("cash", "wechat"), Money(-4_25)),
        )
        await ledger.post(session, f"{key}:again", None, "payout_paid", postings)
    assert await desk.matching.run(WECHAT) == 2
    assert await desk.breaks_of(row) == []


async def test_text_that_copying_would_take_for_the_end_of_a_value_is_kept_as_it_reads(desk: FinanceDesk) -> None:
    key = "a\\b\tc\\N\\."
    row = await desk.brought(desk.bill([desk.moved(key, -4_31), desk.moved("", -4_32)]), day=desk.today)
    assert [line.key for line in await desk.lines(row)] == [key, ""]


async def test_import_fills_missing_statistics_of_our_keys(desk: FinanceDesk, world: World) -> None:
    counted = text("SELECT count(*) FROM pg_stats WHERE tablename = 'expectation' AND attname = 'key'")
    await desk.paid(5_00)
    async with world.database.transaction() as session:
        await session.execute(text("SELECT pg_clear_attribute_stats('public', 'expectation', 'key', false)"))
        assert (await session.execute(counted)).scalar_one() == 0
    await desk.imported(desk.bill([desk.moved("", -3_08)]), day=desk.today)
    async with world.database.transaction() as session:
        assert (await session.execute(counted)).scalar_one() == 1


async def test_a_refused_file_leaves_nothing_and_is_tried_again(desk: FinanceDesk) -> None:
    bill = desk.bill([desk.moved("", -5_01), desk.moved("", -5_02)])
    row = await desk.brought(bill[:-12], day=desk.today)
    assert (row.state, row.refused_as, await desk.lines(row)) == (StatementState.REFUSED, "statement_truncated", [])
    again = await desk.brought(bill[:-12], day=desk.today)
    assert (again.id, again.state) == (row.id, StatementState.REFUSED)


async def test_a_file_of_another_account_environment_or_of_today_is_refused(desk: FinanceDesk) -> None:
    foreign = bank_statement(bank_format("harbour"), "6222999", desk.today, [])
    assert (await desk.brought(foreign)).refused_as == "statement_foreign"
    for key in ("card-{}-payout-1", "goodwill-{}", "settlement-{}-payout-1"):
        strange = [desk.moved(key.format(new_id()), -1_00) for _ in range(6)]
        row = await desk.brought(desk.bill(strange, ALIPAY))
        assert (row.refused_as, await desk.lines(row)) == ("statement_of_another", []), key
    now = FinanceDesk(desk.world, timedelta(0))
    assert (await now.brought(now.bill([], ALIPAY, opening=1))).refused_as == "statement_not_over"
    assert (await desk.brought(desk.bill([]) + b"\r\n")).refused_as == "statement_truncated"  # It names no day.


async def test_a_line_proves_that_an_order_of_unknown_outcome_was_paid(desk: FinanceDesk, world: World) -> None:
    _, key = await world.a_prepared_payout()
    _, other = await world.a_prepared_payout()
    (order,) = await world.rows(PayoutRow, key=key)
    moved = [desk.moved(key, -order.amount_minor), desk.moved(other, -order.amount_minor - 1)]
    known = await desk.paid(1_00, ALIPAY)
    await desk.imported(desk.bill([*moved, desk.moved(known, -1_00)], ALIPAY))
    (proved,), (unproved,) = await world.rows(PayoutRow, key=key), await world.rows(PayoutRow, key=other)
    assert (proved.answered, proved.state, proved.gateway_reference) == (
        PayoutOutcome.PAID, PayoutState.UNKNOWN, moved[0].reference,
    )  # fmt: skip
    assert unproved.answered is None


async def test_a_returned_payment_is_owed_again_and_both_lines_are_matched(desk: FinanceDesk, world: World) -> None:
    _, key = await world.a_prepared_payout()
    await world.payout.send(key)
    await world.payout.conclude(key)
    (order,) = await world.rows(PayoutRow, key=key)
    moved = [desk.moved(key, -order.amount_minor), desk.moved(key, order.amount_minor, kind="退款")]
    row = await desk.imported(desk.bill(moved, ALIPAY))
    assert [line.state for line in await desk.lines(row)] == [LineState.AUTO, LineState.AUTO]
    (order,) = await world.rows(PayoutRow, key=key)
    assert order.state is PayoutState.REFUSED


async def test_the_figures_of_a_day_explain_every_difference(desk: FinanceDesk) -> None:
    key = await desk.paid(70_00, BANK)
    await desk.paid(30_00, BANK)
    moved = [desk.moved(key, -70_00), desk.moved("", 500_00, kind="充值"), desk.moved("", -2_00)]
    form = bank_format("union")
    await desk.imported(bank_statement(form, form["account"], desk.today, [], 11_00))
    await desk.imported(desk.bill(moved, BANK, opening=1_000_00))
    rules = reconciliation_in_force(desk.today).sources[StatementSource.BANK]
    async with desk.world.database.transaction() as session:
        found = await day_figures.figures(session, BANK, desk.today, rules, desk.clock())
    assert found.complete
    assert found.statement_minor == 11_00 + 1_428_00
    assert found.lines_minor == 498_00
    assert found.unexplained_minor == 0


@pytest.mark.parametrize(("order", "back"), [((0, 1, 2), 20), ((2, 1, 0), 30), ((1, 2, 0), 40)])
async def test_files_of_one_day_follow_each_other_in_whatever_order_they_come(
    desk: FinanceDesk, order: tuple[int, ...], back: int
) -> None:
    day, form = desk.today - timedelta(days=back), bank_format("harbour")
    rules = reconciliation_in_force(day).sources[BANK]

    async def brought(amount: int, opening: int, on: date = day) -> None:
        moved = [desk.moved("", amount, day=on)] if amount else []
        await desk.imported(bank_statement(form, form["account"], on, moved, opening))

    async def of_day() -> list[day_figures.OfAccount]:
        async with desk.world.database.transaction() as session:
            found = await day_figures.figures(session, BANK, day, rules, desk.clock())
        return [one for one in found.accounts if one.account == form["account"]]

    await brought(0, 7_000_00 + back, day - timedelta(days=1))
    files = [(500_00, 7_000_00 + back), (-300_00, 7_500_00 + back), (40_00, 7_200_00 + back)]
    for place in order:
        await brought(*files[place])
    assert [(one.follows, one.closing_minor) for one in await of_day()] == [(True, 7_240_00 + back)] * 3
    await brought(1_00, 9_000_00 + back)  # A file between them is missing.
    assert [one.follows for one in await of_day()].count(False) == 1


async def test_a_day_is_closed_by_two_people_in_order(desk: FinanceDesk, world: World) -> None:
    first, second, other = [await world.a_person(role) for role in ("finance", "finance", "senior")]
    close, issuer = DailyClose(desk.world.database, desk.clock), StatementSource.ISSUER
    days = [desk.today - timedelta(days=2), desk.today - timedelta(days=1)]
    for day in days:
        head = f"invoice,jd,{day:%Y%m%d},{day:%Y%m%d},CNY\ntime,invoice line,request,operation,fee\n"
        line = f"{day} 10:00:00,{new_id()},{new_id()},balance,3.00\n"
        await desk.imported((head + line + "total,1,3.00\n").encode("utf-8-sig"))
    with pytest.raises(NotAllowed):
        await close.close(other, issuer, days[0])
    with pytest.raises(DayNotReady):
        await close.close(first, issuer, days[1])
    with pytest.raises(DayNotReady):
        await close.close(first, issuer, desk.today + timedelta(days=9))
    assert not await close.close(first, issuer, days[0], "asked the issuer")
    assert not await close.close(first, issuer, days[0])
    with pytest.raises(OwnWork):
        await close.agree(first, issuer, days[0])
    with pytest.raises(DayAsked):
        await close.close(second, issuer, days[0])
    await close.agree(second, issuer, days[0])
    await close.agree(second, issuer, days[0])
    with pytest.raises(DayClosed):
        await close.withdraw(first, issuer, days[0])
    assert await close.close(first, issuer, days[0])  # Pressed once more, late.
    with pytest.raises(DayClosed):
        await close.close(second, issuer, days[0])
    assert not await close.close(first, issuer, days[1])
    await close.withdraw(first, issuer, days[1])
    for late in (close.agree, close.withdraw):
        with pytest.raises(DayNotAsked):
            await late(second, issuer, days[1])
    assert await world.rows(NoticeRow, person_id=first) == []  # They took it back themselves.
    assert not await close.close(first, issuer, days[1])
    await close.withdraw(second, issuer, days[1])
    (notice,) = await world.rows(NoticeRow, person_id=first)
    assert (notice.kind, notice.facts["by"], page_of(notice)) == (
        NoticeKind.DECLINED, second, f"/reconciliation/days/issuer/{days[1]}",
    )  # fmt: skip
    for locale, words in (("en", "Your request to close a day was declined."), ("zh_CN", "您的日终关账申请已被驳回。")):
        assert words in sentence(notice.kind, None, notice.facts, Reader(locale, BUSINESS_ZONE))


async def test_an_issuers_invoice_is_compared_call_by_call(desk: FinanceDesk, world: World) -> None:
    card_id = await world.a_card()
    await world.verification.ask_issuer(card_id)
    day = desk.today
    async with world.database.transaction() as session:
        found = await session.execute(
            text("SELECT key FROM ledger_transaction WHERE card_id = :card AND what = 'issuer_cost' ORDER BY id"),
            {"card": card_id},
        )
        keys = list(found.scalars())
    request = keys[0].split(":")[3]
    head = f"invoice,jd,{day:%Y%m%d},{day:%Y%m%d},CNY\ntime,invoice line,request,operation,fee\n"
    line = f"{day} 10:00:00,{new_id()},{request},balance,9.00\n"
    row = await desk.imported((head + line + "total,1,9.00\n").encode("utf-8-sig"))
    (found_break,) = await desk.breaks_of(row)
    assert (found_break.kind.value, found_break.account) == ("amount_over", "jd")


async def test_every_adjustment_is_explained_by_its_break(desk: FinanceDesk, world: World) -> None:
    first, second = await world.a_person("finance"), await world.a_person("finance")
    key = await desk.paid(90_00)
    row = await desk.imported(desk.bill([desk.moved(key, -91_00), desk.moved("", -2_22)]), day=desk.today)
    over, missing = await desk.breaks_of(row)
    for one, verb in ((over, Verb.EDIT), (missing, Verb.CREATE)):
        taken = await desk.taken(first, one)
        await desk.breaks.decide(first, taken.id, Choice(verb, "unexplained", Against.SUSPENSE))
    unseen = await desk.paid(777_00)
    await desk.reconciled([desk.moved("", -2_23)])
    (gone,) = await desk.break_of_key(unseen)
    gone = await desk.taken(first, gone)
    await desk.breaks.decide(first, gone.id, Choice(Verb.CREATE, "unexplained", Against.SUSPENSE))
    await desk.breaks.agree(second, gone.id)
    async with world.database.transaction() as session:
        found = await SourcesAgree().broken(session, Look(whole=True))
    assert [line for line in found if line.startswith(("line:", "break:"))] == []


async def test_an_account_that_came_later_is_not_demanded_for_the_days_before(desk: FinanceDesk) -> None:
    before, form = reconciliation_in_force(desk.today), bank_format("harbour")
    document = {**KIND.built_in()[0].document}
    document["sources"] = [
        {**one, "accounts": [form["account"], "6225990000000001234"] if one["source"] == "bank" else one["accounts"]}
        for one in document["sources"]
    ]
    added, day = desk.today - timedelta(days=50), desk.today - timedelta(days=51)
    BOOK.fill(KIND.code, [PolicyDocument(KIND.code, 1, "reconciliation-1", added, document)])
    was_ours = next(one for one in before.sources[BANK].accounts if one != form["account"])
    try:
        assert (await _missing(desk, day), await _missing(desk, added)) == (
            {form["account"], was_ours}, {form["account"], "6225990000000001234"},
        )  # fmt: skip
        # An account given up since.
        late = await desk.imported(bank_statement(bank_format("union"), was_ours, day, [], 11_00))
        assert late.state is StatementState.IMPORTED
        assert await _missing(desk, day) == {form["account"]}
    finally:
        BOOK.fill(KIND.code, [])


async def _missing(desk: FinanceDesk, day: date) -> set[str]:
    rules = reconciliation_in_force(desk.today).sources[BANK]
    async with desk.world.database.transaction() as session:
        return set((await day_figures.figures(session, BANK, day, rules, desk.clock())).missing)
