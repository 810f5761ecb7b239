"""Tax withheld from sellers: the rules in force with finance's signature, sums by month, payments, and files with full names."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import tax as reads
from database.reads.people import accounts
from database.tables.columns import now
from database.tables.finance.tax import TaxSignOffRow
from domain.errors.base import Refusal
from domain.finance.periods import first_day, last_day, month_of
from domain.finance.tax import TaxFileKind
from domain.people.roles import Permission
from domain.places import business_day
from domain.rules.tax import TaxRules, tax_in_force
from languages import DEFAULT_LOCALE, LOCALES, translate
from reviewer_ui.finance.sales import SalesReader
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, Shell, allowed, see_other, shell
from services.finance import tax_reports
from services.finance.tax_files import About, TaxFiles
from services.finance.tax_reports import TaxReports
from web.downloads import as_stream
from web.locale import locale_of
from web.spreadsheet import MEDIA_TYPE, Cell, table

router = APIRouter()
TaxKeeper = Annotated[Person, Depends(allowed(Permission.HANDLE_TAX))]
Line = Annotated[str, Form(max_length=120)]
Words = Annotated[str, Form(max_length=500)]
BLANK = dict.fromkeys(("month", "quarter", "owner", "year", "language", "note"), "")
FILES_SHOWN = 20
_OWNER = re.compile(r"(seller|partner):[0-9A-Z]{1,40}")


@dataclass(frozen=True)
class TaxContext:
    """The page of tax; `signed` is finance's signature under the version in force, None while there is none.

    `typed` is the input of the forms.
    """

    shell: Shell
    rules: TaxRules
    signed: TaxSignOffRow | None
    signer: str
    months: tuple[reads.TaxMonth, ...]
    entries: tuple[reads.TaxLine, ...]
    files: tuple[reads.KeptFile, ...]
    names: Mapping[str, str]
    refusal: Refusal | None
    may_handle: bool
    typed: Mapping[str, str]
    locales: tuple[str, ...] = LOCALES


@router.get("/tax")
async def show(request: Request, console: At, person: SalesReader) -> Response:
    """Show the rules, the sums and the newest payments; names and telephones are not on the page."""
    return await _render(request, console, person)


@router.post("/tax/sign-off")
async def sign_off(request: Request, console: At, person: TaxKeeper, version: Line = "", note: Words = "") -> Response:
    """Sign the version in force off for finance, after one more proof of who one is."""
    await require_step_up(request, person)
    try:
        await _reports(console).sign_off(person.id, version, note)
    except Refusal as refusal:
        return await _render(request, console, person, refusal, note=note)
    return see_other("/tax")


@router.post("/tax/detail")
async def detail(request: Request, console: At, person: TaxKeeper, month: Line = "") -> Response:
    """Give the payments of a month with full names as a table, streamed."""
    await require_step_up(request, person)
    wanted = month.strip()
    try:
        made = await _reports(console).detail(person.id, wanted)
    except Refusal as refusal:
        return await _render(request, console, person, refusal, month=month)
    days = (first_day(wanted), last_day(wanted))
    about = About(TaxFileKind.DETAIL, wanted, *days, f"tax-{wanted}.csv", MEDIA_TYPE, locale_of(request))
    rows = table(_heading(request, tax_reports.DETAIL), _cells(made.rows))
    return await _kept(console, person, about, rows, lambda: made.figures)


@router.post("/tax/income")
async def income(request: Request, console: At, person: TaxKeeper, quarter: Line = "") -> Response:
    """Give what each seller was paid in a quarter with full names as a table, streamed."""
    await require_step_up(request, person)
    wanted = quarter.strip()
    try:
        made = await _reports(console).incomes(person.id, wanted)
    except Refusal as refusal:
        return await _render(request, console, person, refusal, quarter=quarter)
    days = tax_reports.quarter_days(wanted)
    about = About(TaxFileKind.INCOME, wanted, *days, f"income-{wanted}.csv", MEDIA_TYPE, locale_of(request))
    rows = table(_heading(request, tax_reports.INCOME), _cells(made.rows))
    return await _kept(console, person, about, rows, lambda: made.figures)


@router.post("/tax/certificate")
async def certificate(
    request: Request, console: At, person: TaxKeeper, owner: Line = "", year: Line = "", language: Line = ""
) -> Response:
    """Give the certificate of one seller and year as PDF."""
    await require_step_up(request, person)
    locale = language if language in LOCALES else DEFAULT_LOCALE
    wanted = owner.strip() if _OWNER.fullmatch(owner.strip()) else ""
    of = year.strip()
    try:
        made, figures = await _reports(console).certificate(person.id, wanted, of, locale)
    except Refusal as refusal:
        return await _render(request, console, person, refusal, owner=owner, year=year, language=locale)
    days = (date(int(of), 1, 1), date(int(of), 12, 31))
    name = f"tax-{of}-{wanted[-6:]}.pdf"
    about = About(TaxFileKind.CERTIFICATE, of, *days, name, "application/pdf", locale, wanted)
    return await _kept(console, person, about, _whole(made), lambda: figures)


@router.post("/tax/files/{file_id}")
async def kept_file(request: Request, console: At, person: TaxKeeper, file_id: str) -> Response:
    """Give a kept file out as it was downloaded, after one more proof of who one is."""
    await require_step_up(request, person)
    try:
        row = await _files(console).again(person.id, file_id)
    except Refusal as refusal:
        return await _render(request, console, person, refusal)
    return as_stream(row.name, row.media_type, _files(console).content(row))


async def _kept(
    console: Console, person: Person, about: About, content: AsyncIterator[bytes], figures: Callable[[], str]
) -> Response:
    """Keep the file before any of it is given out, so that nobody has one that was not kept."""
    row = await _files(console).keep(person.id, about, content, figures)
    return as_stream(row.name, row.media_type, _files(console).content(row))


async def _whole(content: bytes) -> AsyncIterator[bytes]:
    yield content


def _files(console: Console) -> TaxFiles:
    return TaxFiles(console.services.database, console.services.photos)


def _reports(console: Console) -> TaxReports:
    return TaxReports(console.services.database, console.services.keyring)


def _heading(request: Request, names: tuple[str, ...]) -> list[str]:
    return [translate(f"tax_column.{name}", locale_of(request)) for name in names]


async def _cells(rows: AsyncIterator[tuple[str, ...]]) -> AsyncIterator[list[Cell]]:
    async for row in rows:
        yield list(row)


async def _render(
    request: Request, console: Console, person: Person, refusal: Refusal | None = None, **typed: str
) -> Response:
    today = business_day(now())
    rules = tax_in_force(today)
    async with console.services.database.transaction() as session:
        signed = (await reads.signed(session)).get(rules.version)
        months = await reads.months(session)
        entries = await reads.newest(session)
        files = await reads.files(session, FILES_SHOWN)
        names = await accounts.all_names(session)
    if request.method == "POST":
        request.state.back = "/tax"
    context = TaxContext(
        shell(request, person, "/tax"), rules, signed, names.get(signed.person_id, "–") if signed else "", months, entries, files, names, refusal,
        person.may(Permission.HANDLE_TAX), BLANK | {"month": month_of(today), "year": f"{today:%Y}"} | typed,
    )  # fmt: skip
    return await console.answer(
        request, "finance/tax.html", context, status=200 if refusal is None else refusal.http_status
    )
