"""A WeChat-Pay-shaped gateway: transfer bills that the receiver confirms, queries, cancelling, callbacks, the fund bill.

`python -m simulators.wechat --port 8106 --seed 1 --wechat-keys DIR`
"""

from __future__ import annotations

import asyncio
import hashlib
import html
import json
import re
import time
import uuid
from datetime import UTC, date, datetime
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from simulators.bills import BEIJING, Movement, wechat_fund_bill
from simulators.callbacks import POLL_S, Callbacks
from simulators.controls import Words
from simulators.page import Button, Panel, language_of
from simulators.program import Program, Setup
from simulators.serve import run_one
from simulators.store import Record
from simulators.wechat_controls import DAY_S, WechatControls
from simulators.wechat_wire import KEY_ID, WechatKeys, asked_key, now_text

BILLS, FUND_BILL, FILES = "/v3/fund-app/mch-transfer/transfer-bills", "/v3/bill/fundflowbill", "/v3/billdownload/file"
NAMED_FROM, NAME_REQUIRED_FROM, QUERIED_BACK_S = 30, 200_000, 30 * DAY_S
WAITS, OVER = "WAIT_USER_CONFIRM", frozenset({"SUCCESS", "FAIL", "CANCELLED"})
# Faults of the request: no bill is made.
FAULTS = {"NOT_ENOUGH": 403, "NO_AUTH": 403, "PARAM_ERROR": 400, "FREQUENCY_LIMITED": 429}


class Wechat(Program):
    """The gateway's API, and the receiver's app."""

    name = "wechat"
    port = 8106
    title = Words("微信支付模拟器", "WeChat Pay simulator")
    controls_type = WechatControls
    controls: WechatControls
    partner_calls = (("POST", BILLS), ("GET", "/v3/"))
    signed = False  # It has signatures of its own kind.

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self.keys = WechatKeys(setup.wechat_keys)
        self.callbacks = Callbacks(self.store, self._sealed_callback, lambda response: response.is_success)

    def routes(self) -> None:
        """Declare the gateway's addresses, and those of the receiver."""
        self.app.post(BILLS)(self.transfer)
        self.app.get(f"{BILLS}/out-bill-no/{{number}}")(self.query)
        self.app.post(f"{BILLS}/out-bill-no/{{number}}/cancel")(self.cancel)
        self.app.get(FUND_BILL)(self.fund_bill)
        self.app.get(FILES)(self.file)
        self.app.get("/transfers")(self.transfers)
        self.app.get("/public-key", response_model=None)(self.public_key)
        self.app.get("/confirm", response_class=HTMLResponse)(self.confirmation)
        self.app.post("/transfers/{number}/confirm", response_model=None)(self.confirm)
        self.app.post("/transfers/{number}/expire", response_model=None)(self.expire)

    def background(self) -> list[Any]:
        """Callbacks, and what happens automatically: confirming, time-outs, closing."""
        return [self.callbacks.pump(), self._move_automatically()]

    async def transfer(self, request: Request) -> Response:
        """Takes a transfer; a number that is known is answered as the first time, whatever its state is by then."""
        body = await request.body()
        merchant = self._merchant(request, body)
        if merchant is None:
            return self._answer(401, {"code": "SIGN_ERROR", "message": "签名错误"})
        try:
            content = json.loads(body)
        except ValueError:
            return self._answer(400, {"code": "PARAM_ERROR", "message": "JSON"})
        fault = self._fault(content, request)
        known = self.store.get("transfer", str(content.get("out_bill_no")))
        if fault is None and known is not None and known["content"] != _compared(content):
            fault = "ALREADY_EXISTS"
        if fault is not None:
            return self._answer(400, {"code": fault, "message": fault.lower()})
        if known is None and self.controls.refuse in FAULTS:
            return self._answer(FAULTS[self.controls.refuse], {"code": self.controls.refuse, "message": "refused"})
        if known is None and self.happens(self.controls.system_error_rate / 2):
            return self._answer(500, {"code": "SYSTEM_ERROR", "message": "before"})
        record = known or self._begin(content, merchant)
        if known is None and self.happens(self.controls.system_error_rate / 2):
            return self._answer(500, {"code": "SYSTEM_ERROR", "message": "after"})
        shown = {name: record[name] for name in ("out_bill_no", "transfer_bill_no", "create_time", "state", "fail_reason") if record[name]}  # fmt: skip
        return self._answer(200, shown | ({"package_info": record["package_info"]} if record["state"] == WAITS else {}))

    async def query(self, request: Request, number: str) -> Response:
        """Tell of a transfer of the last thirty days."""
        if self._merchant(request, b"") is None:
            return self._answer(401, {"code": "SIGN_ERROR", "message": "签名错误"})
        record = self.store.get("transfer", number)
        if record is None or record["made"] < time.time() - QUERIED_BACK_S:
            return self._answer(404, {"code": "NOT_FOUND", "message": "记录不存在"})
        hidden = {"content", "made", "notify_url", "package_info", "expires", "moves", "closed", "ends"}
        return self._answer(
            200, {name: value for name, value in record.items() if name not in hidden and value is not None}
        )

    async def cancel(self, request: Request, number: str) -> Response:
        """Take back what was not confirmed; it is over only some time later."""
        if self._merchant(request, b"") is None:
            return self._answer(401, {"code": "SIGN_ERROR", "message": "签名错误"})
        record = self.store.get("transfer", number)
        if record is None or record["state"] not in (WAITS, "CANCELING", "CANCELLED"):
            return self._answer(400, {"code": "INVALID_REQUEST", "message": "单据状态不允许撤销"})
        if record["state"] == WAITS:
            record = self._close(record, "CANCELLED", None, "CANCELING")
        shown = ("out_bill_no", "transfer_bill_no", "state", "update_time")
        return self._answer(200, {name: record[name] for name in shown})

    async def fund_bill(self, request: Request, bill_date: str) -> Response:
        """Tell where a day's fund bill lies, and its hash."""
        if self._merchant(request, b"") is None:
            return self._answer(401, {"code": "SIGN_ERROR", "message": "签名错误"})
        if self.controls.bill_late or bill_date >= f"{datetime.now(BEIJING):%Y-%m-%d}":
            return self._answer(400, {"code": "STATEMENT_CREATING", "message": "账单生成中"})
        moved = self._moved(date.fromisoformat(bill_date))
        if not moved:
            return self._answer(400, {"code": "NO_STATEMENT_EXIST", "message": "账单文件不存在"})
        file = wechat_fund_bill(moved)
        place = f"{str(request.base_url).rstrip('/')}{FILES}?token={bill_date}"
        digest = hashlib.sha1(file).hexdigest()  # noqa: S324  # WeChat Pay's own choice.
        return self._answer(200, {"hash_type": "SHA1", "hash_value": digest, "download_url": place})

    async def file(self, request: Request, token: str) -> Response:
        """Serve a bill; asked for with the merchant's signature, answered without one."""
        if self._merchant(request, b"") is None:
            return self._answer(401, {"code": "SIGN_ERROR", "message": "签名错误"})
        return Response(wechat_fund_bill(self._moved(date.fromisoformat(token))), media_type="text/plain")

    async def transfers(self) -> list[Record]:
        """Every transfer that was asked for, newest first."""
        return self.store.newest_first("transfer")

    async def public_key(self) -> Response:
        """Serve the key that signs answers and callbacks."""
        return Response(self.keys.public_pem(), media_type="application/x-pem-file")

    async def confirmation(self, request: Request, package: str = "") -> Response:
        """Show the receiver what they confirm, as the app does."""
        english = language_of(request.query_params.get("lang"), request.headers.get("accept-language", "")) == "en"
        found = next((one for one in await self.transfers() if one["package_info"] == package), None)
        if found is None:
            return HTMLResponse("<p>404</p>", 404)
        amount = f"¥{found['transfer_amount'] / 100:.2f}"
        words = ("Confirm receipt of", "Confirm") if english else ("确认收款", "确认收款")
        done = "" if found["state"] == WAITS else f"<p>{found['state']}</p>"
        button = f"<button>{words[1]}</button>" if not done else ""
        form = f'<form method="post" action="/transfers/{html.escape(found["out_bill_no"])}/confirm">{button}</form>'
        head = (
            '<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
        )
        return HTMLResponse(f"{head}<title>{words[0]}</title><h1>{words[0]} {amount}</h1>{done}{form}")

    async def confirm(self, number: str) -> Response:
        """Confirm as the receiver; too late, nothing happens."""
        record = self.store.get("transfer", number)
        if record is not None and record["state"] == WAITS:
            self._confirmed(record)
        return RedirectResponse("/", 303)

    async def expire(self, number: str) -> Response:
        """Let the time to confirm be over."""
        record = self.store.get("transfer", number)
        if record is not None and record["state"] == WAITS:
            self._close(record, "FAIL", "OVERDUE_CLOSE", WAITS)
        return RedirectResponse("/", 303)

    def panels(self) -> list[Panel]:
        """Transfers with the receiver's buttons, and callbacks that were not received yet."""
        made = self.store.newest_first("transfer")
        rows = [
            (one["out_bill_no"], f"{one['transfer_amount'] / 100:.2f}", f"***{one['openid'][-4:]}", one["state"], one["fail_reason"] or "")
            for one in made
        ]  # fmt: skip
        columns = (Words("商户单号", "Our number"), Words("金额（元）", "Amount (yuan)"), Words("收款人", "Receiver"))
        more = (Words("状态", "State"), Words("原因", "Reason"), Words("操作", "Action"))
        acts = ((Words("确认收款", "Confirm"), "confirm"), (Words("过期", "Expire"), "expire"))
        buttons = [
            [Button(words, f"/transfers/{one['out_bill_no']}/{act}") for words, act in acts]
            if one["state"] == WAITS
            else []
            for one in made
        ]
        waiting = [(kept["url"], str(kept["tries"])) for kept in self.callbacks.waiting()]
        notices = (Words("地址", "Address"), Words("次数", "Tries"))
        return [
            Panel(Words("商家转账", "Transfers"), (*columns, *more), rows, buttons),
            Panel(Words("未送达的通知", "Callbacks not taken yet"), notices, waiting),
        ]

    def _merchant(self, request: Request, body: bytes) -> str | None:
        target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        return self.keys.is_merchants(request.headers.get("authorization", ""), request.method, target, body)

    def _answer(self, status: int, content: Record) -> Response:
        body = json.dumps(content, ensure_ascii=False).encode()
        headers = self.keys.signed(body, genuine=not self.controls.bad_answer_signature)
        return Response(body, status, headers, media_type="application/json")

    def _fault(self, content: Record, request: Request) -> str | None:
        amount, name = content.get("transfer_amount"), content.get("user_name")
        if not re.fullmatch("[0-9A-Za-z]{1,32}", str(content.get("out_bill_no", ""))) or not content.get("openid"):
            return "PARAM_ERROR"
        if not isinstance(amount, int) or amount <= 0 or not content.get("transfer_scene_report_infos"):
            return "PARAM_ERROR"
        if len(str(content.get("transfer_remark", ""))) > 32 or (amount >= NAME_REQUIRED_FROM and not name):
            return "PARAM_ERROR"
        sealed = name is None or (asked_key(request.headers) == KEY_ID and self.keys.name_of(name) is not None)
        return None if sealed and (name is None or amount >= NAMED_FROM) else "PARAM_ERROR"

    def _begin(self, content: Record, merchant: str) -> Record:
        at = time.time()
        record: Record = {
            "mch_id": merchant, "appid": content.get("appid"), "out_bill_no": content["out_bill_no"],
            "transfer_bill_no": f"13{uuid.uuid4().int % 10**32:032d}", "transfer_amount": content["transfer_amount"],
            "transfer_remark": content.get("transfer_remark"), "openid": content["openid"], "fail_reason": None,
            "create_time": now_text(), "update_time": now_text(), "state": WAITS, "content": _compared(content), "made": at,
            "package_info": uuid.uuid4().hex, "notify_url": content.get("notify_url", ""), "closed": None,
            "expires": at + self.controls.expires_after_s, "moves": None, "ends": None,
        }  # fmt: skip
        if self.controls.refuse:
            record |= {"state": "FAIL", "fail_reason": self.controls.refuse, "closed": at}
        elif self.controls.confirm_after_ms >= 0:
            record |= {"moves": at + self.controls.confirm_after_ms / 1000, "ends": "CONFIRM"}
        self._put(record)
        return record

    def _confirmed(self, record: Record) -> None:
        delay = self.controls.processing_ms / 1000
        moved = {"state": "TRANSFERING" if delay else "SUCCESS", "moves": time.time() + delay if delay else None}
        self._put(record | moved | {"ends": "SUCCESS", "update_time": now_text()})

    def _close(self, record: Record, ends: str, reason: str | None, meanwhile: str) -> Record:
        closing = {
            "state": meanwhile,
            "ends": ends,
            "fail_reason": reason if meanwhile != WAITS else None,
            "expires": None,
        }
        moves = time.time() + self.controls.closing_ms / 1000
        record = record | closing | {"moves": moves, "closing_reason": reason, "update_time": now_text()}
        self._put(record)
        return record

    def _put(self, record: Record) -> None:
        number = record["out_bill_no"]
        self.store.put("transfer", number, record)
        if record["state"] in OVER:
            self.store.delete("open", number)
        else:
            self.store.put("open", number, {"out_bill_no": number})
        if record["state"] in OVER and record["notify_url"]:
            self._notify(record)

    async def _move_automatically(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            for one in self.store.newest_first("open"):
                record = self.store.get("transfer", one["out_bill_no"])
                if record is not None:
                    self._moved_on(record, time.time())

    def _moved_on(self, record: Record, at: float) -> None:
        if record["moves"] is not None and record["moves"] <= at:
            if record["ends"] == "CONFIRM":
                self._confirmed(record | {"moves": None})
                return
            closed = None if record["ends"] == "SUCCESS" else at
            ended = {
                "state": record["ends"],
                "fail_reason": record.get("closing_reason"),
                "closed": closed,
                "moves": None,
            }
            self._put(record | ended | {"update_time": now_text()})
        elif record["state"] == WAITS and record["expires"] is not None and record["expires"] <= at:
            self._close(record, "FAIL", "OVERDUE_CLOSE", WAITS)

    def _moved(self, day: date) -> list[Movement]:
        """What left that day, and what came back because it was not confirmed."""
        found = []
        for one in reversed(self.store.newest_first("transfer")):
            for at, amount, kind in ((one["made"], -one["transfer_amount"], "商家转账"), (one["closed"], one["transfer_amount"], "商家转账退回")):  # fmt: skip
                if at is not None and datetime.fromtimestamp(at, BEIJING).date() == day:
                    moment = datetime.fromtimestamp(at, UTC)
                    found.append(Movement(moment, one["transfer_bill_no"], one["out_bill_no"], amount, kind))
        return sorted(found, key=lambda one: one.at)

    def _notify(self, record: Record) -> None:
        shown = (
            "mch_id",
            "out_bill_no",
            "transfer_bill_no",
            "openid",
            "create_time",
            "update_time",
            "state",
            "transfer_amount",
        )
        final = {name: record[name] for name in shown} | {"notify_id": str(uuid.uuid4())}
        if record["fail_reason"]:
            final["fail_reason"] = record["fail_reason"]
        stale = final | {"state": "PROCESSING", "notify_id": str(uuid.uuid4())}
        forged = final | {
            "state": "FAIL" if record["state"] == "SUCCESS" else "SUCCESS",
            "notify_id": str(uuid.uuid4()),
        }
        final["transfer_amount"] += self.controls.wrong_amount_minor
        self.callbacks.plan(record["notify_url"], final, stale, forged, self.controls)

    def _sealed_callback(self, facts: Record, genuine: bool) -> tuple[bytes, dict[str, str]]:
        body = self.keys.callback(facts)
        return body, self.keys.signed(body, genuine=genuine) | {"Content-Type": "application/json"}


def _compared(content: Record) -> str:
    compared = [content.get("transfer_amount"), content.get("openid"), content.get("transfer_scene_id")]
    return hashlib.sha256(json.dumps(compared).encode()).hexdigest()


if __name__ == "__main__":
    run_one(Wechat)
