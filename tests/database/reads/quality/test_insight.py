"""The desk's figures are right: a small world counted by hand, and many drawn ones counted the slow way in Python."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.quality import insight
from database.reads.quality.insight import ALL, Day, Kept, Reason, Span, Straight, Took, Waiting, Work
from database.tables.cards import CardRow
from database.tables.work import WorkItemRow
from domain.cards.card import CardType
from domain.cards.review import RejectReason, ReviewOutcome
from domain.finance.payout import PayoutState
from tests.database.desk import Town

SHANGHAI = ZoneInfo("Asia/Shanghai")
NOON = datetime(2026, 11, 20, 4, 0, tzinfo=UTC)  # Twelve o'clock in Shanghai, a Friday.
WEEK = Span(date(2026, 11, 14), date(2026, 11, 20), SHANGHAI)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


async def test_a_small_world_counted_by_hand(session: AsyncSession) -> None:
    town = Town(session)
    lin, wu = await town.person("Lin"), await town.person("Wu")
    with time_machine.travel(NOON, tick=False):
        # Waiting: ten minutes old; two hours old, late, warned of and in Lin's hand; three days old and assigned to Wu.
        await town.task(await town.card(), NOON - 10 * MINUTE, reasons=["high_value"])
        late = await town.task(
            await town.card(CardType.DINING, "starbucks"), NOON - 2 * HOUR, reasons=["card_type", "wrong_pin"],
            leased_by=lin, leased_until=NOON + MINUTE,
        )  # fmt: skip
        await town.alarm(late, "warning")
        await town.alarm(late, "breach")
        await town.task(
            await town.card(), NOON - 3 * DAY, 4 * DAY, assigned_to=wu, leased_by=wu, leased_until=NOON - MINUTE
        )
        # Decided by Lin in 20 and 40 minutes, each in hand for 10; the second was undone once before, and paid.
        first, second = [await town.task(await town.card(), NOON - DAY + hours * HOUR) for hours in (0, 1)]
        await town.decision(first, lin, NOON - DAY + 20 * MINUTE, opened_at=NOON - DAY + 10 * MINUTE)
        await town.decision(second, lin, NOON - DAY + 65 * MINUTE, void_at=NOON, void_why="undone")
        await town.decision(second, lin, NOON - DAY + 100 * MINUTE, opened_at=NOON - DAY + 90 * MINUTE)
        await town.paid(second.card, NOON - DAY)
        # Rejected by Wu after five hours, late; by the policy on its deadline; and by Wu before the week.
        slow = await town.task(await town.card(CardType.DINING, "starbucks"), NOON - 2 * DAY, reasons=["card_type"])
        await town.alarm(slow, "breach")
        await town.decision(
            slow, wu, NOON - 2 * DAY + 5 * HOUR, ReviewOutcome.REJECT, reject_reason=RejectReason.FORGED
        )
        policy = await town.task(await town.card(), NOON - 4 * DAY)
        await town.decision(
            policy, None, NOON - 4 * DAY + HOUR, ReviewOutcome.REJECT, reject_reason=RejectReason.NOT_DECIDED
        )
        old = await town.task(await town.card(), NOON - 9 * DAY)
        await town.decision(old, wu, NOON - 9 * DAY + MINUTE, ReviewOutcome.REJECT, reject_reason=RejectReason.OTHER)
        # Paid without a person; prepared and not paid; paid last month.
        await town.paid(await town.card(), NOON - HOUR)
        await town.paid(await town.card(), NOON - HOUR, PayoutState.UNKNOWN)
        await town.paid(await town.card(), NOON - 30 * DAY)
        await session.flush()

        assert await insight.backlog(session, WEEK) == (
            Waiting(0, 1, 0), Waiting(1, 0, 0), Waiting(2, 1, 1), Waiting(3, 0, 0), Waiting(4, 1, 0),
        )  # fmt: skip
        assert await insight.flow(session, WEEK) == (
            Day(date(2026, 11, 14), 0, 0), Day(date(2026, 11, 15), 0, 0), Day(date(2026, 11, 16), 1, 1),
            Day(date(2026, 11, 17), 1, 0), Day(date(2026, 11, 18), 1, 1), Day(date(2026, 11, 19), 2, 2),
            Day(date(2026, 11, 20), 2, 0),
        )  # fmt: skip
        assert await insight.time_to_decision(session, WEEK) == (
            Took(ALL, 3, 40 * 60, 5 * 3600), Took("ecommerce", 2, 20 * 60, 40 * 60), Took("dining", 1, 5 * 3600, 5 * 3600),
        )  # fmt: skip
        assert await insight.deadlines(session, WEEK) == (
            Kept(ALL, 5, 3, 1),
            Kept("ecommerce", 3, 3, 0),
            Kept("dining", 2, 0, 1),
        )
        assert await insight.straight_through(session, WEEK) == (Straight(ALL, 2, 1), Straight("ecommerce", 2, 1))
        assert await insight.workload(session, WEEK) == (Work(lin, "Lin", 2, 600, 1, 0), Work(wu, "Wu", 1, None, 0, 1))
        assert await insight.review_reasons(session, WEEK) == (
            Reason("card_type", 2),
            Reason("high_value", 1),
            Reason("wrong_pin", 1),
        )
        assert await insight.reject_reasons(session, WEEK) == (Reason("forged", 1), Reason("not_decided", 1))
        starbucks = Span(WEEK.first, WEEK.last, SHANGHAI, brand="starbucks")
        assert [entry.count for entry in await insight.backlog(session, starbucks)] == [0, 0, 1, 0, 0]
        assert await insight.straight_through(session, starbucks) == ()


async def test_days_are_those_of_the_readers_clock(session: AsyncSession) -> None:
    town = Town(session)
    await town.task(await town.card(), datetime(2026, 11, 19, 23, 30, tzinfo=SHANGHAI))
    new_york = Span(date(2026, 11, 18), date(2026, 11, 19), ZoneInfo("America/New_York"))
    here = Span(date(2026, 11, 19), date(2026, 11, 20), SHANGHAI)
    assert [day.arrived for day in await insight.flow(session, new_york)] == [0, 1]
    assert [day.arrived for day in await insight.flow(session, here)] == [1, 0]


async def test_an_empty_world_has_no_figures_and_no_errors(session: AsyncSession) -> None:
    assert {entry.count for entry in await insight.backlog(session, WEEK)} == {0}
    assert len(await insight.flow(session, WEEK)) == 7
    for figure in (
        insight.time_to_decision, insight.deadlines, insight.straight_through, insight.workload, insight.review_reasons,
        insight.reject_reasons,
    ):  # fmt: skip
        assert await figure(session, WEEK) == ()


@pytest.mark.parametrize("seed", range(12))
async def test_every_figure_of_a_drawn_world_is_what_the_slow_count_says(session: AsyncSession, seed: int) -> None:
    chance, town = random.Random(seed), Town(session)
    with time_machine.travel(NOON, tick=False):
        await _populate(town, chance)
        brand = chance.choice(["", "jd", "starbucks"])
        card_type = chance.choice(["", "", *CardType])
        first = NOON.date() - timedelta(days=chance.randrange(0, 12))
        zone = chance.choice([SHANGHAI, ZoneInfo("America/New_York")])
        span = Span(first, first + timedelta(days=chance.randrange(0, 9)), zone, brand, card_type)
        slow = Slow(town, span)
        assert await insight.backlog(session, span) == slow.backlog()
        assert await insight.flow(session, span) == slow.flow()
        assert set(await insight.time_to_decision(session, span)) == slow.time()
        assert set(await insight.deadlines(session, span)) == slow.deadlines()
        assert set(await insight.straight_through(session, span)) == slow.straight()
        assert set(await insight.workload(session, span)) == slow.work()
        assert set(await insight.review_reasons(session, span)) == slow.why()
        assert set(await insight.reject_reasons(session, span)) == slow.rejected()


async def _populate(town: Town, chance: random.Random) -> None:
    people = [await town.person(f"P{number}") for number in range(3)]
    for _ in range(40):
        brand = chance.choice(["jd", "starbucks"])
        card_id = await town.card(chance.choice(list(CardType)), brand)
        if chance.random() < 0.4:
            await town.paid(
                card_id, _moment(chance), chance.choice([PayoutState.PAID, PayoutState.PAID, PayoutState.REFUSED])
            )
        if chance.random() < 0.3:
            continue
        opened = _moment(chance)
        holder = chance.choice([None, *people])
        task = await town.task(
            card_id, opened, timedelta(minutes=chance.randrange(1, 3000)),
            reasons=chance.sample(["card_type", "high_value", "wrong_pin"], chance.randrange(0, 3)),
            leased_by=holder, leased_until=NOON + timedelta(minutes=chance.randrange(-9, 9)) if holder else None,
            assigned_to=chance.choice([None, *people]),
        )  # fmt: skip
        for alarm in ("warning", "breach", "chain:1"):
            if chance.random() < 0.3:
                await town.alarm(task, alarm)
        await _decide(town, chance, task, [None, *people])
    await town.session.flush()


async def _decide(town: Town, chance: random.Random, task: WorkItemRow, people: Sequence[str | None]) -> None:
    for voided in (True, False):
        if chance.random() < (0.2 if voided else 0.6):
            made = task.opened_at + timedelta(seconds=chance.randrange(1, 200_000))
            outcome = chance.choice([ReviewOutcome.APPROVE, ReviewOutcome.REJECT])
            reason = chance.choice([None, *RejectReason]) if outcome is ReviewOutcome.REJECT else None
            taken = made - timedelta(seconds=2 * chance.randrange(1, 900)) if chance.random() < 0.8 else None
            void_at = made if voided else None
            await town.decision(
                task, chance.choice(people), made, outcome, reject_reason=reason, opened_at=taken, void_at=void_at
            )


def _moment(chance: random.Random) -> datetime:
    return NOON - timedelta(seconds=chance.randrange(0, 12 * 86_400))


class Slow:
    """The same figures by going through everything."""

    def __init__(self, town: Town, span: Span) -> None:
        self.span = span
        self.town = town
        self.tasks = [task for task in town.tasks if self._fits(task)]
        self.by_id = {task.id: task for task in self.tasks}
        self.open = [task for task in self.tasks if task.closed_at is None and not task.decided]
        self.standing = [
            one for one in town.decisions if one.void_at is None and one.task_id in self.by_id and self._within(one.made_at)
        ]  # fmt: skip

    def _fits(self, row: WorkItemRow | CardRow) -> bool:
        return self.span.brand in ("", row.brand) and self.span.card_type in ("", row.card_type)

    def _day(self, moment: datetime) -> date:
        return moment.astimezone(self.span.zone).date()

    def _within(self, moment: datetime) -> bool:
        return self.span.first <= self._day(moment) <= self.span.last

    def backlog(self) -> tuple[Waiting, ...]:
        ages = [sum((NOON - task.opened_at).total_seconds() >= age for age in insight.AGES_S) for task in self.open]
        late = [age for age, task in zip(ages, self.open, strict=True) if task.due_at <= NOON]
        return tuple(Waiting(number, ages.count(number), late.count(number)) for number in range(5))

    def flow(self) -> tuple[Day, ...]:
        came = Counter(self._day(task.opened_at) for task in self.tasks)
        went = Counter(self._day(one.made_at) for one in self.standing)
        days = [self.span.first + timedelta(days=number) for number in range(self.span.days)]
        return tuple(Day(day, came[day], went[day]) for day in days)

    def time(self) -> set[Took]:
        took = [
            (self.by_id[one.task_id].type_of_card.value, int((one.made_at - self.by_id[one.task_id].opened_at).total_seconds()))
            for one in self.standing if one.person_id is not None
        ]  # fmt: skip
        return {
            Took(kind, len(times), _rank(times, 0.5), _rank(times, 0.9))
            for kind, times in _by_type(took).items()
        }  # fmt: skip

    def deadlines(self) -> set[Kept]:
        alarms = self.town.alarms
        due = [(self.by_id[one.task_id], one.made_at <= self.by_id[one.task_id].due_at) for one in self.standing]
        due += [(task, False) for task in self.open if self._within(task.due_at) and task.due_at < NOON]
        judged = [
            (task.type_of_card.value, (in_time and (task.id, "breach") not in alarms, (task.id, "warning") in alarms))
            for task, in_time in due
        ]
        return {
            Kept(kind, len(all_), sum(kept for kept, _ in all_), sum(warned for _, warned in all_))
            for kind, all_ in _by_type(judged).items()
        }

    def straight(self) -> set[Straight]:
        seen = {task.card_id for task in self.town.tasks}
        paid = [
            (self.town.cards[one.card_id].card_type.value, one.card_id not in seen)
            for one in self.town.payouts
            if one.state is PayoutState.PAID and one.settled_at and self._within(one.settled_at) and self._fits(self.town.cards[one.card_id])
        ]  # fmt: skip
        return {Straight(kind, len(all_), sum(all_)) for kind, all_ in _by_type(paid).items()}

    def work(self) -> set[Work]:
        found = set()
        for person, name in self.town.names.items():
            mine = [one for one in self.standing if one.person_id == person]
            held = [(one.made_at - one.opened_at).total_seconds() for one in mine if one.opened_at is not None]
            in_hand = sum(task.leased_by == person and (task.leased_until or NOON) > NOON for task in self.open)
            assigned = sum(task.assigned_to == person for task in self.open)
            mean = math.floor(sum(held) / len(held) + 0.5) if held else None
            if mine or in_hand or assigned:
                found.add(Work(person, name, len(mine), mean, in_hand, assigned))
        return found

    def why(self) -> set[Reason]:
        counted = Counter(reason for task in self.tasks if self._within(task.opened_at) for reason in task.reasons)
        return {Reason(reason, count) for reason, count in counted.items()}

    def rejected(self) -> set[Reason]:
        counted = Counter(
            (one.reject_reason or RejectReason.OTHER).value
            for one in self.standing
            if one.outcome is ReviewOutcome.REJECT
        )
        return {Reason(reason, count) for reason, count in counted.items()}


def _by_type(pairs: Iterable[tuple[str, Any]]) -> dict[str, list[Any]]:
    grouped: dict[str, list[Any]] = {}
    for kind, value in pairs:
        grouped.setdefault(kind, []).append(value)
        grouped.setdefault(ALL, []).append(value)
    return grouped


def _rank(values: Sequence[int], share: float) -> int:
    """The smallest value that at least this share of all do not exceed."""
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
