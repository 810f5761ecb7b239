"""A seller's wallet: what is owed to them, on its way, paid and owed by them, and a statement of a month from the books."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import exists, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance import paybacks
from database.reads.finance.claims import ClaimView, claims_of
from database.reads.finance.held import HeldView, of_card, of_key
from database.reads.finance.paybacks import OwedFor
from database.tables.cards import CardRow, QuoteRow, SubmissionRow
from database.tables.finance.payout import PayoutRow
from domain.cards.card import Stage
from domain.cards.pricing import QuoteState
from domain.finance.payout import PayoutState
from domain.finance.periods import first_day, next_month
from domain.finance.rails import Rail
from domain.money import Currency, Money

LISTED_MAX = 50
LATELY = timedelta(days=30)
_LINES = text("""
SELECT e.id, t.what, c.id AS card_id, t.effective_on, t.at, a.code, e.amount_minor, e.currency, c.brand,
       t.what LIKE '%_prepared' AND coalesce(p.state, g.state, '') IN ('prepared', 'unknown') AS on_its_way
FROM account a
JOIN entry e ON e.account_id = a.id
JOIN ledger_transaction t ON t.id = e.transaction_id
LEFT JOIN payout p ON p.key = CASE WHEN t.cause LIKE 'payout:%' THEN substr(t.cause, 8) END
LEFT JOIN goodwill b ON b.id = CASE WHEN t.cause LIKE 'goodwill:%' THEN substr(t.cause, 10) END
LEFT JOIN goodwill_order g ON g.goodwill_id = b.id
LEFT JOIN rollback r ON r.id = b.claim_id
LEFT JOIN part_return q ON q.id = b.part_id
LEFT JOIN card c ON c.id = coalesce(t.card_id, r.card_id, q.card_id)
WHERE a.code IN (:payable, :receivable) AND t.effective_on >= :since AND t.effective_on < :until
ORDER BY e.id
""")
_BEFORE = text("""
SELECT coalesce(sum(e.amount_minor), 0)
FROM account a JOIN entry e ON e.account_id = a.id JOIN ledger_transaction t ON t.id = e.transaction_id
WHERE a.code IN (:payable, :receivable) AND t.effective_on < :since AND e.currency = 'CNY'
""")
_BALANCES = text("""
SELECT code, account_balance(id) AS minor FROM account WHERE code IN (:payable, :receivable) AND currency = 'CNY'
""")
_SPEED = text("""
SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY s) AS p50, percentile_disc(0.99) WITHIN GROUP (ORDER BY s) AS p99, count(*) AS paid
FROM (
    SELECT extract(epoch FROM p.settled_at - q.answered_at)::bigint AS s
    FROM payout p JOIN quote q ON q.id = p.quote_id
    WHERE p.state = 'paid' AND p.settled_at >= :since AND q.answered_at IS NOT NULL AND p.settled_at >= q.answered_at
) AS paid
""")


@dataclass(frozen=True)
class WalletPayment:
    """A payment to the seller: sent and offset amount, payee (masked), and how many seconds it took from their acceptance."""

    key: str
    card_id: str
    brand: str
    amount: Money
    offset: Money
    payee: str
    rail: Rail
    state: PayoutState
    prepared_at: datetime
    settled_at: datetime | None
    seconds: int | None
    payback: OwedFor | None = None  # It pays no price, but what is owed for this reason.
    returned: Money | None = None  # The part of it that came back.


@dataclass(frozen=True)
class WalletWait:
    """A card of which something is owed and not ordered to be paid; `held` says why, where something holds it."""

    card_id: str
    brand: str
    amount: Money
    since: datetime
    held: HeldView | None
    payback: OwedFor | None = None  # It is no price, but owed for this reason.


@dataclass(frozen=True)
class Speed:
    """Seconds from acceptance to payment: of half of the payments, and of 99 of a hundred at most."""

    p50_s: int
    p99_s: int
    paid: int


@dataclass(frozen=True)
class Wallet:
    """Everything the page shows. `owed` and `owes` are the books' own balances."""

    owed: Money
    on_the_way: Money
    paid: Money
    owes: Money
    waiting: tuple[WalletWait, ...]
    payments: tuple[WalletPayment, ...]
    claims: tuple[ClaimView, ...]
    speed: Speed | None


@dataclass(frozen=True)
class WalletLine:
    """A line of the statement: positive is what the seller gets, negative what they were paid or owe; `balance` after it."""

    id: int
    what: str
    on: date
    at: datetime
    card_id: str | None
    brand: str | None
    owes: bool  # On the account of what they owe.
    on_its_way: bool  # A payment that was ordered and has neither arrived nor failed.
    amount: Money
    balance: Money


@dataclass(frozen=True)
class MonthStatement:
    """A month: the balance before it, its lines, and the balance after it."""

    month: str
    before: Money
    lines: tuple[WalletLine, ...]

    @property
    def after(self) -> Money:
        """Return the closing balance."""
        return self.lines[-1].balance if self.lines else self.before


async def wallet(session: AsyncSession, owner: str, now: datetime) -> Wallet:
    """Return the wallet of `seller:<id>` or `partner:<id>`."""
    accounts = _accounts(owner)
    balances = {row.code: int(row.minor or 0) for row in await session.execute(_BALANCES, accounts)}
    sums = select(
        func.coalesce(func.sum(PayoutRow.amount_minor).filter(PayoutRow.state == PayoutState.PAID), 0),
        func.coalesce(
            func.sum(PayoutRow.amount_minor).filter(PayoutRow.state.in_((PayoutState.PREPARED, PayoutState.UNKNOWN))), 0
        ),
    )
    mine = (
        sums.select_from(PayoutRow)
        .join(CardRow, CardRow.id == PayoutRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .where(SubmissionRow.owner == owner)
    )
    paid, under_way = (await session.execute(mine)).one()
    back_paid, back_under_way = await paybacks.order_sums(session, owner)
    came_back = await paybacks.returned_of(session, owner)
    return Wallet(
        owed=Money(-balances.get(accounts["payable"], 0)),
        on_the_way=Money(int(under_way) + back_under_way),
        paid=Money(int(paid) + back_paid - sum(one.amount_minor for one in came_back.values())),
        owes=Money(balances.get(accounts["receivable"], 0)),
        waiting=(*await _waiting(session, owner), *await _owed_back(session, owner)),
        payments=_newest_first(await _payments(session, owner, came_back), await _paybacks(session, owner)),
        claims=await claims_of(session, owner),
        speed=await speed(session, now - LATELY),
    )


async def speed(session: AsyncSession, since: datetime) -> Speed | None:
    """Return how long payments took that were settled since then, of all sellers; None where there was none."""
    row = (await session.execute(_SPEED, {"since": since})).one()
    return None if not row.paid else Speed(int(row.p50), int(row.p99), int(row.paid))


async def statement(session: AsyncSession, owner: str, month: str) -> MonthStatement:
    """Return the owner's month (2026-11) from the books. Raises ValueError for what is no month."""
    since, until = first_day(month), first_day(next_month(month))
    values = {**_accounts(owner), "since": since, "until": until}
    stands = -int((await session.execute(_BEFORE, {**_accounts(owner), "since": since})).scalar_one())
    before, lines = Money(stands), []
    for row in await session.execute(_LINES, values):
        if row.currency == Currency.CNY:
            stands -= row.amount_minor
        lines.append(
            WalletLine(
                row.id, row.what, row.effective_on, row.at, row.card_id, row.brand, row.code == values["receivable"], row.on_its_way,
                Money(-row.amount_minor, Currency(row.currency)), Money(stands),
            )
        )  # fmt: skip
    return MonthStatement(month, before, tuple(lines))


async def months(session: AsyncSession, owner: str) -> Sequence[str]:
    """Return the months in which something was posted for the owner, the newest first."""
    found = text("""
        SELECT DISTINCT to_char(t.effective_on, 'YYYY-MM') AS month
        FROM account a JOIN entry e ON e.account_id = a.id JOIN ledger_transaction t ON t.id = e.transaction_id
        WHERE a.code IN (:payable, :receivable) ORDER BY month DESC
    """)
    return tuple((await session.execute(found, _accounts(owner))).scalars())


def _accounts(owner: str) -> dict[str, str]:
    return {"payable": f"seller_payable:{owner}", "receivable": f"seller_receivable:{owner}"}


async def _payments(
    session: AsyncSession, owner: str, came_back: Mapping[str, Money]
) -> tuple[WalletPayment, ...]:  # fmt: skip
    rows = await session.execute(
        select(PayoutRow, CardRow.brand, SubmissionRow.payee_masked, QuoteRow.answered_at)
        .join(CardRow, CardRow.id == PayoutRow.card_id)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .outerjoin(QuoteRow, QuoteRow.id == PayoutRow.quote_id)
        .where(SubmissionRow.owner == owner)
        .order_by(PayoutRow.prepared_at.desc(), PayoutRow.key)
        .limit(LISTED_MAX)
    )
    return tuple(
        WalletPayment(
            row.key, row.card_id, brand, Money(row.amount_minor, row.currency), Money(row.offset_minor, row.currency),
            row.payee_masked or payee, row.rail, row.state, row.prepared_at, row.settled_at, _seconds(row, accepted),
            returned=came_back.get(row.key),
        )
        for row, brand, payee, accepted in rows
    )  # fmt: skip


async def _owed_back(session: AsyncSession, owner: str) -> tuple[WalletWait, ...]:
    return tuple(
        [
            WalletWait(
                one.card_id, one.brand, one.amount, one.since,
                None if one.key is None else await of_key(session, one.key), payback=one.why,
            )
            for one in await paybacks.owed_to(session, owner)
        ]
    )  # fmt: skip


async def _paybacks(session: AsyncSession, owner: str) -> tuple[WalletPayment, ...]:
    return tuple(
        WalletPayment(
            one.order.key, one.card_id, one.brand, Money(one.order.amount_minor, one.order.currency),
            Money(0, one.order.currency), one.payee, one.order.rail, one.order.state, one.order.prepared_at,
            one.order.settled_at, None, payback=one.why,
        )
        for one in await paybacks.orders_of(session, owner)
    )  # fmt: skip


def _newest_first(*payments: tuple[WalletPayment, ...]) -> tuple[WalletPayment, ...]:
    every = (one for some in payments for one in some)
    return tuple(sorted(every, key=lambda one: (one.prepared_at, one.key), reverse=True)[:LISTED_MAX])


def _seconds(row: PayoutRow, accepted: datetime | None) -> int | None:
    if row.state is not PayoutState.PAID or row.settled_at is None or accepted is None:
        return None
    return max(0, int((row.settled_at - accepted).total_seconds()))


async def _waiting(session: AsyncSession, owner: str) -> tuple[WalletWait, ...]:
    """Cards that wait for their payment; one whose payment is on its way is listed among the payments."""
    ordered = exists().where(PayoutRow.card_id == CardRow.id, PayoutRow.state != PayoutState.REFUSED)
    rows = await session.execute(
        select(CardRow, QuoteRow)
        .join(SubmissionRow, SubmissionRow.id == CardRow.submission_id)
        .join(QuoteRow, QuoteRow.card_id == CardRow.id)
        .where(
            SubmissionRow.owner == owner, CardRow.outcome.is_(None), CardRow.stage == Stage.PAYOUT,
            QuoteRow.state == QuoteState.ACCEPTED, ~ordered,
        )
        .order_by(CardRow.since, CardRow.id)
        .limit(LISTED_MAX)
    )  # fmt: skip
    return tuple(
        [
            WalletWait(
                card.id, card.brand, Money(quote.amount_minor, quote.currency), card.since, await of_card(session, card.id)
            )
            for card, quote in rows
        ]
    )  # fmt: skip
