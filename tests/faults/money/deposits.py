"""Buyers' deposits, holds, reversals and months, with a model that says exactly what each act must leave behind."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from database.repositories import holds, ledger
from domain.finance.chart import account_of
from domain.finance.holds import HoldState
from domain.finance.ledger import Posting, Postings
from domain.finance.periods import first_day, month_of, open_day
from domain.identifiers import new_id
from domain.money import Money
from domain.places import business_day
from tests.faults.money.books import Books
from tests.faults.money.points import Done, Fault, require
from tests.faults.money.scene import MONTHS_EACH, Scene

# What comes first leads, by way of a deposit and a hold, to money that is spent: that is what Hypothesis likes best.
ACTS = ("spend", "close", "reverse", "deposit", "give_up", "close", "expire", "repeat", "reserve")
LENGTH = 6  # Places that an act passes, about.
AMOUNTS = (100, 250, 400)
FAILURES = (
    "DatabaseUnavailable", "Died", "IntegrityError", "HoldEnded", "NotReversible", "PeriodClosed", "PostedDifferently",
)  # fmt: skip
TRANSACTIONS = """
SELECT t.key, t.effective_on, t.late_for, r.key AS reverses
FROM ledger_transaction t LEFT JOIN ledger_transaction r ON r.id = t.reverses WHERE t.key = ANY($1)
"""
HOLDS = "SELECT key, state, amount_minor, posted_key FROM ledger_hold WHERE key = ANY($1)"
KEPT = """
SELECT b.month, b.balance_minor FROM ledger_period_balance b JOIN account a ON a.id = b.account_id
WHERE a.code = $1 AND b.month = ANY($2)
"""


@dataclass
class Posted:
    """A transaction that must be there."""

    key: str
    code: str  # The buyer's account.
    amount: int  # What it added to the deposit, minor units; below zero: what it took.
    day: Any  # The day that it counts for.
    late_for: Any = None
    reverses: str | None = None


@dataclass
class Held:
    """A hold that must be there."""

    key: str
    code: str
    amount: int
    over: bool  # Its time is over.
    state: HoldState = HoldState.HELD


@dataclass
class Deposits:
    """A seed's buyers, and what the books must say of them."""

    scene: Scene
    codes: list[str] = field(default_factory=list)
    posted: dict[str, Posted] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    months: list[str] = field(default_factory=list)
    asked: dict[str, str] = field(default_factory=dict)  # The closing that was asked for, by month.
    touched: bool = False  # Something was done since they were judged.

    def __post_init__(self) -> None:
        owner = new_id()
        self.codes = [f"buyer_deposit:buyer:{owner}{place}" for place in range(2)]
        self.months = self.scene.months()

    def act(self, data: st.DataObject, fault: Fault | None) -> None:
        """Do one of the acts, on what is there."""
        what = self._possible(data.draw(st.sampled_from(ACTS), "act"))
        number = data.draw(st.integers(0, 5), "number")
        code = next((one for one in self.codes if self.available(one) > 0), self.codes[number % 2])
        if what == "deposit":
            self._post(new_id(), self.codes[number % 2], AMOUNTS[number % 3], self._day(number), fault)
        elif what == "reserve":
            over = data.draw(st.booleans(), "over")
            self.reserve(code, Money(AMOUNTS[number % 3]), self.balance(code), over, fault)
        elif what == "close":
            # In order: a month that is closed before an earlier one is what `test_a_month_closed_before` shows.
            still_open = [month for month in self.months if month not in self.scene.closed]
            self._close(still_open[0] if still_open and number else self.months[0], fault)
        elif what == "expire":
            self._expire(fault)
        elif what == "reverse":
            self._reverse(number, self._day(number), fault)
        elif what == "repeat":
            self._repeat(number, fault)
        else:
            self._end(number, what, fault)

    def spend_what_is_held(self, fault: Fault | None) -> None:
        """Deposit, hold, and spend the hold; the last is broken."""
        code, amount = self.codes[0], AMOUNTS[0]
        self._post(new_id(), code, amount, self._day(1), None)
        self.reserve(code, Money(amount), amount, over=False, fault=None)
        self._end(0, "spend", fault)

    def _possible(self, what: str) -> str:
        """Return the act, or the one that must come before it where it would find nothing to do."""
        if what in ("spend", "give_up", "expire") and not any(one.code in self.codes for one in self.held.values()):
            what = "reserve"
        return "deposit" if what not in ("deposit", "close") and not self.posted else what

    def balance(self, code: str) -> int:
        """Return what a buyer has deposited."""
        return sum(one.amount for one in self.posted.values() if one.code == code)

    def reserve(self, code: str, amount: Money, balance: int, over: bool, fault: Fault | None) -> None:
        """Hold an amount of an account; refused exactly where less is available. `over`: its time is over at once."""
        key, until = new_id(), datetime.now(UTC) + timedelta(hours=-1 if over else 1)

        async def work() -> None:
            async with self.scene.database.transaction() as session:
                await holds.reserve(session, key, account_of(code), amount, until, f"seed:{key}")

        aside = sum(one.amount for one in self.held.values() if one.code == code and one.state is HoldState.HELD)
        fits = amount.amount_minor + aside <= balance
        if self._did(work, fault, fits).act.commits:
            self.held[key] = Held(key, code, amount.amount_minor, over)

    def give_up_holds(self) -> None:
        """End every open hold."""
        for one in self.held.values():
            if one.state is HoldState.HELD:
                self._void(one, None)

    def wrong(self, books: Books) -> list[str]:
        """List where the books differ from what the acts left behind."""
        found = [*self._balances(books)]
        if self.touched:  # Else nothing of it can have changed since it was read.
            found += [*self._transactions(), *self._holds(), *self._kept()]
        self.touched = False
        return found

    def _balances(self, books: Books) -> Iterator[str]:
        for code in self.codes:
            stands = -int(books.balances[code]["stored"]) if code in books.balances else 0
            if stands != self.balance(code):
                yield f"{code} stands at {stands} where {self.balance(code)} was deposited"

    def _transactions(self) -> Iterator[str]:
        if not self.posted:
            return
        found = {row["key"]: row for row in self.scene.rows(TRANSACTIONS, list(self.posted))}
        for one in self.posted.values():
            row = found.get(one.key)
            there = None if row is None else (row["effective_on"], row["late_for"], row["reverses"])
            if there != (one.day, one.late_for, one.reverses):
                yield f"{one.key} counts for {there} where {one} was posted"

    def _holds(self) -> Iterator[str]:
        if not self.held:
            return
        found = {row["key"]: row for row in self.scene.rows(HOLDS, list(self.held))}
        for one in self.held.values():
            row = found.get(one.key)
            there = None if row is None else (row["state"], row["amount_minor"])
            if there != (one.state.value, one.amount):
                yield f"hold {one.key} is {there} where it must be {one}"

    def _kept(self) -> Iterator[str]:
        """What was kept when a month was closed is what the transactions up to its end sum to."""
        closed = [month for month in self.months if month in self.scene.closed]
        for code in self.codes if closed else ():
            for row in self.scene.rows(KEPT, code, closed):
                due = sum(
                    one.amount for one in self.posted.values()
                    if one.code == code and month_of(one.day) <= row["month"]
                )  # fmt: skip
                if -row["balance_minor"] != due:
                    yield f"{code} was kept at {-row['balance_minor']} for {row['month']} where {due} was deposited"

    def _post(self, key: str, code: str, amount: int, day: Any, fault: Fault | None, *, fits: bool = True) -> Done:
        async def work() -> bool:
            async with self.scene.database.transaction() as session:
                return await ledger.post(session, key, None, "deposit", _moved(code, amount), happened_on=day)

        known = self.posted.get(key)
        done = self._did(work, fault, fits)
        if done.error is None and done.value is not (known is None):
            require([f"{key} was posted twice, or not at all"])
        if done.act.commits and known is None:
            counts = open_day(day, self.scene.closed)
            self.posted[key] = Posted(key, code, amount, counts, None if counts == day else day)
        return done

    def _repeat(self, number: int, fault: Fault | None) -> None:
        """Post again what was posted: nothing happens; with another amount it is refused."""
        if (one := self._nth(number)) is None or one.reverses is not None:
            return
        amount = one.amount + (number % 2)
        done = self._post(one.key, one.code, amount, one.late_for or one.day, fault)
        _ended(done, "PostedDifferently" if number % 2 else "")

    def _reverse(self, number: int, day: Any, fault: Fault | None) -> None:
        if (one := self._nth(number)) is None:
            return
        key = new_id()

        async def work() -> None:
            async with self.scene.database.transaction() as session:
                await ledger.reverse(session, key, one.key, "deposit_reversed", happened_on=day)

        possible = one.reverses is None and not any(other.reverses == one.key for other in self.posted.values())
        done = self._did(work, fault, self.available(one.code) >= one.amount or not possible)
        if not possible:
            _ended(done, "NotReversible")
        if done.act.commits:
            counts = open_day(day, self.scene.closed)
            late = None if counts == day else day
            self.posted[key] = Posted(key, one.code, -one.amount, counts, late, reverses=one.key)

    def available(self, code: str) -> int:
        """Return what of a deposit is not held."""
        aside = sum(one.amount for one in self.held.values() if one.code == code and one.state is HoldState.HELD)
        return self.balance(code) - aside

    def _close(self, month: str, fault: Fault | None) -> None:
        """One person requests the close of an open month; another agrees."""
        periods, (asker, second) = self.scene.periods, self.scene.closers
        closed = month in self.scene.closed
        if month not in self.asked:
            done = self._did(lambda: periods.ask(asker, month), fault)
            _ended(done, "PeriodClosed" if closed else "")
            if closed or not done.act.commits:
                return
            (row,) = self.scene.rows("SELECT id FROM ledger_closing WHERE month = $1", month)
            self.asked[month] = row["id"]
        done = self._did(lambda: periods.agree(second, self.asked[month]), fault)
        _ended(done, "")
        if done.act.commits:
            self.scene.closed.add(month)

    def _expire(self, fault: Fault | None) -> None:
        async def work() -> int:
            async with self.scene.database.transaction() as session:
                return await holds.expire(session, 1000)

        if self._did(work, fault).act.commits:
            for one in self.held.values():
                if one.over and one.state is HoldState.HELD:
                    one.state = HoldState.EXPIRED

    def _end(self, number: int, what: str, fault: Fault | None) -> None:
        """Spend a hold of a buyer, or give it up."""
        mine = [one for one in self.held.values() if one.code in self.codes]
        if not mine:
            return
        one = mine[number % len(mine)]
        if what == "give_up":
            self._void(one, fault)
        else:
            self._spend(one, fault)

    def _spend(self, one: Held, fault: Fault | None) -> None:
        key = f"{one.key}:spent"

        async def work() -> bool:
            async with self.scene.database.transaction() as session:
                return await holds.post(session, one.key, key, "deposit_spent", _moved(one.code, -one.amount))

        done, before = self._did(work, fault), one.state
        _ended(done, "" if before in (HoldState.HELD, HoldState.POSTED) else "HoldEnded")
        if done.act.commits and before is HoldState.HELD:
            one.state = HoldState.POSTED
            self.posted[key] = Posted(key, one.code, -one.amount, business_day(datetime.now(UTC)))

    def _void(self, one: Held, fault: Fault | None) -> None:
        async def work() -> bool:
            async with self.scene.database.transaction() as session:
                return await holds.void(session, one.key)

        done, before = self._did(work, fault), one.state
        _ended(done, "HoldEnded" if before is HoldState.POSTED else "")
        if done.act.commits and before is HoldState.HELD:
            one.state = HoldState.VOIDED

    def _did(self, work: Callable[[], Awaitable[Any]], fault: Fault | None, fits: bool = True) -> Done:
        """Do it; the database refuses it at its commit exactly where it does not fit."""
        self.touched = True
        done = self.scene.act(work, fault, LENGTH)
        if done.error is not None and done.kind not in FAILURES:
            require([f"an act failed without a word of ours: {done.error!r}"])
        if not done.act.broken and (done.kind == "IntegrityError") is fits:
            require([f"the database must {'take' if fits else 'refuse'} what it did not: {done.error!r}"])
        return done

    def _nth(self, number: int) -> Posted | None:
        found = list(self.posted.values())
        return found[number % len(found)] if found else None

    def _day(self, number: int) -> Any:
        """A day of one of the seed's months, or today."""
        return business_day(datetime.now(UTC)) if number == 0 else first_day(self.months[number % MONTHS_EACH])


def _ended(done: Done, kind: str) -> None:
    if not done.act.broken and done.kind != kind:
        require([f"an act must end with {kind or 'nothing'}: {done.error!r}"])


def _moved(code: str, amount: int) -> Postings:
    return (Posting(account_of("suspense:bank"), Money(amount)), Posting(account_of(code), Money(-amount)))
