"""Search tickets by their words, customers and cards; each search is on record, without what looks like a number."""

from __future__ import annotations

from dataclasses import dataclass

from database.reads.support.search import Sought, matches, not_searchable
from database.reads.support.tickets import TicketLine, lines
from database.repositories.audit import by_person
from database.session import Database
from domain.errors.general import CardNumberTyped
from domain.finance.payee import payee_index_of
from domain.home.search_terms import is_card_number, search_terms
from domain.people.roles import Permission
from domain.sealing import KeyRing
from domain.support.contacts import address_index_of
from domain.support.grams import looked_up, terms
from services.people.permissions import require
from services.people.phone_lookup import SEARCHES, phone_typed
from services.people.rate_limit import Throttle

PAGE = 25


@dataclass(frozen=True)
class FoundTickets:
    """One page of what was found, the newest first. `more`: older ones follow, after the last of these.

    `too_short`: nothing was looked for, because a word needs two characters.
    """

    lines: tuple[TicketLine, ...] = ()
    more: bool = False
    too_short: bool = False
    not_searchable: int = 0  # So many tickets from before the search cannot be found by their words yet.


class TicketSearch:
    """Finds tickets by what is typed into one field."""

    def __init__(self, database: Database, keyring: KeyRing) -> None:
        self._database = database
        self._keyring = keyring
        self._throttle = Throttle(database, SEARCHES)

    async def find(self, person: str, typed: str, before: str = "") -> FoundTickets:
        """Return the tickets that `person` (an id) may see; `before`: only those older than this ticket (an id).

        They are found by every word of subject, messages and notes, by the end of an id, by a card's last four characters,
        and by a telephone number, payee account, e-mail address, payment order or partner. Refuse NotAllowed,
        CardNumberTyped for a whole card number, and TooManyTries.
        """
        phone = phone_typed(self._keyring, typed)
        if not phone and is_card_number(typed):
            raise CardNumberTyped()
        async with self._database.transaction() as session:
            may = await require(session, person, Permission.SEE_TICKETS)
        sought = self._sought(typed, phone, may)
        if not sought.names and not looked_up(sought.parts):
            return FoundTickets(too_short=bool(sought.parts))
        await self._throttle.hit("search", person)
        async with self._database.transaction() as session:
            found = await matches(session, sought, PAGE + 1, before)
            facts = {"by": "phone" if phone else "words", "found": len(found[:PAGE])}
            if search_terms(typed).loggable and not phone and "@" not in typed:
                facts["words"] = search_terms(typed).words
            session.add(
                by_person(person, "console:search:tickets", found[0] if len(found) == 1 else "search", facts=facts)
            )
            left = await not_searchable(session)
            return FoundTickets(await lines(session, found[:PAGE]), len(found) > PAGE, not_searchable=left)

    def _sought(self, typed: str, phone: str, may: frozenset[Permission]) -> Sought:
        """What these words ask for, as far as the person may know it of customers and cards."""
        wanted = search_terms(typed)
        account = wanted.words if phone or "@" in wanted.words else ""
        customers = Permission.SEE_SELLER in may
        return Sought(
            parts=() if phone else terms(wanted.words),
            id=wanted.id,
            ending=wanted.ending if not phone else "",
            tail=wanted.tail if not phone else "",
            cards=Permission.SEE_CARD in may,
            key=wanted.key,
            phone=phone if customers else "",
            payee=payee_index_of(self._keyring, account) if account and customers else "",
            address=address_index_of(self._keyring, account) if "@" in account and customers else "",
            partner=wanted.words if customers and not phone and looked_up(terms(wanted.words)) else "",
        )
