"""Counterparties, what they are owed, and runs that proceed as in their workflow, with a clock that the test moves."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from sqlalchemy import select

from activities.payout import Payout
from activities.settlement import SettlementActivities
from database.invariants import Look
from database.invariants.books import EntriesSumToZero, SignsHold
from database.invariants.settlements import SettlementsAddUp, SettlementsByTwo
from database.invariants.sources import SourcesAgree
from database.repositories import ledger
from database.session import Database
from database.tables.finance.settlement import CounterpartyRow, SettlementEventRow, SettlementRunRow
from database.tables.people import PersonRow
from domain.finance.chart import account
from domain.finance.counterparties import CounterpartyKind
from domain.finance.ledger import Posting
from domain.finance.rails import Rail
from domain.finance.settlement import SettlementDeed, SettlementState
from domain.finance.settlement_acts import NextStep, SettlementAct, SettlementStep
from domain.finance.settlement_periods import end_of
from domain.identifiers import new_id
from domain.money import Money
from domain.sealing import KeyRing
from gateways.pictures.store import PhotoStore
from services.finance.settlement.counterparties import Counterparties, NewParty, PartyWords
from services.finance.settlement.starting import begin_runs
from services.people.partners import Partners
from services.support.desk import SupportDesk
from services.support.settlement_acts import SettlementActs

NOVEMBER = date(2026, 11, 1)
DECEMBER_5 = end_of(date(2026, 12, 5))


@dataclass
class Clock:
    """The moment that the office has."""

    moment: datetime = DECEMBER_5

    def __call__(self) -> datetime:
        return self.moment

    def passes(self, **span: float) -> None:
        self.moment += timedelta(**span)


@dataclass
class Settling:
    """The acts on runs over a world."""

    database: Database
    keyring: KeyRing
    photos: PhotoStore
    payout: Payout | None = None  # What pays; None: nothing is paid in this test.
    clock: Clock = field(default_factory=Clock)
    finance: str = ""

    def __post_init__(self) -> None:
        self.activities = SettlementActivities(SupportDesk(self.database, self.keyring, self.photos, self.clock))
        self.counterparties = Counterparties(self.database, self.keyring, self.clock)

    async def a_person(self, *roles: str, name: str = "Lin") -> str:
        """Add a person of the console; of finance unless roles are named."""
        row = PersonRow(
            id=new_id(), email=f"{new_id().lower()}@example.com", name=name, password_hash="",
            roles=list(roles or ("finance",)),
        )  # fmt: skip
        async with self.database.transaction() as session:
            session.add(row)
        return row.id

    async def rows(self, table: Any, **wanted: Any) -> list[Any]:
        """The rows of a table with these values, in the order of their ids."""
        found = select(table).filter_by(**wanted).order_by(*table.__mapper__.primary_key)
        async with self.database.transaction() as session:
            return list((await session.execute(found)).scalars())

    async def a_party(
        self, *, kind: CounterpartyKind = CounterpartyKind.PARTNER, owner: str = "", terms: str = "monthly",
        payee: bool = True, since: date = NOVEMBER, mail: str = "", language: str = "en", name: str = "Harbour Cards",
        partner: str = "", opening: int = 0,
    ) -> CounterpartyRow:  # fmt: skip
        """Add a counterparty that is an API partner, or is reached by mail, with an agreed payee."""
        self.finance = self.finance or await self.a_person()
        if not (mail or partner):
            partner, _ = await Partners(self.database, self.keyring).create("Harbour Systems", "https://p.example/h")
        words = PartyWords(name, language, terms, Rail.ALIPAY, mail, partner)
        new = NewParty(
            kind,
            owner or f"partner:{partner}" if partner or owner else new_id().lower(),
            since,
            words,
            opening_minor=opening,
        )
        party = await self.counterparties.add(self.finance, new)
        if payee:
            await self.a_payee(party, name=name)
        return await self.party(party)

    async def a_payee(self, party_id: str, account_number: str = "13900008888", name: str = "Harbour Cards") -> None:
        """Propose and agree to a payee of the counterparty's own name."""
        proposed = await self.counterparties.propose_payee(self.finance, party_id, Rail.ALIPAY, account_number, name)
        await self.counterparties.agree_payee(await self.a_person(), proposed)

    async def owes(self, party: CounterpartyRow, minor: int, day: date, cause: str = "") -> None:
        """Post a share of a sale on a day; a negative one takes back."""
        amount = Money(minor)
        share, cost = account("partner_share", party.owner), account("partner_cost")
        postings = (Posting(cost, amount), Posting(share, -amount))
        async with self.database.transaction() as session:
            key, why = new_id(), cause or f"sale:{new_id()}"
            await ledger.post(session, key, None, "sold", postings, happened_on=day, cause=why)

    async def begun(self, party: CounterpartyRow) -> list[SettlementRunRow]:
        """Begin what is due of a counterparty and return its runs, oldest first."""
        async with self.database.transaction() as session:
            await begin_runs(session, party.id, self.clock(), 50)
        runs = await self.rows(SettlementRunRow, counterparty_id=party.id)
        return sorted(runs, key=lambda run: run.ends_on)

    async def goes_on(self, run_id: str) -> SettlementStep:
        """Do what the workflow would do, until it waits or is over; return what it found last."""
        while True:
            step = await self.activities.look(run_id)
            if step.next is NextStep.COLLECT:
                await self.activities.collect(run_id)
            elif step.next is NextStep.STATE:
                await self.activities.state(run_id)
            elif step.next is NextStep.PAY and self.payout is not None:
                if await self.activities.prepare(run_id, step.key) is not None:
                    return step  # It waits before anything is sent.
                await self.payout.send(step.key)
                await self.payout.conclude(step.key)
            else:
                return step

    async def stated(self, party: CounterpartyRow) -> SettlementRunRow:
        """Begin the due run of a counterparty and let its statement be made."""
        run = (await self.begun(party))[-1]
        await self.goes_on(run.id)
        return await self.run(run.id)

    async def does(
        self, run: SettlementRunRow, deed: SettlementDeed, by: str, *, words: str = "", lines: tuple[str, ...] = (),
        amount: int | None = None, reference: str = "", token: str = "", version: int | None = None,
    ) -> SettlementState:  # fmt: skip
        """Do a deed with the newest statement in view, and continue the run."""
        now = await self.run(run.id)
        seen = now.version if version is None else version
        act = SettlementAct(run.id, deed, by, seen, words, lines, amount, reference, token)
        await self.activities.act(act)
        await self.goes_on(run.id)
        return (await self.run(run.id)).state

    async def confirmed(self, run: SettlementRunRow, party: CounterpartyRow) -> SettlementState:
        """Have the counterparty's own program confirm."""
        return await self.does(run, SettlementDeed.CONFIRM, f"partner:{party.partner_id}")

    async def approved(self, run: SettlementRunRow, person: str = "") -> SettlementState:
        """Have a person of finance agree to the payment."""
        person = person or await self.a_person()
        return await self.does(run, SettlementDeed.APPROVE, f"person:{person}")

    async def run(self, run_id: str) -> SettlementRunRow:
        """The run as it is now."""
        async with self.database.transaction() as session:
            return await session.get_one(SettlementRunRow, run_id)

    async def party(self, party_id: str) -> CounterpartyRow:
        """The counterparty as it is now."""
        async with self.database.transaction() as session:
            return await session.get_one(CounterpartyRow, party_id)

    async def owed(self, party: CounterpartyRow) -> int:
        """What the ledger says is owed to the counterparty, minor units."""
        async with self.database.transaction() as session:
            return -(await ledger.balance(session, f"partner_share:{party.owner}")).amount_minor


class StraightRuns:
    """Does at once what a run's workflow would do for a person, and continues the run."""

    def __init__(self, database: Database, keyring: KeyRing, photos: PhotoStore) -> None:
        self._settling = Settling(database, keyring, photos, clock=Clock(datetime.now(UTC)))
        self._deeds = SettlementActs(SupportDesk(database, keyring, photos))

    async def act(self, _counterparty_id: str, _period: str, wanted: SettlementAct) -> SettlementState:
        state = await self._deeds.do(wanted)
        await self._settling.goes_on(wanted.run_id)
        return state


async def nothing_is_wrong(settling: Settling) -> None:
    """Compare the books with the orders, and the runs with the books."""
    async with settling.database.transaction() as session:
        for one in (EntriesSumToZero(), SignsHold(), SourcesAgree(), SettlementsAddUp(), SettlementsByTwo()):
            found = await one.broken(session, Look())
            # The shares and costs that tests post come from no sale and no answer.
            assert [what for what in found if not what.startswith(("sale:", "answers:"))] == []


async def story(settling: Settling, run_id: str) -> list[str]:
    """What happened to a run, in order."""
    return [one.what for one in await settling.rows(SettlementEventRow, run_id=run_id)]
