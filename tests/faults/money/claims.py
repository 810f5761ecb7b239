"""Sales of a seed's cards, claims against their seller, what the seller pays back, and what a dropped claim pays back to them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from domain.finance.rails import Rail
from domain.finance.rollback import RollbackKind
from domain.identifiers import goodwill_key, new_id
from domain.money import Money
from domain.places import business_day
from services.finance.claim_receipts import PaidBack
from services.finance.proof_files import ProofFile
from services.finance.rollbacks import Finding
from services.finance.sales import SaleAsked
from tests.faults.money.points import Done, Fault, judged, require
from tests.faults.money.scene import Card, Scene

ACTS = ("drop", "pay", "sell", "claim", "pay back", "return", "drop", "unpay", "write off")
LENGTH = 25  # Places that an act passes, about.
PAYBACK_STEPS = 4  # From the agreement of the second person to its end.
PROOF = ProofFile("note.txt", b"The issuer says so.")
USED = Finding(RollbackKind.USED, "The card was spent after we had paid.", PROOF)
CLAIM = """
SELECT id, state, objected_at IS NOT NULL AND objection_answered_at IS NULL AS disputed, write_off_by
FROM rollback WHERE card_id = $1 ORDER BY id DESC LIMIT 1
"""
LEFT = """
SELECT r.amount_minor - CASE r.state WHEN 'written_off' THEN 0 ELSE r.given_up_minor END
       - (SELECT coalesce(sum(amount_minor), 0) FROM rollback_offset WHERE rollback_id = r.id AND undone_at IS NULL)
       - (SELECT coalesce(sum(amount_minor), 0) FROM claim_receipt WHERE claim_id = r.id AND reversed_at IS NULL) AS minor
FROM rollback r WHERE r.id = $1
"""
RECEIPT = """
SELECT c.id, c.reverse_asked_at IS NOT NULL AS asked FROM claim_receipt c JOIN rollback r ON r.id = c.claim_id
WHERE r.card_id = $1 AND c.reversed_at IS NULL ORDER BY c.id DESC LIMIT 1
"""
SALE = "SELECT id, return_asked_at IS NOT NULL AS asked FROM sale WHERE card_id = $1 AND reversed_at IS NULL LIMIT 1"
PAYBACK = """
SELECT r.id AS claim, g.id, g.state, o.key, o.state AS ordered, o.answered
FROM rollback r LEFT JOIN goodwill g ON g.claim_id = r.id LEFT JOIN goodwill_order o ON o.goodwill_id = g.id
WHERE r.card_id = $1 AND r.reversed AND r.given_up_minor < r.amount_minor ORDER BY r.id DESC, g.id DESC LIMIT 1
"""
Work = Callable[[], Awaitable[Any]]


@dataclass
class Claims:
    """The acts on two cards of one seller."""

    scene: Scene
    cards: Sequence[Card]

    def act(self, data: st.DataObject, fault: Fault | None) -> None:
        """Do one of the acts."""
        self.do(data.draw(st.sampled_from(ACTS), "act"), data.draw(st.integers(0, 3), "number"), fault)

    def do(self, what: str, number: int, fault: Fault | None) -> None:
        """Do it to a card that was paid, with all that must come before it; the last step is broken."""
        paid = [
            card for card in self.cards if self._one("SELECT 1 FROM card WHERE id = $1 AND outcome = 'paid'", card.id)
        ]
        if not paid:
            return
        card = paid[number % len(paid)]
        if what == "sell":
            self._sell(card, fault)
        elif what == "return":
            self._return(card, number, fault)
        elif what == "claim":
            self._claimed(card, fault, proposes=number == 3)
        elif what == "pay":
            self._pay(card, number, fault)
        elif what == "unpay":
            self._unpay(card, number, fault)
        elif what == "write off":
            self._write_off(card, fault)
        elif what == "drop":
            self._answer(card, number, fault)
        else:
            for each in [None] * number + [fault]:
                self.pay_back(card, each)

    def end(self) -> None:
        """Once nothing breaks any more, what was ordered of payments back ends."""
        for card in self.cards:
            for _ in range(PAYBACK_STEPS):
                row = self._one(PAYBACK, card.id)
                if row is None or row["key"] is None or row["state"] in ("paid", "refused"):
                    break
                self.scene.gateway.ends(row["key"], well=True)
                self.pay_back(card, None)
            row = self._one(PAYBACK, card.id)
            if row is not None and row["ordered"] in ("prepared", "unknown"):
                require([f"{row['key']} did not drain"])

    def pay_back(self, card: Card, fault: Fault | None) -> None:
        """Do what comes next for the payment that a dropped claim owes."""
        row, (first, second), payout = self._one(PAYBACK, card.id), self.scene.closers, self.scene.payout
        if row is None:
            return
        if row["state"] not in ("proposed", "agreed", "paid"):
            self._did(lambda: self.scene.claims.pay_back(second, row["claim"]), fault)
        elif row["state"] == "proposed":
            self._did(lambda: self.scene.goodwill.agree(first, row["id"]), fault)
        elif row["key"] is None:
            self._did(lambda: payout.prepare_goodwill(row["id"], goodwill_key(row["id"])), fault, overdraws=True)
        elif row["answered"] is not None:
            self._did(lambda: payout.conclude(row["key"]), fault)
        else:
            fresh = row["ordered"] == "prepared" and row["key"] not in self.scene.sent()
            self._did(lambda: payout.send(row["key"]), fault, fresh=frozenset({row["key"]} if fresh else ()))

    def _sell(self, card: Card, fault: Fault | None) -> None:
        asked = SaleAsked(card.id, buyer="machine", price=Money(110_00), sold_on=_today())
        stands = self._one(CLAIM, card.id)
        done = self._did(lambda: self.scene.sales.record(self.scene.closers[0], new_id(), asked), fault)
        if done.act.commits and stands is not None and stands["state"] not in ("declined", "dropped"):
            require([f"card {card.id} must be refused: a claim stands on it"])

    def _return(self, card: Card, number: int, fault: Fault | None) -> None:
        if self._one(SALE, card.id) is None:
            self._sell(card, None)
        row, (first, second), returns = self._one(SALE, card.id), self.scene.closers, self.scene.returns
        if row is None:
            return
        if not row["asked"]:
            self._did(lambda: returns.ask(first, row["id"], "found_used"), None)
        ends = returns.decline if number == 3 else returns.agree
        self._did(lambda: ends(second, row["id"]), fault)

    def _claimed(self, card: Card, fault: Fault | None, *, proposes: bool = False) -> Any:
        """The card's claim, made by two people where there is none; None where that did not come to be."""
        claims, (first, second) = self.scene.claims, self.scene.closers
        row = self._one(CLAIM, card.id)
        if row is None or row["state"] in ("declined", "dropped"):
            self._did(
                lambda: claims.propose(first, card.id, USED, self.scene.photos), fault if proposes else None
            )  # fmt: skip
            row = self._one(CLAIM, card.id)
        if row is None or proposes:
            return None
        if row["state"] == "proposed":
            self._did(lambda: claims.agree(second, row["id"]), fault)
        return self._one(CLAIM, card.id)

    def _answer(self, card: Card, number: int, fault: Fault | None) -> None:
        """The seller objects, and another person finds them right, or not."""
        row, claims = self._claimed(card, None), self.scene.claims
        if row is None:
            return
        if not row["disputed"]:
            self._did(lambda: claims.object(card.owner, row["id"], self.scene.ticket), None)
        answers = claims.uphold if number == 3 else claims.drop
        self._did(lambda: answers(self.scene.closers[1], row["id"]), fault)

    def _pay(self, card: Card, number: int, fault: Fault | None) -> None:
        """The seller pays all that is left or was written off, half of it, or more than that."""
        row = self._claimed(card, None)
        if row is None:
            return
        minor = int(self._one(LEFT, row["id"])["minor"])
        amount = Money((minor, max(1, minor // 2), minor + 1, max(1, minor // 2))[number])
        paid, key = PaidBack(amount, (Rail.BANK, Rail.ALIPAY)[number % 2], new_id(), _today(), PROOF), new_id()
        person, receipts = self.scene.closers[0], self.scene.receipts
        for each in (fault, None):  # Once more under its key: it is one payment.
            done = self._did(lambda: receipts.record(person, row["id"], key, paid, self.scene.photos), each)
            if done.error is None and amount.amount_minor > minor:
                require([f"{amount} must be refused where {minor} is left"])

    def _unpay(self, card: Card, number: int, fault: Fault | None) -> None:
        row, (first, second), receipts = self._one(RECEIPT, card.id), self.scene.closers, self.scene.receipts
        if row is None:
            self._pay(card, number % 2, fault)
            return
        if not row["asked"]:
            self._did(lambda: receipts.ask_reversal(first, row["id"], "Another seller's."), None)
        ends = receipts.keep if number == 3 else receipts.reverse
        self._did(lambda: ends(second, row["id"]), fault)

    def _write_off(self, card: Card, fault: Fault | None) -> None:
        row, (first, second), claims = self._claimed(card, None), self.scene.closers, self.scene.claims
        if row is None:
            return
        if row["write_off_by"] is None:
            self._did(lambda: claims.ask_write_off(first, row["id"], "Gone."), None)
        self._did(lambda: claims.write_off(second, row["id"]), fault)

    def _did(
        self, work: Work, fault: Fault | None, *, fresh: frozenset[str] = frozenset(), overdraws: bool = False
    ) -> Done:
        return judged(self.scene.act(work, fault, LENGTH, fresh), overdraws)

    def _one(self, sql: str, *values: Any) -> Any:
        return next(iter(self.scene.rows(sql, *values)), None)


def _today() -> Any:
    return business_day(datetime.now(UTC))
