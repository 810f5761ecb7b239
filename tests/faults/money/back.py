"""Money of orders that comes back over Alipay and WeChat Pay, by every way of hearing of it, and tax that is paid to its office."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.stateful import rule

from database.repositories import ledger
from domain.finance.breaks import Against, adjustment
from domain.finance.postings.statements import ADJUSTED, adjusted_key, line_cause
from domain.finance.postings.tax import TAX_WITHHELD
from domain.finance.rails import Rail
from domain.finance.statements import StatementSource
from domain.identifiers import new_id
from domain.money import Money
from services.finance.matching import Matching
from tests.faults.money.choices import FAULTS, NEWS
from tests.faults.money.gateway import Status
from tests.faults.money.outside import Outside, came_back, went, written
from tests.faults.money.points import Fault
from tests.faults.money.scene import Card, Scene

BILL, NOTICE, ASKS = "bill", "notice", "asks"


class MoneyBack(Outside):
    """Acts of a machine that has a scene, cards and `_order`."""

    scene: Scene
    cards: list[Card]

    @rule(which=st.sampled_from((0, 2, 1, 2)), news=st.sampled_from(NEWS), again=st.booleans(), fault=FAULTS)
    def money_back(self, which: int, news: Sequence[str], again: bool, fault: Fault | None) -> None:
        """What had arrived comes back, paid by our books or unknown yet; each piece of news is broken, may come twice, and then comes whole."""
        key, rail = self._order(which, old=False), self.cards[which].rail
        if key is None or (self._state(key), self._state(key, "answered")) not in (
            ("paid", "paid"),
            ("unknown", "None"),
        ):
            return
        if not (self.scene.wechat if rail is Rail.WECHAT else self.scene.gateway).comes_back(key):
            return
        if rail is Rail.WECHAT:  # It sends no notice of it, and says nothing when it is asked: its bill does.
            news = [BILL]
        for what in news:
            for each in (fault, fault, None) if again else (fault, None):
                self._news(what, key, rail, each)

    def _news(self, what: str, key: str, rail: Rail, fault: Fault | None) -> None:
        if what == BILL:
            source, moved = StatementSource(rail.value), self.scene.sent()[key]
            self._did("bill", lambda: written(self.scene, source, [went(moved), came_back(moved)]), None)
            self._did("match", lambda: Matching(self.scene.database).run(source), fault)
        elif what == NOTICE:
            amount = Money(int(self._state(key, "amount_minor")))
            body = self.scene.gateway.notice(f"{key}-back", key, Status.REFUND, amount)
            self._did("hear", lambda: self.scene.notices.receive(body), fault)
        else:
            self._did("return", lambda: self.scene.asks_returns.look(100), fault)

    @rule(fault=FAULTS, again=st.booleans())
    def import_banks(self, fault: Fault | None, again: bool) -> None:
        """The bank's statement comes, whether or not its file of results ever does: what it paid, and what came back of it."""
        bank = self.scene.bank
        left = [one for one in bank.transfers.values() if one.status is Status.SUCCESS or one.key in bank.returned]
        if not left:
            return
        moved = [*map(went, left), *(came_back(one) for one in left if one.key in bank.returned)]
        self._did("bill", lambda: written(self.scene, StatementSource.BANK, moved), None)
        for each in (fault, None) if again else (fault,):
            self._did("match", lambda: Matching(self.scene.database).run(StatementSource.BANK), each)

    @rule(fault=FAULTS)
    def remit(self, fault: Fault | None) -> None:
        """The tax office is paid what is withheld at this moment."""
        self._did("remit", lambda: _remitted(self.scene), fault)


async def _remitted(scene: Scene) -> None:
    """Post what a decision on the statement's line does."""
    async with scene.database.transaction() as session:
        stands = await ledger.balance(session, TAX_WITHHELD.code)
        if stands.amount_minor < 0:
            cause = line_cause(new_id())
            lines = adjustment(StatementSource.ALIPAY, Against.TAX_WITHHELD, stands, None)
            await ledger.post(session, adjusted_key(cause), None, ADJUSTED, lines, cause=cause)
