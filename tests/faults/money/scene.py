"""Where the machine plays: a database of its own, our real services and activities on it, and a harsh gateway."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
from sqlalchemy import make_url

from activities.payout import Payout
from activities.pricing import Pricing
from database.repositories import cards as card_rows
from database.repositories import ledger
from database.repositories.cards import Change
from database.sealed import PAYEE_ACCOUNT, PAYEE_NAME
from database.session import Database
from database.tables.cards import AnswerRow, CardRow, QuoteRow, SubmissionRow
from database.tables.people import PersonRow
from domain.cards.card import CardStatus, CardType, Stage, WaitingFor
from domain.cards.pricing import QuoteState
from domain.cards.verification import Party
from domain.finance.chart import CHART, OwnerKind, account
from domain.finance.payout import PaymentGateway
from domain.finance.periods import next_month
from domain.finance.rails import Rail
from domain.identifiers import new_id, payout_key, quote
from domain.money import Currency, Money
from domain.sealing import KeyRing
from gateways.alipay.notices import AlipayNotices
from gateways.alipay.rsa2 import Verifier
from gateways.banks.formats import formats_in
from gateways.payout.bank import BankGateway
from gateways.pictures.store import PhotoStore
from services.cards.reversing import reverse_acceptance
from services.cards.stock import Stock
from services.finance import confirmations
from services.finance.asked_returns import Returns
from services.finance.bank_batches import BankBatches
from services.finance.bank_book import KeptBankBook
from services.finance.claim_receipts import ClaimReceipts
from services.finance.confirmations import Confirmations
from services.finance.payees import Payees
from services.finance.payment_notifications import PaymentNotices
from services.finance.periods import Periods
from services.finance.rollbacks import Rollbacks
from services.finance.sale_returns import SaleReturns
from services.finance.sales import Sales
from services.support.desk import SupportDesk
from services.support.goodwill import Goodwill
from tests.builders.banks import BANK_FORMATS
from tests.builders.paying import with_claims
from tests.faults.money.bank import HarshBank
from tests.faults.money.gateway import HarshGateway, Transfer
from tests.faults.money.goodwill import Gift, given
from tests.faults.money.points import Act, Done, Fault, done, watch
from tests.faults.money.receiver import HarshWechat

AT_ONCE = 40  # Fours: the machine takes so many.
FIRST_MONTH, MONTHS_EACH, CARDS_EACH = "1900-01", 3, 4
# Of each four: two of one seller, and one on each other rail.
RAILS = (Rail.ALIPAY, Rail.ALIPAY, Rail.WECHAT, Rail.BANK)
GIFTS_AT_ONCE = 40
NAME = "王芳"
T = TypeVar("T")
PayoutOf = Callable[[Database, KeyRing, Mapping[Rail, PaymentGateway]], Payout]


@dataclass
class Card:
    """A card whose quote is offered, and what the machine knows of it."""

    id: str
    owner: str
    amount: Money
    account: str  # Of its payee, as the seller named it last.
    rail: Rail = Rail.ALIPAY
    accounts: dict[str, str] = field(default_factory=dict)  # The payee of each order by its key.

    @property
    def quote(self) -> str:
        """The id of its quote."""
        return quote(self.id, 1)


class Scene:
    """Everything an act needs.

    `fresh` makes an empty migrated database, always under the same URL, and returns that; `payout` makes the activities: a
    test plants its bugs there.
    """

    def __init__(self, fresh: Callable[[], str], payout: PayoutOf = Payout) -> None:
        self._fresh = fresh
        url = fresh()
        self.loop = asyncio.new_event_loop()
        self.database = Database(url, pool_size=3)
        self.keyring = KeyRing.generate()
        self.gateway = HarshGateway()
        self.wechat, self.bank = HarshWechat(), HarshBank()
        bank = BankGateway(KeptBankBook(self.database))
        rails: dict[Rail, PaymentGateway] = {Rail.ALIPAY: self.gateway, Rail.WECHAT: self.wechat, Rail.BANK: bank}
        self.payout = payout(self.database, self.keyring, rails)
        self.batches = BankBatches(self.database, self.keyring, formats_in(BANK_FORMATS))
        self.asks_returns = Returns(self.database, self.keyring, rails, timedelta())
        self.confirmations = Confirmations(self.database, self.keyring)
        self.pricing = Pricing(self.database, self.keyring, Stock())
        self.payees = Payees(self.database, self.keyring)
        self.periods = Periods(self.database)
        self.claims = Rollbacks(self.database, self.keyring)
        self.receipts = ClaimReceipts(self.database, self.keyring)
        self.sales, self.returns = Sales(self.database), SaleReturns(self.database)
        self._folder = tempfile.TemporaryDirectory(prefix="cardloop-money-proofs-")
        self.photos = PhotoStore(Path(self._folder.name), bytes, bytes)
        self.goodwill = Goodwill(SupportDesk(self.database, self.keyring, self.photos))
        hears = AlipayNotices(self.gateway.app_id, Verifier(self.gateway.public))
        self.notices = PaymentNotices(self.database, {Rail.ALIPAY: lambda body, _: hears.read(body)})
        self._url = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)

    def open(self) -> None:
        """Watch every statement, and begin on the empty database; claims may be offset at once."""
        with_claims(objection_days=0)
        watch(self.database.engine)
        self._begin()

    def renew(self) -> None:
        """Begin again on an empty database: a run that failed has left rows which the next one would meet."""
        self._disconnect()
        self._fresh()
        self.bank.batches.clear()  # Their numbers begin again.
        self._begin()

    def _begin(self) -> None:
        """Connect, employ two people of finance, and measure the acts."""
        self.closed: set[str] = set()
        self._month = FIRST_MONTH
        self._ready: list[Card] = []
        self._gifts: list[Gift] = []
        self.spoiled = False
        self.reader: asyncpg.Connection[Any] = self.run(asyncpg.connect(self._url, server_settings={"jit": "off"}))
        self.closers = self.run(self._people())
        self.run(self._accounts())
        self.forget()
        self.lengths = self._measured()

    def close(self) -> None:
        """End every connection."""
        self._disconnect()
        self.loop.close()
        self._folder.cleanup()

    def _disconnect(self) -> None:
        self.run(self.reader.close())
        self.run(self.database.dispose())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end on the scene's own loop."""
        return self.loop.run_until_complete(work)

    def rows(self, sql: str, *values: Any) -> list[Any]:
        """Read with a connection that no fault touches."""
        return self.run(self.reader.fetch(sql, *values))

    def act(
        self, work: Callable[[], Awaitable[Any]], fault: Fault | None, length: int, fresh: Iterable[str] = ()
    ) -> Done:
        """Do something that passes about so many places, broken at the chosen one."""
        return self.run(done(Act(fault, length, frozenset(fresh)), work))

    def overtaken(
        self, place: str, first: tuple[Act, Callable[[], Awaitable[Any]]],
        second: tuple[Act, Callable[[], Awaitable[Any]]],
    ) -> tuple[Done, Done]:  # fmt: skip
        """Do the first until it stands at the place, then all of the second, then the rest of the first."""
        return self.run(self._overtaken(place, first, second))

    async def _overtaken(self, place: str, first: Any, second: Any) -> tuple[Done, Done]:
        stands, on = asyncio.Event(), asyncio.Event()
        first[0].pause = (place, stands, on)
        running = asyncio.create_task(done(*first))
        there = asyncio.create_task(stands.wait())
        await asyncio.wait([running, there], return_when=asyncio.FIRST_COMPLETED)
        there.cancel()
        other = await done(*second)
        on.set()
        return await running, other

    def _measured(self) -> dict[str, int]:
        """Pay one card without a fault, and count the places that each act passes: faults are spread over them."""
        (card,) = self.cards(1)
        self._paid = card
        key, payout = payout_key(card.id, 1), self.payout
        works: dict[str, Callable[[], Awaitable[Any]]] = {
            "accept": lambda: self.pricing.close(card.id, card.quote, QuoteState.ACCEPTED),
            "prepare": lambda: payout.prepare(card.id, card.quote, key),
            "send": lambda: payout.send(key),
            "conclude": lambda: payout.conclude(key),
        }
        found = {what: len(self.act(work, None, 0).act.passed) for what, work in works.items()}
        self._ready = self._ready[CARDS_EACH - 1 :]  # The next cards are of one seller again.
        return found | {"reconcile": found["send"]}

    @property
    def providers(self) -> dict[Rail, HarshGateway | HarshBank]:
        """Return who keeps books of what we send, by rail."""
        return {Rail.ALIPAY: self.gateway, Rail.WECHAT: self.wechat, Rail.BANK: self.bank}

    def sent(self) -> dict[str, Transfer]:
        """Return everything that all of them have, by its key."""
        return self.gateway.transfers | self.wechat.transfers | self.bank.transfers

    def forget(self) -> None:
        """Empty their books for the next seed."""
        for one in self.providers.values():
            one.transfers.clear()
            one.wrongs.clear()

    def gift(self) -> Gift:
        """Return a goodwill payment that was agreed to and not begun."""
        if not self._gifts:
            self._gifts = self.run(self._given())
        return self._gifts.pop()

    async def _given(self) -> list[Gift]:
        async with self.database.transaction() as session:
            self.ticket, gifts = await given(
                session, self._paid.owner, payout_key(self._paid.id, 1), self.closers, GIFTS_AT_ONCE
            )
            return gifts

    async def waits(self, card: Card) -> None:
        """Let the card wait as its workflow does after an unknown outcome."""
        async with self.database.transaction() as session:
            change = Change(Stage.PAYOUT, WaitingFor.GATEWAY, None, "payout.unknown")
            await card_rows.record(session, card.id, change)
            await confirmations.follow(session, card.id)

    async def take_back(self, card: Card) -> None:
        """Reverse what the seller's acceptance posted."""
        async with self.database.transaction() as session:
            row = await card_rows.load_for_update(session, card.id)
            accepted = await session.get_one(QuoteRow, card.quote, with_for_update=True)
            await reverse_acceptance(session, row, accepted)

    def months(self) -> list[str]:
        """Return three months in a row that no seed used before."""
        found = [self._month]
        for _ in range(MONTHS_EACH):
            found.append(next_month(found[-1]))
        self._month = found.pop()
        return found

    def cards(self, number: int) -> list[Card]:
        """Return fresh offered cards: two of one seller, one that is paid by WeChat Pay, and one by a bank."""
        if len(self._ready) < number:
            self._ready += self.run(self._made(AT_ONCE))
        taken, self._ready = self._ready[:number], self._ready[number:]
        return taken

    async def _made(self, number: int) -> list[Card]:
        made: list[Card] = []
        async with self.database.transaction() as session:
            for place in range(number):
                nth = place % CARDS_EACH
                owner = made[-1].owner if nth == 1 else f"seller:{new_id()}"
                rail = RAILS[nth]
                card = Card(new_id(), owner, Money(100_00 + 37 * nth), account_on(rail, nth), rail)
                made.append(card)
                submission = _submission(self.keyring, card)
                session.add(submission)
                await session.flush()
                session.add(_card(card, submission.id))
                await session.flush()
                session.add_all([_answer(card), _quote(card)])
        return made

    async def _accounts(self) -> None:
        """Make the accounts that all cards share: on a new database the first to use one would pass more places than later ones."""
        ours = [account(code) for code, one in CHART.items() if one.owner is OwnerKind.PLATFORM]
        rails = [account(code, rail) for code, one in CHART.items() if one.owner is OwnerKind.RAIL for rail in Rail]
        async with self.database.plain() as plain:
            await ledger.open_accounts(plain, [(one, Currency.CNY) for one in (*ours, *rails)])

    async def _people(self) -> tuple[str, str]:
        people = [new_id(), new_id()]
        async with self.database.transaction() as session:
            session.add_all(
                PersonRow(id=one, email=f"{one}@example.com", name="Mei", password_hash="", roles=["finance"])
                for one in people
            )
        return people[0], people[1]


def account_on(rail: Rail, number: int) -> str:
    """Return a payee's account as the rail knows people."""
    if rail is Rail.BANK:
        return f"62220200{number:08d} 中国工商银行"
    return f"o-{number:026d}" if rail is Rail.WECHAT else f"138{number:08d}"


def _submission(keyring: KeyRing, card: Card) -> SubmissionRow:
    number = new_id()
    return SubmissionRow(
        id=number, owner=card.owner, idempotency_key=number, request_hash="", channel="web", locale="zh_CN",
        payee_account_sealed=PAYEE_ACCOUNT.seal(keyring, number, card.account),
        payee_name_sealed=PAYEE_NAME.seal(keyring, number, NAME), payee_masked="138****", payee_rail=card.rail,
    )  # fmt: skip


def _card(card: Card, submission_id: str) -> CardRow:
    return CardRow(
        id=card.id, submission_id=submission_id, position=0, card_type=CardType.DINING, brand="starbucks",
        currency=Currency.CNY, face_value_minor=500_00, stage=Stage.OFFER,
    )  # fmt: skip


def _answer(card: Card) -> AnswerRow:
    return AnswerRow(
        card_id=card.id, party=Party.POS, operation="check", request_id=new_id(), fields_revision=0,
        status=CardStatus.ACTIVE, latency_ms=1, cost_fen=0, balance_minor=500_00, currency=Currency.CNY,
    )  # fmt: skip


def _quote(card: Card) -> QuoteRow:
    return QuoteRow(
        id=card.quote, card_id=card.id, fields_revision=0, amount_minor=card.amount.amount_minor, rate_bp=9000,
        rule_set="machine", rule_version="1",
    )  # fmt: skip
