"""A payment gateway with books of its own, which answers as badly as gateways do and notes what must never be asked of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import cache
from urllib.parse import urlencode

from domain.finance.payout import (
    AMOUNT_DIFFERS,
    DEALING,
    NOT_FOUND,
    RETURNED,
    WAITS_FOR_RECEIVER,
    ListedPayment,
    PayoutOrder,
    PayoutOutcome,
    PayoutReport,
    ReceiversTurn,
)
from domain.money import Money
from gateways.alipay.notices import NOTICE
from gateways.alipay.rsa2 import Signer, signed_text
from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.payout.alipay import NO_ANSWER, UNTRUSTED
from tests.builders.key_pairs import new_key_pair
from tests.faults.money.points import ACT

SYSTEM = "harsh"
BEFORE, AFTER = "before the transfer", "after the transfer"
BEFORE_QUERY, AFTER_QUERY = "before the query", "after the query"
PAYEE_REFUSED = "PAYEE_NOT_EXIST"


class Paying(StrEnum):
    """What it does with a transfer."""

    PAYS = "pays"
    WORKS_ON_IT = "works on it"
    REFUSES = "refuses the payee"
    LACKS_MONEY = "lacks our money"  # No order is made.
    SILENT_BEFORE = "does nothing and is silent"
    SILENT_AFTER = "pays and is silent"
    UNSIGNED_AFTER = "pays and does not sign"
    ERROR_AFTER = "pays and reports an error"
    AWAY = "is away"
    NOT_ACCEPTED = "does not accept the request"


class Asked(StrEnum):
    """What it does with a query."""

    ANSWERS = "answers"
    SILENT = "is silent"
    UNSIGNED = "does not sign"
    OTHER_AMOUNT = "names another amount"
    AWAY = "is away"


class Status(StrEnum):
    """How far a transfer is in its books."""

    DEALING = "DEALING"
    SUCCESS = "SUCCESS"
    FAIL = "FAIL"
    WAITING = "WAITING"  # For its receiver to confirm it.
    REFUND = "REFUND"  # In a notice: it had arrived, and came back. Its books keep it as failed and returned.


@dataclass(frozen=True)
class Transfer:
    """One line of its books."""

    key: str
    amount: Money
    account: str
    status: Status
    reference: str


@dataclass(frozen=True)
class Answer:
    """What it said."""

    report: PayoutReport


@cache
def _keys() -> tuple[bytes, bytes, bytes]:
    """Make the gateway's private and public key and a forger's private one, once: that takes longer than many a run."""
    return (*new_key_pair(), new_key_pair()[0])


@dataclass
class HarshGateway:
    """One record per key, ever: a second transfer of a key is answered by the first. It never forgets and never errs about itself."""

    app_id: str = "2021000000000009"
    transfers: dict[str, Transfer] = field(default_factory=dict)
    wrongs: list[str] = field(default_factory=list)
    returned: set[str] = field(default_factory=set)
    paying: Paying = Paying.PAYS
    asked: Asked = Asked.ANSWERS
    refusal: str = PAYEE_REFUSED
    pays_at_once: Status = Status.SUCCESS  # What becomes of a transfer that it does not refuse or work on.
    _signer: Signer = field(init=False)
    _forger: Signer = field(init=False)
    public: bytes = field(init=False)

    def __post_init__(self) -> None:
        private, self.public, forgers = _keys()
        self._signer, self._forger = Signer(private), Signer(forgers)

    async def transfer(self, order: PayoutOrder) -> Answer:
        """Pay as its mood is; note a transfer that was sent again without asking."""
        await ACT.get().arrive(BEFORE)
        self._refuse_at_once(self.paying is Paying.AWAY, self.paying is Paying.NOT_ACCEPTED)
        if self.paying is Paying.SILENT_BEFORE:
            return _unknown(order, NO_ANSWER)
        known = self.transfers.get(order.key)
        if known is None and self.paying is Paying.LACKS_MONEY:
            return _unknown(order, "PAYER_BALANCE_NOT_ENOUGH")
        act = ACT.get()
        if known is not None and order.key not in act.fresh | act.told_none:
            self.wrongs.append(f"{order.key} was sent again without asking what became of it")
        if known is not None and (known.amount, known.account) != (order.amount, order.payee_account):
            self.wrongs.append(f"{order.key} was sent again with another amount or payee")
            return _unknown(order, "PAYMENT_INFO_INCONSISTENCY")
        record = self.transfers.setdefault(order.key, known or self._begun(order))
        await act.arrive(AFTER)
        said = {
            Paying.SILENT_AFTER: NO_ANSWER, Paying.UNSIGNED_AFTER: UNTRUSTED, Paying.ERROR_AFTER: "SYSTEM_ERROR",
        }.get(self.paying)  # fmt: skip
        return _unknown(order, said) if said else Answer(self._report(record))

    async def query(self, order: PayoutOrder) -> Answer:
        """Say what became of an order, as its mood is."""
        act = ACT.get()
        await act.arrive(BEFORE_QUERY)
        self._refuse_at_once(self.asked is Asked.AWAY, False)
        record = self.transfers.get(order.key)
        if record is None and self.asked is Asked.ANSWERS:
            act.told_none.add(order.key)
        await act.arrive(AFTER_QUERY)
        if self.asked in (Asked.SILENT, Asked.UNSIGNED):
            return _unknown(order, NO_ANSWER if self.asked is Asked.SILENT else UNTRUSTED)
        if self.asked is Asked.OTHER_AMOUNT:
            return _unknown(order, AMOUNT_DIFFERS)
        return _unknown(order, NOT_FOUND) if record is None else Answer(self._report(record))

    async def listed(self, since: datetime, until: datetime) -> list[ListedPayment]:
        """List every payment that left."""
        del since, until
        return [ListedPayment(one.key, one.amount, one.reference) for one in self.of(Status.SUCCESS)]

    async def cancel(self, order: PayoutOrder) -> None:
        """Call nothing off: its orders wait for no receiver."""
        del order

    async def bill(self, day: date) -> bytes:
        """Return no list: its books are read here."""
        del day
        return b""

    async def aclose(self) -> None:
        """Hold no connection."""

    def of(self, *status: Status) -> list[Transfer]:
        """Return the transfers that are so far."""
        return [one for one in self.transfers.values() if one.status in status]

    def ends(self, key: str, *, well: bool) -> None:
        """End a transfer that it worked on; nothing where it had ended."""
        record = self.transfers.get(key)
        if record is not None and record.status is Status.DEALING:
            self.transfers[key] = replace(record, status=Status.SUCCESS if well else Status.FAIL)

    def comes_back(self, key: str) -> bool:
        """Return what had arrived to us; say whether it had arrived."""
        record = self.transfers.get(key)
        if record is None or record.status is not Status.SUCCESS:
            return False
        self.transfers[key] = replace(record, status=Status.FAIL)
        self.returned.add(key)
        return True

    def notice(self, notify_id: str, key: str, status: Status, amount: Money, *, genuine: bool = True) -> bytes:
        """Return a notice as it is sent, signed by the gateway or by another sender."""
        content = {"out_biz_no": key, "order_id": "1", "status": status.value, "trans_amount": amount.decimal_text()}
        fields = {
            "notify_id": notify_id, "msg_method": NOTICE, "app_id": self.app_id, "charset": "UTF-8",
            "biz_content": json.dumps(content),
        }  # fmt: skip
        sign: Callable[[str], str] = self._signer.sign if genuine else self._forger.sign
        return urlencode({**fields, "sign": sign(signed_text(fields, frozenset())), "sign_type": "RSA2"}).encode()

    def _begun(self, order: PayoutOrder) -> Transfer:
        status = {Paying.WORKS_ON_IT: Status.DEALING, Paying.REFUSES: Status.FAIL}.get(self.paying, self.pays_at_once)
        return Transfer(order.key, order.amount, order.payee_account, status, f"R{len(self.transfers)}")

    def _report(self, record: Transfer) -> PayoutReport:
        if record.status is Status.SUCCESS:
            return PayoutReport(record.key, PayoutOutcome.PAID, record.reference, record.amount)
        if record.status is Status.FAIL:
            code = RETURNED if record.key in self.returned else self.refusal
            return PayoutReport(record.key, PayoutOutcome.REFUSED, record.reference, record.amount, code)
        unknown = PayoutReport(record.key, PayoutOutcome.UNKNOWN, record.reference, record.amount, DEALING)
        if record.status is Status.WAITING:
            turn = ReceiversTurn("package", datetime.now(UTC) + timedelta(days=1))
            return replace(unknown, code=WAITS_FOR_RECEIVER, turn=turn)
        return unknown

    def _refuse_at_once(self, away: bool, not_accepted: bool) -> None:
        if away:
            raise GatewayUnavailable(SYSTEM, "down")
        if not_accepted:
            raise GatewayRefused(SYSTEM, "isv.invalid-signature")


def _unknown(order: PayoutOrder, code: str) -> Answer:
    return Answer(PayoutReport(order.key, PayoutOutcome.UNKNOWN, code=code))
