"""Who is asked whether a rail keeps its contract: our three stand-ins, and a provider itself where the environment has credentials.

A target names what it cannot do, with the reason: the assertions that need it are skipped for it, and say so.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from bootstrap.paying import scene_of
from database.tables.finance.rails import BankLineRow
from domain.finance.payout import PaymentGateway, PayoutOrder, PayoutOutcome, PayoutReport
from domain.finance.rails import Rail
from domain.identifiers import new_id, payout_key
from domain.money import Money
from gateways.alipay.rsa2 import Signer, Verifier
from gateways.http import new_client
from gateways.payout.alipay import AlipayGateway
from gateways.payout.wechat import WechatGateway
from gateways.wechat.signing import Merchant, WechatKey
from tests.builders.rails import Rails
from tests.gateways.partners import eventually

NAME = "王芳"
ACCOUNTS = {
    Rail.ALIPAY: "13800000077", Rail.WECHAT: "o-MYE42l80oelYMDE34nYD456Xoy", Rail.BANK: "6222020200112233445 中国工商银行",
}  # fmt: skip
TEN_FEN = Money(10)  # The least that a provider pays; what a sandbox is asked for.
ALIPAY_NEEDS = ("URL", "APP_ID", "OUR_KEY_FILE", "THEIR_KEY_FILE", "PAYEE", "PAYEE_NAME")
WECHAT_NEEDS = ("URL", "APP_ID", "MERCHANT_ID", "SERIAL", "OUR_KEY_FILE", "KEY_ID", "THEIR_KEY_FILE")


class Can(StrEnum):
    """What an assertion needs of a target."""

    SEND = "send"  # An order may be sent at all.
    PAY = "pay"  # An order can be made to end as paid, with nobody at a telephone.
    REFUSE = "refuse"  # An order can be made to end as refused.
    COUNT = "count"  # Its own book of orders can be read.
    BILL = "bill"  # It gives the bill of a day through its interface.
    LIST = "list"  # It lists what left today.


@dataclass
class Target:
    """One end of a rail: its gateway, what it cannot do, and how an order is brought to an end there."""

    name: str
    rail: Rail
    gateway: PaymentGateway
    cannot: Mapping[Can, str]
    pay: Callable[[PayoutOrder], Awaitable[PayoutReport]]
    refuse: Callable[[PayoutOrder], Awaitable[PayoutReport]]
    made: Callable[[PayoutOrder], Awaitable[int]]
    account: str
    payee_name: str = NAME
    amount: Money = Money(46_500)  # noqa: RUF009  # Frozen.
    refused_account: str = ""  # A payee whom it refuses by itself.

    def order(self, amount: Money | None = None, *, to_refuse: bool = False) -> PayoutOrder:
        """A fresh order to its payee."""
        account = self.refused_account if to_refuse and self.refused_account else self.account
        return PayoutOrder(
            payout_key(new_id(), 1), amount or self.amount, account, self.payee_name, "Cardloop", datetime.now(UTC)
        )  # fmt: skip

    def require(self, *needs: Can) -> None:
        """Skip the assertion, with the reason, where the target cannot do what it needs."""
        for need in needs:
            if need in self.cannot:
                pytest.skip(f"{self.name} cannot {need.value}: {self.cannot[need]}")

    async def certain(self, order: PayoutOrder) -> PayoutReport:
        """What a query says once it is certain."""
        answer = await eventually(
            lambda: self.gateway.query(order), lambda one: one.report.outcome is not PayoutOutcome.UNKNOWN
        )
        return answer.report


def stand_in(rails: Rails, rail: Rail) -> Target:
    """Our stand-in of a rail."""
    gateway = rails.gateways[rail]
    codes = {Rail.ALIPAY: ("PAYEE_NOT_EXIST", rails.world.alipay), Rail.WECHAT: ("ACCOUNT_FROZEN", rails.wechat)}

    async def ended(order: PayoutOrder, *, refused: bool) -> PayoutReport:
        if rail in codes:
            code, partner = codes[rail]
            await partner.control(refuse=code if refused else "")
        report = (await gateway.transfer(order)).report
        if rail is Rail.WECHAT and not refused:
            await rails.press(order.key, "confirm")
        if rail is Rail.BANK and report.outcome is PayoutOutcome.UNKNOWN:
            await _bank_says(rails, order.key, PayoutOutcome.REFUSED if refused else PayoutOutcome.PAID)
        return report

    async def made(order: PayoutOrder) -> int:
        if rail is Rail.ALIPAY:
            return len(await rails.world.transfers(order.key))
        if rail is Rail.WECHAT:
            return len(await rails.made(order.key))
        return len(await rails.world.rows(BankLineRow, key=order.key))

    return Target(
        f"our stand-in of {rail.value}", rail, gateway, _STAND_INS_CANNOT[rail],
        lambda order: ended(order, refused=False), lambda order: ended(order, refused=True), made, ACCOUNTS[rail],
    )  # fmt: skip


_STAND_INS_CANNOT: Mapping[Rail, Mapping[Can, str]] = {
    Rail.ALIPAY: {},
    Rail.WECHAT: {Can.LIST: "a fund bill is ready the next day"},
    Rail.BANK: {
        Can.BILL: "a person brings a bank's statement",
        Can.LIST: "an order here is in no batch whose file was taken",
    },
}


async def _bank_says(rails: Rails, key: str, outcome: PayoutOutcome) -> None:
    said = None if outcome is PayoutOutcome.PAID else "account_unknown"
    change = update(BankLineRow).where(BankLineRow.key == key).values(outcome=outcome, reference="BK1", said=said)
    async with rails.world.database.transaction() as session:
        await session.execute(change)


@asynccontextmanager
async def alipays_sandbox() -> AsyncIterator[Target]:
    """Alipay itself. `REFUSED_PAYEE`, an account that is nobody's, lets it refuse."""
    given = credentials("ALIPAY", ALIPAY_NEEDS)
    refused = os.environ.get("CARDLOOP_SANDBOX_ALIPAY_REFUSED_PAYEE", "")
    cannot = {Can.COUNT: "its book of orders is read by queries alone", Can.BILL: "a sandbox writes no bills"}
    if not refused:
        cannot[Can.REFUSE] = "CARDLOOP_SANDBOX_ALIPAY_REFUSED_PAYEE is not set"
    async with new_client(given["URL"]) as client:
        ours, theirs = _read(given["OUR_KEY_FILE"]), _read(given["THEIR_KEY_FILE"])
        gateway = AlipayGateway(client, given["APP_ID"], Signer(ours), Verifier(theirs), "")
        sent = _sent(gateway)
        yield Target(
            "alipay's sandbox", Rail.ALIPAY, gateway, cannot, sent, sent, _uncounted, given["PAYEE"], given["PAYEE_NAME"],
            TEN_FEN, refused,
        )  # fmt: skip


@asynccontextmanager
async def wechat_pay_itself() -> AsyncIterator[Target]:
    """WeChat Pay has no sandbox of transfers: a real one of ten fen waits for `PAYEE` (an openid), and is called off again."""
    given = credentials("WECHAT", WECHAT_NEEDS)
    payee = os.environ.get("CARDLOOP_SANDBOX_WECHAT_PAYEE", "")
    nobody = "CARDLOOP_SANDBOX_WECHAT_PAYEE is not set"
    cannot = {
        Can.COUNT: "its book of orders is read by queries alone", Can.PAY: "a receiver would have to confirm on a telephone",
        Can.LIST: "a fund bill is ready the next day",
    }  # fmt: skip
    if not payee:
        cannot |= dict.fromkeys((Can.SEND, Can.REFUSE), nobody)
    async with new_client(given["URL"]) as client:
        merchant = Merchant(given["MERCHANT_ID"], given["SERIAL"], _read(given["OUR_KEY_FILE"]))
        theirs, scene = (
            WechatKey(given["KEY_ID"], _read(given["THEIR_KEY_FILE"])),
            scene_of("1010=回收商品名称:礼品卡"),
        )
        gateway = WechatGateway(client, given["APP_ID"], merchant, theirs, "", scene)

        async def called_off(order: PayoutOrder) -> PayoutReport:
            report = (await gateway.transfer(order)).report
            await gateway.cancel(order)
            return report

        yield Target(
            "wechat pay", Rail.WECHAT, gateway, cannot, _sent(gateway), called_off, _uncounted, payee, "", TEN_FEN
        )  # fmt: skip


@asynccontextmanager
async def _ready_stand_in(rail: Rail, rails: Rails) -> AsyncIterator[Target]:
    yield stand_in(rails, rail)


TARGETS: Mapping[str, Callable[[Rails], Any]] = {
    **{f"stand-in-{rail.value}": partial(_ready_stand_in, rail) for rail in Rail},
    "alipay-sandbox": lambda _rails: alipays_sandbox(),
    "wechat-pay": lambda _rails: wechat_pay_itself(),
}


def credentials(provider: str, names: tuple[str, ...]) -> dict[str, str]:
    """The provider's credentials; skips the test, naming what is missing, where there are none."""
    found = {name: os.environ.get(f"CARDLOOP_SANDBOX_{provider}_{name}", "") for name in names}
    missing = [f"CARDLOOP_SANDBOX_{provider}_{name}" for name, value in found.items() if not value]
    if missing:
        pytest.skip(f"no sandbox: set {', '.join(missing)}")
    return found


def _sent(gateway: PaymentGateway) -> Callable[[PayoutOrder], Awaitable[PayoutReport]]:
    async def send(order: PayoutOrder) -> PayoutReport:
        return (await gateway.transfer(order)).report

    return send


async def _uncounted(order: PayoutOrder) -> int:
    raise AssertionError(f"nobody can count {order.key}: the assertion must need Can.COUNT")


def _read(path: str) -> bytes:
    return Path(path).read_bytes()
