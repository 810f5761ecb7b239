"""What every rail keeps, asked of all of them with the same words: against our stand-ins, and a provider's sandbox where
the environment has credentials for it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio
from sqlalchemy import update

from bootstrap.paying import scene_of
from database.tables.finance_rails import BankLineRow
from domain.finance.payout import (
    AMOUNT_DIFFERS,
    NOT_FOUND,
    PaymentGateway,
    PayoutOrder,
    PayoutOutcome,
    PayoutReport,
)
from domain.finance.rails import Rail
from domain.identifiers import new_id, payout_key
from domain.money import Currency, Money
from gateways.alipay.rsa2 import Signer, Verifier
from gateways.errors import GatewayRefused
from gateways.http import new_client
from gateways.payout.alipay import AlipayGateway
from gateways.payout.wechat import WechatGateway
from gateways.wechat.signing import Merchant, WechatKey
from tests.builders.rails import Rails, rails_of
from tests.builders.world import World
from tests.gateways.partners import eventually

ACCOUNTS = {
    Rail.ALIPAY: "13800000077", Rail.WECHAT: "o-MYE42l80oelYMDE34nYD456Xoy", Rail.BANK: "6222020200112233445 中国工商银行",
}  # fmt: skip


@dataclass
class Party:
    """One rail with its stand-in."""

    rail: Rail
    rails: Rails

    @property
    def gateway(self) -> PaymentGateway:
        return self.rails.gateways[self.rail]

    def order(self, amount: Money = Money(46_500)) -> PayoutOrder:  # noqa: B008  # Frozen.
        key = payout_key(new_id(), 1)
        return PayoutOrder(key, amount, ACCOUNTS[self.rail], "王芳", "Cardloop", datetime.now(UTC))

    async def effects(self, order: PayoutOrder) -> int:
        """How many orders the other side has under the key."""
        if self.rail is Rail.ALIPAY:
            return len(await self.rails.world.transfers(order.key))
        if self.rail is Rail.WECHAT:
            return len(await self.rails.made(order.key))
        return len(await self.rails.world.rows(BankLineRow, key=order.key))

    async def sent(self, order: PayoutOrder, *, refused: bool = False) -> PayoutReport:
        """Send the order and let it end so."""
        codes = {
            Rail.ALIPAY: ("PAYEE_NOT_EXIST", self.rails.world.alipay),
            Rail.WECHAT: ("ACCOUNT_FROZEN", self.rails.wechat),
        }
        if self.rail in codes:
            code, partner = codes[self.rail]
            await partner.control(refuse=code if refused else "")
        report = (await self.gateway.transfer(order)).report
        if self.rail is Rail.WECHAT and not refused:
            await self.rails.press(order.key, "confirm")
        if self.rail is Rail.BANK:
            outcome = PayoutOutcome.REFUSED if refused else PayoutOutcome.PAID
            said = update(BankLineRow).where(BankLineRow.key == order.key)
            async with self.rails.world.database.transaction() as session:
                await session.execute(
                    said.values(outcome=outcome, reference="BK1", said="account_unknown" if refused else None)
                )
        return report

    async def certain(self, order: PayoutOrder) -> PayoutReport:
        """What a query says once it is certain."""
        answer = await eventually(
            lambda: self.gateway.query(order), lambda one: one.report.outcome is not PayoutOutcome.UNKNOWN
        )
        return answer.report


@pytest_asyncio.fixture(loop_scope="session", params=list(Rail))
async def party(request: pytest.FixtureRequest, world: World, tmp_path: Path) -> AsyncIterator[Party]:
    async with rails_of(world, tmp_path / "wechat") as made:
        yield Party(request.param, made)


async def test_an_order_that_was_never_sent_is_not_there(party: Party) -> None:
    report = (await party.gateway.query(party.order())).report
    assert (report.outcome, report.code) == (PayoutOutcome.UNKNOWN, NOT_FOUND)


async def test_sending_twice_has_one_effect_and_one_end(party: Party) -> None:
    order = party.order()
    first = (await party.gateway.transfer(order)).report
    assert first.code != NOT_FOUND
    await party.sent(order)
    again = (await party.gateway.transfer(order)).report
    assert again.outcome in (first.outcome, PayoutOutcome.PAID)
    assert await party.effects(order) == 1
    paid = await party.certain(order)
    assert (paid.outcome, paid.amount, paid.key) == (PayoutOutcome.PAID, order.amount, order.key)
    assert paid.gateway_reference
    assert (await party.gateway.query(order)).report == paid


async def test_a_refusal_is_certain_has_a_code_and_stays(party: Party) -> None:
    order = party.order()
    await party.sent(order, refused=True)
    refused = await party.certain(order)
    assert refused.outcome is PayoutOutcome.REFUSED
    assert refused.code
    await party.sent(order) if party.rail is not Rail.BANK else None
    assert (await party.gateway.query(order)).report.outcome is PayoutOutcome.REFUSED


async def test_another_amount_under_a_key_is_never_taken_for_it(party: Party) -> None:
    order = party.order()
    await party.sent(order)
    await party.certain(order)
    other = replace(order, amount=Money(1))
    assert (await party.gateway.query(other)).report.code == AMOUNT_DIFFERS
    try:
        report = (await party.gateway.transfer(other)).report
    except GatewayRefused:
        report = None
    assert report is None or report.outcome is PayoutOutcome.UNKNOWN
    assert await party.effects(order) == 1


@pytest.mark.parametrize(
    "amount", [Money(0), Money(-1), Money(100, Currency.USD)], ids=["nothing", "negative", "dollars"]
)
async def test_only_positive_yuan_leave(party: Party, amount: Money) -> None:
    order = party.order(amount)
    with pytest.raises(ValueError, match="CNY"):
        await party.gateway.transfer(order)
    assert await party.effects(order) == 0


async def test_calling_off_what_is_over_harms_nothing(party: Party) -> None:
    order = party.order()
    await party.sent(order)
    paid = await party.certain(order)
    await party.gateway.cancel(order)
    assert (await party.gateway.query(order)).report == paid


async def test_what_is_kept_of_a_call_does_not_tell_the_payee(party: Party) -> None:
    order = party.order()
    answer = await party.gateway.transfer(order)
    assert not any(secret in repr((order, answer)) for secret in (ACCOUNTS[party.rail], "王芳"))


# Sandboxes: read-only, but for ten fen to Alipay's sandbox account.
ALIPAY_SANDBOX = ("URL", "APP_ID", "OUR_KEY_FILE", "THEIR_KEY_FILE", "PAYEE", "PAYEE_NAME")
WECHAT_SANDBOX = ("URL", "APP_ID", "MERCHANT_ID", "SERIAL", "OUR_KEY_FILE", "KEY_ID", "THEIR_KEY_FILE")


def credentials(provider: str, names: tuple[str, ...]) -> dict[str, str]:
    """The provider's credentials; skips the test, naming what is missing, where there are none."""
    found = {name: os.environ.get(f"CARDLOOP_SANDBOX_{provider}_{name}", "") for name in names}
    missing = [f"CARDLOOP_SANDBOX_{provider}_{name}" for name, value in found.items() if not value]
    if missing:
        pytest.skip(f"no sandbox: set {', '.join(missing)}")
    return found


async def test_alipays_sandbox_keeps_the_same_contract() -> None:
    given = credentials("ALIPAY", ALIPAY_SANDBOX)
    ours, theirs = _read(given["OUR_KEY_FILE"]), _read(given["THEIR_KEY_FILE"])
    async with new_client(given["URL"]) as client:
        gateway = AlipayGateway(client, given["APP_ID"], Signer(ours), Verifier(theirs), "")
        order = PayoutOrder(payout_key(new_id(), 1), Money(10), given["PAYEE"], given["PAYEE_NAME"], "Cardloop sandbox")
        assert (await gateway.query(order)).report.code == NOT_FOUND
        first = (await gateway.transfer(order)).report
        again = (await gateway.transfer(order)).report
        assert (again.outcome, again.gateway_reference) == (first.outcome, first.gateway_reference)
        assert (await gateway.query(order)).report.outcome is first.outcome


async def test_wechat_pay_itself_signs_what_we_believe() -> None:
    given = credentials("WECHAT", WECHAT_SANDBOX)
    ours, theirs = _read(given["OUR_KEY_FILE"]), _read(given["THEIR_KEY_FILE"])
    async with new_client(given["URL"]) as client:
        merchant = Merchant(given["MERCHANT_ID"], given["SERIAL"], ours)
        scene = scene_of("1010=回收商品名称:礼品卡")
        gateway = WechatGateway(client, given["APP_ID"], merchant, WechatKey(given["KEY_ID"], theirs), "", scene)
        order = PayoutOrder(payout_key(new_id(), 1), Money(100), "o", "", ordered_at=datetime.now(UTC))
        assert (await gateway.query(order)).report.code == NOT_FOUND
        bill = await gateway.bill(date.today() - timedelta(days=2))  # noqa: DTZ011  # Any day that is over.
        assert bill == b"" or "记账时间" in bill.decode("utf-8-sig")


def _read(path: str) -> bytes:
    return Path(path).read_bytes()
