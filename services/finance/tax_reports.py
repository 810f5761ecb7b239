"""What the tax office and sellers are given: certificates, the detail of a month, the income of a quarter. Full names are only here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from database.once import insert_once
from database.reads.finance import tax as reads
from database.repositories.audit import by_person
from database.sealed import ORDER_NAME, SELLER_PHONE
from database.session import Database
from database.tables.finance.payout import PayoutRow
from database.tables.finance.tax import TaxSignOffRow
from database.tables.people import PartnerRow, SellerRow
from domain.errors.general import FieldInvalid
from domain.errors.tax import FontMissing, TaxNotSigned
from domain.finance.periods import first_day, last_day, next_month
from domain.money import Money
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.tax import tax_in_force
from domain.sealing import KeyRing
from gateways import pdf
from languages import translate
from services.people.permissions import require
from services.work.secret_scan import require_no_number

NOTE_MAX = 500
Cells = tuple[str, ...]
DETAIL = (
    "day",
    "order",
    "card",
    "owner",
    "name",
    "phone",
    "income",
    "proceeds",
    "cost",
    "base",
    "rate",
    "tax",
    "net",
    "rules",
    "what",
)
INCOME = ("owner", "name", "phone", "payments", "proceeds", "base", "tax", "net")


@dataclass
class Report:
    """The rows of a report as they are read; `figures` is the mark of what they say, once the first was asked for."""

    rows: AsyncIterator[Cells]
    figures: str = ""


@dataclass(frozen=True)
class Person:
    """Who was paid, in full."""

    name: str
    phone: str


class TaxReports:
    """Makes the files. `person` is a person's id, of finance, who has just proved who they are; each file is audited."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def sign_off(self, person: str, version: str, note: str) -> None:
        """Agree for finance to the version of the rules in force; once. Refuse NotAllowed, FieldInvalid (`version`, `note`)."""
        if not 0 < len(note.strip()) <= NOTE_MAX:
            raise FieldInvalid(field="note", why="missing")
        require_no_number(note)
        if version != tax_in_force(business_day(self._now())).version:
            raise FieldInvalid(field="version", why="out_of_range")
        async with self._database.transaction() as session:
            await require(session, person, Permission.HANDLE_TAX)
            row = TaxSignOffRow(version=version, person_id=person, note=note.strip(), signed_at=self._now())
            if await insert_once(session, row, "version"):
                session.add(by_person(person, "console:tax:sign_off", version, reason=row.note))

    async def detail(self, person: str, month: str) -> Report:
        """Return the rows of every payment of a month, and of what came back in it. Refuse NotAllowed, FieldInvalid (`month`), TaxNotSigned."""
        since = _first(month, "month")
        until = last_day(month)
        await self._allowed(person, "detail", month, since, until)
        return self._report(self._detail, since, until)

    async def incomes(self, person: str, quarter: str) -> Report:
        """Return what each seller was paid in a quarter such as 2026-Q4. Refuse as `detail`, also before its end."""
        since, until = quarter_days(quarter)
        if until >= business_day(self._now()):
            raise FieldInvalid(field="quarter", why="quarter_not_over")
        await self._allowed(person, "income", quarter, since, until)
        return self._report(self._incomes, since, until)

    async def certificate(self, person: str, owner: str, year: str, locale: str) -> tuple[bytes, str]:
        """Return the certificate of one seller or partner and year, as PDF, and the mark of its figures.

        Refuse NotAllowed, FieldInvalid (`year`; `owner`, also where they were paid nothing), TaxNotSigned, and FontMissing.
        """
        if not owner:
            raise FieldInvalid(field="owner", why="not_a_seller")
        first = _first(f"{year}-01", "year")
        last = date(first.year, 12, 31)
        async with self._database.transaction() as session:
            await _as_of_one_moment(session)
            await require(session, person, Permission.HANDLE_TAX)
            await _require_signed(session, first, last)
            (figures,) = await reads.figures(session, [reads.Figures(first, last, owner)])
            paid = [one async for one in reads.lines(session, first, last, owner)]
            if not paid:
                raise FieldInvalid(field="owner", why="paid_nothing")
            named = next((one.key for one in reversed(paid) if one.named), None)
            who = await self._person(session, owner, named)
            session.add(by_person(person, "console:tax:certificate", owner, facts={"year": year}))
        sheet = certificate(owner, who, first.year, paid, locale, self._now())
        try:
            return await asyncio.to_thread(pdf.rendered, sheet), figures
        except pdf.FontMissing as missing:
            raise FontMissing(package=str(missing)) from None

    async def _allowed(self, person: str, what: str, period: str, since: date, until: date) -> None:
        async with self._database.transaction() as session:
            await require(session, person, Permission.HANDLE_TAX)
            await _require_signed(session, since, until)
            session.add(by_person(person, f"console:tax:{what}", period))

    def _report(
        self, rows: Callable[[AsyncSession, date, date], AsyncIterator[Cells]], since: date, until: date
    ) -> Report:
        """Rows and the mark of their figures, as of one moment."""

        async def read() -> AsyncIterator[Cells]:
            async with self._database.transaction() as session:
                await _as_of_one_moment(session)
                (made.figures,) = await reads.figures(session, [reads.Figures(since, until)])
                async for row in rows(session, since, until):
                    yield row

        made = Report(read())
        return made

    async def _detail(self, session: AsyncSession, since: date, until: date) -> AsyncIterator[Cells]:
        async for one in reads.lines(session, since, until):
            who = await self._person(session, one.owner, one.key if one.named else None)
            yield (
                    one.day.isoformat(), one.key, one.card_id, one.owner, who.name, who.phone, one.income.value,
                    *_texts(one.proceeds, one.cost, one.base), f"{one.rate_bp / 100:.2f}%", *_texts(one.tax, one.net), one.version,
                    one.what,
            )  # fmt: skip

    async def _incomes(self, session: AsyncSession, since: date, until: date) -> AsyncIterator[Cells]:
        async for one in reads.incomes(session, since, until):
            who = await self._person(session, one.owner, one.newest)
            amounts = _texts(one.proceeds, one.base, one.tax, one.proceeds - one.tax)
            yield (one.owner, who.name, who.phone, str(one.payments), *amounts)

    async def _person(self, session: AsyncSession, owner: str, order: str | None) -> Person:
        """Who an owner is: the name that their order was paid to, and a seller's telephone; a partner's own name."""
        kind, _, number = owner.partition(":")
        if kind == "partner":
            partner = await session.get(PartnerRow, number)
            return Person(partner.name if partner is not None else "", "")
        seller = await session.get(SellerRow, number)
        phone = "" if seller is None else SELLER_PHONE.open(self._keyring, seller.id, seller.phone_sealed)
        paid = await session.get(PayoutRow, order) if order else None
        name = None if paid is None else ORDER_NAME.open(self._keyring, paid.key, paid.payee_name_sealed)
        session.expunge_all()  # A report of a million rows keeps none of them.
        return Person(name or "", phone)


def quarter_days(quarter: str) -> tuple[date, date]:
    """Return the first and the last day of a quarter such as 2026-Q4. Refuse FieldInvalid (`quarter`)."""
    year, _, number = quarter.partition("-Q")
    if number not in ("1", "2", "3", "4"):
        raise FieldInvalid(field="quarter", why="not_a_quarter")
    since = _first(f"{year}-{3 * int(number) - 2:02d}", "quarter")
    return since, last_day(next_month(next_month(f"{since:%Y-%m}")))


def certificate(
    owner: str, who: Person, year: int, paid: Iterable[reads.TaxLine], locale: str, made_at: datetime
) -> pdf.Sheet:
    """Return the certificate as a sheet: every payment of the year with base, rate and tax, and the sums."""

    def say(key: str, **facts: object) -> str:
        return translate(f"tax_certificate.{key}", locale, facts)

    lines = tuple(paid)
    total = [
        sum((getattr(one, name) for one in lines), Money(0)) for name in ("proceeds", "cost", "base", "tax", "net")
    ]
    heading = tuple(say(name) for name in ("day", "income", "proceeds", "cost", "base", "rate", "tax", "net"))
    rows = tuple(
        (
            one.day.isoformat(), translate(f"income_kind.{one.income.value}", locale), *_texts(one.proceeds, one.cost, one.base),
            f"{one.rate_bp / 100:.2f}%", *_texts(one.tax, one.net),
        )
        for one in lines
    )  # fmt: skip
    sums = (say("total"), "", *_texts(*total[:3]), "", *_texts(*total[3:]))
    notes = [say("how")]
    judged_on = {one.day for one in lines if one.version} or {business_day(made_at)}
    if any(tax_in_force(day).unverified for day in judged_on):
        notes.append(say("unverified"))
    facts = (
        (say("person"), who.name or "–"),
        (say("number"), owner),
        (say("year"), str(year)),
        (say("payments"), str(sum(one.payments for one in lines))),
    )
    return pdf.Sheet(
        locale, say("title"), say("subtitle", year=year), facts,
        (pdf.Table(heading, rows, sums, (2, 3, 4, 5, 6, 7)),), tuple(notes), f"Cardloop · {business_day(made_at)}",
    )  # fmt: skip


def _texts(*amounts: Money) -> Cells:
    return tuple(one.decimal_text() for one in amounts)


def _first(month: str, field: str) -> date:
    try:
        return first_day(month)
    except ValueError:
        raise FieldInvalid(field=field, why="not_a_month" if field == "month" else "out_of_range") from None


async def _as_of_one_moment(session: AsyncSession) -> None:
    """Let everything that the transaction reads be of the moment of its first read."""
    await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"))


async def _require_signed(session: AsyncSession, since: date, until: date) -> None:
    """Refuse TaxNotSigned (`versions`) where payments were judged by rules that finance has not signed off."""
    missing = await reads.versions(session, since, until) - (await reads.signed(session)).keys()
    if missing:
        raise TaxNotSigned(versions=", ".join(sorted(missing)))
