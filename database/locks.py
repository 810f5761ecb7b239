"""Every advisory lock of the installation: one enum, so that no two of them can share a number."""

from __future__ import annotations

from enum import IntEnum, unique

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession


@unique
class AdvisoryLock(IntEnum):
    """What one transaction at a time may do. The numbers are kept: processes of two releases may run side by side."""

    MIGRATION = 0x6361_7264_0001  # Bringing the schema up to date.
    EVIDENCE = 0x6361_7264_0002  # Giving leaves their places in the tree.
    QUALITY_SAMPLE = 0x6361_7264_0003  # Drawing second reviews, so that the day's cap is exact.
    NOTICES = 0x6E6F_7469  # Choosing due notices, so that no digest is split between two deliverers.
    VELOCITY = 0x6361_7264_0005  # Committing money, so that cards valued at once count each other.
    POLICIES = 0x6361_7264_0006  # Writing and publishing policy documents, so that versions follow one another.
    STUCK_RUNS = 0x6361_7264_0007  # Finding stuck runs, so that their counts are those of one look.
    MAINTENANCE = 0x6361_7264_0018  # Changing windows of maintenance, so that two people get one clear answer each.
    MAINTENANCE_STEPS = 0x6361_7264_0019  # Taking the steps of windows that are due, so that each is taken once.
    WORKERS = 0x6361_7264_0022  # Giving worker processes their names, so that two never have one.
    REPAIRS = 0x6361_7264_0008  # Giving runs to a repair, so that no run is in two.
    ALERTS = 0x6361_7264_0020  # Judging alerts, so that each is sent once.
    CHECK = 0x6361_7264_0021  # Deciding that a scheduled check of the invariants is due, so that one process begins it.
    PERIODS = 0x6361_7264_0032  # Closing a month waits for postings that commit; those share the lock.
    CHECKPOINTS = 0x6361_7264_0033  # Writing checkpoints of balances, so that two processes do not do it twice.
    STATEMENTS = 0x6361_7264_0038  # Importing a file, so that two processes do not read it twice.
    MATCHING = 0x6361_7264_0039  # Matching and deciding breaks, so that each line is matched once.
    BANK_BATCHES = 0x6361_7264_0035  # Gathering a batch for a bank, so that no order is in two and each has its number.
    FX_POSITION = (
        0x6361_7264_0037  # Taking a part out of a currency's position, so that two do not share its difference.
    )
    INBOUND_MAIL = 0x6361_7264_0026  # Taking a customer's mail, so that one which comes by two ways is kept once.
    TICKET_KEYS = 0x7469_636B  # Opening a ticket by a key, so that a form sent twice at once is one ticket.
    RECEIPTS = 0x7265_6370  # Recording money that arrived by its reference, so that two people do not record it twice.
    NEW_PAYEE = 0x7061_7965  # Judging payments to one new payee, so that of two at once the second sees the first.
    SELLER_DAY = (
        0x7364_6179  # Counting an order of one owner, so that two on different rails see each other in the day's sum.
    )
    ASSIGNMENT = 4_102_017  # Assigning tasks, so that two runs do not count the same capacity.


async def acquire(session: AsyncSession | AsyncConnection, lock: AdvisoryLock) -> None:
    """Wait for the lock and hold it until the transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(lock.value)))


async def acquire_for(session: AsyncSession, lock: AdvisoryLock, name: str) -> None:
    """Wait for the lock of this name alone and hold it until the transaction ends; `lock` is a number of 32 bits."""
    await session.execute(select(func.pg_advisory_xact_lock(lock.value, func.hashtext(name))))


async def try_acquire(session: AsyncSession | AsyncConnection, lock: AdvisoryLock) -> bool:
    """Take the lock until the transaction ends; return False at once when another transaction holds it."""
    return bool((await session.execute(select(func.pg_try_advisory_xact_lock(lock.value)))).scalar_one())


def shared_sql(lock: AdvisoryLock) -> str:
    """Return the call, for functions of the database, that shares the lock until the transaction ends: it waits for `acquire` alone."""
    return f"pg_advisory_xact_lock_shared({lock.value})"
