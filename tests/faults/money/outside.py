"""What else says what became of a payment: two people who read the provider's own books, and WeChat Pay's bill of the day."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from database.tables.finance.statements import StatementLineRow
from domain.finance.payout import PayoutOutcome
from domain.finance.statements import LineKind, StatementSource
from domain.identifiers import new_id
from domain.places import business_day
from services.finance.matching import Matching
from services.finance.proof_files import ProofFile
from services.finance.stating import Statement, Statements
from tests.builders.paying import PDF
from tests.faults.money.bank import BATCH
from tests.faults.money.choices import FAULTS, WHICH
from tests.faults.money.gateway import Status
from tests.faults.money.points import Done, Fault

LATER = timedelta(hours=3)  # After the minutes of the policy, and before a receiver's time is over.
LETTER = ProofFile("letter.pdf", PDF)


class Outside(RuleBasedStateMachine):
    """Acts of a machine that has a scene, cards and `_order`."""

    scene: Any
    _order: Callable[..., str | None]
    _did: Callable[..., Done]
    _state: Callable[..., str]

    @rule(which=WHICH, fault=FAULTS)
    def state(self, which: int, fault: Fault | None) -> None:
        """Two people state what the provider's books have of an order: nothing and a failure are no payment, nor is one that nobody confirmed."""
        key = self._order(which, old=False)
        if key is None:
            return
        made = self.scene.sent().get(key)
        if made is not None and made.status is Status.DEALING and key not in self.scene.bank.transfers:
            return  # They see that the gateway works on it.
        paid = made is not None and made.status is Status.SUCCESS
        outcome = PayoutOutcome.PAID if paid else PayoutOutcome.REFUSED
        said = Statement(outcome, "By the provider's books.", "R1" if paid else "", LETTER)
        one, two = self.scene.closers
        desk = Statements(self.scene.database, self.scene.keyring, lambda: datetime.now(UTC) + LATER)
        stated = self._did("state", lambda: desk.state(one, key, said, self.scene.photos), None)
        if stated.value is not None:
            self._did("agree", lambda: desk.agree(two, stated.value), fault)
            self._did("decline", lambda: desk.decline(one, stated.value), None)  # Where it was not agreed to.

    @rule(fault=FAULTS)
    def comes_back(self, fault: Fault | None) -> None:
        """Money that the bank had paid comes back: its file says so, the gateway is asked, and it is owed again."""
        key, bank = self._order(3, old=False), self.scene.bank
        rows = self.scene.rows(BATCH, key) if key is not None else []
        if key is None or not rows or self._state(key) != "paid" or rows[0]["number"] not in bank.batches:
            return
        bank.comes_back(key)
        content, (one, _) = bank.results(rows[0]["number"]), self.scene.closers
        for each in (fault, None):
            self._did("bank", lambda: self.scene.batches.take_in(one, rows[0]["id"], content), each)
        for each in (fault, None):
            self._did("return", lambda: self.scene.asks_returns.look(100), each)

    @rule(fault=FAULTS, again=st.booleans())
    def import_bill(self, fault: Fault | None, again: bool) -> None:
        """WeChat Pay's bill comes: it shows every transfer as gone when it was made, confirmed or not."""
        gone = [one for one in self.scene.wechat.transfers.values() if one.status is not Status.FAIL]
        if not gone:
            return
        self._did("bill", lambda: _lines(self.scene, gone), None)
        works: Callable[[], Awaitable[Any]] = lambda: Matching(self.scene.database).run(StatementSource.WECHAT)  # noqa: E731
        for each in (fault, None) if again else (fault,):
            self._did("match", works, each)


async def _lines(scene: Any, gone: list[Any]) -> None:
    at = datetime.now(UTC)
    async with scene.database.transaction() as session:
        for one in gone:
            if await session.get(StatementLineRow, f"wechat-{one.key}") is None:
                session.add(
                    StatementLineRow(
                        id=f"wechat-{one.key}", statement_id=new_id(), number=1, source=StatementSource.WECHAT, account="",
                        kind=LineKind.TRANSFER, key=one.key, reference=one.reference, at=at, day=business_day(at),
                        amount_minor=-one.amount.amount_minor,
                    )
                )  # fmt: skip
