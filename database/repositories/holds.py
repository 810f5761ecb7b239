"""Two-phase movements: money is held, then posted or given up; a hold that is not posted in time expires."""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.repositories import ledger
from database.tables.columns import now
from database.tables.finance.ledger import AccountRow, HoldRow
from domain.finance.chart import Account
from domain.finance.holds import HoldState
from domain.finance.ledger import Postings
from domain.money import Money


class HeldDifferently(Exception):
    """The key holds another amount, or money of another account."""


class HoldEnded(Exception):
    """The hold was posted, given up, or has expired (`state`)."""

    def __init__(self, key: str, state: HoldState) -> None:
        super().__init__(f"hold {key} is {state.value}")
        self.state = state


async def reserve(
    session: AsyncSession, key: str, account: Account, amount: Money, expires_at: datetime, cause: str = ""
) -> bool:
    """Hold an amount (positive) of an account until a moment; return False when the key holds it already.

    The commit fails where less is available. Raises ValueError for an amount that is not positive, and HeldDifferently.
    """
    if amount.amount_minor <= 0:
        raise ValueError("what is held is positive")
    account_id = await _account_id(session, account, amount)
    row = HoldRow(
        key=key, account_id=account_id, amount_minor=amount.amount_minor, cause=cause, expires_at=expires_at
    )  # fmt: skip
    if await insert_once(session, row, "key"):
        return True
    known = await session.get_one(HoldRow, key)
    if (known.account_id, known.amount_minor) != (account_id, amount.amount_minor):
        raise HeldDifferently(key)
    return False


async def post(
    session: AsyncSession, key: str, posted_key: str, what: str, postings: Postings, *,
    card_id: str | None = None, happened_on: date | None = None, cause: str = "",
) -> bool:  # fmt: skip
    """Post what a hold was made for and end it; return False when it was posted under this key before. Raises HoldEnded.

    It counts for `happened_on`, today unless given, and has the hold's cause unless another is given.
    """
    row = await _locked(session, key)
    if row.state is HoldState.POSTED and row.posted_key == posted_key:
        return False
    _require_open(row)
    row.state, row.ended_at, row.posted_key = HoldState.POSTED, now(), posted_key
    await session.flush()
    await ledger.post(
        session, posted_key, card_id, what, postings, happened_on=happened_on, cause=cause or row.cause
    )  # fmt: skip
    return True


async def void(session: AsyncSession, key: str) -> bool:
    """Give a hold up; return False when it was given up or has expired before. Raises HoldEnded for a posted one."""
    row = await _locked(session, key)
    if row.state in (HoldState.VOIDED, HoldState.EXPIRED):
        return False
    _require_open(row)
    row.state, row.ended_at = HoldState.VOIDED, now()
    return True


async def expire(session: AsyncSession, limit: int) -> int:
    """End up to `limit` holds whose time is over, and return how many."""
    due = (
        select(HoldRow.key)
        .where(HoldRow.state == HoldState.HELD, HoldRow.expires_at <= now())
        .order_by(HoldRow.expires_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    ended = (
        update(HoldRow)
        .where(HoldRow.key.in_(due.scalar_subquery()))
        .values(state=HoldState.EXPIRED, ended_at=now())
        .returning(HoldRow.key)
        .execution_options(synchronize_session=False)
    )
    return len((await session.execute(ended)).scalars().all())


async def open_of(session: AsyncSession, cause: str) -> tuple[HoldRow, str] | None:
    """Return the open hold of a cause whose time is not over, locked, and the code of its account; None where there is none."""
    statement = (
        select(HoldRow, AccountRow.code)
        .join(AccountRow, AccountRow.id == HoldRow.account_id)
        .where(HoldRow.cause == cause, HoldRow.state == HoldState.HELD, HoldRow.expires_at > now())
        .order_by(HoldRow.made_at, HoldRow.key)
        .limit(1)
        .with_for_update(of=HoldRow)
    )
    found = (await session.execute(statement)).one_or_none()
    return None if found is None else (found[0], found[1])


async def held(session: AsyncSession, account: Account, amount_of: Money) -> Money:
    """Return what is held of an account in the currency of `amount_of`."""
    statement = (
        select(HoldRow.amount_minor)
        .join(AccountRow, AccountRow.id == HoldRow.account_id)
        .where(
            AccountRow.code == account.code, AccountRow.currency == amount_of.currency, HoldRow.state == HoldState.HELD
        )
    )  # fmt: skip
    return Money(sum((await session.execute(statement)).scalars()), amount_of.currency)


async def _locked(session: AsyncSession, key: str) -> HoldRow:
    return await session.get_one(HoldRow, key, with_for_update=True, populate_existing=True)


def _require_open(row: HoldRow) -> None:
    if row.state is not HoldState.HELD:
        raise HoldEnded(row.key, row.state)


async def _account_id(session: AsyncSession, account: Account, amount: Money) -> int:
    """The account's row, made when it is used for the first time."""
    made = AccountRow(
        code=account.code, currency=amount.currency, kind=account.kind, owner=account.of.owner, sign=account.of.sign
    )
    await insert_once(session, made, "code", "currency", generated=("id",))
    same = (AccountRow.code == account.code, AccountRow.currency == amount.currency)
    found: int | None = (await session.execute(select(AccountRow.id).where(*same))).scalar_one()
    if found is None:
        raise LookupError(account.code)
    return found
