"""Paying a seller through Alipay: paid once, refused for certain, or unknown until a query says; and notices believed or not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
import pytest_asyncio

from domain.finance.payout import AMOUNT_DIFFERS, DEALING, NOT_FOUND, PayoutOrder, PayoutOutcome
from domain.money import Currency, Money
from gateways.alipay.notices import AlipayNotices
from gateways.alipay.rsa2 import Signer, Verifier
from gateways.errors import GatewayRefused, GatewayUnavailable, ReportRefused
from gateways.http import new_client
from gateways.payout.alipay import NO_ANSWER, UNTRUSTED, AlipayGateway
from simulators.alipay import NO_SUCH_PAYEE, SILENT_PAYEE, Alipay
from simulators.alipay_wire import APP_PUBLIC_FILE
from simulators.program import Setup
from tests.builders.key_pairs import new_key_pair
from tests.gateways.partners import LATE_TIMEOUT_S, Mailbox, Partner, eventually, mailbox, partner

APP_ID = "2021000000000001"
ORDER = PayoutOrder("card-7Q2M-payout-1", Money(46_500), "138****0021@example.com", "王芳", "购物卡回收")
APP_PRIVATE, APP_PUBLIC = new_key_pair()


@pytest_asyncio.fixture
async def alipay(tmp_path: Path) -> AsyncIterator[Partner]:
    (tmp_path / APP_PUBLIC_FILE).write_bytes(APP_PUBLIC)
    async with partner(Alipay(Setup(seed=7, keys=tmp_path))) as running_alipay:
        yield running_alipay


@pytest_asyncio.fixture
async def notices() -> AsyncIterator[Mailbox]:
    async with mailbox() as box:
        yield box


@pytest_asyncio.fixture
async def gateway(alipay: Partner, notices: Mailbox) -> AsyncIterator[AlipayGateway]:
    verifier = Verifier((await alipay.plain.get("/public-key")).content)
    async with alipay.client() as client:
        yield AlipayGateway(client, APP_ID, Signer(APP_PRIVATE), verifier, notices.url)


@pytest_asyncio.fixture
async def hear(alipay: Partner) -> AlipayNotices:
    return AlipayNotices(APP_ID, Verifier((await alipay.plain.get("/public-key")).content))


async def transfers(alipay: Partner) -> list[tuple[str, int, str]]:
    found = (await alipay.plain.get("/transfers")).json()
    return [(one["out_biz_no"], one["amount_minor"], one["status"]) for one in found]


def form_of(received: tuple[bytes, dict[str, str]]) -> dict[str, str]:
    return dict(parse_qsl(received[0].decode(), keep_blank_values=True))


@pytest.mark.parametrize(
    ("payee", "outcome"), [(NO_SUCH_PAYEE, PayoutOutcome.REFUSED), (SILENT_PAYEE, PayoutOutcome.UNKNOWN)]
)
async def test_some_payees_have_a_fixed_transfer_outcome(
    gateway: AlipayGateway, payee: str, outcome: PayoutOutcome
) -> None:
    order = replace(ORDER, payee_account=payee)
    assert (await gateway.transfer(order)).report.outcome is outcome
    assert (await gateway.query(order)).report.outcome is outcome


async def test_a_seller_is_paid_to_the_cent_and_a_notice_says_so(
    alipay: Partner, gateway: AlipayGateway, notices: Mailbox, hear: AlipayNotices
) -> None:
    answer = await gateway.transfer(ORDER)
    assert (answer.report.outcome, answer.report.amount) == (PayoutOutcome.PAID, Money(46_500))
    assert await transfers(alipay) == [(ORDER.key, 46_500, "SUCCESS")]
    (notice,) = await notices.holds(1)
    report = hear.read(notice[0])[1]
    assert report == answer.report


async def test_sending_the_same_order_again_pays_once(alipay: Partner, gateway: AlipayGateway) -> None:
    answers = await asyncio.gather(*(gateway.transfer(ORDER) for _ in range(5)))
    assert len({answer.report for answer in answers}) == 1
    assert len(await transfers(alipay)) == 1


async def test_the_same_key_with_another_amount_moves_nothing(alipay: Partner, gateway: AlipayGateway) -> None:
    await gateway.transfer(ORDER)
    answer = await gateway.transfer(replace(ORDER, amount=Money(50_000)))
    assert (answer.report.outcome, answer.report.code) == (PayoutOutcome.UNKNOWN, "PAYMENT_INFO_INCONSISTENCY")
    assert await transfers(alipay) == [(ORDER.key, 46_500, "SUCCESS")]


async def test_a_time_out_after_success_is_unknown_and_the_query_says_paid(
    alipay: Partner, gateway: AlipayGateway
) -> None:
    await alipay.control(timeout_after_success_rate=1)
    sent = await gateway.transfer(ORDER)
    await alipay.control(timeout_after_success_rate=0)
    asked = await gateway.query(ORDER)
    assert (sent.report.outcome, sent.report.code) == (PayoutOutcome.UNKNOWN, NO_ANSWER)
    assert sent.call.latency_ms >= LATE_TIMEOUT_S * 1000 // 2
    assert (asked.report.outcome, asked.report.amount) == (PayoutOutcome.PAID, ORDER.amount)
    assert asked.report.gateway_reference


async def test_an_error_before_any_effect_is_unknown_and_the_query_finds_nothing(
    alipay: Partner, gateway: AlipayGateway
) -> None:
    await alipay.control(error_rate=1)
    sent = await gateway.transfer(ORDER)
    await alipay.control(error_rate=0)
    asked = await gateway.query(ORDER)
    assert (sent.report.outcome, sent.report.code) == (PayoutOutcome.UNKNOWN, NO_ANSWER)
    assert (asked.report.outcome, asked.report.code) == (PayoutOutcome.UNKNOWN, NOT_FOUND)


async def test_a_system_error_is_unknown_whether_it_was_done_or_not(alipay: Partner, gateway: AlipayGateway) -> None:
    await alipay.control(system_error_rate=1)
    orders = [replace(ORDER, key=f"order-{place}") for place in range(12)]
    unknown = [order for order in orders if (await gateway.transfer(order)).report.code == "SYSTEM_ERROR"]
    after = {(await gateway.query(order)).report.outcome for order in unknown}
    assert after == {PayoutOutcome.PAID, PayoutOutcome.UNKNOWN}


@pytest.mark.parametrize("code", ["PAYEE_NOT_EXIST", "PAYEE_USER_INFO_ERROR"])
async def test_a_refusal_is_certain_and_stays(alipay: Partner, gateway: AlipayGateway, code: str) -> None:
    await alipay.control(refuse=code)
    sent = await gateway.transfer(ORDER)
    await alipay.control(refuse="")
    assert (sent.report.outcome, sent.report.code) == (PayoutOutcome.REFUSED, code)
    for known in (await gateway.query(ORDER), await gateway.transfer(ORDER)):
        assert (known.report.outcome, known.report.code) == (PayoutOutcome.REFUSED, code)


@pytest.mark.parametrize("code", ["BALANCE_IS_NOT_ENOUGH", "EXCEED_LIMIT_SM_AMOUNT", "PERMIT_CHECK_PERM_LIMITED"])
async def test_what_is_our_own_fault_is_no_refusal_of_the_payee(
    alipay: Partner, gateway: AlipayGateway, code: str
) -> None:
    await alipay.control(refuse=code)
    sent, asked = await gateway.transfer(ORDER), await gateway.query(ORDER)
    assert (sent.report.outcome, sent.report.code) == (PayoutOutcome.UNKNOWN, code)
    assert (asked.report.outcome, asked.report.code) == (PayoutOutcome.UNKNOWN, NOT_FOUND)
    await alipay.control(refuse="")
    assert (await gateway.transfer(ORDER)).report.outcome is PayoutOutcome.PAID
    assert await transfers(alipay) == [(ORDER.key, 46_500, "SUCCESS")]


@pytest.mark.parametrize(
    ("fails", "outcome", "code"),
    [(False, PayoutOutcome.PAID, None), (True, PayoutOutcome.REFUSED, "PAYEE_ACCOUNT_STATUS_ERROR")],
)
async def test_a_transfer_in_process_ends_either_way(
    alipay: Partner, gateway: AlipayGateway, fails: bool, outcome: PayoutOutcome, code: str | None
) -> None:
    await alipay.control(processing_ms=400, fail_after_processing=fails)
    sent = await gateway.transfer(ORDER)
    assert (sent.report.outcome, sent.report.code) == (PayoutOutcome.UNKNOWN, DEALING)
    ended = await eventually(lambda: gateway.query(ORDER), lambda answer: answer.report.code != DEALING)
    assert (ended.report.outcome, ended.report.code) == (outcome, code)


async def test_an_answer_with_a_bad_signature_is_not_believed(alipay: Partner, gateway: AlipayGateway) -> None:
    await alipay.control(bad_answer_signature=True)
    sent = await gateway.transfer(ORDER)
    assert (sent.report.outcome, sent.report.code) == (PayoutOutcome.UNKNOWN, UNTRUSTED)


async def test_our_wrong_key_is_our_fault_and_no_refusal_of_the_payee(alipay: Partner, gateway: AlipayGateway) -> None:
    gateway._signer = Signer(new_key_pair()[0])
    with pytest.raises(GatewayRefused, match=r"isv\.invalid-signature"):
        await gateway.transfer(ORDER)
    assert await transfers(alipay) == []


async def test_where_nothing_was_sent_it_may_be_sent_again(gateway: AlipayGateway) -> None:
    async with new_client("http://127.0.0.1:1") as client:
        gateway._client = client
        with pytest.raises(GatewayUnavailable) as caught:
            await gateway.transfer(ORDER)
    assert not caught.value.perhaps_done


@pytest.mark.parametrize("amount", [Money(0), Money(-1), Money(100, Currency.USD)])
async def test_only_positive_yuan_are_paid(alipay: Partner, gateway: AlipayGateway, amount: Money) -> None:
    with pytest.raises(ValueError, match="positive amounts in CNY"):
        await gateway.transfer(replace(ORDER, amount=amount))
    assert (await alipay.plain.get("/requests")).json() == []


async def test_a_forged_notice_is_refused_and_the_true_one_believed(
    alipay: Partner, gateway: AlipayGateway, notices: Mailbox, hear: AlipayNotices
) -> None:
    await alipay.control(forged_callbacks=True)
    await gateway.transfer(ORDER)
    forged, true = await notices.holds(2)
    with pytest.raises(ReportRefused, match="signature"):
        hear.read(forged[0])[1]
    assert hear.read(true[0])[1].outcome is PayoutOutcome.PAID


async def test_a_notice_names_the_amount_that_was_paid(
    alipay: Partner, gateway: AlipayGateway, notices: Mailbox, hear: AlipayNotices
) -> None:
    await alipay.control(wrong_amount_minor=-500)
    await gateway.transfer(ORDER)
    report = hear.read((await notices.holds(1))[0][0])[1]
    assert report.amount == Money(46_000)


async def test_a_query_with_another_amount_than_ours_is_not_called_paid(
    alipay: Partner, gateway: AlipayGateway
) -> None:
    await gateway.transfer(ORDER)
    asked = await gateway.query(replace(ORDER, amount=Money(50_000)))
    assert (asked.report.outcome, asked.report.code) == (PayoutOutcome.UNKNOWN, AMOUNT_DIFFERS)


async def test_duplicate_and_stale_notices_come_as_configured(
    alipay: Partner, gateway: AlipayGateway, notices: Mailbox, hear: AlipayNotices
) -> None:
    await alipay.control(duplicate_callbacks=2, out_of_order=True)
    await gateway.transfer(ORDER)
    outcomes = [hear.read(one[0])[1].outcome for one in await notices.holds(4)]
    assert sorted(outcomes) == [PayoutOutcome.PAID] * 3 + [PayoutOutcome.UNKNOWN]


async def test_a_late_notice_comes_late_and_a_lost_one_never(
    alipay: Partner, gateway: AlipayGateway, notices: Mailbox
) -> None:
    await alipay.control(late_callback_ms=500)
    await gateway.transfer(ORDER)
    assert notices.received == []
    await notices.holds(1)
    await alipay.control(drop_callbacks=True)
    await gateway.transfer(replace(ORDER, key="another"))
    await notices.holds(1)


async def test_a_notice_that_was_not_taken_comes_again(gateway: AlipayGateway, notices: Mailbox) -> None:
    notices.answers = [503, 200]
    await gateway.transfer(ORDER)
    first, second = await notices.holds(2)
    assert form_of(first)["notify_id"] == form_of(second)["notify_id"]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"biz_content": "{}"}, "signature"), ({"app_id": "2021999"}, "signature"), ({"sign": ""}, "signature"),
        ({"sign": "AAAA"}, "signature"), ({"sign": "not base64 !"}, "signature"), ({"sign_type": "RSA"}, "signature"),
    ],
)  # fmt: skip
async def test_a_touched_notice_is_refused(
    gateway: AlipayGateway, notices: Mailbox, hear: AlipayNotices, change: dict[str, str], reason: str
) -> None:
    await gateway.transfer(ORDER)
    form = form_of((await notices.holds(1))[0])
    with pytest.raises(ReportRefused, match=reason):
        hear.read(urlencode(form | change).encode())


async def test_a_true_notice_for_another_app_or_of_another_kind_is_refused(
    gateway: AlipayGateway, notices: Mailbox, hear: AlipayNotices
) -> None:
    await gateway.transfer(ORDER)
    form = form_of((await notices.holds(1))[0])
    another = AlipayNotices("2021000000000002", hear._verifier)
    with pytest.raises(ReportRefused, match="wrong_app"):
        another.read(urlencode(form).encode())


async def test_a_payment_made_before_a_restart_is_known_after_it(tmp_path: Path) -> None:
    (tmp_path / APP_PUBLIC_FILE).write_bytes(APP_PUBLIC)
    setup = Setup(seed=7, keys=tmp_path, state=tmp_path / "state.db")
    outcomes = []
    for ask in (AlipayGateway.transfer, AlipayGateway.query):
        async with partner(Alipay(setup)) as alipay, new_client(alipay.address) as client:
            verifier = Verifier((tmp_path / "alipay_public_key.pem").read_bytes())
            gateway = AlipayGateway(client, APP_ID, Signer(APP_PRIVATE), verifier, notify_url="")
            outcomes.append((await ask(gateway, ORDER)).report)
    assert outcomes[0] == outcomes[1]
    assert outcomes[1].outcome is PayoutOutcome.PAID


async def test_neither_the_order_nor_the_call_tells_the_payee(gateway: AlipayGateway) -> None:
    answer = await gateway.transfer(ORDER)
    assert "王芳" not in repr(answer) + repr(ORDER)
    assert ORDER.payee_account not in repr(answer) + repr(ORDER)
    assert answer.call.details["signed"] == "true"


@pytest.mark.parametrize(
    "body", ["", "[]", "{}", '{"sign": "x"}', '{"alipay_fund_trans_uni_transfer_response": {}}', "<html>"]
)
async def test_nonsense_from_the_gateway_is_unknown(body: str) -> None:
    transport = httpx.MockTransport(lambda _request: httpx.Response(200, text=body))
    async with new_client("http://alipay", transport=transport) as client:
        gateway = AlipayGateway(client, APP_ID, Signer(APP_PRIVATE), Verifier(APP_PUBLIC), "")
        answer = await gateway.transfer(ORDER)
    assert (answer.report.outcome, answer.report.code) == (PayoutOutcome.UNKNOWN, UNTRUSTED)


async def test_a_fault_of_our_request_is_no_refusal_of_the_payee(alipay: Partner, gateway: AlipayGateway) -> None:
    asked = await gateway.transfer(replace(ORDER, payee_account=""))
    assert (asked.report.outcome, asked.report.code) == (PayoutOutcome.UNKNOWN, "INVALID_PARAMETER")
    assert await transfers(alipay) == []


async def test_charset_is_in_the_address_because_alipay_reads_the_form_by_it(
    alipay: Partner, gateway: AlipayGateway
) -> None:
    """The simulator reads as Alipay does: in GBK unless the address says otherwise, and 王芳 would break the signature."""
    assert (await gateway.transfer(ORDER)).report.outcome is PayoutOutcome.PAID
    request = await asked_of(gateway)
    assert request.url.params["charset"] == "utf-8"
    answer = await alipay.plain.post(
        "/gateway.do", content=request.content, headers={"content-type": str(request.headers["content-type"])}
    )
    assert "isv.invalid-signature" in answer.text


async def asked_of(gateway: AlipayGateway) -> httpx.Request:
    """The request that a transfer makes."""
    made: list[httpx.Request] = []

    def kept(request: httpx.Request) -> httpx.Response:
        made.append(request)
        return httpx.Response(200)

    async with new_client("http://alipay", transport=httpx.MockTransport(kept)) as client:
        await AlipayGateway(client, APP_ID, Signer(APP_PRIVATE), Verifier(APP_PUBLIC), "").transfer(ORDER)
    return made[0]
