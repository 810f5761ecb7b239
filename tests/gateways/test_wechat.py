"""Our end of WeChat Pay against its simulator: the receiver's turn, what is certain, what is not, and what is never sent."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import serialization

from domain.finance.payout import (
    AMOUNT_DIFFERS,
    DEALING,
    NOT_FOUND,
    RETURNED,
    WAITS_FOR_RECEIVER,
    PayoutOrder,
    PayoutOutcome,
)
from domain.identifiers import bill_number, goodwill_key, key_of_bill, new_id, payout_key
from domain.money import Money
from gateways.errors import GatewayRefused, GatewayUnavailable, ReportRefused
from gateways.http import new_client
from gateways.payout.wechat import BEYOND_QUERY, NO_ANSWER, UNTRUSTED, Scene, WechatGateway
from gateways.wechat.notices import WechatNotices
from gateways.wechat.signing import ApiKey, Merchant, WechatKey
from simulators.program import Setup
from simulators.wechat import Wechat
from simulators.wechat_wire import API_KEY_FILE, KEY_ID, MERCHANT_FILE
from tests.builders.key_pairs import new_key_pair
from tests.gateways.partners import Mailbox, Partner, eventually, mailbox, partner
from tests.simulators.running import SECRET

MERCHANT, APP, SERIAL = "1900000109", "wx0000000000000001", "ABCDEF0123456789"
OURS, OURS_PUBLIC = new_key_pair()
API_KEY = b"0123456789abcdef0123456789abcdef"
SCENE = Scene("1010", (("回收商品名称", "礼品卡"),))
OPENID = "o-MYE42l80oelYMDE34nYD456Xoy"


class House:
    """The simulator, our gateway to it, and where its callbacks arrive."""

    def __init__(self, partner: Partner, gateway: WechatGateway, box: Mailbox, hears: WechatNotices) -> None:
        self.partner, self.gateway, self.box, self.hears = partner, gateway, box, hears

    async def press(self, order: PayoutOrder, button: str) -> None:
        number = bill_number(order.key)
        await self.partner.plain.post(f"/transfers/{number}/{button}")

    async def made(self, order: PayoutOrder) -> list[dict[str, Any]]:
        found = (await self.partner.plain.get("/transfers")).json()
        return [one for one in found if one["out_bill_no"] == bill_number(order.key)]

    async def ends_as(self, order: PayoutOrder, outcome: PayoutOutcome) -> Any:
        answer = await eventually(lambda: self.gateway.query(order), lambda one: one.report.outcome is outcome)
        return answer.report


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    (tmp_path / MERCHANT_FILE).write_bytes(OURS_PUBLIC)
    (tmp_path / API_KEY_FILE).write_bytes(API_KEY)
    async with (
        partner(Wechat(Setup(seed=3, wechat_keys=tmp_path, secret=SECRET))) as one,
        one.client() as client,
        mailbox() as box,
    ):
        theirs = WechatKey(KEY_ID, (await one.plain.get("/public-key")).content)
        gateway = WechatGateway(client, APP, Merchant(MERCHANT, SERIAL, OURS), theirs, box.url, SCENE)
        yield House(one, gateway, box, WechatNotices(MERCHANT, theirs, ApiKey(API_KEY)))


def an_order(amount_minor: int = 465_00, name: str = "王芳", **more: Any) -> PayoutOrder:
    key = payout_key(new_id(), 1)
    return PayoutOrder(key, Money(amount_minor), OPENID, name, "Cardloop ABC123", ordered_at=datetime.now(UTC), **more)


@pytest.mark.parametrize("attempt", [1, 2, 9999])
def test_a_key_becomes_letters_and_digits_and_the_key_again(attempt: int) -> None:
    for key in (payout_key(new_id(), attempt), goodwill_key(new_id())):
        number = bill_number(key)
        assert number.isalnum()
        assert number.isascii()
        assert len(number) <= 32
        assert key_of_bill(number) == key
    for strange in ("", "C1N1", "G", "XYZ", f"C{new_id()}N0", f"C{new_id()}N01", f"C{new_id()}N10000"):
        assert key_of_bill(strange) is None
    with pytest.raises(ValueError, match="no key"):
        bill_number("card-1-payout-1")


async def test_the_receiver_confirms_and_then_it_is_paid(house: House) -> None:
    order = an_order()
    sent = (await house.gateway.transfer(order)).report
    assert (sent.outcome, sent.code) == (PayoutOutcome.UNKNOWN, WAITS_FOR_RECEIVER)
    assert sent.turn is not None
    assert sent.turn.package
    assert timedelta(hours=23) < sent.turn.expires_at - datetime.now(UTC) <= timedelta(hours=24)
    again = (await house.gateway.transfer(order)).report
    assert again.turn is not None
    assert (again.gateway_reference, again.turn.package) == (sent.gateway_reference, sent.turn.package)
    asked = (await house.gateway.query(order)).report
    assert (asked.code, asked.turn) == (WAITS_FOR_RECEIVER, None)
    await house.press(order, "confirm")
    paid = await house.ends_as(order, PayoutOutcome.PAID)
    assert (paid.amount, paid.gateway_reference) == (order.amount, sent.gateway_reference)
    assert len(await house.made(order)) == 1
    [(body, headers)] = await house.box.holds(1)
    _, heard = house.hears.read(body, headers)
    assert (heard.key, heard.outcome, heard.amount) == (order.key, PayoutOutcome.PAID, order.amount)


async def test_time_over_is_refused_only_once_the_provider_says_it_is_closed(house: House) -> None:
    await house.partner.control(closing_ms=700)
    order = an_order()
    await house.gateway.transfer(order)
    await house.press(order, "expire")
    assert (await house.gateway.query(order)).report.outcome is PayoutOutcome.UNKNOWN
    report = await house.ends_as(order, PayoutOutcome.REFUSED)
    assert report.code == "OVERDUE_CLOSE"


async def test_calling_off_takes_its_time_and_is_certain_only_at_its_end(house: House) -> None:
    await house.partner.control(closing_ms=700)
    order = an_order()
    await house.gateway.transfer(order)
    await house.gateway.cancel(order)
    await house.gateway.cancel(order)
    asked = (await house.gateway.query(order)).report
    assert (asked.outcome, asked.code) == (PayoutOutcome.UNKNOWN, DEALING)
    await house.press(order, "confirm")
    assert (await house.ends_as(order, PayoutOutcome.REFUSED)).code == "CANCELLED"
    await house.gateway.cancel(order)  # Too late: no failure.
    confirmed = an_order()
    await house.gateway.transfer(confirmed)
    await house.press(confirmed, "confirm")
    await house.gateway.cancel(confirmed)
    assert (await house.ends_as(confirmed, PayoutOutcome.PAID)).outcome is PayoutOutcome.PAID


@pytest.mark.parametrize(
    ("amount_minor", "name", "named"),
    [(29, "王芳", False), (30, "王芳", True), (199_999, "", False), (200_000, "王芳", True)],
)
async def test_a_name_is_sent_sealed_and_only_where_it_is_taken(
    house: House, amount_minor: int, name: str, named: bool
) -> None:
    content = house.gateway._content(an_order(amount_minor, name))
    assert ("user_name" in content) is named
    assert name == "" or name not in json.dumps(content, ensure_ascii=False)
    assert (await house.gateway.transfer(an_order(amount_minor, name))).report.code == WAITS_FOR_RECEIVER


async def test_unpayable_order_is_not_sent(house: House) -> None:
    for order in (an_order(200_000, ""), an_order(0), an_order(-1)):
        with pytest.raises(ValueError, match=r"yuan|CNY"):
            await house.gateway.transfer(order)
    assert (await house.partner.plain.get("/transfers")).json() == []


@pytest.mark.parametrize("code", ["ACCOUNT_FROZEN", "NAME_NOT_CORRECT", "REAL_NAME_CHECK_FAIL"])
async def test_a_refusal_is_certain_and_stays(house: House, code: str) -> None:
    await house.partner.control(refuse=code)
    order = an_order()
    sent = (await house.gateway.transfer(order)).report
    assert (sent.outcome, sent.code) == (PayoutOutcome.REFUSED, code)
    await house.partner.control(refuse="")
    assert (await house.gateway.transfer(order)).report.outcome is PayoutOutcome.REFUSED
    assert (await house.gateway.query(order)).report.code == code


async def test_our_fault_is_no_refusal_and_the_number_may_be_sent_again(house: House) -> None:
    order = an_order()
    await house.partner.control(refuse="NOT_ENOUGH")
    with pytest.raises(GatewayRefused):
        await house.gateway.transfer(order)
    assert (await house.gateway.query(order)).report.code == NOT_FOUND
    await house.partner.control(refuse="")
    assert (await house.gateway.transfer(order)).report.code == WAITS_FOR_RECEIVER


async def test_a_system_error_is_unknown_whether_it_was_done_or_not(house: House) -> None:
    await house.partner.control(system_error_rate=1.0)
    orders = [an_order() for _ in range(4)]  # Fewer than open the circuit.
    for order in orders:
        assert (await house.gateway.transfer(order)).report.code in (NO_ANSWER, WAITS_FOR_RECEIVER)
    await house.partner.control(system_error_rate=0.0)
    codes = {(await house.gateway.query(order)).report.code for order in orders}
    assert codes == {NOT_FOUND, WAITS_FOR_RECEIVER}


async def test_an_answer_with_a_bad_signature_is_not_believed(house: House) -> None:
    order = an_order()
    await house.partner.control(bad_answer_signature=True)
    assert (await house.gateway.transfer(order)).report.code == UNTRUSTED
    assert (await house.gateway.query(order)).report.code == UNTRUSTED


async def test_another_amount_under_our_number_is_never_paid(house: House) -> None:
    order = an_order()
    await house.gateway.transfer(order)
    await house.press(order, "confirm")
    await house.ends_as(order, PayoutOutcome.PAID)
    other = replace(order, amount=Money(1))
    assert (await house.gateway.query(other)).report.code == AMOUNT_DIFFERS
    with pytest.raises(GatewayRefused, match="ALREADY_EXISTS"):
        await house.gateway.transfer(other)


async def test_an_order_of_more_than_thirty_days_is_looked_up_in_the_bills_and_never_taken_for_unknown(
    house: House,
) -> None:
    moved = [await an_old(house, "confirm"), await an_old(house, "expire")]
    absent = replace(an_order(), ordered_at=datetime.now(UTC) - timedelta(days=31))
    found = [(await house.gateway.query(order)).report for order in (*moved, absent)]
    assert [one.outcome for one in found] == [PayoutOutcome.PAID, PayoutOutcome.REFUSED, PayoutOutcome.UNKNOWN]
    assert [one.code for one in found] == [None, RETURNED, BEYOND_QUERY]
    young = an_order()
    assert (await house.gateway.query(young)).report.code == NOT_FOUND


async def an_old(house: House, button: str) -> PayoutOrder:
    """A transfer of 31 days ago."""
    order = an_order()
    await house.gateway.transfer(order)
    await house.press(order, button)
    ended = PayoutOutcome.PAID if button == "confirm" else PayoutOutcome.REFUSED
    await house.ends_as(order, ended)
    program = house.partner.program
    record = program.store.get("transfer", bill_number(order.key))
    assert record is not None
    month = 31 * 86_400
    closed = record["closed"] - month if record["closed"] else None
    program.store.put("transfer", record["out_bill_no"], record | {"made": record["made"] - month, "closed": closed})
    return replace(order, ordered_at=datetime.now(UTC) - timedelta(days=31))


async def test_the_bill_is_what_the_provider_serves_and_its_hash_is_checked(house: House) -> None:
    order = await an_old(house, "confirm")
    assert order.ordered_at is not None
    day = (order.ordered_at + timedelta(hours=8)).date()
    bill = await house.gateway.bill(day)
    assert bill.startswith("\ufeff记账时间".encode())
    assert f"`{bill_number(order.key)}".encode() in bill
    assert await house.gateway.bill(day - timedelta(days=3)) == b""
    await house.partner.control(bill_late=True)
    with pytest.raises(GatewayUnavailable, match="STATEMENT_CREATING"):
        await house.gateway.bill(day)


async def test_the_list_of_what_left_is_made_of_the_bills_and_leaves_out_what_came_back(house: House) -> None:
    kept, back = await an_old(house, "confirm"), await an_old(house, "expire")
    assert kept.ordered_at is not None
    listed = await house.gateway.listed(kept.ordered_at - timedelta(days=1), datetime.now(UTC))
    assert [(one.key, one.amount) for one in listed] == [(kept.key, kept.amount)]
    assert back.key not in {one.key for one in listed}


async def test_callbacks_in_every_disorder(house: House) -> None:
    await house.partner.control(forged_callbacks=True, duplicate_callbacks=1, out_of_order=True)
    order = an_order()
    await house.gateway.transfer(order)
    await house.press(order, "confirm")
    heard, refused = [], []
    for body, headers in await house.box.holds(4):
        try:
            heard.append(house.hears.read(body, headers))
        except ReportRefused as one:
            refused.append(one.reason)
    assert refused == ["signature"]
    assert sorted(report.outcome for _, report in heard) == ["paid", "paid", "unknown"]
    paid = [notify_id for notify_id, report in heard if report.outcome is PayoutOutcome.PAID]
    assert len(set(paid)) == 1


async def test_a_callback_is_refused_for_every_part_that_is_not_right(house: House) -> None:
    order = an_order()
    await house.gateway.transfer(order)
    await house.press(order, "confirm")
    [(body, headers)] = await house.box.holds(1)
    late = WechatNotices(MERCHANT, replace_clock(house, 301), ApiKey(API_KEY))
    another = WechatNotices("1900000001", house.gateway._theirs, ApiKey(API_KEY))
    wrong_key = WechatNotices(MERCHANT, house.gateway._theirs, ApiKey(b"f" * 32))
    for reads, given, reason in (
        (house.hears, headers | {"wechatpay-serial": "PUB_KEY_ID_OTHER"}, "signature"),
        (house.hears, headers | {"wechatpay-nonce": "other"}, "signature"),
        (house.hears, headers | {"wechatpay-signature": "%%"}, "signature"),
        (house.hears, headers | {"wechatpay-signature-type": "WECHATPAY2-SM2-WITH-SM3"}, "signature"),
        (house.hears, {}, "signature"),
        (late, headers, "stale"),
        (another, headers, "wrong_app"),
        (wrong_key, headers, "signature"),
    ):
        with pytest.raises(ReportRefused) as refused:
            reads.read(body, given)
        assert refused.value.reason == reason
    with pytest.raises(ReportRefused, match="signature"):
        house.hears.read(body + b" ", headers)


def replace_clock(house: House, seconds: float) -> WechatKey:
    """WeChat Pay's key, judged by a clock that is so much ahead."""
    theirs = house.gateway._theirs
    pem = theirs._key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return WechatKey(KEY_ID, pem, clock=lambda: datetime.now(UTC).timestamp() + seconds)


@pytest.mark.parametrize("amount", ["46500", 465.0, 0, -1, True, None, 2**63])
async def test_an_amount_that_is_no_amount_is_no_report(house: House, amount: object) -> None:
    facts = {"mch_id": MERCHANT, "out_bill_no": bill_number(payout_key(new_id(), 1)), "state": "SUCCESS", "transfer_amount": amount}  # fmt: skip
    keys = house.partner.program.keys
    body = keys.callback(facts)
    headers = {name.lower(): value for name, value in keys.signed(body).items()}
    with pytest.raises(ReportRefused, match="wrong_app"):
        house.hears.read(body, headers)


async def test_neither_the_order_nor_the_call_tells_the_receiver(house: House) -> None:
    order = an_order()
    answer = await house.gateway.transfer(order)
    assert not any(secret in repr((order, answer)) for secret in (OPENID, "王芳", answer.report.turn.package))  # type: ignore[union-attr]


async def test_where_nothing_was_sent_it_may_be_sent_again() -> None:
    async with new_client("http://127.0.0.1:9") as client:
        theirs = WechatKey(KEY_ID, OURS_PUBLIC)
        gateway = WechatGateway(client, APP, Merchant(MERCHANT, SERIAL, OURS), theirs, "", SCENE)
        with pytest.raises(GatewayUnavailable) as unavailable:
            await gateway.transfer(an_order())
        assert not unavailable.value.perhaps_done


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b"<html>", b'{"code": 5}'])
async def test_only_the_gateways_answer_is_certain(body: bytes) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=body))
    async with new_client("http://wechat", transport=transport) as client:
        gateway = WechatGateway(
            client, APP, Merchant(MERCHANT, SERIAL, OURS), WechatKey(KEY_ID, OURS_PUBLIC), "", SCENE
        )
        for ask in (gateway.transfer, gateway.query):
            assert (await ask(an_order())).report.outcome is PayoutOutcome.UNKNOWN
