"""The cards of the finance overview: each area brings its own, by one line in `CARDS`, in the order in which they are read.

A card says what there is, how much, and where to continue; what needs a person comes first and is marked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance import attention, suspense
from database.reads.finance.account_pages import ClassTotal, totals
from database.reads.finance.day_closes import next_to_close
from database.reads.finance.months import last_closed, month_to_close
from database.reads.finance.reconciliation import cells, open_sums
from database.repositories.day_figures import first_day as first_covered
from database.tables.ops.health import InvariantResultRow
from domain.money import Money
from domain.places import business_day
from domain.rules.reconciliation import reconciliation_in_force
from reviewer_ui.sessions import Person


@dataclass(frozen=True)
class CardLine:
    """One line: its words (a key and its values), how much or how many, and where it is seen. `alarm` marks it in red."""

    key: str
    values: dict[str, str] = field(default_factory=dict)
    amount: Money | None = None
    count: int | None = None
    since: datetime | None = None
    href: str = ""
    alarm: bool = False
    label: str = ""  # A key whose word is put into the line as `name`.


@dataclass(frozen=True)
class OverviewCard:
    """One card: the key of its title, its lines, where it is seen whole, and what it says when it has no line."""

    key: str
    lines: tuple[CardLine, ...]
    href: str
    empty: str
    urgent: bool = False


Maker = Callable[[AsyncSession, Person, datetime], Awaitable[OverviewCard | None]]


async def unknown_payments(session: AsyncSession, _person: Person, _now: datetime) -> OverviewCard:
    """Show payments of unknown outcome: neither paid nor owed, and never sent again."""
    lines = tuple(
        CardLine(
            "money.unknown.line", {"count": str(one.many)}, one.amount, since=one.since, href="/payouts?state=unknown",
            alarm=True, label=f"rail.{one.rail}",
        )
        for one in await attention.unknown(session)
    )  # fmt: skip
    return OverviewCard("money.unknown", lines, "/payouts?state=unknown", "money.unknown.none", urgent=bool(lines))


async def contradicted(session: AsyncSession, _person: Person, _now: datetime) -> OverviewCard | None:
    """Show orders whose provider says the opposite of what they ended as: a seller may have been paid twice, or not at all."""
    lines = tuple(
        CardLine(
            "money.contradicted.line", {"key": one.key[-12:]}, since=one.heard_at, href=f"/payouts/{one.key}#stated", alarm=True,
            label=f"payout_outcome.{one.said.value}",
        )
        for one in await attention.contradicted(session)
    )  # fmt: skip
    return OverviewCard("money.contradicted", lines, lines[0].href, "", urgent=True) if lines else None


async def second_person(session: AsyncSession, _person: Person, _now: datetime) -> OverviewCard:
    """Show what waits for a second person."""
    waits = await attention.seconds(session)
    return _counted(
        "money.second",
        ("money.second.payees", waits.payees, "/owed"),
        ("money.second.other_payees", waits.other_payees, "/held"),
        ("money.second.goodwill", waits.goodwill, "/goodwill"),
        ("money.second.outcomes", waits.outcomes, "/payouts?state=unknown"),
        ("money.second.parts", waits.parts, "/payouts?returned=part"),
        ("money.second.claims", waits.claims, "/claims"),
        ("money.second.write_offs", waits.write_offs, "/claims"),
        ("money.second.claim_receipts", waits.claim_receipts, "/claims"),
        ("money.second.batches", waits.batches, "/bank-batches"),
        ("money.second.breaks", waits.breaks, "/reconciliation/breaks"),
        ("money.second.reversals", waits.reversals, "/reconciliation"),
        ("money.second.suspense", waits.suspense, "/reconciliation/suspense"),
        ("money.second.party_payees", waits.party_payees, "/counterparties"),
        ("money.second.rails", waits.rails, "/rails"),
        ("money.second.days", waits.days, "/reconciliation"),
        ("money.second.months", waits.months, "/money/periods"),
        ("money.second.returns", waits.returns, "/sales?state=asked"),
        ("money.second.brokered", waits.brokered, "/sales/brokered"),
        ("money.second.repayments", waits.repayments, "/sales/brokered#owed-back"),
        ("money.second.exchanges", waits.exchanges, "/fx"),
        ("money.second.receipts_back", waits.receipts_back, "/sales/buyers"),
        ("money.second.exchanges_back", waits.exchanges_back, "/fx"),
        ("money.second.debts", waits.debts, "/sales/debts"),
        ("money.second.refunds", waits.refunds, "/sales/debts#refunds"),
        ("money.second.refunds_back", waits.refunds_back, "/sales/debts#refunds"),
    )


async def to_do(session: AsyncSession, _person: Person, _now: datetime) -> OverviewCard:
    """Show what waits for one person of finance."""
    waits = await attention.to_do(session)
    return _counted(
        "money.to_do",
        ("money.to_do.held", waits.held, "/held"),
        ("money.to_do.returned_in_part", waits.returned_in_part, "/payouts?returned=part"),
        ("money.to_do.parts_owed", waits.parts_owed, "/payouts?returned=part"),
        ("money.to_do.unbatched", waits.unbatched, "/bank-batches"),
        ("money.to_do.to_take", waits.to_take, "/bank-batches"),
        ("money.to_do.to_answer", waits.to_answer, "/bank-batches"),
        ("money.to_do.objections", waits.objections, "/claims"),
        ("money.to_do.paybacks", waits.paybacks, "/claims"),
        ("money.to_do.brokered", waits.brokered, "/sales/brokered"),
        ("money.to_do.suspense", (await suspense.sum_of(session)).many, "/reconciliation/suspense"),
        ("money.to_do.approvals", waits.approvals, "/settlements?state=approval"),
        ("money.to_do.disputes", waits.disputes, "/settlements?state=disputed"),
        ("money.to_do.no_payee", waits.no_payee, "/settlements?state=payee"),
    )


async def cash(session: AsyncSession, _person: Person, _now: datetime) -> OverviewCard:
    """Show our money at each rail."""
    lines = _by_owner(await totals(session, ("cash",), by_owner=True), "cash", "rail")
    return OverviewCard("money.cash", lines, "/money/accounts?class=cash", "money.cash.none")


async def in_flight(session: AsyncSession, _person: Person, _now: datetime) -> OverviewCard:
    """Show what is ordered on each rail and not known to have arrived."""
    found = [
        ClassTotal(one.code, one.owner, -one.balance)
        for one in await totals(session, ("in_flight",), by_owner=True)
        if one.balance.amount_minor
    ]
    lines = _by_owner(found, "in_flight", "rail")
    return OverviewCard("money.in_flight", lines, "/money/accounts?class=in_flight", "money.in_flight.none")


async def owed(session: AsyncSession, _person: Person, _now: datetime) -> OverviewCard:
    """Show what is owed: to sellers, and for payees that were refused, to partners, for tax and to issuers."""
    classes = (
        "seller_payable", "brokered_payable", "provider_payable", "partner_share", "tax_withheld", "issuer_payable", "buyer_deposit",
    )  # fmt: skip
    lines = [
        CardLine(f"account_class.{one.code}", amount=-one.balance, href=f"/money/accounts?class={one.code}")
        for one in await totals(session, classes)
        if one.balance.amount_minor < 0
    ]
    if many := await attention.waiting_for_payee(session):
        lines.append(CardLine("money.owed.no_payee", count=many, href="/owed", alarm=True))
    return OverviewCard("money.owed", tuple(lines), "/money/accounts", "money.owed.none")


async def receivables(session: AsyncSession, _person: Person, _now: datetime) -> OverviewCard:
    """Show what others owe us, the tax office too where it was paid more than is withheld, and money that is not explained yet."""
    classes = ("seller_receivable", "buyer_receivable", "partner_receivable", "tax_withheld", "suspense")
    lines = tuple(
        CardLine(
            f"account_class.{one.code}", amount=one.balance, href=f"/money/accounts?class={one.code}",
            alarm=one.code == "suspense",
        )
        for one in await totals(session, classes)
        if one.balance.amount_minor > 0 or (one.code == "suspense" and one.balance.amount_minor)
    )  # fmt: skip
    return OverviewCard("money.receivable", lines, "/money/accounts", "money.receivable.none")


async def books(session: AsyncSession, _person: Person, now: datetime) -> OverviewCard:
    """Show whether the books add up by the newest checks, and which month is closed next."""
    wanted = select(InvariantResultRow).where(InvariantResultRow.code.in_(("I1", "I2", "I3", "I4")))
    checks = (await session.execute(wanted)).scalars().all()
    broken = [one for one in checks if one.broken]
    lines = []
    if checks:
        newest = max(one.checked_at for one in checks)
        key = "money.books.broken" if broken else "money.books.sound"
        lines.append(
            CardLine(key, {"count": str(len(broken))}, since=newest, href="/operations/invariants", alarm=bool(broken))
        )
    closed = await last_closed(session)
    if closed is not None:
        lines.append(CardLine("money.books.closed", {"month": closed[0]}, href="/money/periods"))
    if (following := await month_to_close(session, business_day(now))) is not None:
        lines.append(CardLine("money.books.close_next", {"month": following}, href="/money/periods"))
    return OverviewCard("money.books", tuple(lines), "/money/journal", "money.books.none", urgent=bool(broken))


async def reconciliation(session: AsyncSession, _person: Person, now: datetime) -> OverviewCard:
    """Show where statements and books differ, what is late, and the day that is closed next where yesterday's statement is here."""
    rules = reconciliation_in_force(business_day(now)).sources
    number, late, total = await open_sums(session, {one: now - rule.late_after for one, rule in rules.items()})
    lines = []
    if number:
        lines.append(CardLine("recon.card.open", {"count": str(number)}, Money(total), href="/reconciliation/breaks"))
    if late:
        lines.append(CardLine("recon.card.late", count=late, href="/reconciliation/breaks", alarm=True))
    yesterday = business_day(now) - timedelta(days=1)
    for (source, _), cell in (await cells(session, yesterday, yesterday)).items():
        day = await next_to_close(session, source, await first_covered(session, source))
        if cell.files and day is not None and day <= yesterday:
            href = f"/reconciliation/days/{source.value}/{day}"
            lines.append(
                CardLine(
                    "recon.card.close", {"day": day.isoformat()}, href=href, label=f"statement_source.{source.value}"
                )
            )
    return OverviewCard("recon.card", tuple(lines), "/reconciliation", "recon.card.none", urgent=bool(late))


def _counted(key: str, *wanted: tuple[str, int, str]) -> OverviewCard:
    """Make the card of what waits: words, how many and where; it leads to the first that there is."""
    lines = tuple(CardLine(line, count=many, href=href) for line, many, href in wanted if many)
    return OverviewCard(key, lines, lines[0].href if lines else "", f"{key}.none", urgent=bool(lines))


def _by_owner(found: Sequence[ClassTotal], code: str, family: str) -> tuple[CardLine, ...]:
    return tuple(
        CardLine(
            "money.of_owner", amount=one.balance, label=f"{family}.{one.owner}",
            href=f"/money/accounts/{code}:{one.owner}?currency={one.balance.currency.value}",
        )
        for one in found
    )  # fmt: skip


CARDS: list[Maker] = [
    contradicted, unknown_payments, second_person, to_do, reconciliation, cash, in_flight, owed, receivables, books,
]  # fmt: skip
