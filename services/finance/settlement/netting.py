"""What a counterparty owes of returned sales whose share it was paid: taken off what its next run pays, sale by sale."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import ledger
from database.tables.finance.sales import SaleRow
from database.tables.finance.settlement import CounterpartyRow, SettlementLineRow, SettlementRunRow
from domain.finance.counterparties import CounterpartyKind
from domain.finance.postings.sales import partner_owes_back, partner_receivable, partner_share
from domain.finance.postings.settlement import NETTED, settlement_netted
from domain.money import Money
from domain.places import business_day
from domain.policies.schema import MINOR_MAX
from services.finance.available import available

# What each returned sale still leaves owed, the oldest debt first.
_OWED = text("""
WITH back AS (
    SELECT t.cause, max(t.card_id) AS card_id, sum(e.amount_minor)::bigint AS minor, min(e.id) AS first
    FROM account a JOIN entry e ON e.account_id = a.id JOIN ledger_transaction t ON t.id = e.transaction_id
    WHERE a.code = :receivable AND a.currency = :currency AND starts_with(t.cause, 'sale:') GROUP BY t.cause
), netted AS (
    SELECT l.cause, sum(l.amount_minor)::bigint AS minor
    FROM settlement_line l JOIN settlement_run r ON r.id = l.run_id
    WHERE r.counterparty_id = :party AND l.what = 'settlement_netted' GROUP BY l.cause
)
SELECT b.cause, b.card_id, b.minor + coalesce(n.minor, 0) AS minor FROM back b LEFT JOIN netted n USING (cause)
WHERE b.minor + coalesce(n.minor, 0) > 0 ORDER BY b.first
""")
# What returns took off the share itself, the newest first: it was never owed, because there was a newer share to take it from.
_TAKEN = text("""
SELECT t.cause, max(t.card_id) AS card_id, sum(e.amount_minor)::bigint AS minor
FROM account a JOIN entry e ON e.account_id = a.id JOIN ledger_transaction t ON t.id = e.transaction_id
JOIN sale s ON t.cause = 'sale:' || s.id
WHERE a.code = :share AND a.currency = :currency AND t.what IN ('sale_returned', 'sale_owed_back') AND s.reversed_at IS NOT NULL
GROUP BY t.cause HAVING sum(e.amount_minor) > 0 ORDER BY max(e.id) DESC
""")


@dataclass(frozen=True)
class OfSale:
    """An amount of one returned sale; `cause` is sale:<id>."""

    cause: str
    card_id: str | None
    amount: Money


@dataclass(frozen=True)
class Netting:
    """What is taken off a run: `lines`, in all `amount`. `lacking` is the part that a return took from the share it is to pay."""

    amount: Money
    lacking: tuple[OfSale, ...] = ()
    lines: tuple[OfSale, ...] = ()


async def owed(session: AsyncSession, party: CounterpartyRow) -> Money:
    """Return what a counterparty owes of returned sales that is not taken off yet."""
    if party.kind is CounterpartyKind.PROVIDER:
        return Money(0, party.currency)
    return await ledger.balance(session, partner_receivable(party.owner).code, party.currency)


async def found(session: AsyncSession, party: CounterpartyRow, pays: Money) -> Netting:
    """Return what is to be taken off a run that would pay so much; the share is locked, and nothing is written."""
    if party.kind is CounterpartyKind.PROVIDER or pays.amount_minor <= 0:
        return Netting(Money(0, pays.currency))
    share = partner_share(party.owner)
    lacks = pays - await available(session, share, pays.currency)
    of = {"share": share.code, "currency": pays.currency.value}
    lacking = await _up_to(session, _TAKEN, of, lacks)
    lines = lacking
    if (still := await owed(session, party)).amount_minor > 0:
        of = {"receivable": partner_receivable(party.owner).code, "currency": pays.currency.value, "party": party.id}
        lines += await _still_owed(session, of, still, pays - _sum(lacking, pays))
    return Netting(_sum(lines, pays), lacking, lines)


async def net(
    session: AsyncSession, run: SettlementRunRow, party: CounterpartyRow, version: int, pays: Money, now: datetime
) -> Netting:
    """Take off what is found, as lines of this version of the run's statement; what the run does not reach stays owed."""
    taken = await found(session, party, pays)
    for one in taken.lacking:
        await _owe(session, run, party, version, one, now)
    together: dict[str, OfSale] = {}
    for one in taken.lines:
        before = together.get(one.cause)
        together[one.cause] = one if before is None else OfSale(one.cause, one.card_id, before.amount + one.amount)
    for one in together.values():
        await _take_off(session, run, party, version, one, now)
    return taken


async def _owe(
    session: AsyncSession, run: SettlementRunRow, party: CounterpartyRow, version: int, one: OfSale, now: datetime
) -> None:
    """Post that the counterparty owes more of a returned sale: what the return took was the share of a statement."""
    sale = await session.get_one(SaleRow, one.cause.removeprefix("sale:"), with_for_update=True, populate_existing=True)
    postings = partner_owes_back(party.owner, one.amount)
    key = f"{one.cause}:owed-back:{run.id}:{version}"
    today = business_day(now)
    await ledger.post(session, key, one.card_id, "sale_owed_back", postings, happened_on=today, cause=one.cause)
    more = [
        {"account": each.account.code, "minor": each.amount.amount_minor, "currency": each.amount.currency.value}
        for each in postings
    ]
    sale.owed_back = [*sale.owed_back, *more]


async def _take_off(
    session: AsyncSession, run: SettlementRunRow, party: CounterpartyRow, version: int, one: OfSale, now: datetime
) -> None:
    key = f"settlement:{run.id}:netted:{version}:{one.cause}"
    today, postings = business_day(now), settlement_netted(party.owner, one.amount)
    await ledger.post(session, key, None, NETTED, postings, happened_on=today, cause=f"settlement:{run.id}")
    entry_id = await ledger.entry_of(session, key, partner_share(party.owner).code)
    line = SettlementLineRow(
        entry_id=entry_id, run_id=run.id, version=version, amount_minor=-one.amount.amount_minor, happened_on=today,
        what=NETTED, cause=one.cause, card_id=one.card_id,
    )  # fmt: skip
    session.add(line)


def _sum(of: tuple[OfSale, ...], like: Money) -> Money:
    return Money(sum(one.amount.amount_minor for one in of), like.currency)


async def _still_owed(session: AsyncSession, of: dict[str, str], still: Money, most: Money) -> tuple[OfSale, ...]:
    """Return what of returned sales is to be taken off; what was paid back or written off ended the oldest of it."""
    if most.amount_minor <= 0:
        return ()
    every = await _up_to(session, _OWED, of, Money(MINOR_MAX, most.currency))
    ended, left, taken = max(0, (_sum(every, most) - still).amount_minor), most.amount_minor, []
    for one in every:
        over = min(ended, one.amount.amount_minor)
        minor = min(one.amount.amount_minor - over, left)
        ended, left = ended - over, left - minor
        if minor > 0:
            taken.append(OfSale(one.cause, one.card_id, Money(minor, most.currency)))
    return tuple(taken)


async def _up_to(session: AsyncSession, asked: TextClause, of: dict[str, str], most: Money) -> tuple[OfSale, ...]:
    """Return the amounts that a question finds, in its order, until they reach the most; nothing is asked where that is nothing."""
    left, taken = most.amount_minor, []
    for row in (await session.execute(asked, of)) if left > 0 else ():
        minor = min(left, int(row.minor))
        if minor > 0:
            taken.append(OfSale(row.cause, row.card_id, Money(minor, most.currency)))
        left -= minor
    return tuple(taken)
