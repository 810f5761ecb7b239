"""A bank's counter: takes a batch file in a described format, shows its transfers, and gives the file of results.

`python -m simulators.bank --port 8107 --seed 1 --bank-formats DIR`
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import HTTPException, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import Field

from simulators.bills import BANKS, BEIJING, Movement, Result, bank_format, bank_result, bank_statement
from simulators.controls import Controls, Words
from simulators.page import Button, Panel
from simulators.program import Program
from simulators.serve import run_one
from simulators.store import Record


class BankControls(Controls):
    """Switches of the bank."""

    refuse_every: Annotated[
        int, Field(ge=0, le=1000), Words("每几笔拒绝一笔（0：不拒绝）", "Refuses every n-th transfer (0: none)")
    ] = 0
    leave_out_every: Annotated[
        int, Field(ge=0, le=1000), Words("每几笔漏报一笔（0：不漏）", "Leaves out every n-th transfer (0: none)")
    ] = 0


class Bank(Program):
    """The bank's counter."""

    name = "bank"
    port = 8107
    title = Words("银行模拟器", "Bank simulator")
    controls_type = BankControls
    controls: BankControls
    signed = False  # People bring files.
    upload = (Words("提交批量付款文件", "Upload a batch file"), "/batches")

    def routes(self) -> None:
        """Declare the counter."""
        self.app.post("/batches", response_model=None)(self.take)
        self.app.get("/batches")(self.batches)
        self.app.get("/batches/{number}/result", response_model=None)(self.result)
        self.app.get("/statements/{bank}", response_model=None)(self.statement)
        self.app.get("/transfers")(self.transfers)
        self.app.post("/transfers/{key}/{state}", response_model=None)(self.change)

    async def take(self, request: Request) -> Response:
        """Take a file, from a form's field `file` or as the body; carried out at once, and once per batch."""
        form = await request.form() if "form-data" in request.headers.get("content-type", "") else None
        content = await request.body() if form is None else await form["file"].read()  # type: ignore[union-attr]
        read = self._read(content)
        if read is None:
            raise HTTPException(422, "no bank here takes such a file")
        bank, number, lines = read
        if self.store.get("batch", number) is None:
            ids = self._own_ids(number, [line["key"] for line in lines])
            self.store.put("batch", number, {"number": number, "bank": bank, "keys": ids})
            for place, (own_id, line) in enumerate(zip(ids, lines, strict=True), 1):
                every = self.controls.refuse_every
                state = "refused" if every and place % every == 0 else "paid"
                at = datetime.now(BEIJING).isoformat(timespec="seconds")
                self.store.put(
                    "transfer", own_id, line | {"id": own_id, "batch": number, "bank": bank, "state": state, "at": at}
                )
        return RedirectResponse("/", 303) if form is not None else Response(status_code=201)

    async def batches(self) -> list[Record]:
        """All batches, newest first."""
        return self.store.newest_first("batch")

    async def transfers(self) -> list[Record]:
        """Every transfer that was carried out or refused, newest first."""
        return self.store.newest_first("transfer")

    async def result(self, number: str) -> Response:
        """Return the result file of a batch in its present state."""
        batch = self.store.get("batch", number)
        if batch is None:
            raise HTTPException(404, "unknown_batch")
        form, every = self._form(batch["bank"]), self.controls.leave_out_every
        shown = [key for place, key in enumerate(batch["keys"], 1) if not every or place % every]
        results = [_result(form, place, self.store.get("transfer", key) or {}) for place, key in enumerate(shown, 1)]
        content = bank_result(form, number, datetime.now(BEIJING).date(), results)
        name = {"Content-Disposition": f'attachment; filename="{number}-result.txt"'}
        return Response(content, media_type="application/octet-stream", headers=name)

    async def statement(self, bank: str) -> Response:
        """Give today's statement of our account."""
        form, day = self._form(bank), datetime.now(BEIJING).date()
        moved: list[Movement] = []
        for one in reversed(self.store.newest_first("transfer")):
            at = datetime.fromisoformat(one["at"])
            if one["bank"] == bank and one["state"] in ("paid", "returned") and at.date() == day:
                moved.append(Movement(at, _reference(one), one["key"], -one["amount_minor"], "代付", one["payee"]))
            if one["bank"] == bank and one["state"] == "returned":
                moved.append(Movement(at, f"{_reference(one)}R", one["key"], one["amount_minor"], "退汇", one["payee"]))
        return Response(bank_statement(form, form["account"], day, moved), media_type="application/octet-stream")

    async def change(self, key: str, state: str) -> Response:
        """Let a transfer end otherwise: paid, refused or returned."""
        record = self.store.get("transfer", key)
        if record is not None and state in ("paid", "refused", "returned"):
            self.store.put("transfer", key, record | {"state": state})
        return RedirectResponse("/", 303)

    def panels(self) -> list[Panel]:
        """Batches with their results, and every transfer with what may become of it."""
        made = self.store.newest_first("transfer")
        rows = [
            (one["key"], f"{one['amount_minor'] / 100:.2f}", one["payee"], one["batch"], one["state"]) for one in made
        ]
        words = {
            "paid": Words("成功", "Paid"),
            "refused": Words("拒绝", "Refuse"),
            "returned": Words("退汇", "Send back"),
        }
        buttons = [
            [
                Button(word, f"/transfers/{one.get('id', one['key'])}/{state}")
                for state, word in words.items()
                if state != one["state"]
            ]
            for one in made
        ]
        columns = (
            Words("流水号", "Key"), Words("金额（元）", "Amount (yuan)"), Words("收款人", "Payee"), Words("批次", "Batch"),
            Words("状态", "State"), Words("操作", "Action"),
        )  # fmt: skip
        batches = self.store.newest_first("batch")
        links = [
            (one["number"], one["bank"], str(len(one["keys"])), f"/batches/{one['number']}/result") for one in batches
        ]
        heads = (
            Words("批次", "Batch"),
            Words("银行", "Bank"),
            Words("笔数", "Transfers"),
            Words("结果文件", "Result file"),
        )
        return [
            Panel(Words("批次", "Batches"), heads, links),
            Panel(Words("转账", "Transfers"), columns, rows, buttons),
        ]

    def _own_ids(self, number: str, keys: Sequence[str]) -> list[str]:
        """Return the name of each transfer: its key, or a longer one where the key was brought before, for that is paid again."""
        return [
            key if key not in keys[:place] and self.store.get("transfer", key) is None else f"{key}@{number}.{place}"
            for place, key in enumerate(keys)
        ]

    def _form(self, bank: str) -> dict[str, Any]:
        return bank_format(bank, self.setup.bank_formats or BANKS)

    def _read(self, content: bytes) -> tuple[str, str, list[Record]] | None:
        """Bank, batch and transfers of a file, by the first format that it fits."""
        for path in sorted((self.setup.bank_formats or BANKS).glob("*.json")):
            form = self._form(path.stem)
            try:
                text = content.decode(form["encoding"])
            except UnicodeDecodeError:
                continue
            rows = [row for row in csv.reader(io.StringIO(text), delimiter=form["delimiter"]) if row]
            part = form["order"]
            around = _values(part["header"], rows[0]) if rows else None
            first = 1 + ("titles" in part)
            lines = [_values(part["line"], row) for row in rows[first : len(rows) - ("footer" in part)]]
            if around is not None and lines and all(line is not None for line in lines):
                return path.stem, around["batch"], [_transfer(form, line) for line in lines if line is not None]
        return None


def _values(cells: Sequence[str], row: Sequence[str]) -> dict[str, str] | None:
    if len(cells) != len(row) or any(
        not cell.startswith("{") and cell != said for cell, said in zip(cells, row, strict=True)
    ):
        return None
    return {cell[1:-1]: said for cell, said in zip(cells, row, strict=True) if cell.startswith("{")}


def _transfer(form: Mapping[str, Any], line: Mapping[str, str]) -> Record:
    amount = line["amount"]
    minor = int(amount.replace(".", "")) if form["amounts"] == "yuan" else int(amount)
    return {
        "key": line["key"],
        "amount_minor": minor,
        "payee": f"{line['payee_account'][:4]}***{line['payee_account'][-4:]}",
    }


def _result(form: Mapping[str, Any], place: int, one: Record) -> Result:
    part, state = form["result"], one["state"]
    reason = "" if state == "paid" else "账号不存在" if state == "refused" else "退汇"
    return Result(place, one["key"], one["amount_minor"], part[state][0], reason, _reference(one))


def _reference(one: Record) -> str:
    return f"BK{one['key'][-12:].replace('-', '')}"


if __name__ == "__main__":
    run_one(Bank)
