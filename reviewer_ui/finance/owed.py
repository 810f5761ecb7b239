"""Money that is owed because a payee was refused: who waits for it, and another payee that takes two people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Depends, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.finance import office as reads
from database.reads.people import accounts
from database.reads.work.reason_codes import reasons as managed_reasons
from domain.finance.rails import Rail, require_offered
from domain.money import Money
from domain.people.roles import Permission
from domain.typed import plain
from domain.work.reason_codes import ReasonedAct
from reviewer_ui.finance.refused import NOTHING, Refused, done_or_shown
from reviewer_ui.reason_words import ReasonView, reason_view
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Console, PayoutReader, Shell, allowed, shell
from web.forms import member_of

router = APIRouter()
Corrector = Annotated[Person, Depends(allowed(Permission.CORRECT_PAYEE))]
Short = Annotated[str, Form(max_length=100)]
PATH = "/owed"


@dataclass(frozen=True)
class OwedContext:
    """The page of what is owed; `names` are people's by id, `total` in CNY."""

    shell: Shell
    entries: tuple[reads.OwedEntry, ...]
    names: dict[str, str]
    total: Money
    reasons: tuple[ReasonView, ...]
    rails: tuple[Rail, ...]
    may_correct: bool
    me: str
    full: bool
    refused: Refused


@router.get("/owed")
async def show(request: Request, console: At, person: PayoutReader) -> Response:
    """List what is owed, the longest waiting first."""
    return await _page(request, console, person)


@router.post("/owed/{card_id}/propose")
async def propose(
    request: Request,
    console: At,
    person: Corrector,
    card_id: str,
    payee_account: Short = "",
    payee_name: Short = "",
    reason_code: Short = "",
    payee_rail: Short = "",
    payee_bank: Short = "",
) -> Response:
    """Propose another payee; nothing is paid before a second person agrees."""
    typed = {
        "payee_account": payee_account, "payee_name": payee_name, "reason_code": reason_code, "payee_rail": payee_rail,
        "payee_bank": payee_bank,
    }  # fmt: skip
    proposing = _proposed(console, person, card_id, typed)
    page = partial(_page, request, console, person)
    return await done_or_shown(request, proposing, page, PATH, card_id, "propose", typed)


async def _proposed(console: Console, person: Person, card_id: str, typed: Mapping[str, str]) -> None:
    rail = require_offered(member_of(Rail, typed["payee_rail"]) or Rail.ALIPAY, console.services.rails)
    account = typed["payee_account"]
    if rail is Rail.BANK:
        account = f"{plain(account).replace(' ', '')} {plain(typed['payee_bank'])}"
    await console.services.payees.propose(person.id, card_id, account, typed["payee_name"], typed["reason_code"], rail)


@router.post("/owed/{card_id}/{correction_id}/agree")
async def agree(request: Request, console: At, person: Corrector, card_id: str, correction_id: str) -> Response:
    """Agree as the second person: the card is paid again, under a key of its own."""
    agreeing = console.services.payees.agree(person.id, card_id, correction_id)
    return await done_or_shown(request, agreeing, partial(_page, request, console, person), PATH, card_id, "agree")


@router.post("/owed/{card_id}/{correction_id}/refuse")
async def refuse(request: Request, console: At, person: Corrector, card_id: str, correction_id: str) -> Response:
    """Reject the proposal; its maker may do so, too."""
    refusing = console.services.payees.refuse(person.id, card_id, correction_id)
    return await done_or_shown(request, refusing, partial(_page, request, console, person), PATH, card_id, "refuse")


async def _page(request: Request, console: Console, person: Person, refused: Refused = NOTHING) -> Response:
    async with console.services.database.transaction() as session:
        entries = await reads.owed(session)
        names = await accounts.all_names(session)
        reasons = (await managed_reasons(session))[ReasonedAct.CORRECT_PAYEE]
    context = OwedContext(
        shell(request, person),
        entries,
        names,
        Money(sum(entry.amount.amount_minor for entry in entries)),
        tuple(reason_view(one) for one in reasons),
        console.services.rails,
        person.may(Permission.CORRECT_PAYEE),
        person.id,
        len(entries) == reads.PAGE,
        refused,
    )
    return await console.answer(request, "finance/owed.html", context, status=refused.status)
