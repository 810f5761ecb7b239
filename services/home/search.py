"""One search over everything that a person may see; each is on record, without what looks like a number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.home import search as reads
from database.reads.home import search_books as books
from database.repositories.audit import by_person
from database.session import Database
from database.tables.people import AuditRow
from domain.errors.general import CardNumberTyped
from domain.home.search_terms import CHARACTERS_MIN, SearchTerms, is_card_number, search_terms
from domain.people.roles import Permission
from domain.sealing import KeyRing
from services.people.phone_lookup import SEARCHES, phone_typed
from services.people.rate_limit import Throttle


@dataclass(frozen=True)
class Found:
    """What was found, at most ten of each kind, the newest first."""

    cards: tuple[reads.FoundCard, ...] = ()
    sellers: tuple[reads.FoundSeller, ...] = ()
    payouts: tuple[reads.FoundPayout, ...] = ()
    submissions: tuple[reads.FoundSubmission, ...] = ()
    people: tuple[reads.FoundPerson, ...] = ()
    repairs: tuple[reads.FoundRepair, ...] = ()
    tickets: tuple[reads.FoundTicket, ...] = ()
    books: tuple[books.FoundEntry, ...] = ()

    @property
    def count(self) -> int:
        """How many things were found."""
        people, cases = len(self.sellers) + len(self.people), len(self.repairs) + len(self.tickets)
        return len(self.cards) + len(self.submissions) + len(self.payouts) + len(self.books) + people + cases


class Search:
    """Finds cards, sellers, payment orders, what is in the books, submissions and people by what is typed into one field."""

    def __init__(self, database: Database, keyring: KeyRing) -> None:
        self._database = database
        self._keyring = keyring
        self._throttle = Throttle(database, SEARCHES)

    async def find(self, person: str, may: Callable[[Permission], bool], typed: str) -> Found:
        """Return what `person` (an id) may see of it; nothing for less than two characters.

        Refuses CardNumberTyped for a whole card number, and TooManyTries. What was typed is kept only where it cannot be
        a number; a seller who was found is the subject of the record.
        """
        phone = phone_typed(self._keyring, typed)
        if not phone and is_card_number(typed):
            raise CardNumberTyped()
        wanted = search_terms(typed)
        if len(wanted.words) < CHARACTERS_MIN:
            return Found()
        await self._throttle.hit("search", person)
        async with self._database.transaction() as session:
            found = await _found(session, may, wanted, phone)
            session.add(_record(person, wanted, phone, found))
        return found


async def _found(session: AsyncSession, may: Callable[[Permission], bool], wanted: SearchTerms, phone: str) -> Found:
    whole, named = wanted.id, bool(wanted.id) or not (phone or wanted.key)
    ids = bool(wanted.id or wanted.ending) and not phone
    sees_repairs = may(Permission.SEE_OPERATIONS) or may(Permission.CONFIRM_REPAIR)
    sees_cards, sees_sellers = may(Permission.SEE_CARD), may(Permission.SEE_SELLER)
    return Found(
        cards=await reads.cards(session, whole, wanted.ending, wanted.tail) if sees_cards and not phone else (),
        submissions=await reads.submissions(session, whole, wanted.ending) if ids and sees_cards else (),
        sellers=(
            *(await reads.sellers(session, whole, phone) if sees_sellers else ()),
            *(await reads.partners(session, whole, wanted.words) if named and sees_sellers else ()),
        ),
        payouts=await reads.payouts(session, wanted.key, wanted.reference) if may(Permission.SEE_PAYOUTS) else (),
        people=await reads.people(session, whole, wanted.words) if named and may(Permission.MANAGE_PEOPLE) else (),
        repairs=await reads.repairs(session, whole, wanted.ending) if ids and sees_repairs else (),
        tickets=await reads.tickets(session, whole, wanted.ending) if ids and may(Permission.SEE_TICKETS) else (),
        books=() if phone else await _of_books(session, may, wanted),
    )


async def _of_books(
    session: AsyncSession, may: Callable[[Permission], bool], wanted: SearchTerms
) -> tuple[books.FoundEntry, ...]:
    """What of the books this person may see: claims and breaks with the payments, sales and settlements apart."""
    whole, ending, named = wanted.id, wanted.ending, wanted.key or wanted.reference
    found = list[books.FoundEntry]()
    if may(Permission.SEE_SALES):
        found += await books.sales(session, whole, ending)
    if may(Permission.SEE_SETTLEMENTS):
        found += await books.runs(session, whole, ending, wanted.reference)
    if may(Permission.SEE_PAYOUTS):
        lines = await books.statement_lines(session, wanted.reference)
        found += await books.claims(session, whole, ending)
        found += [*await books.breaks(session, whole, ending, named, lines), *lines]
        found += await books.in_suspense(session, wanted.entry, lines)
    return tuple(found)


def _record(person: str, wanted: SearchTerms, phone: str, found: Found) -> AuditRow:
    """The search on record; `by` says whether a telephone was typed, `found` how much there was."""
    one_seller = found.sellers[0].owner if len(found.sellers) == 1 else "search"
    facts = {"by": "phone" if phone else "words", "found": found.count}
    if wanted.loggable and not phone:
        facts["words"] = wanted.words
    return by_person(person, "console:search:find", one_seller, facts=facts)
