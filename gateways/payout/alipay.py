"""Alipay: a transfer to a seller by our own key, the query that reconciles it, and the list of what left (`gateways.alipay.notices` hears it).

Source of the wire format: Alipay's open platform, `alipay.fund.trans.uni.transfer` and `alipay.fund.trans.common.query`. An outcome is paid or refused only on Alipay's signed word; anything less
(a time-out, a 500, a bad signature, a code not in our list) is unknown, and unknown is reconciled, never sent again.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import httpx

from domain.finance.payout import AMOUNT_DIFFERS, ListedPayment, PayoutOrder, PayoutOutcome, PayoutReport
from domain.money import Currency, Money
from gateways import answers
from gateways.alipay.rsa2 import Signer, Verifier, signed_text, split_answer
from gateways.alipay.states import REFUSALS, SYSTEM, ended
from gateways.breaker import Breakers
from gateways.calls import CallRecord
from gateways.errors import BillAbsent, GatewayRefused, GatewayUnavailable
from gateways.http import BILL_BYTES_MAX, TOO_MANY_REQUESTS, Reply, exchange

TRANSFER, QUERY = "alipay.fund.trans.uni.transfer", "alipay.fund.trans.common.query"
# Alipay reads the form in the charset that the address names, and in GBK when it names none.
CHARSET = "utf-8"
ADDRESS = f"/gateway.do?charset={CHARSET}"
PRODUCT = {"product_code": "TRANS_ACCOUNT_NO_PWD", "biz_scene": "DIRECT_TRANSFER"}
BEIJING = timezone(timedelta(hours=8))  # Alipay's `timestamp` is Beijing time, without saying so.

# Alipay's own list of what moved in our account, `alipay.data.bill.accountlog.query`.
ACCOUNT_LOG, LOG_PAGE, LOG_SPAN = "alipay.data.bill.accountlog.query", 1000, timedelta(days=31)
LEFT_OUR_ACCOUNT = "支出"

# The day's bill: a zip at an address that lives for half a minute; asked for again where it was not fetched in time.
BILL = "alipay.data.dataservice.bill.downloadurl.query"
NO_BILL = "isp.bill_not_exist"  # Of a day whose bill is not made yet, and of one on which nothing moved.

SUCCESS, BUSINESS_FAILED = "10000", "40004"
# The request itself was not accepted (signature, permission, parameters): nothing was done, and a person must fix our side.
NOT_ACCEPTED = frozenset({"20001", "40001", "40002", "40003", "40006"})
NO_ANSWER = "NO_ANSWER"  # No usable answer; the order may or may not have arrived.
UNTRUSTED = "UNTRUSTED_ANSWER"  # An answer without Alipay's signature, or about another order.


@dataclass(frozen=True)
class PayoutAnswer:
    """What is known of an order after a call, and the call itself."""

    report: PayoutReport
    call: CallRecord


class AlipayGateway:
    """Our end of Alipay. `notify_url` is where it reports to; `now` gives the time in UTC."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        app_id: str,
        signer: Signer,
        verifier: Verifier,
        notify_url: str,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        breakers: Breakers | None = None,
    ) -> None:
        self._client = client
        self._breakers = breakers or Breakers()
        self._app_id = app_id
        self._signer = signer
        self._verifier = verifier
        self._notify_url = notify_url
        self._now = now

    async def transfer(self, order: PayoutOrder) -> PayoutAnswer:
        """Pays a seller. Sending the same order again is answered as the first time.

        The report is paid, refused (with `code`), or unknown (DEALING, NO_ANSWER, UNTRUSTED, or a code of theirs). Raises
        GatewayUnavailable only when nothing was sent, GatewayRefused when our request as such was not accepted
        (nothing was done), ValueError for an amount that is not positive CNY.
        """
        content = _transfer_content(order)
        return await self._ask(TRANSFER, content, order.key, lambda answer: _after_transfer(order, answer))

    async def query(self, order: PayoutOrder) -> PayoutAnswer:
        """Ask what became of an order: paid, refused, or unknown with code NOT_FOUND, DEALING, AMOUNT_DIFFERS, NO_ANSWER …

        Raises as `transfer` does.
        """
        content = {**PRODUCT, "out_biz_no": order.key}
        return await self._ask(QUERY, content, order.key, lambda answer: _after_query(order, answer))

    async def listed(self, since: datetime, until: datetime) -> list[ListedPayment]:
        """Every transfer that left our account in that time, by Alipay's own account log; entries that came in are left out.

        Alipay looks back 31 days at once: longer times are asked for in pieces. Raises GatewayUnavailable when no trusted
        answer came, GatewayRefused when the request was not accepted.
        """
        found: list[ListedPayment] = []
        while since < until:
            piece = min(until, since + LOG_SPAN)
            page, total = 1, 1
            while (page - 1) * LOG_PAGE < total:
                total, entries = await self._log_page(since, piece, page)
                found += entries
                page += 1
            since = piece
        return found

    async def cancel(self, order: PayoutOrder) -> None:
        """Do nothing: a transfer to an Alipay account is done at once."""

    async def bill(self, day: date) -> bytes:
        """Return the zip of a day's bill as it comes.

        Raises BillAbsent where Alipay has none (not yet, or nothing moved), GatewayUnavailable when no trusted answer came or
        the file was not fetched in time, GatewayRefused when the request was not accepted.
        """
        content = {"bill_type": "signcustomer", "bill_date": f"{day:%Y-%m-%d}"}
        request = self._client.build_request("POST", ADDRESS, data=self._signed(BILL, content))
        answer = self._believed(BILL, await exchange(self._client, SYSTEM, request))
        if answer is None:
            raise GatewayUnavailable(SYSTEM, "untrusted")
        if str(answer.get("code")) in NOT_ACCEPTED:
            raise GatewayRefused(SYSTEM, str(answer.get("sub_code") or answer["code"]))
        if answer.get("code") == BUSINESS_FAILED and answer.get("sub_code") == NO_BILL:
            raise BillAbsent(SYSTEM, NO_BILL)
        place = answer.get("bill_download_url")
        if answer.get("code") != SUCCESS or not isinstance(place, str):
            raise GatewayUnavailable(SYSTEM, str(answer.get("sub_code") or "no_bill"))
        reply = await exchange(self._client, SYSTEM, self._client.build_request("GET", place), BILL_BYTES_MAX)
        if reply.status != httpx.codes.OK:
            raise GatewayUnavailable(SYSTEM, f"http_{reply.status}")
        return reply.body

    async def _log_page(self, since: datetime, until: datetime, page: int) -> tuple[int, list[ListedPayment]]:
        content = {
            "start_time": _beijing(since), "end_time": _beijing(until), "page_no": str(page), "page_size": str(LOG_PAGE),
        }  # fmt: skip
        request = self._client.build_request("POST", ADDRESS, data=self._signed(ACCOUNT_LOG, content))
        answer = self._believed(ACCOUNT_LOG, await exchange(self._client, SYSTEM, request))
        if answer is None:
            raise GatewayUnavailable(SYSTEM, "untrusted")
        if answer.get("code") != SUCCESS:
            raise GatewayRefused(SYSTEM, str(answer.get("sub_code") or answer.get("code")))
        with answers.reading(SYSTEM):
            entries = [entry for entry in answer.get("detail_list", []) if entry["direction"] == LEFT_OUR_ACCOUNT]
            return int(answer["total_size"]), [_listed(entry) for entry in entries]

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    async def _ask(
        self, method: str, content: Mapping[str, Any], key: str, judge: Callable[[dict[str, Any]], PayoutReport]
    ) -> PayoutAnswer:
        request = self._client.build_request("POST", ADDRESS, data=self._signed(method, content))
        started = time.perf_counter()
        try:
            async with self._breakers.guard(
                SYSTEM, SYSTEM
            ):  # While it is open nothing is sent, and nothing is unknown.
                reply = _working(await exchange(self._client, SYSTEM, request))
        except GatewayUnavailable as unavailable:
            if not unavailable.perhaps_done:
                raise
            details = {"reason": unavailable.reason}
            waited_ms = int((time.perf_counter() - started) * 1000)
            return PayoutAnswer(_unknown(key, NO_ANSWER), CallRecord(SYSTEM, method, key, 0, waited_ms, details))
        answer = self._believed(method, reply)
        call = CallRecord(SYSTEM, method, key, 0, reply.latency_ms, _shown(reply, answer))
        if answer is None:
            return PayoutAnswer(_unknown(key, UNTRUSTED if reply.status == httpx.codes.OK else NO_ANSWER), call)
        if str(answer.get("code")) in NOT_ACCEPTED:
            raise GatewayRefused(SYSTEM, str(answer.get("sub_code") or answer["code"]))
        return PayoutAnswer(judge(answer), call)

    def _signed(self, method: str, content: Mapping[str, Any]) -> dict[str, str]:
        fields = {
            "app_id": self._app_id, "method": method, "charset": CHARSET, "sign_type": "RSA2", "version": "1.0", "format": "JSON",
            "timestamp": _beijing(self._now()),
            "biz_content": json.dumps(content, ensure_ascii=False, separators=(",", ":")),
        }  # fmt: skip
        if method == TRANSFER and self._notify_url:
            fields["notify_url"] = self._notify_url
        return fields | {"sign": self._signer.sign(signed_text(fields, frozenset({"sign"})))}

    def _believed(self, method: str, reply: Reply) -> dict[str, Any] | None:
        """The answer's content if Alipay signed exactly these bytes, else None."""
        text = reply.body.decode("utf-8", "replace")
        found = split_answer(text, f"{method.replace('.', '_')}_response") or split_answer(text, "error_response")
        if found is None or not self._verifier.is_signed(found[1], found[2]):
            return None
        return found[0]


def _working(reply: Reply) -> Reply:
    """Raises GatewayUnavailable for an answer by which a gateway says that it does not work; what it asked for may be done."""
    if reply.status == TOO_MANY_REQUESTS or reply.status >= httpx.codes.INTERNAL_SERVER_ERROR:
        raise GatewayUnavailable(SYSTEM, f"http_{reply.status}", perhaps_done=True)
    return reply


def _transfer_content(order: PayoutOrder) -> dict[str, Any]:
    if order.amount.currency is not Currency.CNY or order.amount.amount_minor <= 0:
        raise ValueError("Alipay pays positive amounts in CNY")
    payee = {"identity": order.payee_account, "identity_type": "ALIPAY_LOGON_ID", "name": order.payee_name}
    amount = {"out_biz_no": order.key, "trans_amount": order.amount.decimal_text()}
    return {**amount, **PRODUCT, "order_title": order.title, "payee_info": payee}


def _after_transfer(order: PayoutOrder, answer: dict[str, Any]) -> PayoutReport:
    code = str(answer.get("sub_code", ""))
    if answer.get("code") == BUSINESS_FAILED and code in REFUSALS:
        return PayoutReport(order.key, PayoutOutcome.REFUSED, code=code)
    if answer.get("code") != SUCCESS:
        return _unknown(order.key, code or NO_ANSWER)
    return (
        ended(order.key, answer, order.amount)
        if answer.get("out_biz_no") == order.key
        else _unknown(order.key, UNTRUSTED)
    )


def _after_query(order: PayoutOrder, answer: dict[str, Any]) -> PayoutReport:
    if answer.get("code") != SUCCESS:
        return _unknown(order.key, str(answer.get("sub_code") or NO_ANSWER))
    if answer.get("out_biz_no") != order.key:
        return _unknown(order.key, UNTRUSTED)
    report = ended(order.key, answer, _amount(answer))
    differs = report.outcome is PayoutOutcome.PAID and report.amount != order.amount
    return _unknown(order.key, AMOUNT_DIFFERS) if differs else report


def _listed(entry: Mapping[str, Any]) -> ListedPayment:
    amount = Money.from_decimal_text(str(entry["trans_amount"]).removeprefix("-"))
    return ListedPayment(str(entry["merchant_order_no"]), amount, str(entry.get("alipay_order_no", "")))


def _beijing(moment: datetime) -> str:
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def _amount(fields: Mapping[str, Any]) -> Money | None:
    try:
        return Money.from_decimal_text(str(fields.get("trans_amount")))
    except ValueError:
        # No readable amount is treated as another amount than the order's: see AMOUNT_DIFFERS.
        return None


def _unknown(key: str, code: str) -> PayoutReport:
    return PayoutReport(key, PayoutOutcome.UNKNOWN, code=code)


def _shown(reply: Reply, answer: dict[str, Any] | None) -> dict[str, str]:
    shown = ("code", "sub_code", "status", "order_id", "trans_amount", "error_code")
    answered = {} if answer is None else {name: str(answer[name]) for name in shown if answer.get(name) is not None}
    return {"http_status": str(reply.status), "signed": str(answer is not None).lower(), **answered}
