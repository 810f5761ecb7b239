"""The bill of a day as Alipay serves it, the word for a day without one, and every fault that is neither."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import pytest_asyncio

from domain.finance.payout import PayoutOrder
from domain.money import Money
from gateways.alipay.rsa2 import Signer, Verifier
from gateways.errors import BillAbsent, GatewayUnavailable
from gateways.payout.alipay import AlipayGateway
from gateways.statements import opened
from simulators import alipay as simulated
from simulators.alipay_wire import APP_PUBLIC_FILE
from simulators.program import Setup
from tests.builders.key_pairs import new_key_pair
from tests.gateways.partners import Partner, partner

ORDER = PayoutOrder("card-7Q2M-payout-1", Money(46_500), "138****0021@example.com", "王芳", "购物卡回收")
APP_PRIVATE, APP_PUBLIC = new_key_pair()


@pytest_asyncio.fixture
async def alipay(tmp_path: Path) -> AsyncIterator[Partner]:
    (tmp_path / APP_PUBLIC_FILE).write_bytes(APP_PUBLIC)
    async with partner(simulated.Alipay(Setup(seed=7, keys=tmp_path))) as running_alipay:
        yield running_alipay


@pytest_asyncio.fixture
async def gateway(alipay: Partner) -> AsyncIterator[AlipayGateway]:
    verifier = Verifier((await alipay.plain.get("/public-key")).content)
    async with alipay.client() as client:
        yield AlipayGateway(client, "2021000000000001", Signer(APP_PRIVATE), verifier, "")


async def a_day_ago(alipay: Partner, gateway: AlipayGateway, days: int) -> date:
    """Pay the order so many days ago; return that day."""
    await gateway.transfer(ORDER)
    record = alipay.program.store.get("transfer", ORDER.key)
    at = datetime.fromisoformat(record["date"]) - timedelta(days=days)
    alipay.program.store.put("transfer", ORDER.key, record | {"date": f"{at:%Y-%m-%d %H:%M:%S}"})
    return at.date()


async def test_the_bill_of_a_day_is_the_zip_that_alipay_serves(alipay: Partner, gateway: AlipayGateway) -> None:
    day = await a_day_ago(alipay, gateway, 2)
    reader = opened(io.BytesIO(await gateway.bill(day)), {})
    (batch,) = reader.batches()
    assert batch.lines.keys == [ORDER.key]
    foot = reader.foot()
    assert (reader.head.last_day, foot.lines, foot.in_minor, foot.out_minor) == (day, 1, 0, 46_500)
    assert (await gateway.bill(day - timedelta(days=1))).startswith(b"PK")  # An empty day has a bill without lines.


async def test_a_day_without_a_bill_is_named_so_and_every_other_fault_is_not(
    alipay: Partner, gateway: AlipayGateway
) -> None:
    day = await a_day_ago(alipay, gateway, 2)
    await alipay.control(empty_days_absent=True)
    assert await gateway.bill(day)
    with pytest.raises(BillAbsent, match=r"isp\.bill_not_exist"):
        await gateway.bill(day - timedelta(days=1))
    await alipay.control(bill_late=True)
    with pytest.raises(BillAbsent):
        await gateway.bill(day)
    await alipay.control(bill_late=False, bad_answer_signature=True)
    with pytest.raises(GatewayUnavailable, match="untrusted") as fault:
        await gateway.bill(day)
    assert not isinstance(fault.value, BillAbsent)


async def test_a_bill_whose_address_is_dead_waits(alipay: Partner, gateway: AlipayGateway) -> None:
    day = await a_day_ago(alipay, gateway, 2)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(simulated, "BILL_LIVES_S", -1)
        with pytest.raises(GatewayUnavailable, match="http_403"):
            await gateway.bill(day)
