"""Batches for a bank: one person gathers what waits, another lets it out, its file is taken to the bank, the answer read in.

Nothing is sent here. Once a file may have been taken every order in it may be paid: its lines never go into another batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance.routing import is_off
from database.repositories.audit import by_person
from database.repositories.orders import order, the_order
from database.session import Database
from database.tables.finance.payout import PayoutRow
from database.tables.finance.rails import BankBatchRow, BankFileRow, BankLineRow
from domain.errors.finance import BankFileRefused, BanksOff, BatchChanged, NothingWaits
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.work import OwnWork
from domain.finance.banks import LET_OUT, BatchState, bank_account
from domain.finance.payout import RETURNED, Heard, PayoutOutcome
from domain.finance.rails import Rail
from domain.identifiers import new_id, short
from domain.money import Currency, Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.review.four_eyes import apart
from domain.sealing import KeyRing
from gateways.banks.files import FileRefused, OrderLine, ResultLine, order_file, read_results
from gateways.banks.formats import BankFormat
from services.finance import bank_lines, contradictions
from services.finance.bank_lines import hold_batches, waiting
from services.finance.order_kinds import kind_of
from services.finance.returned import claimed
from services.finance.second_person import Proposal, notify_declined
from services.people.acting import handled_by, standing
from services.people.permissions import require


@dataclass(frozen=True)
class TakenIn:
    """What a file of results said: how many lines were news, and the cards to be woken with their orders' keys."""

    batch_id: str
    lines: int
    news: int
    missing: int
    cards: tuple[tuple[str, str], ...]


class BankBatches:
    """Batches in `formats`, by the bank's name."""

    def __init__(
        self,
        database: Database,
        keyring: KeyRing,
        formats: Mapping[str, BankFormat],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._keyring = keyring
        self.formats = formats
        self._now = now

    async def propose(self, person: str, bank: str) -> str:
        """Gather every order that waits into one batch, the one that waits longest first; return the batch's id.

        Refuses NotAllowed, FieldInvalid (`bank`), and NothingWaits.
        """
        if bank not in self.formats:
            raise FieldInvalid(field="bank", why="unknown")
        async with self._database.transaction() as session:
            await require(session, person, Permission.LET_OUT_BATCHES)
            await hold_batches(session)  # One after the other: numbers, and no order twice.
            lines = await waiting(session)
            if not lines:
                raise NothingWaits()
            day = business_day(self._now())
            made = await session.scalar(select(func.count()).select_from(BankBatchRow).where(BankBatchRow.day == day))
            circle = (await standing(session, person, self._now())).circle
            batch = BankBatchRow(
                id=new_id(), number=f"CL{day:%Y%m%d}-{(made or 0) + 1}", bank=bank, day=day, lines=len(lines),
                sum_minor=sum(line.amount_minor for line in lines), proposed_by=person, proposers=sorted(circle),
                proposed_at=self._now(),
            )  # fmt: skip
            session.add(batch)
            await session.flush()
            for number, line in enumerate(lines, 1):
                line.batch_id, line.number = batch.id, number
            session.add(by_person(person, "console:batch:propose", batch.number, facts=_facts(batch)))
            return batch.id

    async def approve(self, person: str, batch_id: str) -> None:
        """Let a batch out as the second person; approved already, nothing changes.

        Orders whose outcome became known meanwhile leave it; one of which nothing is left is dropped.
        Refuses NotAllowed, NotFound, BanksOff while banks are switched off, BatchChanged when it was dropped, and OwnWork to who proposed it or counts as one with them.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.LET_OUT_BATCHES)
            batch = await _locked(session, batch_id)
            await _require_on(session)
            if batch.state in LET_OUT and batch.checked_by == person:
                return
            if batch.state is not BatchState.PROPOSED:
                raise BatchChanged(state=batch.state.value)
            proposers = frozenset(batch.proposers)
            circle = (await standing(session, person, self._now())).circle
            if not apart(proposers, circle, await handled_by(session, proposers | circle, self._now())):
                raise OwnWork()
            left_out = await bank_lines.without_settled(session, batch, self._now())
            if batch.state is BatchState.PROPOSED:
                batch.state, batch.checked_by, batch.checked_at = BatchState.APPROVED, person, self._now()
            act = "approve" if batch.state is BatchState.APPROVED else "drop"
            facts = _facts(batch) | {"left_out": str(left_out)}
            session.add(by_person(person, f"console:batch:{act}", batch.number, facts=facts))

    async def drop(self, person: str, batch_id: str) -> None:
        """Drop a batch that was not let out: its orders wait for another. Refuses NotAllowed, NotFound, BatchChanged."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.LET_OUT_BATCHES)
            batch = await _locked(session, batch_id)
            if batch.state is BatchState.DROPPED:
                return
            if batch.state is not BatchState.PROPOSED:
                raise BatchChanged(state=batch.state.value)
            batch.state, batch.finished_at = BatchState.DROPPED, self._now()
            freed = update(BankLineRow).where(BankLineRow.batch_id == batch.id).values(batch_id=None, number=None)
            await session.execute(freed.execution_options(synchronize_session=False))
            session.add(by_person(person, "console:batch:drop", batch.number, facts=_facts(batch)))
            await notify_declined(session, batch.proposed_by, person, Proposal.BATCH, f"/bank-batches/{batch.id}")

    async def file(self, person: str, batch_id: str) -> tuple[str, bytes]:
        """Return the name and bytes of an approved batch's file; the same bytes each time it is taken.

        Orders whose outcome became known since its approval leave it before the file is first taken.
        Refuses NotAllowed, NotFound, BatchChanged before its approval or where nothing was left, BanksOff, and BankFileRefused
        where it cannot be written.
        """
        await self._settled_left(person, batch_id)  # Kept, though nothing should be left to write.
        async with self._database.transaction() as session:
            await require(session, person, Permission.LET_OUT_BATCHES)
            batch = await _locked(session, batch_id)
            if batch.state not in LET_OUT:
                raise BatchChanged(state=batch.state.value)
            if batch.state is BatchState.APPROVED:
                await _require_on(session)
                await bank_lines.without_settled(session, batch, self._now())
            form = self._form(batch)
            try:
                content = order_file(form, batch.number, batch.day, await self._order_lines(session, batch))
            except FileRefused as refused:
                raise BankFileRefused(why=refused.why, line=refused.line) from None
            digest = hashlib.sha256(content).hexdigest()
            if batch.sha256 not in (
                None,
                digest,
            ):  # The format was changed meanwhile: two files of one batch may both be paid.
                raise BankFileRefused(why="changed", line=0)
            if batch.state is BatchState.APPROVED:
                batch.state, batch.sha256, batch.taken_by, batch.taken_at = (
                    BatchState.TAKEN,
                    digest,
                    person,
                    self._now(),
                )
            session.add(by_person(person, "console:batch:take", batch.number, facts={"sha256": digest}))
            return f"{batch.number}-{batch.bank}.txt", content

    async def _settled_left(self, person: str, batch_id: str) -> None:
        async with self._database.transaction() as session:
            await require(session, person, Permission.LET_OUT_BATCHES)
            batch = await _locked(session, batch_id)
            if batch.state is BatchState.APPROVED:
                left_out = await bank_lines.without_settled(session, batch, self._now())
                if left_out:
                    facts = _facts(batch) | {"left_out": str(left_out)}
                    session.add(by_person(person, "console:batch:leave_out", batch.number, facts=facts))

    async def take_in(self, person: str, batch_id: str, content: bytes) -> TakenIn:
        """Read the bank's file for a batch, all of it or nothing; the same file again changes nothing.

        A transfer that the file leaves out stays as it is. Refuses NotAllowed, NotFound, BatchChanged before the file was
        taken, and BankFileRefused with why and the line: what cannot be read, another batch's, an order that is not in
        the batch, another amount, or another end than the bank had said before.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.LET_OUT_BATCHES)
            batch = await _locked(session, batch_id)
            if batch.state not in (BatchState.TAKEN, BatchState.FINISHED):
                raise BatchChanged(state=batch.state.value)
            try:
                results = read_results(self._form(batch), batch.number, content)
            except FileRefused as refused:
                raise BankFileRefused(why=refused.why, line=refused.line) from None
            lines = {line.key: line for line in await bank_lines.of_batch(session, batch.id)}
            news = [one for one in results if _is_news(lines, one)]
            cards = [await self._apply(session, lines[one.key], one) for one in news]
            await session.flush()
            digest = hashlib.sha256(content).hexdigest()
            if await session.get(BankFileRow, digest) is None:
                session.add(BankFileRow(sha256=digest, batch_id=batch.id, taken_in_by=person, lines=len(results)))
            missing = sum(line.outcome is None for line in lines.values())
            if not missing and batch.state is BatchState.TAKEN:
                batch.state, batch.finished_at = BatchState.FINISHED, self._now()
            facts = {"sha256": digest, "lines": str(len(results)), "news": str(len(news)), "missing": str(missing)}
            session.add(by_person(person, "console:batch:results", batch.number, facts=facts))
        return TakenIn(batch_id, len(results), len(news), missing, tuple(found for found in cards if found is not None))

    async def _apply(self, session: AsyncSession, line: BankLineRow, said: ResultLine) -> tuple[str, str] | None:
        """Keep the bank's word; the order's own journey asks for it. Money that came back is asked about by its own loop.

        A word against an outcome that is certain by now moves nothing, and a person is asked to look.
        """
        row = await order(session, line.key)
        paid = PayoutOutcome.PAID in (line.outcome, None if row is None else row.answered)
        came_back = said.returned and paid
        line.outcome, line.said_at = said.outcome, self._now()
        line.said = RETURNED if said.returned else None if said.outcome is PayoutOutcome.PAID else _word(said)
        line.reference = said.reference or line.reference
        if came_back:
            await claimed(session, line.key, Money(line.amount_minor, line.currency), self._now())
        elif row is not None and contradictions.contradicts(row, said.outcome, line.said):
            await contradictions.keep(session, row, said.outcome, Heard.BANK_FILE, self._now())
        return (row.card_id, line.key) if isinstance(row, PayoutRow) and not came_back else None

    async def _order_lines(self, session: AsyncSession, batch: BankBatchRow) -> list[OrderLine]:
        return [await self._order_line(session, line) for line in await bank_lines.of_batch(session, batch.id)]

    async def _order_line(self, session: AsyncSession, line: BankLineRow) -> OrderLine:
        row = await the_order(session, line.key)
        order = await kind_of(row).opened(session, self._keyring, row)
        try:
            number, bank = bank_account(order.payee_account)
        except ValueError:
            raise BankFileRefused(why="payee", line=line.number or 0) from None
        return OrderLine(line.number or 0, line.key, order.amount, number, order.payee_name, bank, order.title)

    def _form(self, batch: BankBatchRow) -> BankFormat:
        if (form := self.formats.get(batch.bank)) is None:
            raise FieldInvalid(field="bank", why="unknown")
        return form


def _is_news(lines: Mapping[str, BankLineRow], said: ResultLine) -> bool:
    """Whether the bank says more of an order than it had; refuses what contradicts its earlier word or is not in the batch."""
    line = lines.get(said.key)
    if line is None:
        raise BankFileRefused(why="not_in_batch", line=said.at_line)
    if Money(line.amount_minor, line.currency) != said.amount:
        raise BankFileRefused(why="amount", line=said.at_line)
    if line.outcome is None:
        return True
    was_returned = line.said == RETURNED
    if line.outcome is PayoutOutcome.PAID and said.returned:
        return True
    if (line.outcome, was_returned) != (said.outcome, said.returned):
        raise BankFileRefused(why="contradicts", line=said.at_line)
    return False


def _word(said: ResultLine) -> str:
    return said.word if said.fault is None else said.fault.value


def _facts(batch: BankBatchRow) -> dict[str, str]:
    total = Money(batch.sum_minor, Currency.CNY)
    return {"bank": batch.bank, "lines": str(batch.lines), "sum": str(total), "batch": short(batch.id)}


async def _require_on(session: AsyncSession) -> None:
    """Refuse BanksOff while banks are switched off: nothing new is sent in a file either."""
    if await is_off(session, Rail.BANK):
        raise BanksOff()


async def _locked(session: AsyncSession, batch_id: str) -> BankBatchRow:
    await hold_batches(session)
    found = await session.get(BankBatchRow, batch_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise NotFound(batch=batch_id[:26])
    return found
