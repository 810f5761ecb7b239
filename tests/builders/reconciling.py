"""A finance desk that reconciles: cash that our books paid, bills that say the same or something else, and their import."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Protocol

from sqlalchemy import select

from database.repositories import ledger
from database.repositories.expectations import all_from_books
from database.session import Database
from database.tables.columns import now
from database.tables.finance.rails import BankBatchRow, BankLineRow
from database.tables.finance.statements import BreakRow, ExpectationRow, StatementLineRow, StatementRow
from domain.finance.breaks import BreakState
from domain.finance.chart import account
from domain.finance.ledger import Posting, Postings
from domain.finance.payout import PayoutOutcome
from domain.finance.statements import StatementSource
from domain.identifiers import new_id
from domain.money import Money
from domain.places import BUSINESS_ZONE, business_day
from domain.sealing import KeyRing
from gateways.statements.bank import BANKS
from services.finance.break_work import open_work
from services.finance.breaks import Breaks
from services.finance.matching import Matching
from services.finance.statement_import import StatementImport
from services.finance.statements import Statements
from services.work.desk import Desk
from services.work.leases import Leases
from simulators.bills import Movement, alipay_zip, bank_format, bank_statement, wechat_fund_bill

ALIPAY, WECHAT, BANK = StatementSource.ALIPAY, StatementSource.WECHAT, StatementSource.BANK


class Office(Protocol):
    """The base of the desk: a database and the keys."""

    @property
    def database(self) -> Database:
        """The rows."""
        ...

    @property
    def keyring(self) -> KeyRing:
        """The keys."""
        ...


@dataclass
class FinanceDesk:
    """Acts of the desk on a clock that is days ahead, so that today's bill can be there."""

    world: Office
    ahead: timedelta = timedelta(days=3)
    banks: Path = BANKS  # The folder of the formats of banks.
    today: date = field(default_factory=lambda: business_day(now()))

    def clock(self) -> datetime:
        """The moment of the desk."""
        return now() + self.ahead

    @property
    def statements(self) -> Statements:
        """Files as they come."""
        return Statements(self.world.database, self.world.keyring, self.clock)

    @property
    def breaks(self) -> Breaks:
        """Decisions on breaks."""
        return Breaks(self.world.database, self.clock)

    @property
    def matching(self) -> Matching:
        """Matching by machine."""
        return Matching(self.world.database, self.clock)

    async def paid(self, amount_minor: int, source: StatementSource = WECHAT, key: str = "") -> str:
        """Post that so many fen left; return the order's key."""
        key = key or f"card-{new_id()}-payout-1"
        amount = Money(amount_minor)
        postings: Postings = (Posting(account("in_flight", source.value), amount), Posting(source.own, -amount))
        async with self.world.database.transaction() as session:
            await ledger.post(session, f"{key}:settled", None, "payout_paid", postings)
        return key

    async def batch(self, *amounts: int) -> tuple[str, list[str]]:
        """Make a bank's batch whose transfers our books have paid, as the file of results settles them; its number and the orders' keys."""
        keys = [await self.paid(amount, BANK) for amount in amounts]
        batch = BankBatchRow(
            id=new_id(), number=f"CL20261129-{new_id()}", bank="harbour", day=self.today, lines=len(keys), sum_minor=sum(amounts),
            proposed_by="someone",
        )  # fmt: skip
        async with self.world.database.transaction() as session:
            session.add(batch)
            await session.flush()
            session.add_all(
                BankLineRow(key=key, amount_minor=amount, batch_id=batch.id, number=place, outcome=PayoutOutcome.PAID)
                for place, (key, amount) in enumerate(zip(keys, amounts, strict=True), 1)
            )
        return batch.number, keys

    def moved(self, key: str, amount_minor: int, *, kind: str = "转账", day: date | None = None) -> Movement:
        """Make a movement at noon of a day, today unless given."""
        at = datetime.combine(day or self.today, time(12), BUSINESS_ZONE).astimezone(UTC)
        return Movement(at, new_id(), key, amount_minor, kind)

    def bill(
        self,
        movements: Sequence[Movement],
        source: StatementSource = WECHAT,
        *,
        day: date | None = None,
        opening: int = 0,
    ) -> bytes:
        """Make the file of a day as the source makes it."""
        if source is ALIPAY:
            return alipay_zip(day or self.today, movements, opening)
        if source is BANK:
            return bank_statement(bank_format("harbour"), "6225880100001234567", day or self.today, movements, opening)
        return wechat_fund_bill(movements, opening)

    async def brought(self, content: bytes, *, day: date | None = None, name: str = "bill.csv") -> StatementRow:
        """Keep a file and import it; nothing is matched yet."""
        source = io.BytesIO(content)

        async def read(size: int) -> bytes:
            return source.read(size)

        found = await self.statements.keep("machine:test", name, read, day)
        row = await StatementImport(self.world.database, self.world.keyring, self.clock, self.banks).run(
            found.statement_id
        )
        assert row is not None
        return row

    async def imported(self, content: bytes, *, day: date | None = None) -> StatementRow:
        """Import a file and find its breaks."""
        row = await self.brought(content, day=day)
        await self.matching.judge(row.id)
        return row

    async def reconciled(self, movements: Sequence[Movement], source: StatementSource = WECHAT) -> StatementRow:
        """Import a bill of today with these movements, and an empty one of every day after that makes today complete."""
        row = await self.imported(self.bill(movements, source), day=self.today)
        for after in range(1, 3):
            later = self.today + timedelta(days=after)
            if later < business_day(self.clock()):
                await self.imported(self.bill([], source, day=later) + b"\r\n" * after, day=later)
        return row

    async def lines(self, statement: StatementRow) -> list[StatementLineRow]:
        """The lines of a statement in its order."""
        found = select(StatementLineRow).where(StatementLineRow.statement_id == statement.id)
        async with self.world.database.transaction() as session:
            return list((await session.execute(found.order_by(StatementLineRow.number))).scalars())

    async def breaks_of(self, statement: StatementRow) -> list[BreakRow]:
        """The open breaks of a statement's lines, in the order of the lines."""
        found = (
            select(BreakRow)
            .join(StatementLineRow, StatementLineRow.id == BreakRow.line_id)
            .where(StatementLineRow.statement_id == statement.id, BreakRow.state != BreakState.CLOSED)
        )
        async with self.world.database.transaction() as session:
            return list((await session.execute(found.order_by(StatementLineRow.number))).scalars())

    async def break_of_key(self, key: str) -> list[BreakRow]:
        """The open breaks of what our books paid under a key and no line shows."""
        found = (
            select(BreakRow)
            .join(ExpectationRow, ExpectationRow.entry_id == BreakRow.entry_id)
            .where(ExpectationRow.key == key, BreakRow.line_id.is_(None), BreakRow.state != BreakState.CLOSED)
        )
        async with self.world.database.transaction() as session:
            return list((await session.execute(found.order_by(BreakRow.id))).scalars())

    async def again(self, row: BreakRow) -> BreakRow:
        """The break as it is now."""
        async with self.world.database.transaction() as session:
            return await session.get_one(BreakRow, row.id)

    async def taken(self, person: str, row: BreakRow) -> BreakRow:
        """Let a person take the break's work."""
        async with self.world.database.transaction() as session:
            while await open_work(session, now(), 500):
                pass
        row = await self.again(row)
        assert row.task_id is not None
        await Leases(Desk(self.world.database, self.world.keyring, self.clock)).take(person, row.task_id)
        return row

    async def balance(self, code: str) -> int:
        """Return the balance of an account, in minor units."""
        async with self.world.database.transaction() as session:
            return (await ledger.balance(session, code)).amount_minor

    async def entry(self, key: str) -> int:
        """The number of the expectation of an order."""
        async with self.world.database.transaction() as session:
            await all_from_books(session, WECHAT)
            found = select(ExpectationRow.entry_id).where(ExpectationRow.key == key)
            return (await session.execute(found)).scalar_one()
