"""WeChat Pay: a transfer bill to a seller, which the receiver confirms within 24 hours; query, cancelling, and the fund bill.

Source: "merchant transfer" of WeChat Pay API v3 (`/v3/fund-app/mch-transfer/transfer-bills`) and `/v3/bill/fundflowbill`.
An outcome is certain only by a signed answer; anything less is unknown, and unknown is reconciled, never sent again.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any
from urllib.parse import urlsplit

import httpx

from domain.finance.payout import (
    AMOUNT_DIFFERS,
    CLOSED_WITHIN,
    CONFIRMED_WITHIN,
    NOT_FOUND,
    RETURNED,
    WAITS_FOR_RECEIVER,
    ListedPayment,
    PayoutOrder,
    PayoutOutcome,
    PayoutReport,
    ReceiversTurn,
)
from domain.identifiers import bill_number
from domain.money import Currency, Money
from domain.places import BUSINESS_ZONE, business_day
from gateways.breaker import Breakers
from gateways.calls import CallRecord
from gateways.errors import GatewayRefused, GatewayUnavailable
from gateways.http import BILL_BYTES_MAX, TOO_MANY_REQUESTS, Reply, exchange
from gateways.wechat.bill import BillUnreadable, movements
from gateways.wechat.signing import Merchant, WechatKey
from gateways.wechat.states import SYSTEM, ended, judged

BILLS = "/v3/fund-app/mch-transfer/transfer-bills"
FUND_BILL = "/v3/bill/fundflowbill"
ASKED_BACK = timedelta(days=30)  # A query finds transfers of so many days, then only the fund bill does.
BILL_READY = timedelta(hours=10)  # Of the next day, Beijing time.
NAMED_FROM, NAME_REQUIRED_FROM = (
    Money(30),
    Money(200_000),
)  # A name under 0.30 yuan is refused; from 2,000 it must be there.
REMARK_MAX = 32
NO_ANSWER = "NO_ANSWER"  # No usable answer; the order may or may not have arrived.
UNTRUSTED = "UNTRUSTED_ANSWER"  # An answer without WeChat Pay's signature, or about another order.
BEYOND_QUERY = "BEYOND_QUERY"  # Too old to be asked about, and not in the bills of its days: a person must look.
# The request itself was not accepted (signature, permission, parameters, balance): no bill was made.
NOT_ACCEPTED = frozenset({
    "SIGN_ERROR", "PARAM_ERROR", "INVALID_REQUEST", "NO_AUTH", "NOT_ENOUGH", "APPID_MCHID_NOT_MATCH", "ALREADY_EXISTS",
})  # fmt: skip
NO_STATEMENT = "NO_STATEMENT_EXIST"
_CODE = re.compile(r"[A-Z0-9_]{1,60}")


@dataclass(frozen=True)
class Scene:
    """For what a merchant transfers, as WeChat Pay has approved it: its id and the reports that it wants, in order."""

    id: str
    reports: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class PayoutAnswer:
    """What is known of an order after a call, and the call itself."""

    report: PayoutReport
    call: CallRecord


@dataclass(frozen=True)
class _Said:
    """An answer: `fields` only where WeChat Pay signed them."""

    reply: Reply
    fields: dict[str, Any] | None

    @property
    def code(self) -> str:
        """Its error code; empty for a success."""
        found = str((self.fields or {}).get("code", ""))
        return found if _CODE.fullmatch(found) else ""


class WechatGateway:
    """Our end of WeChat Pay. `notify_url` is where it reports to; `now` gives the time in UTC."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        app_id: str,
        merchant: Merchant,
        theirs: WechatKey,
        notify_url: str,
        scene: Scene,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        breakers: Breakers | None = None,
    ) -> None:
        self._client = client
        self._app_id = app_id
        self._merchant = merchant
        self._theirs = theirs
        self._notify_url = notify_url
        self._scene = scene
        self._now = now
        self._breakers = breakers or Breakers()

    async def transfer(self, order: PayoutOrder) -> PayoutAnswer:
        """Pays a seller, who confirms it. Sending the same order again is answered as the first time.

        The report is paid, refused (with `code`) or unknown: WAIT_USER_CONFIRM with the receiver's turn, DEALING, NO_ANSWER,
        UNTRUSTED, or a code of theirs. Raises GatewayUnavailable only when nothing was sent, GatewayRefused when the
        request as such was not accepted, ValueError for an amount that is not positive CNY, or from 2,000 yuan without a name.
        """
        return await self._ask("POST", BILLS, self._content(order), order, self._after_transfer)

    async def query(self, order: PayoutOrder) -> PayoutAnswer:
        """Ask what became of an order; NOT_FOUND only while WeChat Pay would know it, then its fund bills are read.

        Raises as `transfer` does.
        """
        answer = await self._ask("GET", _bill_address(order), None, order, self._after_query)
        if answer.report.code != NOT_FOUND or not self._forgotten(order):
            return answer
        return replace(answer, report=await self._by_bill(order))

    async def cancel(self, order: PayoutOrder) -> None:
        """Ask that a transfer which was not confirmed is called off; it is over only when `query` says so.

        Refused where it is too late: that is no failure. Raises as `transfer` does.
        """
        try:
            await self._ask("POST", f"{_bill_address(order)}/cancel", None, order, self._after_query)
        except GatewayRefused:
            return  # Confirmed, closed or unknown by now: the query says which.

    async def listed(self, since: datetime, until: datetime) -> list[ListedPayment]:
        """Every transfer that left our account in that time and did not come back, by the fund bills that are ready.

        One that its receiver has not confirmed is among them: `query` says whether it arrived.
        A bill is ready after ten the next day: what is younger is left out. Raises as `bill` does.
        """
        found: dict[str, ListedPayment] = {}
        for day in _days(since, min(until, self._now())):
            if self._ready(day):
                for one in _readable(await self.bill(day)):
                    if one.out:
                        began = datetime.combine(day, time_of_day(), BUSINESS_ZONE)
                        found[one.key] = ListedPayment(one.key, one.amount, one.reference, began)
                    else:
                        found.pop(one.key, None)
        return list(found.values())

    async def bill(self, day: date) -> bytes:
        """Return the fund bill of a day (CSV); empty for a day without movements.

        Raises GatewayUnavailable while it is not ready, when no trusted answer came, or its hash does not fit.
        """
        said = await self._exchanged("GET", f"{FUND_BILL}?bill_date={day:%Y-%m-%d}&account_type=BASIC", None)
        if said.code == NO_STATEMENT:
            return b""
        place = (said.fields or {}).get("download_url")
        if said.reply.status != httpx.codes.OK or not isinstance(place, str):
            raise GatewayUnavailable(SYSTEM, said.code or "untrusted")
        file = await self._file(place)
        if hashlib.sha1(file).hexdigest() != str((said.fields or {}).get("hash_value")).lower():  # noqa: S324  # Theirs.
            raise GatewayUnavailable(SYSTEM, "hash")
        return file

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._client.aclose()

    def _content(self, order: PayoutOrder) -> dict[str, Any]:
        if order.amount.currency is not Currency.CNY or order.amount.amount_minor <= 0:
            raise ValueError("WeChat Pay pays positive amounts in CNY")
        if order.amount.amount_minor >= NAME_REQUIRED_FROM.amount_minor and not order.payee_name:
            raise ValueError("from 2,000 yuan on WeChat Pay wants the receiver's name")
        reports = [{"info_type": kind, "info_content": said} for kind, said in self._scene.reports]
        content = {
            "appid": self._app_id, "out_bill_no": bill_number(order.key), "transfer_scene_id": self._scene.id,
            "openid": order.payee_account, "transfer_amount": order.amount.amount_minor,
            "transfer_remark": order.title[:REMARK_MAX] or "Cardloop", "transfer_scene_report_infos": reports,
        }  # fmt: skip
        if self._notify_url:
            content["notify_url"] = self._notify_url
        named = order.payee_name and order.amount.amount_minor >= NAMED_FROM.amount_minor
        return content | ({"user_name": self._theirs.seal(order.payee_name)} if named else {})

    async def _ask(
        self, method: str, target: str, content: Mapping[str, Any] | None, order: PayoutOrder,
        judge: Callable[[PayoutOrder, _Said], PayoutReport],
    ) -> PayoutAnswer:  # fmt: skip
        started = time.perf_counter()
        operation = f"{method} {target.partition('/out-bill-no')[0]}"
        try:
            said = await self._exchanged(method, target, content)
        except GatewayUnavailable as unavailable:
            if not unavailable.perhaps_done:
                raise
            waited_ms = int((time.perf_counter() - started) * 1000)
            call = CallRecord(SYSTEM, operation, order.key, 0, waited_ms, {"reason": unavailable.reason})
            return PayoutAnswer(_unknown(order.key, NO_ANSWER), call)
        call = CallRecord(SYSTEM, operation, order.key, 0, said.reply.latency_ms, _shown(said))
        if said.fields is None:
            return PayoutAnswer(_unknown(order.key, UNTRUSTED), call)
        if said.code in NOT_ACCEPTED:
            raise GatewayRefused(SYSTEM, said.code)
        return PayoutAnswer(judge(order, said), call)

    async def _exchanged(self, method: str, target: str, content: Mapping[str, Any] | None) -> _Said:
        body = "" if content is None else json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        headers = {
            "Authorization": self._merchant.authorization(method, target, body), "Accept": "application/json",
            "Content-Type": "application/json", "Wechatpay-Serial": self._theirs.key_id,
        }  # fmt: skip
        request = self._client.build_request(method, target, content=body.encode(), headers=headers)
        # While the circuit is open nothing is sent, and nothing is unknown.
        async with self._breakers.guard(SYSTEM, SYSTEM):
            reply = await exchange(self._client, SYSTEM, request)
            if reply.status == TOO_MANY_REQUESTS or reply.status >= httpx.codes.INTERNAL_SERVER_ERROR:
                raise GatewayUnavailable(SYSTEM, f"http_{reply.status}", perhaps_done=True)
        trusted = self._theirs.fault(reply.headers, reply.body) is None
        return _Said(reply, _object(reply.body) if trusted else None)

    async def _file(self, place: str) -> bytes:
        """A download is signed by us and not by them: its hash came signed. Only ever from their own address."""
        parts = urlsplit(place)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        headers = {"Authorization": self._merchant.authorization("GET", target)}
        request = self._client.build_request("GET", target, headers=headers)
        reply = await exchange(self._client, SYSTEM, request, BILL_BYTES_MAX)
        if reply.status != httpx.codes.OK:
            raise GatewayUnavailable(SYSTEM, f"http_{reply.status}")
        return reply.body

    def _after_transfer(self, order: PayoutOrder, said: _Said) -> PayoutReport:
        fields = said.fields or {}
        if said.reply.status != httpx.codes.OK:
            return _unknown(order.key, said.code or NO_ANSWER)
        if fields.get("out_bill_no") != bill_number(order.key):
            return _unknown(order.key, UNTRUSTED)
        report = ended(order.key, fields, order.amount)
        package = fields.get("package_info")
        if report.code != WAITS_FOR_RECEIVER or not isinstance(package, str):
            return report
        return replace(report, turn=ReceiversTurn(package, self._now() + CONFIRMED_WITHIN))

    def _after_query(self, order: PayoutOrder, said: _Said) -> PayoutReport:
        if said.reply.status == httpx.codes.NOT_FOUND:
            # Only their own word for it counts: an address that is not theirs knows no order either.
            return _unknown(order.key, NOT_FOUND if said.code == "NOT_FOUND" else NO_ANSWER)
        if said.reply.status != httpx.codes.OK:
            return _unknown(order.key, said.code or NO_ANSWER)
        fields = said.fields or {}
        if "transfer_amount" not in fields:
            return _unknown(order.key, UNTRUSTED)
        report = judged(fields, self._merchant.merchant_id)
        if report is None or report.key != order.key:
            return _unknown(order.key, UNTRUSTED)
        differs = report.outcome is PayoutOutcome.PAID and report.amount != order.amount
        return _unknown(order.key, AMOUNT_DIFFERS) if differs else report

    def _forgotten(self, order: PayoutOrder) -> bool:
        """Whether WeChat Pay may have had the order and not know it any more; an hour early, for clocks differ."""
        return order.ordered_at is not None and self._now() - order.ordered_at > ASKED_BACK - timedelta(hours=1)

    async def _by_bill(self, order: PayoutOrder) -> PayoutReport:
        """What the bills of the order's days say: it left, it left and came back, or nothing, which stays unknown."""
        if order.ordered_at is None:
            return _unknown(order.key, BEYOND_QUERY)
        net, reference = Counter[bool](), None
        for day in _days(order.ordered_at, order.ordered_at + CONFIRMED_WITHIN + CLOSED_WITHIN):
            for one in _readable(await self.bill(day)):
                if one.key == order.key:
                    net[one.out] += one.amount.amount_minor
                    reference = one.reference
        if not net:
            return _unknown(order.key, BEYOND_QUERY)
        if net[True] != order.amount.amount_minor:
            return _unknown(order.key, AMOUNT_DIFFERS)
        if net[False] == net[True]:
            return PayoutReport(order.key, PayoutOutcome.REFUSED, reference, order.amount, RETURNED)
        return PayoutReport(order.key, PayoutOutcome.PAID, reference, order.amount)

    def _ready(self, day: date) -> bool:
        return business_day(self._now() - BILL_READY) > day


def _bill_address(order: PayoutOrder) -> str:
    return f"{BILLS}/out-bill-no/{bill_number(order.key)}"


def _readable(bill: bytes) -> list[Any]:
    try:
        return list(movements(bill))
    except BillUnreadable as fault:
        raise GatewayUnavailable(SYSTEM, f"bill_{fault}") from None


def _days(since: datetime, until: datetime) -> list[date]:
    first, last = business_day(since), business_day(until)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body or b"{}")
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _unknown(key: str, code: str) -> PayoutReport:
    return PayoutReport(key, PayoutOutcome.UNKNOWN, code=code)


def _shown(said: _Said) -> dict[str, str]:
    shown = ("code", "state", "transfer_bill_no", "transfer_amount", "fail_reason")
    fields = said.fields or {}
    answered = {name: str(fields[name]) for name in shown if fields.get(name) is not None}
    return {"http_status": str(said.reply.status), "signed": str(said.fields is not None).lower(), **answered}
