"""Lists of what moved, as payment providers and banks make them: byte for byte of their shape, from a list of movements.

Alipay: a zip of two GBK files, the list and its sums by type, with the same title line, tabs after the values, sums at the
foot. WeChat Pay: UTF-8 with a mark, a backquote before every value, counts as `20.0`. Banks: a described format (JSON).
"""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

BEIJING = timezone(timedelta(hours=8))
BANKS = Path(__file__).parent.parent / "samples" / "banks"
ALIPAY_ACCOUNT = "20880011223344550156"
_LIST, _SUMS = "账务明细", "账务汇总"
_ALIPAY_COLUMNS = (
    "账务流水号", "业务流水号", "商户订单号", "商品名称", "发生时间", "对方账号",
    "收入金额（+元）", "支出金额（-元）", "账户余额（元）", "交易渠道", "业务类型", "备注",
)  # fmt: skip
_ALIPAY_SUMS = ("类型", "总笔数", "收入笔数", "收入金额（+元）", "支出笔数", "支出金额（-元）", "总金额（元）")
_WECHAT_COLUMNS = (
    "记账时间", "微信支付业务单号", "资金流水单号", "业务名称", "业务类型", "收支类型",
    "收支金额(元)", "账户结余(元)", "资金变更提交申请人", "备注", "业务凭证号",
)  # fmt: skip
_WECHAT_SUMS = ("资金流水总笔数", "收入笔数", "收入金额", "支出笔数", "支出金额")


@dataclass(frozen=True)
class Movement:
    """One movement of an account: fen, positive came in, negative went out; `key` is the number we gave it, if any."""

    at: datetime
    reference: str  # The provider's number of the order.
    key: str
    amount_minor: int
    kind: str = "转账"
    counterparty: str = ""
    note: str = ""
    serial: str = ""  # The provider's number of the movement itself; made from `reference` when empty.


@dataclass(frozen=True)
class Result:
    """What a bank did with one line of a batch: `state` and `reason` in the bank's own words."""

    line: int
    key: str
    amount_minor: int
    state: str
    reason: str = ""
    reference: str = ""


def alipay_zip(
    day: date, movements: Sequence[Movement], opening_minor: int = 0, *, sums_first: bool = True, spaced: bool = False
) -> bytes:
    """Make the zip of a day's bill (`signcustomer`). `spaced` writes the older spellings of the column names."""
    stem = f"{ALIPAY_ACCOUNT}_{day:%Y%m%d}_{_LIST}"
    files = [(f"{stem}(汇总).csv", _alipay_sums(day, movements)), (f"{stem}.csv", _alipay_list(day, movements, opening_minor, spaced))]  # fmt: skip
    packed, names = io.BytesIO(), {}
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for place, (name, text) in enumerate(files if sums_first else reversed(files)):
            raw = name.encode("gbk")
            stand_in = f"{place}".rjust(len(raw), "-")
            names[stand_in.encode()] = raw
            archive.writestr(zipfile.ZipInfo(stand_in), text.encode("gb18030"), zipfile.ZIP_DEFLATED)
    whole = packed.getvalue()
    for written, raw in names.items():  # Names in bytes of GBK without the flag of UTF-8, which zipfile cannot write.
        whole = whole.replace(written, raw)
    return whole


def wechat_fund_bill(movements: Sequence[Movement], opening_minor: int = 0, *, marked: bool = True) -> bytes:
    """Make a day's fund bill (`fundflowbill`, basic account)."""
    rows, balance = [",".join(_WECHAT_COLUMNS)], opening_minor
    for one in movements:
        balance += one.amount_minor
        way = "收入" if one.amount_minor >= 0 else "支出"
        values = (
            _local(one.at), one.reference, one.serial or f"42{one.reference}", _commaless(one.kind), _commaless(one.kind), way,
            yuan(abs(one.amount_minor)), yuan(balance), "1900000109API", _commaless(one.note), one.key,
        )  # fmt: skip
        rows.append(",".join(f"`{value}" for value in values))
    came, went = _ways(movements)
    sums = (f"{len(movements)}.0", f"{len(came)}.0", yuan(sum(came)), f"{len(went)}.0", yuan(-sum(went)))
    rows += [",".join(_WECHAT_SUMS), ",".join(f"`{value}" for value in sums)]
    return ("\r\n".join(rows) + "\r\n").encode("utf-8-sig" if marked else "utf-8")


def bank_format(name: str, folder: Path = BANKS) -> dict[str, Any]:
    """Read the described format of a bank, e.g. `harbour`."""
    found: dict[str, Any] = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return found


def bank_result(form: Mapping[str, Any], batch: str, day: date, results: Sequence[Result]) -> bytes:
    """Make a bank's file of what became of a batch."""
    total = sum(one.amount_minor for one in results)
    around = {"batch": batch, "date": f"{day:%Y%m%d}", "count": str(len(results)), "sum": _bank_amount(form, total)}
    lines = [
        {
            "line": str(one.line), "key": one.key, "amount": _bank_amount(form, one.amount_minor), "state": one.state,
            "reason": one.reason, "reference": one.reference,
        }
        for one in results
    ]  # fmt: skip
    return _bank_file(form, form["result"], around, lines)


def bank_statement(
    form: Mapping[str, Any], account: str, day: date, movements: Sequence[Movement], opening_minor: int = 0
) -> bytes:
    """Make a bank's statement of one day."""
    part, balance, lines = form["statement"], opening_minor, []
    for one in movements:
        balance += one.amount_minor
        lines.append({
            "at": one.at.astimezone(BEIJING).strftime(part["time"]), "reference": one.reference, "key": one.key,
            "signed": _bank_amount(form, one.amount_minor),
            "in": _bank_amount(form, one.amount_minor) if one.amount_minor >= 0 else "",
            "out": _bank_amount(form, -one.amount_minor) if one.amount_minor < 0 else "",
            "balance": _bank_amount(form, balance), "counterparty": one.counterparty, "type": one.kind, "note": one.note,
        })  # fmt: skip
    came, went = _ways(movements)
    around = {
        "account": account, "from": f"{day:%Y%m%d}", "until": f"{day:%Y%m%d}", "opening": _bank_amount(form, opening_minor),
        "count": str(len(movements)), "in_sum": _bank_amount(form, sum(came)), "out_sum": _bank_amount(form, -sum(went)),
        "closing": _bank_amount(form, balance),
    }  # fmt: skip
    return _bank_file(form, part, around, lines)


def yuan(amount_minor: int) -> str:
    """Fen as yuan with two decimals and a sign for what is below zero: `-0.05`."""
    return f"{'-' if amount_minor < 0 else ''}{abs(amount_minor) // 100}.{abs(amount_minor) % 100:02d}"


def _alipay_list(day: date, movements: Sequence[Movement], opening_minor: int, spaced: bool) -> str:
    columns = [
        name.replace("（", "(").replace("）", ")").replace("(", " (") if spaced else name for name in _ALIPAY_COLUMNS
    ]
    balance, rows = opening_minor, []
    for one in movements:
        balance += one.amount_minor
        came, went = (yuan(one.amount_minor), "") if one.amount_minor >= 0 else ("", yuan(one.amount_minor))
        values = (
            one.serial or f"31{one.reference}", one.reference, one.key, one.note, _local(one.at), one.counterparty, came, went,
            yuan(balance), "支付宝", one.kind, one.note,
        )  # fmt: skip
        rows.append(",".join(f"{_commaless(value)}\t" for value in values))
    came_in, went_out = _ways(movements)
    foot = [f"#支出合计：{len(went_out)}笔，共{yuan(sum(went_out))}元", f"#收入合计：{len(came_in)}笔，共{yuan(sum(came_in))}元"]  # fmt: skip
    return _alipay_file(day, _LIST, [",".join(columns), *rows], foot)


def _alipay_sums(day: date, movements: Sequence[Movement]) -> str:
    rows = []
    for kind in dict.fromkeys(one.kind for one in movements):
        of_kind = [one for one in movements if one.kind == kind]
        rows.append(",".join(f"{value}\t" for value in (_commaless(kind), *_alipay_counts(of_kind))))
    rows.append(",".join(f"{value}\t" for value in ("合计", *_alipay_counts(movements))))
    return _alipay_file(day, _SUMS, [",".join(_ALIPAY_SUMS), *rows], [])


def _alipay_counts(movements: Sequence[Movement]) -> tuple[str, ...]:
    came, went = _ways(movements)
    total = sum(came) + sum(went)
    return (str(len(movements)), str(len(came)), yuan(sum(came)), str(len(went)), yuan(sum(went)), yuan(total))


def _alipay_file(day: date, part: str, rows: list[str], foot: list[str]) -> str:
    after = day + timedelta(days=1)
    head = [
        "#支付宝账务明细查询",  # The sums have this title as well.
        f"#账号：[{ALIPAY_ACCOUNT}]",
        f"#起始日期：[{day:%Y年%m月%d日} 00:00:00]   终止日期：[{after:%Y年%m月%d日} 00:00:00]",
        f"#{'-' * 41}{part}列表{'-' * 40}",
    ]
    end = [f"#{'-' * 41}{part}列表结束{'-' * 36}", *foot, f"#导出时间：[{after:%Y年%m月%d日} 04:12:08]"]
    return "\r\n".join([*head, *rows, *end]) + "\r\n"


def _bank_file(
    form: Mapping[str, Any], part: Mapping[str, Any], around: Mapping[str, str], lines: Sequence[Mapping[str, str]]
) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, delimiter=form["delimiter"], lineterminator=form["newline"])
    if "header" in part:
        writer.writerow(_filled(part["header"], around))
    if "titles" in part:
        writer.writerow(part["titles"])
    writer.writerows(_filled(part["line"], line) for line in lines)
    if "footer" in part:
        writer.writerow(_filled(part["footer"], around))
    return text.getvalue().encode(form["encoding"])


def _filled(cells: Sequence[str], values: Mapping[str, str]) -> list[str]:
    return [values[cell[1:-1]] if cell.startswith("{") else cell for cell in cells]


def _bank_amount(form: Mapping[str, Any], amount_minor: int) -> str:
    return yuan(amount_minor) if form["amounts"] == "yuan" else str(amount_minor)


def _ways(movements: Sequence[Movement]) -> tuple[list[int], list[int]]:
    came = [one.amount_minor for one in movements if one.amount_minor >= 0]
    return came, [one.amount_minor for one in movements if one.amount_minor < 0]


def _commaless(text: str) -> str:
    """Neither provider quotes a value: a comma in it is written full width."""
    return text.replace(",", "，")


def _local(moment: datetime) -> str:
    return moment.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S")
