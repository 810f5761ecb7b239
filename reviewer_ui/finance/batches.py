"""Payments that a bank carries out by file: gathered, let out by a second person, taken to the bank, its answer read in."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import batches as reads
from database.reads.people import accounts
from database.tables.finance_rails import BankFileRow
from domain.errors.base import Refusal
from domain.errors.finance import BankFileRefused
from domain.errors.general import NotFound, TemporarilyUnavailable
from domain.people.roles import Permission
from gateways.banks.files import BYTES_MAX
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


@dataclass(frozen=True)
class BatchContext:
    """One batch; `news` is what the file that was just read in said, `refusal` why it was not."""

    shell: Shell
    batch: reads.BatchView
    lines: tuple[reads.LineView, ...]
    files: tuple[BankFileRow, ...]
    bank: str
    names: dict[str, str]
    me: str
    may_act: bool
    news: TakenIn | None = None
    refusal: Refusal | None = None


@router.get("/bank-batches")
async def listed(request: Request, console: At, person: PayoutReader) -> Response:
    """List what waits for a bank's batch, and the batches."""
    async with console.services.database.transaction() as session:
        waiting, found = await reads.waiting(session), await reads.batches(session)
        names = await accounts.all_names(session)
    may_act = person.may(Permission.LET_OUT_BATCHES)
    context = BatchesContext(shell(request, person), waiting, found, _banks(request, console), names, may_act)
    return await console.answer(request, "finance/batches.html", context)


@router.post("/bank-batches")
async def propose(console: At, person: Treasurer, bank: Short = "") -> Response:
    """Gather what waits into a batch for one bank; nothing leaves before a second person lets it out."""
    return see_other(f"/bank-batches/{await console.services.batches.propose(person.id, bank)}")


@router.get("/bank-batches/{batch_id}")
async def show(request: Request, console: At, person: PayoutReader, batch_id: str) -> Response:
    """Show one batch with its lines. Refuses NotFound."""
    return await _page(request, console, person, batch_id)


@router.post("/bank-batches/{batch_id}/approve")
async def approve(request: Request, console: At, person: Treasurer, batch_id: str) -> Response:
    """Let the batch out as the second person, who shows who they are."""
    await require_step_up(request, person)
    await console.services.batches.approve(person.id, batch_id)
    return see_other(f"/bank-batches/{batch_id}")


@router.post("/bank-batches/{batch_id}/drop")
async def drop(console: At, person: Treasurer, batch_id: str) -> Response:
    """Drop a batch that was not let out; its orders wait for another."""
    await console.services.batches.drop(person.id, batch_id)
    return see_other("/bank-batches")


@router.post("/bank-batches/{batch_id}/file")
async def take(request: Request, console: At, person: Treasurer, batch_id: str) -> Response:
    """Give the batch's file; from then on the bank may carry it out."""
    await require_step_up(request, person)
    name, content = await console.services.batches.file(person.id, batch_id)
    return as_download(name, "application/octet-stream", content)


@router.post("/bank-batches/{batch_id}/results")
async def read_in(request: Request, console: At, person: Treasurer, batch_id: str) -> Response:
    """Read the bank's file in, all of it or nothing, and wake the cards that it speaks of."""
    try:
        news = await console.services.batches.take_in(person.id, batch_id, await _file(request))
    except BankFileRefused as refusal:
        return await _page(request, console, person, batch_id, refusal=refusal)
    for card_id, key in news.cards:
        with suppress(TemporarilyUnavailable):  # The card asks by its own clock, too.
            await console.services.desk.payment_reported(card_id, key)
    return await _page(request, console, person, batch_id, news=news)


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
        names = await accounts.all_names(session)
    bank = _banks(request, console).get(found.bank, found.bank)
    may_act = person.may(Permission.LET_OUT_BATCHES)
    context = BatchContext(shell(request, person), found, lines, files, bank, names, person.id, may_act, news, refusal)
    status = refusal.http_status if refusal is not None else 200
    return await console.answer(request, "finance/batch.html", context, status=status)


async def _file(request: Request) -> bytes:
    """The chosen file; one byte over the limit is enough to refuse it by."""
    sent = (await request.form()).get("file")
    if not isinstance(sent, UploadFile) or not sent.filename:
        raise BankFileRefused(why="missing", line=0)
    return await sent.read(BYTES_MAX + 1)


def _banks(request: Request, console: Console) -> dict[str, str]:
    return {name: form.title(locale_of(request)) for name, form in console.services.batches.formats.items()}
