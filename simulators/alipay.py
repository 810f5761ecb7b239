"""An Alipay-shaped gateway: transfers to a payee by our own number, queries, and notices when one is done.

`python -m simulators.alipay --port 8103 --seed 1 --keys DIR`
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
import uuid
from datetime import date, datetime
from typing import Annotated, Any, Literal
from urllib.parse import parse_qsl, urlencode

import httpx
from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from simulators.alipay_wire import Keys, answer_text, fen, sorted_text, yuan
from simulators.bills import BEIJING, Movement, alipay_zip
from simulators.callbacks import POLL_S, Callbacks
from simulators.controls import CallbackControls, Milliseconds, Rate, Words
from simulators.page import Button, Panel
from simulators.program import Program, Setup
from simulators.serve import run_one
from simulators.store import Record

TRANSFER, QUERY = "alipay.fund.trans.uni.transfer", "alipay.fund.trans.common.query"
ACCOUNT_LOG = "alipay.data.bill.accountlog.query"
BILL, BILL_FILES, BILL_LIVES_S = "alipay.data.dataservice.bill.downloadurl.query", "/bill.zip", 30
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
# Payees of whom it is known beforehand what becomes of a transfer, as of providers' test accounts.
NO_SUCH_PAYEE, SILENT_PAYEE = "13900000404", "13900000102"  # Refused; in process, whatever is asked.
# The payer's fault: no order is made, a query finds none, and the same number may be sent again once it is corrected.
PAYERS_FAULT = frozenset({
    "BALANCE_IS_NOT_ENOUGH", "PAYER_BALANCE_NOT_ENOUGH", "EXCEED_LIMIT_SM_AMOUNT", "PERMIT_CHECK_PERM_LIMITED",
})  # fmt: skip


class AlipayControls(CallbackControls):
    """Switches of the payment gateway."""

    refuse: Annotated[
        Literal[
            "",
            "PAYEE_NOT_EXIST",
            "PAYEE_USER_INFO_ERROR",
            "BALANCE_IS_NOT_ENOUGH",
            "PAYER_BALANCE_NOT_ENOUGH",
            "EXCEED_LIMIT_SM_AMOUNT",
            "PERMIT_CHECK_PERM_LIMITED",
        ],
        Words("拒绝转账的错误码（空：不拒绝）", "Refusal code of transfers (empty: none)"),
    ] = ""
    system_error_rate: Annotated[
        Rate, Words("业务系统错误的比例（SYSTEM_ERROR，可能已处理）", "System errors (SYSTEM_ERROR, perhaps done)")
    ] = 0.0
    processing_ms: Annotated[Milliseconds, Words("先“处理中”多久（毫秒）", "Stays DEALING for (ms)")] = 0
    fail_after_processing: Annotated[bool, Words("处理后失败", "Fails after DEALING")] = False
    bill_late: Annotated[bool, Words("账单尚未生成", "The bill is not ready")] = False
    empty_days_absent: Annotated[bool, Words("无流水的日期没有账单", "A day without movements has no bill")] = False
    bad_answer_signature: Annotated[bool, Words("同步应答签名错误", "Answers carry a bad signature")] = False


class Alipay(Program):
    """The gateway's API."""

    name = "alipay"
    port = 8103
    title = Words("支付宝模拟器", "Alipay simulator")
    controls_type = AlipayControls
    controls: AlipayControls
    partner_calls = (("POST", "/gateway.do"),)
    signed = False  # It has signatures of its own kind.

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.keys = Keys(setup.keys)
        self.callbacks = Callbacks(self.store, self._signed_notice, _is_taken)

    def routes(self) -> None:
        """Declare the one door of the gateway, and what people may look at."""
        self.app.post("/gateway.do")(self.gateway)
        self.app.get("/transfers")(self.transfers)
        self.app.get("/public-key", response_model=None)(self.public_key)
        self.app.get(BILL_FILES, response_model=None)(self.bill_file)
        self.app.post("/transfers/{key}/refund", response_model=None)(self.refund)

    def background(self) -> list[Any]:
        """Notices, and transfers that end after a while."""
        return [self.callbacks.pump(), self._settle_automatically()]

    async def gateway(self, request: Request) -> Response:
        """Every call of the platform: checks the signature, then does what `method` says."""
        charset = request.query_params.get("charset", "gbk")  # As Alipay reads a form when its address names none.
        sent = parse_qsl((await request.body()).decode(), keep_blank_values=True, encoding=charset, errors="replace")
        fields = {**request.query_params, **dict(sent)}
        method = fields.get("method", "error")
        text = answer_text(self.keys, method, self._answer(method, fields, str(request.base_url)))
        if self.controls.bad_answer_signature:
            text = text.replace('"code":', '"code" :', 1)  # One byte more than was signed.
        return Response(text, media_type="text/html;charset=utf-8")

    async def transfers(self) -> list[Record]:
        """Every transfer that was asked for, newest first."""
        return self.store.newest_first("transfer")

    async def public_key(self) -> Response:
        """Serve the key that signs answers and notices."""
        return Response(self.keys.public_pem(), media_type="application/x-pem-file")

    async def bill_file(self, day: str, until: int) -> Response:
        """Serve a day's bill as long as its address lives."""
        if until < time.time():
            return Response("expired", 403)
        asked = date.fromisoformat(day)
        return Response(alipay_zip(asked, self._moved(asked)), media_type="application/zip")

    async def refund(self, key: str) -> Response:
        """Let the bank send the money of a transfer back, days after it had succeeded."""
        record = self.store.get("transfer", key)
        if record is not None and record["status"] == "SUCCESS":
            refunded = record | {"status": "REFUND", "refunded": datetime.now(BEIJING).strftime("%Y-%m-%d %H:%M:%S")}
            self.store.put("transfer", key, refunded)
            self._notify(refunded)
        return RedirectResponse("/", 303)

    def panels(self) -> list[Panel]:
        """Transfers, and notices that were not received yet."""
        made = self.store.newest_first("transfer")
        rows = [
            (one["out_biz_no"], yuan(one["amount_minor"]), one["payee"], one["status"], one["error_code"] or "")
            for one in made
        ]
        back = Words("银行退回", "Bank sends it back")
        buttons = [
            [Button(back, f"/transfers/{one['out_biz_no']}/refund")] if one["status"] == "SUCCESS" else []
            for one in made
        ]
        columns = (Words("商户订单号", "Our number"), Words("金额（元）", "Amount (yuan)"), Words("收款人", "Payee"))
        more = (Words("状态", "Status"), Words("错误码", "Error"), Words("操作", "Action"))
        panel = Panel(Words("转账", "Transfers"), (*columns, *more), rows, buttons)
        waiting = [(kept["url"], str(kept["tries"])) for kept in self.callbacks.waiting()]
        notices = Panel(
            Words("未送达的通知", "Notices not taken yet"), (Words("地址", "Address"), Words("次数", "Tries")), waiting
        )
        return [panel, notices]

    def _answer(self, method: str, fields: dict[str, str], base: str) -> dict[str, Any]:
        if not self.keys.is_apps(sorted_text(fields, {"sign"}), fields.get("sign", "")):
            return _error("40002", "isv.invalid-signature")
        try:
            content = json.loads(fields.get("biz_content", ""))
        except ValueError:
            return _error("40002", "isv.invalid-parameter")
        if method == TRANSFER:
            return self._transfer(content, fields)
        if method == ACCOUNT_LOG:
            return self._account_log(content)
        if method == BILL:
            return self._bill(content, base)
        return self._query(content) if method == QUERY else _error("40002", "isv.invalid-method")

    def _transfer(self, content: dict[str, Any], fields: dict[str, str]) -> dict[str, Any]:
        key, amount = str(content.get("out_biz_no", "")), fen(content.get("trans_amount"))
        if not key or not amount or not content.get("payee_info", {}).get("identity"):
            return _error("40004", "INVALID_PARAMETER")
        known = self.store.get("transfer", key)
        if known is not None and known["content"] != _compared(content):
            return _error("40004", "PAYMENT_INFO_INCONSISTENCY")
        if known is None and self.controls.refuse in PAYERS_FAULT:
            return _error("40004", self.controls.refuse)
        if known is None and self.happens(self.controls.system_error_rate / 2):
            return _error("40004", "SYSTEM_ERROR")  # Half of them fail before anything is done,
        record = known or self._begin(key, amount, content, fields)
        if known is None and self.happens(self.controls.system_error_rate / 2):
            return _error("40004", "SYSTEM_ERROR")  # and half of them after it.
        return _transfer_answer(record)

    def _begin(self, key: str, amount: int, content: dict[str, Any], fields: dict[str, str]) -> Record:
        identity = str(content["payee_info"]["identity"])
        record: Record = {
            "out_biz_no": key, "amount_minor": amount, "payee": f"{identity[:3]}***{identity[-2:]}", "content": _compared(content),
            "order_id": f"2026{uuid.uuid4().int % 10**24:024d}", "date": datetime.now(BEIJING).strftime("%Y-%m-%d %H:%M:%S"),
            "error_code": None, "notify_url": fields.get("notify_url", ""), "app_id": fields.get("app_id", ""),
        }  # fmt: skip
        refused = self.controls.refuse or ("PAYEE_NOT_EXIST" if identity == NO_SUCH_PAYEE else "")
        if refused:
            record |= {"status": "FAIL", "error_code": refused, "order_id": None}
        elif identity == SILENT_PAYEE:
            record |= {"status": "DEALING"}
        elif self.controls.processing_ms:
            record |= {"status": "DEALING"}
            self.store.put(
                "dealing", key, {"out_biz_no": key, "settles": time.time() + self.controls.processing_ms / 1000}
            )
        else:
            record |= {"status": "SUCCESS"}
        self.store.put("transfer", key, record)
        if record["status"] == "SUCCESS":
            self._notify(record)
        return record

    def _query(self, content: dict[str, Any]) -> dict[str, Any]:
        record = self.store.get("transfer", str(content.get("out_biz_no", "")))
        if record is None:
            return _error("40004", "ORDER_NOT_EXIST")
        found = {
            "code": "10000", "msg": "Success", "out_biz_no": record["out_biz_no"], "order_id": record["order_id"],
            "status": record["status"], "trans_amount": yuan(record["amount_minor"]), "pay_date": record["date"],
        }  # fmt: skip
        return found | ({"error_code": record["error_code"]} if record["error_code"] else {})

    def _account_log(self, content: dict[str, Any]) -> dict[str, Any]:
        """What left the platform's account between two moments, a page at a time, the oldest first."""
        since, until = str(content.get("start_time", "")), str(content.get("end_time", ""))
        moved = [one for one in reversed(self.store.newest_first("transfer")) if one["status"] in ("SUCCESS", "REFUND")]
        within = [one for one in moved if since <= one["date"] < until]
        page, size = int(content.get("page_no", 1)), int(content.get("page_size", 1000))
        shown = within[(page - 1) * size : page * size]
        return {
            "code": "10000", "msg": "Success", "page_no": str(page), "page_size": str(size), "total_size": str(len(within)),
            "detail_list": [_log_entry(one) for one in shown],
        }  # fmt: skip

    def _bill(self, content: dict[str, Any], base: str) -> dict[str, Any]:
        """Where a day's bill may be fetched within half a minute."""
        day = str(content.get("bill_date", ""))
        if (
            content.get("bill_type") != "signcustomer"
            or self.controls.bill_late
            or day >= f"{datetime.now(BEIJING):%Y-%m-%d}"
        ):
            return _error("40004", "isp.bill_not_exist")
        if self.controls.empty_days_absent and not self._moved(date.fromisoformat(day)):
            return _error("40004", "isp.bill_not_exist")
        until = int(time.time()) + BILL_LIVES_S
        place = f"{base.rstrip('/')}{BILL_FILES}?day={day}&until={until}"
        return {"code": "10000", "msg": "Success", "bill_download_url": place}

    def _moved(self, day: date) -> list[Movement]:
        """What left that day, and what the bank sent back."""
        found = []
        for one in reversed(self.store.newest_first("transfer")):
            if one["status"] in ("SUCCESS", "REFUND"):
                found.append(_movement(one, one["date"], -one["amount_minor"], "转账"))
            if one["status"] == "REFUND":
                found.append(_movement(one, one["refunded"], one["amount_minor"], "退款"))
        return sorted((one for one in found if one.at.date() == day), key=lambda one: one.at)

    async def _settle_automatically(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            for waiting in self.store.newest_first("dealing"):
                if waiting["settles"] <= time.time():
                    self._settle(waiting["out_biz_no"])

    def _settle(self, key: str) -> None:
        self.store.delete("dealing", key)
        record = self.store.get("transfer", key) or {}
        failed = self.controls.fail_after_processing
        ended = {"status": "FAIL", "error_code": "PAYEE_ACCOUNT_STATUS_ERROR"} if failed else {"status": "SUCCESS"}
        self.store.put("transfer", key, record | ended)
        self._notify(record | ended)

    def _notify(self, record: Record) -> None:
        if not record["notify_url"]:
            return
        final = _notice(record, record["status"], record["amount_minor"] + self.controls.wrong_amount_minor)
        stale = _notice(record, "DEALING", record["amount_minor"])
        forged = _notice(record, "FAIL" if record["status"] == "SUCCESS" else "SUCCESS", record["amount_minor"])
        self.callbacks.plan(record["notify_url"], final, stale, forged, self.controls)

    def _signed_notice(self, facts: Record, genuine: bool) -> tuple[bytes, dict[str, str]]:
        signature = self.keys.sign(sorted_text(facts, {"sign", "sign_type"}), genuine)
        return urlencode(facts | {"sign": signature, "sign_type": "RSA2"}).encode(), FORM


def _movement(record: Record, at: str, amount_minor: int, kind: str) -> Movement:
    moment = datetime.strptime(at, "%Y-%m-%d %H:%M:%S").replace(tzinfo=BEIJING)
    return Movement(moment, record["order_id"], record["out_biz_no"], amount_minor, kind, record["payee"])


def _is_taken(response: httpx.Response) -> bool:
    return response.is_success and response.text.strip() == "success"


def _compared(content: dict[str, Any]) -> str:
    compared = [content.get("trans_amount"), content.get("payee_info"), content.get("product_code")]
    # A hash, since the payee's name has no business in the simulator's file.
    return hashlib.sha256(json.dumps(compared, sort_keys=True).encode()).hexdigest()


def _transfer_answer(record: Record) -> dict[str, Any]:
    if record["status"] == "FAIL":
        return _error("40004", record["error_code"]) | {"out_biz_no": record["out_biz_no"]}
    names = {"code": "10000", "msg": "Success", "out_biz_no": record["out_biz_no"], "order_id": record["order_id"]}
    return names | {"pay_fund_order_id": record["order_id"], "status": record["status"], "trans_date": record["date"]}


def _notice(record: Record, status: str, amount_minor: int) -> Record:
    content = {
        "out_biz_no": record["out_biz_no"], "order_id": record["order_id"], "status": status, "trans_amount": yuan(amount_minor),
        "action_type": "FINISH", "product_code": "TRANS_ACCOUNT_NO_PWD", "biz_scene": "DIRECT_TRANSFER",
    }  # fmt: skip
    if status == "FAIL":
        content["error_code"] = record["error_code"] or "PAYEE_ACCOUNT_STATUS_ERROR"
    return {
        "notify_id": uuid.uuid4().hex, "utc_timestamp": str(int(time.time() * 1000)), "msg_method": "alipay.fund.trans.order.changed",
        "app_id": record["app_id"], "version": "1.1", "charset": "UTF-8", "biz_content": json.dumps(content, ensure_ascii=False),
    }  # fmt: skip


def _log_entry(record: Record) -> Record:
    return {
        "trans_dt": record["date"], "account_log_id": record["order_id"], "alipay_order_no": record["order_id"],
        "merchant_order_no": record["out_biz_no"], "trans_amount": f"-{yuan(record['amount_minor'])}", "direction": "支出",
        "type": "转账", "other_account": record["payee"],
    }  # fmt: skip


def _error(code: str, sub_code: str) -> dict[str, Any]:
    msg = "Business Failed" if code == "40004" else "Invalid Arguments"
    return {"code": code, "msg": msg, "sub_code": sub_code, "sub_msg": sub_code.lower().replace("_", " ")}


if __name__ == "__main__":
    run_one(Alipay)
