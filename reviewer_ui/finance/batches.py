"""Payments that a bank carries out by file: gathered, let out by a second person, taken to the bank, its answer read in."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import batches as reads
from database.reads.finance.routing import is_off
from database.reads.people import accounts
from database.tables.finance.rails import BankFileRow
from domain.errors.base import Refusal
from domain.errors.finance import BankFileRefused, BanksOff, BatchChanged
from domain.errors.general import NotFound, TemporarilyUnavailable
from domain.finance.rails import Rail
from domain.money import Money
from domain.people.roles import Permission
from gateways.banks.files import BYTES_MAX
from reviewer_ui.finance.refused import NOTHING, Refused, done_or_shown
from reviewer_ui.sessions import Person
from reviewer_ui.step_up import require_step_up
from reviewer_ui.visit import At, Console, PayoutReader, Shell, allowed, see_other, shell
from services.finance.bank_batches import TakenIn
from web.downloads import as_download
from web.locale import locale_of

router = APIRouter()
PATH = r"/bank-batches/[0-9A-Z]{26}/results"
FORM_BYTES_MAX = BYTES_MAX + 100_000
Treasurer = Annotated[Person, Depends(allowed(Permission.LET_OUT_BATCHES))]
RESULTS = ("paid", "refused", "returned", "not_said")
Short = Annotated[str, Form(max_length=40)]


@dataclass(frozen=True)
class BatchesContext:
    """The list; `banks` are the names of the banks by the codes of their formats, `names` people's by id."""

    shell: Shell
    waiting: reads.Waiting
    batches: tuple[reads.BatchView, ...]
    banks: dict[str, str]
    names: dict[str, str]
    may_act: bool
    off: bool
    refused: Refused


@dataclass(frozen=True)
class Sum:
    """Transfers that have the same result (`key` names its words): how many, and what they come to."""

    key: str
    count: int
    amount: Money


@dataclass(frozen=True)
class BatchContext:
    """One batch; `news` is what the file that was just read in said, `refusal` why it was not, or why an act was not done.

    `off`: payments to bank cards are switched off. `sums` is what the bank has said so far.
    """

    shell: Shell
    batch: reads.BatchView
    lines: tuple[reads.LineView, ...]
    files: tuple[BankFileRow, ...]
    bank: str
    names: dict[str, str]
    me: str
    may_act: bool
    off: bool
    sums: tuple[Sum, ...]
    news: TakenIn | None = None
    refusal: Refusal | None = None


@router.get("/bank-batches")
async def listed(request: Request, console: At, person: PayoutReader) -> Response:
    """List what waits for a bank's batch, and the batches."""
    return await _list(request, console, person)


async def _list(request: Request, console: Console, person: Person, refused: Refused = NOTHING) -> Response:
    async with console.services.database.transaction() as session:
        waiting, found = await reads.waiting(session), await reads.batches(session)
        names, off = await accounts.all_names(session), await is_off(session, Rail.BANK)
    may_act = person.may(Permission.LET_OUT_BATCHES)
    banks = _banks(request, console)
    context = BatchesContext(shell(request, person), waiting, found, banks, names, may_act, off, refused)
    if request.method == "POST":
        request.state.back = "/bank-batches"
    return await console.answer(request, "finance/batches.html", context, status=refused.status)


@router.post("/bank-batches")
async def propose(request: Request, console: At, person: Treasurer, bank: Short = "") -> Response:
    """Gather what waits into a batch for one bank; nothing leaves before a second person lets it out."""
    try:
        made = await console.services.batches.propose(person.id, bank)
    except Refusal as refusal:
        return await _list(request, console, person, Refused("new", refusal=refusal))
    return see_other(f"/bank-batches/{made}")


@router.get("/bank-batches/{batch_id}")
async def show(request: Request, console: At, person: PayoutReader, batch_id: str) -> Response:
    """Show one batch with its lines. Refuses NotFound."""
    return await _page(request, console, person, batch_id)


@router.post("/bank-batches/{batch_id}/approve")
async def approve(request: Request, console: At, person: Treasurer, batch_id: str) -> Response:
    """Let the batch out as the second person, who shows who they are."""
    await require_step_up(request, person)
    return await _done(request, console, person, batch_id, console.services.batches.approve(person.id, batch_id))


@router.post("/bank-batches/{batch_id}/drop")
async def drop(request: Request, console: At, person: Treasurer, batch_id: str) -> Response:
    """Drop a batch that was not let out; its orders wait for another."""
    return await _done(request, console, person, batch_id, console.services.batches.drop(person.id, batch_id))


@router.post("/bank-batches/{batch_id}/file")
async def take(request: Request, console: At, person: Treasurer, batch_id: str) -> Response:
    """Give the batch's file; from then on the bank may carry it out."""
    await require_step_up(request, person)
    try:
        name, content = await console.services.batches.file(person.id, batch_id)
    except (BatchChanged, BanksOff, BankFileRefused) as refusal:
        return await _page(request, console, person, batch_id, refusal=refusal)
    return as_download(name, "application/octet-stream", content)


@router.post("/bank-batches/{batch_id}/results")
async def read_in(request: Request, console: At, person: Treasurer, batch_id: str) -> Response:
    """Read the bank's file in, all of it or nothing, and wake the cards that it speaks of."""
    try:
        news = await console.services.batches.take_in(person.id, batch_id, await _file(request))
    except (BatchChanged, BankFileRefused) as refusal:
        return await _page(request, console, person, batch_id, refusal=refusal)
    for card_id, key in news.cards:
        with suppress(TemporarilyUnavailable):  # The card asks by its own clock, too.
            await console.services.desk.payment_reported(card_id, key)
    return await _page(request, console, person, batch_id, news=news)


async def _done(
    request: Request, console: Console, person: Person, batch_id: str, doing: Awaitable[None]
) -> Response:  # fmt: skip
    """Do it and lead back to the batch; refused, show the batch as it is now with the reason."""

    async def page(refused: Refused) -> Response:
        return await _page(request, console, person, batch_id, refusal=refused.refusal)

    return await done_or_shown(request, doing, page, f"/bank-batches/{batch_id}", batch_id, "")


async def _page(
    request: Request,
    console: Console,
    person: Person,
    batch_id: str,
    *,
    news: TakenIn | None = None,
    refusal: Refusal | None = None,
) -> Response:
    async with console.services.database.transaction() as session:
        found = await reads.batch(session, batch_id)
        if found is None:
            raise NotFound(batch=batch_id[:26])
        lines, files = await reads.lines(session, batch_id), await reads.files(session, batch_id)
        names, off = await accounts.all_names(session), await is_off(session, Rail.BANK)
    bank = _banks(request, console).get(found.bank, found.bank)
    may_act = person.may(Permission.LET_OUT_BATCHES)
    context = BatchContext(
        shell(request, person), found, lines, files, bank, names, person.id, may_act, off, _sums(lines), news, refusal
    )
    if request.method == "POST":
        request.state.back = f"/bank-batches/{batch_id}"
    status = refusal.http_status if refusal is not None else 200
    return await console.answer(request, "finance/batch.html", context, status=status)


async def _file(request: Request) -> bytes:
    """The chosen file; one byte over the limit is enough to refuse it by."""
    sent = (await request.form()).get("file")
    if not isinstance(sent, UploadFile) or not sent.filename:
        raise BankFileRefused(why="missing", line=0)
    return await sent.read(BYTES_MAX + 1)


def _sums(lines: tuple[reads.LineView, ...]) -> tuple[Sum, ...]:
    """What each result comes to, in the order of the results; nothing while the bank has said nothing."""
    found: dict[str, list[int]] = {}
    for one in lines:
        said = "returned" if one.returned else "not_said" if one.outcome is None else one.outcome.value
        found.setdefault(said, []).append(one.amount.amount_minor)
    sums = (Sum(key, len(found[key]), Money(sum(found[key]))) for key in RESULTS if key in found)
    return tuple(sums) if found.keys() - {"not_said"} else ()


def _banks(request: Request, console: Console) -> dict[str, str]:
    return {name: form.title(locale_of(request)) for name, form in console.services.batches.formats.items()}
