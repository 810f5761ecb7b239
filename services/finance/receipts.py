"""Money that arrived: of buyers, for what they owe or in advance, of partners who pay back, and our part of brokered sales.

Foreign money that was exchanged leaves a realised difference.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from database.locks import AdvisoryLock, acquire_for
from database.once import insert_once
from database.reads.finance.debts import lost_of
from database.repositories import ledger
from database.repositories.audit import by_person
from database.repositories.matching import BACKDATED_DAYS
from database.session import Database
from database.tables.finance.debts import DebtRecoveryRow
from database.tables.finance.sales import BuyerReceiptRow
from domain.errors.base import Refusal
from domain.errors.finance import MoreThanOwed
from domain.errors.general import FieldInvalid, IdempotencyKeyReused
from domain.errors.sales import BuyerOwesLess, ForeignMoneyLess, ProviderOwedLess, ReferenceTaken, SplitAccountLess
from domain.finance.chart import Account
from domain.finance.fx import realised, share_of
from domain.finance.ledger import Postings, cash
from domain.finance.postings import fx
from domain.finance.postings import sales as postings
from domain.finance.postings.debts import together
from domain.finance.rails import Rail
from domain.finance.sales import ReceiptFor, buyer_of
from domain.finance.settlement import OWNER
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.policies.schema import MINOR_MAX
from services.finance.available import available
from services.finance.positions import hold_position, position, require_movable
from services.finance.recoveries import recover
from services.finance.references import provider_reference
from services.finance.second_person import Proposal
from services.finance.split_money import held_for_us
from services.finance.taking_back import Kind, Posted
from services.people.permissions import require

REFERENCE_MAX = 64


@dataclass(frozen=True)
class ReceiptAsked:
    """A payment of a buyer, a partner, or of a licensed provider out of a split account. `owed` is what it counts for; `arrived` what came, in the same currency or exchanged into CNY.

    Of our part of brokered sales less may arrive than it counts for: the provider keeps the rest for what it is owed back.
    """

    buyer: str  # The buyer's code, the provider's, or the owner of a partner's accounts.
    rail: Rail
    owed: Money
    arrived: Money
    reference: str
    received_on: date
    received_for: ReceiptFor = ReceiptFor.RECEIVABLE


class Receipts:
    """Records payments that arrived. `person` is a person's id, of finance."""

    def __init__(self, database: Database, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._database = database
        self._now = now

    async def record(self, person: str, key: str, asked: ReceiptAsked) -> str:
        """Record a payment once per key and return its id.

        Refuse NotAllowed, FieldInvalid (`buyer`, `amount`, `arrived`, `reference`, `received_on`), BuyerOwesLess (of a partner
        MoreThanOwed) for more than they owe and was written off, SplitAccountLess for more than is ours of a split account, ProviderOwedLess where the provider keeps more than it is
        owed, ReferenceTaken for a payment of the rail that was recorded before, and IdempotencyKeyReused for a key that stands for
        another payment.
        """
        asked = replace(asked, reference=provider_reference(asked.reference, REFERENCE_MAX))
        _require_sense(asked, business_day(self._now()))
        async with self._database.transaction() as session:
            await require(session, person, Permission.RECORD_SALES)
            known = (
                await session.execute(select(BuyerReceiptRow).where(BuyerReceiptRow.key == key))
            ).scalar_one_or_none()
            if known is not None:
                return _same(known, asked)
            await _require_unrecorded(session, asked)
            receipt_id = new_id()
            cause = f"receipt:{receipt_id}"
            posted, difference = await self._posted(session, asked, cause)
            row = BuyerReceiptRow(
                id=receipt_id, key=key, buyer=_payer(asked), received_for=asked.received_for, rail=asked.rail,
                owed_minor=asked.owed.amount_minor, currency=asked.owed.currency, arrived_minor=asked.arrived.amount_minor,
                arrived_currency=asked.arrived.currency, difference_minor=difference.amount_minor, reference=asked.reference,
                received_on=asked.received_on, recorded_by=f"person:{person}", recorded_at=self._now(),
            )  # fmt: skip
            if not await insert_once(session, row, "key"):
                raise IdempotencyKeyReused()
            await ledger.post(session, cause, None, "received", posted, happened_on=asked.received_on, cause=cause)
            session.add(by_person(person, "console:receipt:record", row.id, facts=_facts(row)))
        return row.id

    async def _posted(self, session: AsyncSession, asked: ReceiptAsked, key: str) -> tuple[Postings, Money]:
        """The postings of this key and the realised difference (CNY, a gain is positive)."""
        nothing = Money(0)
        if asked.received_for is ReceiptFor.COMMISSION:
            ours = (await held_for_us(session, asked.buyer)).ours
            if ours < asked.owed:
                raise SplitAccountLess(there=str(ours))
            owes = await available(session, postings.provider_payable(asked.buyer))
            if owes < asked.owed - asked.arrived:
                raise ProviderOwedLess(there=str(owes))
            return postings.commission_received(asked.rail, asked.buyer, asked.owed, asked.arrived), nothing
        if asked.received_for is ReceiptFor.DEPOSIT:
            return postings.received(asked.rail, asked.arrived, postings.buyer_deposit(buyer_of(asked.buyer))), nothing
        return await self._of_debt(session, asked, key)

    async def _of_debt(self, session: AsyncSession, asked: ReceiptAsked, key: str) -> tuple[Postings, Money]:
        """The same of what is owed; what goes beyond that makes good what was written off, as far as that reaches."""
        payer, exchanged = _debt(asked), asked.arrived.currency is not asked.owed.currency
        await hold_position(session, asked.owed.currency)
        owes = await available(session, payer, asked.owed.currency)
        lost = await lost_of(session, payer, asked.owed.currency)
        if owes + lost.amount < asked.owed:
            raise _owes_less(asked, owes + lost.amount)
        late = asked.owed - min(owes, asked.owed)
        restored = await recover(session, payer, lost, late, key)
        if not exchanged:
            return together(restored, postings.received(asked.rail, asked.arrived, payer)), Money(0)
        open_, booked = await position(session, asked.owed.currency)
        value = share_of(lost.value, late.amount_minor, lost.amount.amount_minor) if late.amount_minor else Money(0)
        difference = realised(open_ + late, booked + value, -asked.owed, -asked.arrived)
        moved = postings.received_exchanged(asked.rail, asked.arrived, asked.owed, payer)
        return together(restored, moved, fx.difference(difference)), difference


def _debt(asked: ReceiptAsked) -> Account:
    """The account of what the payer owes."""
    if asked.received_for is ReceiptFor.PARTNER:
        return postings.partner_receivable(asked.buyer)
    return postings.buyer_receivable(buyer_of(asked.buyer))


def _owes_less(asked: ReceiptAsked, owed: Money) -> Refusal:
    if asked.received_for is ReceiptFor.PARTNER:
        return MoreThanOwed(owed=str(owed), amount=str(asked.owed))
    return BuyerOwesLess(there=str(owed))


def _require_sense(asked: ReceiptAsked, today: date) -> None:
    if asked.received_for is ReceiptFor.PARTNER:
        if not OWNER.fullmatch(asked.buyer):
            raise FieldInvalid(field="buyer", why="not_a_code")
    else:
        try:
            buyer_of(asked.buyer)
        except ValueError:
            raise FieldInvalid(field="buyer", why="not_a_code") from None
    commission = asked.received_for is ReceiptFor.COMMISSION
    for name, amount, least in (("amount", asked.owed, 1), ("arrived", asked.arrived, 0 if commission else 1)):
        if not least <= amount.amount_minor <= MINOR_MAX:
            raise FieldInvalid(field=name, why="out_of_range")
    if asked.arrived.currency not in (asked.owed.currency, Currency.CNY):
        raise FieldInvalid(field="arrived", why="out_of_range")
    same = asked.arrived.currency is asked.owed.currency
    if commission and asked.owed.currency is not Currency.CNY:
        raise FieldInvalid(field="amount", why="out_of_range")  # It is exchanged on the split account first.
    if commission and asked.arrived > asked.owed:
        raise FieldInvalid(field="arrived", why="out_of_range")
    exchangeable = asked.received_for in (ReceiptFor.RECEIVABLE, ReceiptFor.PARTNER)
    if not commission and (same or not exchangeable) and asked.arrived != asked.owed:
        raise FieldInvalid(field="arrived", why="out_of_range")
    if not today - timedelta(days=BACKDATED_DAYS) <= asked.received_on <= today:
        raise FieldInvalid(field="received_on", why="out_of_range")


def _payer(asked: ReceiptAsked) -> str:
    """The owner of the account that the payment is taken from."""
    whole = (ReceiptFor.COMMISSION, ReceiptFor.PARTNER)
    return asked.buyer if asked.received_for in whole else buyer_of(asked.buyer)


def _same(row: BuyerReceiptRow, asked: ReceiptAsked) -> str:
    given = (
        _payer(asked), asked.owed, asked.arrived, asked.rail, asked.reference, asked.received_on, asked.received_for,
    )  # fmt: skip
    known = (
        row.buyer, Money(row.owed_minor, row.currency), Money(row.arrived_minor, row.arrived_currency), row.rail, row.reference,
        row.received_on, row.received_for,
    )  # fmt: skip
    if given != known:
        raise IdempotencyKeyReused()
    return row.id


async def _require_unrecorded(session: AsyncSession, asked: ReceiptAsked) -> None:
    """Refuse ReferenceTaken for a payment of the rail that was recorded before and not reversed; another call that records it at the same time waits."""
    await acquire_for(session, AdvisoryLock.RECEIPTS, f"{asked.rail}:{asked.reference}")
    same = exists().where(
        BuyerReceiptRow.rail == asked.rail, BuyerReceiptRow.reference == asked.reference,
        BuyerReceiptRow.reversed_at.is_(None),
    )  # fmt: skip
    if (await session.execute(select(same))).scalar_one():
        raise ReferenceTaken()


async def _require_unused(session: AsyncSession, row: BuyerReceiptRow) -> None:
    """Refuse to take back what was used since: BuyerOwesLess of a deposit, ForeignMoneyLess, PositionMoved."""
    owed, arrived = Money(row.owed_minor, row.currency), Money(row.arrived_minor, row.arrived_currency)
    moved, value = await _left_position(session, row, owed, arrived)
    if moved.amount_minor or value.amount_minor:
        await require_movable(session, moved, value)
    if arrived.currency is not Currency.CNY:
        there = await ledger.balance(session, cash(row.rail).code, arrived.currency)
        if there < arrived:
            raise ForeignMoneyLess(there=str(there))
    if row.received_for is ReceiptFor.DEPOSIT:
        left = await available(session, postings.buyer_deposit(row.buyer), owed.currency)
        if left < owed:
            raise BuyerOwesLess(there=str(left))


async def _left_position(
    session: AsyncSession, row: BuyerReceiptRow, owed: Money, arrived: Money
) -> tuple[Money, Money]:
    """What the payment took out of the position of its currency, and at which value (CNY); what it recovered had come to it before."""
    moved, value = Money(0, owed.currency), Money(0)
    if owed.currency is Currency.CNY:
        return moved, value
    if arrived.currency is not owed.currency:
        moved, value = owed, arrived - Money(row.difference_minor)
    if (late := await session.get(DebtRecoveryRow, f"receipt:{row.id}")) is not None:
        moved, value = moved - Money(late.amount_minor, late.currency), value - Money(late.value_minor)
    return moved, value


def _facts(row: BuyerReceiptRow) -> dict[str, str]:
    return {
        "buyer": row.buyer, "amount": str(Money(row.owed_minor, row.currency)),
        "arrived": str(Money(row.arrived_minor, row.arrived_currency)), "rail": row.rail.value,
    }  # fmt: skip


# How two people take such a payment back.
RECEIPTS_BACK = Kind(
    BuyerReceiptRow, Posted("receipt", Proposal.RECEIPT_BACK, "/sales/buyers"),
    lambda _row: True, _require_unused, _facts,
)  # fmt: skip
