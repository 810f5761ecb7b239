"""One search everywhere: the query is sent by a form, so that no phone or card number is in an address."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Form
from starlette.requests import Request
from starlette.responses import Response

from database.reads.home.search_books import EntryKind, FoundEntry
from domain.errors.base import Refusal
from domain.errors.general import CardNumberTyped
from domain.errors.people import TooManyTries
from languages import LOCALES, translate
from reviewer_ui.brand_names import brand_names
from reviewer_ui.navigation import ACTIONS, Action, ConsolePage, searched
from reviewer_ui.sessions import Person
from reviewer_ui.visit import At, Shell, SignedIn, see_other, shell
from services.home.search import Found

router = APIRouter()
SHOWN_MAX = 10
_PLACES = {
    EntryKind.CLAIM: "/claims?card={}",
    EntryKind.SALE: "/sales/{}",
    EntryKind.RUN: "/settlements/{}",
    EntryKind.BREAK: "/reconciliation/breaks/{}",
    EntryKind.LINE: "/reconciliation/statements/{}",
    EntryKind.SUSPENSE: "/reconciliation/suspense/entries/{}",
}


def place_of(one: FoundEntry) -> str:
    """Return the page of something of the books; a line's is its statement, a claim's the claims of its card."""
    return _PLACES[one.kind].format(one.place)


@dataclass(frozen=True)
class SearchContext:
    """The search page; `asked` is what was typed, empty for what is kept nowhere."""

    shell: Shell
    asked: str
    found: Found
    pages: tuple[ConsolePage, ...]
    actions: tuple[Action, ...]
    brands: dict[str, dict[str, str]]
    books: tuple[tuple[str, FoundEntry], ...] = ()  # Each with its page.
    refusal: Refusal | None = None


@router.get("/search")
async def ask(request: Request, console: At, person: SignedIn) -> Response:
    """Show the empty form, with the pages and actions of this person."""
    context = SearchContext(shell(request, person), "", Found(), (), (), {})
    return await console.answer(request, "home/search.html", context)


@router.post("/search")
async def find(
    request: Request, console: At, person: SignedIn, q: Annotated[str, Form(max_length=200)] = ""
) -> Response:
    """Everything found; the only match opens at once. A whole card number is refused and not shown again."""
    request.state.back = "/search"
    asked = q.strip()
    try:
        found = await console.search.find(person.id, person.may, asked)
    except (CardNumberTyped, TooManyTries) as refusal:
        context = SearchContext(shell(request, person), "", Found(), (), (), {}, refusal=refusal)
        return await console.answer(request, "home/search.html", context, status=refusal.http_status)
    pages, actions = _pages(person, asked), _actions(person, asked)
    if found.count == 1 and not pages and not actions and (only := _address(found)):
        return see_other(only)
    context = SearchContext(
        shell(request, person),
        asked,
        found,
        pages,
        actions,
        brand_names(),
        tuple((place_of(one), one) for one in found.books),
    )
    return await console.answer(request, "home/search.html", context)


def _address(found: Found) -> str:
    """Where the only thing that was found is; a submission has no page of its own."""
    places = [
        *(f"/cards/{one.id}" for one in found.cards),
        *(f"/sellers/{one.id}" for one in found.sellers),
        *(f"/payouts/{one.key}" for one in found.payouts),
        *(place_of(one) for one in found.books),
        *(f"/setup/people/{one.id}" for one in found.people),
        *(f"/operations/repairs/{one.id}" for one in found.repairs),
        *(f"/tickets/{one.id}" for one in found.tickets),
        *(f"/cards/{one.card_ids[0]}" for one in found.submissions if len(one.card_ids) == 1),
    ]
    return next(iter(places), "")


def _pages(person: Person, asked: str) -> tuple[ConsolePage, ...]:
    named = (page for page in searched() if page.open_to(person.may) and _names(page.key, asked))
    return tuple(named)[:SHOWN_MAX]


def _actions(person: Person, asked: str) -> tuple[Action, ...]:
    return tuple(one for one in ACTIONS if one.open_to(person.may) and _names(one.key, asked))[:SHOWN_MAX]


def _names(key: str, asked: str) -> bool:
    """Whether the words of this key hold what was typed, in either language."""
    wanted = asked.casefold()
    return len(wanted) > 1 and any(wanted in translate(key, locale).casefold() for locale in LOCALES)
