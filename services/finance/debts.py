"""Debts of buyers and counterparties that will not be paid: written off by two people, with a reason and a document."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance import debts as reads
from database.repositories import ledger
from database.repositories.audit import by_person
from database.session import Database
from database.tables.finance.debts import DebtWriteOffRow
from domain.errors.finance import MoreThanOwed
from domain.errors.general import FieldInvalid, IdempotencyKeyReused, NotFound
from domain.errors.sales import PositionMoved, WriteOffOver
from domain.finance.chart import Account, account_of
from domain.finance.fx import share_of
from domain.finance.postings.debts import WRITTEN_OFF, written_off
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.people.acting import ActingReviewer
from domain.people.roles import Permission
from domain.places import business_day
from domain.policies.schema import MINOR_MAX
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.finance import writing_off
from services.finance.available import available
from services.finance.positions import hold_position, position
from services.finance.proof_files import ProofFile, kept_of
from services.finance.rail_switches import required_reason
from services.finance.second_person import stranger
from services.people.permissions import require
from services.work.secret_scan import require_no_number

PAGE = "/sales/debts"
DEBTS = frozenset({"buyer_receivable", "partner_receivable"})


@dataclass(frozen=True)
class WriteOff:
    """What is to be given up: of which account (`buyer_receivable:buyer:<code>`, `partner_receivable:<owner>`), how much, why, and the document."""

    account: str
    amount: Money
    reason: str
    evidence: ProofFile | None = field(default=None, repr=False)


class Debts:
    """Write-offs with their second persons. `person` is a person's id, of finance."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def ask(self, person: str, key: str, said: WriteOff, store: PhotoStore) -> str:
        """Ask to write so much of a debt off, once per key; return the request's id. Nothing is posted yet.

        Refuses NotAllowed, FieldInvalid (`account`, `amount`, `reason`, `evidence`), what files are refused for, SecretInWords,
        MoreThanOwed, IdempotencyKeyReused for a key that stands for another request, and OwnWork to people on the debtor's side.
        """
        reason = required_reason(said.reason)
        require_no_number(reason)
        debt = _debt(said.account)
        if not 0 < said.amount.amount_minor <= MINOR_MAX:
            raise FieldInvalid(field="amount", why="out_of_range")
        proof = await kept_of(self._database, person, Permission.WRITE_OFF, store, said.evidence)
        async with self._database.transaction() as session:
            known = select(DebtWriteOffRow).where(DebtWriteOffRow.key == key)
            if (row := (await session.execute(known)).scalar_one_or_none()) is not None:
                return _same(row, debt, said.amount)
            await _require_owed(session, debt, said.amount)
            who = await self._stranger(session, person, debt)
            row = DebtWriteOffRow(
                id=new_id(), key=key, account=debt.code, amount_minor=said.amount.amount_minor, currency=said.amount.currency,
                evidence_name=proof.name, evidence_type=proof.media_type, evidence_sha256=proof.sha256,
            )  # fmt: skip
            writing_off.ask(row, who, reason, self._now())
            session.add(row)
            try:
                await session.flush()
            except IntegrityError:
                raise IdempotencyKeyReused() from None
            session.add(by_person(person, "console:debt:ask_write_off", row.id, reason=reason, facts=_facts(row)))
        return row.id

    async def write_off(self, person: str, write_off_id: str) -> None:
        """Agree as the second person: so much is our loss. Agreed to already by them, nothing changes.

        Refuses NotAllowed, NotFound, WriteOffOver, MoreThanOwed where less is owed by now, PositionMoved for foreign money that
        has no position, and OwnWork.
        """
        async with self._database.transaction() as session:
            await require(session, person, Permission.WRITE_OFF)
            row = await reads.write_off(session, write_off_id)
            await hold_position(session, row.currency)
            row = await _locked(session, row.id)
            if row.ended_at is not None and row.ended_by == person:
                return
            _require_waiting(row)
            debt, now = account_of(row.account), self._now()
            who = await self._stranger(session, person, debt)
            await writing_off.agree(session, row, who, now)
            await _require_owed(session, debt, row.amount)
            value = await _booked_at(session, row.amount)
            row.value_minor = value.amount_minor
            lines, cause = written_off(debt, row.amount, value), f"debt_write_off:{row.id}"
            await ledger.post(session, cause, None, WRITTEN_OFF, lines, happened_on=business_day(now), cause=cause)
            session.add(by_person(person, "console:debt:written_off", row.id, facts=_facts(row)))

    async def keep(self, person: str, write_off_id: str) -> None:
        """Keep the debt, as a second person or as who asked. Refuses NotAllowed, NotFound and WriteOffOver."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.WRITE_OFF)
            row = await _locked(session, write_off_id)
            _require_waiting(row)
            await writing_off.keep(session, row, person, PAGE)
            row.declined_by, row.declined_at = person, self._now()
            session.add(by_person(person, "console:debt:keep", row.id, facts=_facts(row)))

    async def _stranger(self, session: AsyncSession, person: str, debt: Account) -> ActingReviewer:
        owner = debt.code.partition(":")[2]
        return await stranger(session, self._keyring, person, owner, None, self._now())


def _debt(code: str) -> Account:
    """The account of a debt that can be written off. Refuse FieldInvalid (`account`)."""
    try:
        found = account_of(code[:120])
    except (KeyError, ValueError):
        raise FieldInvalid(field="account", why="not_a_choice") from None
    if found.of.code not in DEBTS:
        raise FieldInvalid(field="account", why="not_a_choice")
    return found


async def _require_owed(session: AsyncSession, debt: Account, amount: Money) -> None:
    """Refuse MoreThanOwed; the account is locked until the transaction ends."""
    if (owed := await available(session, debt, amount.currency)) < amount:
        raise MoreThanOwed(owed=str(owed), amount=str(amount))


async def _booked_at(session: AsyncSession, amount: Money) -> Money:
    """What the money is booked at, in CNY. Refuse PositionMoved where nothing of its currency is to come in."""
    if amount.currency is Currency.CNY:
        return amount
    open_, booked = await position(session, amount.currency)
    if open_.amount_minor <= 0 or booked.amount_minor <= 0:
        raise PositionMoved(open=str(open_), booked=str(booked))
    return share_of(booked, amount.amount_minor, open_.amount_minor)


async def _locked(session: AsyncSession, write_off_id: str) -> DebtWriteOffRow:
    row = await session.get(DebtWriteOffRow, write_off_id[:26], with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(write_off=write_off_id[:26])
    return row


def _require_waiting(row: DebtWriteOffRow) -> None:
    if row.ended_at is not None or row.declined_at is not None:
        raise WriteOffOver()


def _same(row: DebtWriteOffRow, debt: Account, amount: Money) -> str:
    """The id of the request that this key stands for. Refuse IdempotencyKeyReused when it is another one."""
    if (row.account, row.amount) != (debt.code, amount):
        raise IdempotencyKeyReused()
    return row.id


def _facts(row: DebtWriteOffRow) -> dict[str, str]:
    return {"account": row.account, "amount": str(row.amount), "proof": row.evidence_sha256}
