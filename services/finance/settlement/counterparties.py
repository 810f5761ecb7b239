"""Whom we settle with: added and changed by one person, their payees by two."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from database.repositories import ledger
from database.repositories.audit import by_person
from database.sealed import COUNTERPARTY_ACCOUNT, COUNTERPARTY_MAIL, COUNTERPARTY_NAME
from database.session import Database
from database.tables.finance.settlement import CounterpartyPayeeRow, CounterpartyRow, SettlementRunRow
from database.tables.people import PartnerRow
from domain.errors.general import FieldInvalid, NotFound
from domain.errors.settlement import CounterpartyChanged, CounterpartyKnown, OpeningInBooks, PayeeWaits, SettlementMoved
from domain.errors.work import OwnWork
from domain.finance.counterparties import CounterpartyKind
from domain.finance.payee import masked_account, require_payee
from domain.finance.postings.settlement import OPENING, settlement_opening
from domain.finance.rails import Rail
from domain.finance.settlement import NAME_MAX, PayeeState, SettlementState, is_owner
from domain.identifiers import new_id
from domain.money import Currency, Money
from domain.people.roles import Permission, is_address
from domain.places import business_day
from domain.review.four_eyes import apart
from domain.rules.settlement import settlement_in_force
from domain.sealing import KeyRing
from domain.typed import plain, plain_name
from languages import LOCALES
from services.finance.second_person import Proposal, notify_declined
from services.finance.settlement.collecting import unsettled
from services.people.acting import handled_by, standing
from services.people.permissions import require

AMOUNT_MAX = 10**13


SINCE_DAYS = 366  # A run is made for each period since then.


@dataclass(frozen=True)
class PartyWords:
    """What is kept of a counterparty. `mail` empty: keep the address that it has; `partner_id` empty: no API partner."""

    name: str
    language: str
    terms: str
    rail: Rail
    mail: str = field(default="", repr=False)
    partner_id: str = ""
    active: bool = True


@dataclass(frozen=True)
class NewParty:
    """What is settled once and never changes: the account, and from which day on."""

    kind: CounterpartyKind
    owner: str
    since: date
    words: PartyWords
    currency: Currency = Currency.CNY
    opening_minor: int = 0  # Owed to it on that day from before; negative where it owed us.


class Counterparties:
    """Adds and changes counterparties. `person` is a person's id; their rights are checked here."""

    def __init__(
        self, database: Database, keyring: KeyRing, now: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._database = database
        self._keyring = keyring
        self._now = now

    async def add(self, person: str, new: NewParty) -> str:
        """Add a counterparty and return its id.

        Refuse NotAllowed, FieldInvalid (`ledger_account`, `name`, `language`, `terms`, `mail`, `partner`, `since`), CounterpartyKnown, and OpeningInBooks for
        an opening amount beside what our books show already.
        """
        if not is_owner(new.owner):
            raise FieldInvalid(field="ledger_account", why="not_a_code")
        if (new.opening_minor < 0 and new.kind is not CounterpartyKind.PROVIDER) or abs(new.opening_minor) > AMOUNT_MAX:
            raise FieldInvalid(field="opening", why="not_money")  # Its account is of what we owe.
        today = business_day(self._now())
        if not today - timedelta(days=SINCE_DAYS) <= new.since <= today:
            raise FieldInvalid(field="since", why="too_far")
        async with self._database.transaction() as session:
            await require(session, person, Permission.MANAGE_COUNTERPARTIES)
            row = CounterpartyRow(
                id=new_id(), kind=new.kind, owner=new.owner, name="", currency=new.currency, terms="", since=new.since,
                opening_minor=new.opening_minor, made_by=person, made_at=self._now(),
            )  # fmt: skip
            await self._write(session, row, new.words)
            session.add(row)
            session.add(by_person(person, "console:counterparty:add", row.id, facts=_facts(row)))
            await _flush(session)
            if row.opening_minor:
                if (there := await unsettled(session, row)).amount_minor:
                    raise OpeningInBooks(there=str(there))
                postings = settlement_opening(row.kind, row.owner, Money(row.opening_minor, row.currency))
                key = f"cost:{row.owner}:opening" if row.kind is CounterpartyKind.PROVIDER else f"opening:{row.id}"
                cause = f"counterparty:{row.id}"
                await ledger.post(session, key, None, OPENING, postings, happened_on=new.since, cause=cause)
        return row.id

    async def change(self, person: str, party_id: str, revision: int, words: PartyWords) -> None:
        """Change what is kept. Refuse as `add`, NotFound, and CounterpartyChanged where a colleague was faster."""
        async with self._database.transaction() as session:
            await require(session, person, Permission.MANAGE_COUNTERPARTIES)
            row = await _locked(session, party_id)
            if row.revision != revision:
                raise CounterpartyChanged()
            await self._write(session, row, words)
            row.revision += 1
            session.add(by_person(person, "console:counterparty:change", row.id, facts=_facts(row)))
            await _flush(session)
            await _wake(session, row.id)  # Another rail may have a payee.

    async def propose_payee(self, person: str, party_id: str, rail: Rail, account: str, name: str) -> str:
        """Propose a payee on a rail; nothing is paid to it before a second person agrees. Return its id.

        Refuse NotAllowed, NotFound, FieldInvalid (`payee_account`, `payee_name`), OwnWork to a relative, and PayeeWaits.
        """
        account, name = plain(account), plain_name(name)
        require_payee(account, name, rail)
        async with self._database.transaction() as session:
            await require(session, person, Permission.MANAGE_COUNTERPARTIES)
            party = await _locked(session, party_id)
            who = await standing(session, person, self._now())
            if {party.owner, f"partner:{party.partner_id}"} & who.relatives:
                raise OwnWork()
            row = CounterpartyPayeeRow(
                id=(payee_id := new_id()), counterparty_id=party.id, rail=rail,
                account_sealed=COUNTERPARTY_ACCOUNT.seal(self._keyring, payee_id, account),
                name_sealed=COUNTERPARTY_NAME.seal(self._keyring, payee_id, name), masked=masked_account(account),
                proposed_by=person, proposers=sorted(who.circle), proposed_at=self._now(),
            )  # fmt: skip
            session.add(row)
            session.add(_audited(person, "propose", row))
            try:
                await session.flush()
            except IntegrityError:
                raise PayeeWaits() from None
        return payee_id

    async def agree_payee(self, person: str, payee_id: str) -> None:
        """Agree as the second person; runs that wait for a payee continue. Repeated by the same person, nothing changes.

        Refuse NotAllowed, NotFound, SettlementMoved once it was declined, and OwnWork to a person who is not independent.
        """
        async with self._database.transaction() as session:
            row, party = await self._payee(session, person, payee_id)
            if row.state is not PayeeState.PROPOSED:
                if (row.state, row.checked_by) == (PayeeState.AGREED, person):
                    return
                raise SettlementMoved(state=row.state.value)
            who, now = await standing(session, person, self._now()), self._now()
            proposers = frozenset(row.proposers)
            if not apart(proposers, who.circle, await handled_by(session, proposers | who.circle, now)):
                raise OwnWork()
            if {party.owner, f"partner:{party.partner_id}"} & who.relatives:
                raise OwnWork()
            row.state, row.checked_by, row.checked_at = PayeeState.AGREED, person, now
            session.add(_audited(person, "agree", row))
            await _wake(session, party.id)

    async def decline_payee(self, person: str, payee_id: str) -> None:
        """Say no, or take one's own proposal back. Refuse NotAllowed, NotFound, and SettlementMoved once it was agreed to."""
        async with self._database.transaction() as session:
            row, _ = await self._payee(session, person, payee_id)
            if row.state is PayeeState.DECLINED:
                return
            if row.state is not PayeeState.PROPOSED:
                raise SettlementMoved(state=row.state.value)
            row.state, row.checked_by, row.checked_at = PayeeState.DECLINED, person, self._now()
            session.add(_audited(person, "decline", row))
            page = f"/counterparties/{row.counterparty_id}"
            await notify_declined(session, row.proposed_by, person, Proposal.COUNTERPARTY_PAYEE, page)

    async def _payee(
        self, session: AsyncSession, person: str, payee_id: str
    ) -> tuple[CounterpartyPayeeRow, CounterpartyRow]:
        await require(session, person, Permission.MANAGE_COUNTERPARTIES)
        row = await session.get(CounterpartyPayeeRow, payee_id[:26], with_for_update=True, populate_existing=True)
        if row is None:
            raise NotFound(payee=payee_id[:26])
        return row, await session.get_one(CounterpartyRow, row.counterparty_id)

    async def _write(self, session: AsyncSession, row: CounterpartyRow, words: PartyWords) -> None:
        name, mail = plain_name(words.name), words.mail.strip().lower()
        if not 0 < len(name) <= NAME_MAX:
            raise FieldInvalid(field="name", why="missing" if not name else "too_long")
        if words.language not in LOCALES:
            raise FieldInvalid(field="language", why="not_a_choice")
        if words.terms not in settlement_in_force(business_day(self._now())).terms:
            raise FieldInvalid(field="terms", why="not_a_choice")
        if mail and not is_address(mail):
            raise FieldInvalid(field="mail", why="not_an_address")
        if words.partner_id and await session.get(PartnerRow, words.partner_id[:26]) is None:
            raise FieldInvalid(field="partner", why="unknown")
        if not (mail or row.mail_sealed or words.partner_id):
            raise FieldInvalid(field="mail", why="missing")  # Its statements must reach it somehow.
        row.name, row.language, row.terms, row.rail, row.active = (
            name, words.language, words.terms, words.rail, words.active,
        )  # fmt: skip
        row.partner_id = words.partner_id or None
        if mail:
            row.mail_sealed, row.mail_masked = COUNTERPARTY_MAIL.seal(self._keyring, row.id, mail), masked_account(mail)


async def _locked(session: AsyncSession, party_id: str) -> CounterpartyRow:
    row = await session.get(CounterpartyRow, party_id[:26], with_for_update=True, populate_existing=True)
    if row is None:
        raise NotFound(counterparty=party_id[:26])
    return row


async def _wake(session: AsyncSession, party_id: str) -> None:
    """Have the runs that wait for a payee look again."""
    waits = (SettlementRunRow.counterparty_id == party_id, SettlementRunRow.state == SettlementState.PAYEE)
    woken = update(SettlementRunRow).where(*waits).values(revision=SettlementRunRow.revision + 1)
    await session.execute(woken.execution_options(synchronize_session=False))


async def _flush(session: AsyncSession) -> None:
    try:
        await session.flush()
    except IntegrityError:
        raise CounterpartyKnown() from None


def _facts(row: CounterpartyRow) -> dict[str, object]:
    return {
        "kind": row.kind.value, "owner": row.owner, "name": row.name, "terms": row.terms, "rail": row.rail.value,
        "mail": row.mail_masked, "partner": row.partner_id or "", "active": row.active,
    }  # fmt: skip


def _audited(person: str, act: str, row: CounterpartyPayeeRow) -> object:
    facts = {"payee": row.masked, "rail": row.rail.value, "id": row.id}
    return by_person(person, f"console:counterparty:payee_{act}", row.counterparty_id, facts=facts)
