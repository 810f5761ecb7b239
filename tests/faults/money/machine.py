"""The machine: Hypothesis chooses acts, faults and the gateway's moods, and the books are judged after every step."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule

from domain.cards.pricing import QuoteState
from domain.finance.payout import RETURNED, PayoutOutcome
from domain.finance.rails import Rail
from domain.identifiers import new_id, payout_key
from domain.money import Money
from tests.faults.money import books
from tests.faults.money.back import MoneyBack
from tests.faults.money.bank import AtBank, step_of
from tests.faults.money.choices import ASKED, CARDS, ENDS, FAULTS, FIRST, HEARD, LED, PAYING, PLACES_ABOUT, TURNS, WHICH
from tests.faults.money.claims import Claims
from tests.faults.money.deposits import Deposits
from tests.faults.money.gateway import AFTER, AFTER_QUERY, BEFORE, BEFORE_QUERY, Asked, Paying, Status
from tests.faults.money.points import Act, Done, Fault, judged, require
from tests.faults.money.scene import NAME, Card, Scene, account_on

DRAINED_IN = 8  # Rounds after which everything has ended once nothing breaks any more.
Work = Callable[[], Awaitable[Any]]


class MoneyMachine(MoneyBack):
    """One seed: four cards of three sellers on three rails, sales and claims of two, a goodwill payment, and buyers' deposits."""

    scene: Scene

    @initialize(
        faults=st.tuples(FAULTS, FAULTS, FAULTS, FAULTS, FAULTS),
        paying=FIRST,
        spends=st.sampled_from((True, False)),
        led=LED,
    )
    def begin(self, faults: tuple[Fault | None, ...], paying: Paying, spends: bool, led: int) -> None:
        """Take fresh cards, bring one some steps on its way, and note where the books stand."""
        if self.scene.spoiled:
            self.scene.renew()
        self.scene.forget()
        self.gift, self.at = self.scene.gift(), AtBank(self.scene, lambda work, fault: self._did("bank", work, fault))
        self.cards = self.scene.cards(CARDS)
        (newest,) = self.scene.rows("SELECT coalesce(max(id), 0) AS id FROM ledger_transaction")
        self.since: int = newest["id"]
        self.deposits, self.claims = Deposits(self.scene), Claims(self.scene, self.cards[:2])
        self.before = self.now = books.read(self.scene, self.since, self.cards, self.gift, ())
        self.heard: set[str] = set()
        if spends:
            self.deposits.spend_what_is_held(faults[0])
            self.everything_holds()
        for fault in faults:
            self.go_on(led, paying, Asked.ANSWERS, fault)
            self.everything_holds()

    @rule(which=WHICH, paying=PAYING, asked=ASKED, fault=FAULTS)
    def go_on(self, which: int, paying: Paying, asked: Asked, fault: Fault | None) -> None:
        """Do what the card's workflow does next."""
        card = self.cards[which]
        row, orders = self.now.cards[card.id], self.now.orders[card.id]
        if row["quote"] != "accepted":
            self.accept(which, fault)
        elif row["waiting_for"] == "seller_payee" and card.account == card.accounts[orders[-1]["key"]]:
            self.correct_payee(which, fault)
        elif not orders or orders[-1]["state"] == "refused":
            self.prepare(which, 1, fault)
        elif orders[-1]["answered"] is None and self.scene.wechat.waits(orders[-1]["key"]):
            self.receiver(which, TURNS.get(paying, "calls off"), fault)
        elif orders[-1]["answered"] is None and step_of(self.scene, orders[-1]["key"]):
            self.at_bank(which, ENDS.get(paying, True), False, fault)
        elif orders[-1]["answered"] is None:
            self.send(which, False, paying, asked, fault)
        else:
            self.conclude(which, False, fault)

    @rule(which=WHICH, paying=PAYING, asked=ASKED, fault=FAULTS)
    def go_further(self, which: int, paying: Paying, asked: Asked, fault: Fault | None) -> None:
        """Do it as often as all other acts together."""
        self.go_on(which, paying, asked, fault)

    @rule(which=WHICH, fault=FAULTS)
    def accept(self, which: int, fault: Fault | None) -> None:
        """The seller accepts the offer."""
        card = self.cards[which]
        self._did("accept", lambda: self.scene.pricing.close(card.id, card.quote, QuoteState.ACCEPTED), fault)

    @rule(which=WHICH, fault=FAULTS)
    def take_back(self, which: int, fault: Fault | None) -> None:
        """The card turns out bad before anything was ordered."""
        card = self.cards[which]
        if not self.now.orders[card.id]:
            self._did("take_back", lambda: self.scene.take_back(card), fault, overdraws=self._overdraws(card))

    @rule(which=WHICH, ahead=st.sampled_from((1, 0, 2)), fault=FAULTS)
    def prepare(self, which: int, ahead: int, fault: Fault | None) -> None:
        """Write the next order, one that is there, or one too far."""
        card = self.cards[which]
        key = payout_key(card.id, max(1, len(self.now.orders[card.id]) + ahead))
        overdraws = self._overdraws(card)
        self._did("prepare", lambda: self.scene.payout.prepare(card.id, card.quote, key), fault, overdraws=overdraws)
        self._note_payee(card)

    @rule(which=WHICH, old=st.booleans(), paying=PAYING, asked=ASKED, fault=FAULTS, posts=st.booleans())
    def send(self, which: int, old: bool, paying: Paying, asked: Asked, fault: Fault | None, posts: bool = False) -> None:  # fmt: skip
        """Send an order, perhaps one of an attempt before; a certain answer is posted by the same step, or by the next."""
        if (key := self._order(which, old)) is not None:
            self._mood(paying, asked)
            self._did("send", lambda: self.scene.payout.send(key, posts), fault, key)

    @rule(which=WHICH, asked=ASKED, fault=FAULTS)
    def reconcile(self, which: int, asked: Asked, fault: Fault | None) -> None:
        """Ask what became of an order."""
        if (key := self._order(which, old=False)) is not None and self._state(key) != "prepared":
            self._mood(Paying.PAYS, asked)
            self._did("reconcile", lambda: self.scene.payout.reconcile(key), fault, key)

    @rule(which=WHICH, old=st.booleans(), fault=FAULTS)
    def conclude(self, which: int, old: bool, fault: Fault | None) -> None:
        """Post what the gateway answered."""
        if (key := self._order(which, old)) is not None:
            self._did("conclude", lambda: self.scene.payout.conclude(key), fault)

    @rule(
        which=WHICH, place=st.sampled_from((BEFORE, AFTER, BEFORE_QUERY, AFTER_QUERY)), paying=PAYING, asked=ASKED,
        second=st.sampled_from(("send", "reconcile", "conclude")), fault=FAULTS,
    )  # fmt: skip
    def overtake(self, which: int, place: str, paying: Paying, asked: Asked, second: str, fault: Fault | None) -> None:
        """A sender stands still at the gateway, as one taken for dead; another is sent after it, and then it wakes."""
        if (key := self._order(which, old=False)) is None:
            return
        self._mood(paying, asked)
        payout, fresh = self.scene.payout, self._fresh(key)
        works = {"send": payout.send, "reconcile": payout.reconcile, "conclude": payout.conclude}
        first = (Act(fault, self.scene.lengths["send"], fresh), lambda: payout.send(key))
        for done in self.scene.overtaken(place, first, (Act(), lambda: works[second](key))):
            judged(done)

    @rule(which=WHICH, well=st.booleans())
    def gateway_ends(self, which: int, well: bool) -> None:
        """The gateway ends what it worked on."""
        if (key := self._order(which, old=False)) is not None:
            for one in self.scene.providers.values():
                one.ends(key, well=well)

    @rule(which=st.just(2), what=st.sampled_from(("confirms", "calls off", "expires")), fault=FAULTS)
    def receiver(self, which: int, what: str, fault: Fault | None) -> None:
        """The receiver of a WeChat transfer confirms it, lets its day pass, or wants another payee: it is called off."""
        key, card = self._order(which, old=False), self.cards[which]
        if key is None or not self.scene.wechat.turn(key, what):
            return
        if what == "calls off":
            self._mood(Paying.PAYS, Asked.ANSWERS)
            self._did("waits", lambda: self.scene.waits(card), None)
            self._did("cancel", lambda: self.scene.confirmations.cancel(card.owner, card.id), fault)
            self._did("reconcile", lambda: self.scene.payout.reconcile(key), fault, key)

    @rule(
        which=st.just(3), well=st.sampled_from((True, False, None)), drops=st.sampled_from((False, False, True)), fault=FAULTS
    )  # fmt: skip
    def at_bank(self, which: int, well: bool | None, drops: bool, fault: Fault | None) -> None:
        """Some things happen to what waits for the bank: a batch, its second person, its file, its results; the last is broken."""
        if (key := self._order(which, old=False)) is not None:
            for each in (None, None, fault):
                self.at.step(key, well, drops, each)

    @rule(fault=FAULTS)
    def batch_again(self, fault: Fault | None) -> None:
        """A colleague gathers what waits, lets it out and takes it to the bank, whatever was taken there before."""
        self.at.again(fault)

    @rule(paying=PAYING, asked=ASKED, fault=FAULTS)
    def give(self, paying: Paying, asked: Asked, fault: Fault | None) -> None:
        """Do what the workflow of the goodwill payment does next."""
        self._mood(paying, asked)
        work, fresh = self.gift.next(self.now.gift, self.scene)
        judged(self.scene.act(work, fault, self.scene.lengths["send"], fresh))

    @rule(which=WHICH, fault=FAULTS)
    def correct_payee(self, which: int, fault: Fault | None) -> None:
        """The seller names another payee, where one is waited for."""
        card = self.cards[which]
        account = account_on(card.rail, 1_000 + len(self.now.orders[card.id]))
        waits = self.now.cards[card.id]["waiting_for"] == "seller_payee"
        done = self._did(
            "correct", lambda: self.scene.payees.correct(card.owner, card.id, account, NAME, card.rail), fault
        )
        if done.act.commits and not waits:
            require(["a payee was corrected that nobody waits for"])
        if done.act.commits:
            for one in self.cards:  # A payee is that of the whole submission, which here is one card.
                one.account = account if one is card else one.account

    @rule(which=WHICH, how=st.sampled_from(HEARD), fault=FAULTS)
    def hear(self, which: int, how: str, fault: Fault | None) -> None:
        """A notice comes: genuine, again, late, forged, with another amount, or about nobody's order. It moves nothing."""
        key = self._order(which, old=False)
        if key is None:
            return
        body, notify_id = self._notice(key, how)
        before = self._orders()
        done = self._did("hear", lambda: self.scene.notices.receive(body), fault)
        expected = {"forged": "SignatureInvalid", "other amount": "AmountMismatch", "nobody's": "NotFound"}.get(how, "")
        if self.cards[which].rail is not Rail.ALIPAY and how != "forged":
            expected = "NotFound"  # Alipay knows nothing of another rail's order.
        if not done.act.broken:
            verdict = "" if done.value is None else done.value.verdict.value
            failed = self._state(key, "answered") == "refused" and self._state(key, "refusal_code") != RETURNED
            word = "contradicts" if failed and how in ("final", "again") else "accepted"
            due = "" if expected else "duplicate" if notify_id in self.heard else word
            if (done.kind, verdict) != (expected, due):
                require([f"a notice that is {how} was judged {verdict or done.kind}"])
        if done.act.commits and not expected:
            self.heard.add(notify_id)
        if self._orders() != before:
            require([f"a notice moved an order: {how}"])

    @rule(which=WHICH, part=st.sampled_from((1, 2)), over=st.booleans(), fault=FAULTS)
    def hold_what_is_owed(self, which: int, part: int, over: bool, fault: Fault | None) -> None:
        """Set aside a part of what is owed to a seller."""
        card = self.cards[which]
        amount = Money(card.amount.amount_minor // part)
        self.deposits.reserve(f"seller_payable:{card.owner}", amount, self._owed(card), over, fault)

    @rule(data=st.data(), fault=FAULTS)
    def deposit_act(self, data: st.DataObject, fault: Fault | None) -> None:
        """Some things happen to buyers' deposits, holds or months; the last is broken."""
        for each in (None, None, fault):
            self.deposits.act(data, each)

    @rule(data=st.data(), paying=PAYING, asked=ASKED, fault=FAULTS)
    def claim_act(self, data: st.DataObject, paying: Paying, asked: Asked, fault: Fault | None) -> None:
        """A paid card is sold, claimed from its seller, paid back by them, or found good after all; the last step is broken."""
        self._mood(paying, asked)
        self.claims.act(data, fault)

    @invariant()
    def everything_holds(self) -> None:
        """I1 to I4 hold exactly, against the gateway's own books."""
        self.now = books.read(self.scene, self.since, self.cards, self.gift, self.deposits.codes)
        require(books.wrong(self.scene, self.cards, self.gift, self.before, self.now))
        require(self.deposits.wrong(self.now))

    def teardown(self) -> None:
        """Once nothing breaks any more everything drains, and each bought card is paid once."""
        # Hypothesis calls this while a failure of the steps is on its way, too.
        self.scene.spoiled = isinstance(sys.exception(), Exception)
        if not hasattr(self, "now") or self.scene.spoiled:
            return
        self.scene.spoiled = True
        self._end()
        self.scene.spoiled = False

    def _end(self) -> None:
        self.deposits.give_up_holds()
        for card in self.cards:
            self._drain(card)
        for _ in range(DRAINED_IN):
            ended = self.now.gift["state"] in ("paid", "refused")
            self.scene.gateway.ends(self.gift.key, well=True)
            self.give(Paying.PAYS, Asked.ANSWERS, None)
            self.everything_holds()
            if ended:  # Its workflow has ended, and was asked once more.
                break
        self.claims.end()
        self.everything_holds()
        if self.now.gift["state"] not in ("paid", "refused"):
            require([f"goodwill {self.gift.id} did not drain"])
        for card in self.cards:
            row = self.now.cards[card.id]
            if (row["outcome"] == "paid") != (row["quote"] == "accepted"):
                require([f"{row} did not drain with {self.now.orders[card.id]}"])

    def _drain(self, card: Card) -> None:
        self._mood(Paying.PAYS, Asked.ANSWERS)
        payout = self.scene.payout
        for _ in range(DRAINED_IN):
            self.everything_holds()
            row, orders = self.now.cards[card.id], self.now.orders[card.id]
            if row["quote"] != "accepted" or row["outcome"] is not None:
                return
            if row["waiting_for"] == "seller_payee":
                self.correct_payee(self.cards.index(card), None)
            if not orders or orders[-1]["state"] == "refused":
                self.prepare(self.cards.index(card), 1, None)
                continue
            key = orders[-1]["key"]
            self.scene.wechat.turn(key, "confirms")
            for one in (self.scene.gateway, self.scene.wechat):
                one.ends(key, well=True)
            sent = self._did("send", lambda: payout.send(key), None, key)  # noqa: B023
            if (
                sent.value is None or sent.value.outcome is PayoutOutcome.UNKNOWN
            ):  # It waits for its receiver or a bank.
                self.scene.wechat.turn(key, "confirms")
                for _ in range(DRAINED_IN if step_of(self.scene, key) else 0):
                    self.at.step(key, True, False, None)
                self._did("send", lambda: payout.send(key), None, key)  # noqa: B023
            self._did("conclude", lambda: payout.conclude(key), None)  # noqa: B023

    def _did(self, what: str, work: Work, fault: Fault | None, key: str = "", *, overdraws: bool = False) -> Done:
        places = self.scene.lengths.get(what, PLACES_ABOUT)
        return judged(self.scene.act(work, fault, places, self._fresh(key)), overdraws)

    def _overdraws(self, card: Card) -> bool:
        return self._held(card) + card.amount.amount_minor > self._owed(card)

    def _fresh(self, key: str) -> frozenset[str]:
        """The order, while nobody can have sent it: by our rows and by the gateway's."""
        sent = key in self.scene.sent() or not key or self._state(key) != "prepared"
        return frozenset() if sent else frozenset({key})

    def _mood(self, paying: Paying, asked: Asked) -> None:
        for one in (self.scene.gateway, self.scene.wechat):
            one.paying, one.asked = paying, asked

    def _order(self, which: int, old: bool) -> str | None:
        orders = self.now.orders[self.cards[which].id]
        return str(orders[0 if old else -1]["key"]) if orders else None

    def _state(self, key: str, of: str = "state") -> str:
        return next(str(row[of]) for rows in self.now.orders.values() for row in rows if row["key"] == key)

    def _orders(self) -> list[Any]:
        return books.orders(self.scene, self.cards)

    def _owed(self, card: Card) -> int:
        return -int(self.now.balances.get(f"seller_payable:{card.owner}", {}).get("stored", 0))

    def _held(self, card: Card) -> int:
        return int(self.now.balances.get(f"seller_payable:{card.owner}", {}).get("held", 0))

    def _note_payee(self, card: Card) -> None:
        for row in books.orders(self.scene, [card]):
            card.accounts.setdefault(row["key"], card.account)

    def _notice(self, key: str, how: str) -> tuple[bytes, str]:
        amount = Money(int(self._state(key, "amount_minor")))
        status = Status.DEALING if how == "stale" else Status.SUCCESS
        told = "card-NOBODY-payout-1" if how == "nobody's" else key
        again = f"{key}-{'stale' if how == 'stale' else 'final'}"
        notify_id = new_id() if how in ("nobody's", "other amount") else again
        amount = amount + Money(1) if how == "other amount" else amount
        return self.scene.gateway.notice(notify_id, told, status, amount, genuine=how != "forged"), notify_id
