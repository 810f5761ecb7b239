"""WeChat Pay's fund bill of our basic account (`fundflowbill`): UTF-8, a backquote before every value, sums in the last line.

Source: WeChat Pay's merchant documents, `/v3/bill/fundflowbill`. Amounts are yuan and always positive, a column says whether
they came or went; counts are written as `20.0`. The file does not name the account: who asked for a change does.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import IO

from domain.errors.finance import StatementEncodingWrong, StatementKindUnknown, StatementTruncated
from domain.finance.statements import (
    KEY_MAX,
    Batch,
    Line,
    Lines,
    Rejected,
    StatementFoot,
    StatementHead,
    StatementSource,
    line_id,
)
from domain.identifiers import bill_number, key_of_bill
from gateways.statements.lines import (
    PART,
    USUAL_MOMENT,
    ZONE,
    LineRejected,
    Sums,
    all_written,
    columns_of,
    count,
    day_of,
    foot_amount,
    minor_of,
    moment,
    yuan,
)

FIRST_COLUMN = "记账时间"
_NEEDED = ("记账时间", "微信支付业务单号", "资金流水单号", "业务类型", "收支类型", "收支金额", "账户结余", "资金变更提交申请人", "业务凭证号")  # fmt: skip
_SUMS = ("资金流水总笔数", "收入笔数", "收入金额", "支出笔数", "支出金额")
# How the cells of usual lines are written, which are taken whole columns at a time; other lines are judged cell by cell.
_WORD, _YUAN = "[!-_a-~]{0,128}", "(?:0|[1-9][0-9]{0,11})[.][0-9]{2}"
_USUAL = {
    "记账时间": all_written(USUAL_MOMENT), "微信支付业务单号": all_written(_WORD), "资金流水单号": all_written("[!-_a-~]{1,128}"),
    "收支金额": all_written(f"(?!0[.]00){_YUAN}"), "账户结余": all_written(f"-?{_YUAN}"), "业务凭证号": all_written(_WORD),
}  # fmt: skip
_CAME, _WENT = "收入", "支出"
_MADE = ("C", "G", "S")  # How a number that was made from a key begins.
_MERCHANT = re.compile(r"([0-9]{8,12})(?:API)?")
APPLICANTS_MAX = 1000
# The words of LineKind.
KINDS = {
    "转账": "transfer", "商家转账": "transfer", "企业付款": "transfer",
    "退款": "returned", "转账退款": "returned", "退票": "returned", "商家转账退回": "returned",
    "扣除交易手续费": "fee", "手续费": "fee",
    "充值": "funds", "提现": "funds",
}  # fmt: skip


class WechatStatement:
    """The fund bill; `accounts` are our merchant numbers there, none: any."""

    def __init__(self, content: IO[bytes], accounts: Sequence[str]) -> None:
        self._text = io.TextIOWrapper(io.BufferedReader(content, 1 << 18), encoding="utf-8-sig", newline="")  # type: ignore[type-var]
        self._accounts = frozenset(accounts)
        self._sums = Sums()
        self._number = 0
        self._places = self._read_columns()
        self.head = StatementHead(StatementSource.WECHAT, accounts[0] if len(accounts) == 1 else "", None, None)
        self._prefix = line_id(StatementSource.WECHAT, self.head.account, "")
        self._applicants: set[str] = set()
        self._ending: list[str] | None = None  # What follows the line that names the sums.
        self._foot: StatementFoot | None = None

    def batches(self) -> Iterator[Batch]:
        """Yield the lines. Raises StatementTruncated for missing or different sums, StatementEncodingWrong."""
        try:
            while lines := list(islice(self._text, PART)):
                if not self._all_taken(lines):
                    for line in lines:
                        self._take(line)
                if self._sums.full():
                    yield self._sums.handed_out()
        except UnicodeDecodeError:
            raise StatementEncodingWrong(expected="UTF-8") from None
        self._require_foot([line for line in self._ending or () if line.strip()])
        yield self._sums.handed_out()

    def foot(self) -> StatementFoot:
        """Return what the lines came to. Raises StatementTruncated before they were read."""
        if self._foot is None:
            raise StatementTruncated(what="footer")
        return self._foot

    def _all_taken(self, lines: Sequence[str]) -> bool:
        """Take lines whole columns at a time; return False, with nothing taken, unless each is usual and would be taken."""
        cells = columns_of(lines, len(self._places), "`", ",`") if self._ending is None else None
        if cells is None:
            return False
        by = {name: cells[self._places[name]] for name in _NEEDED}
        if not (all(judge(by[name]) for name, judge in _USUAL.items()) and {_CAME, _WENT}.issuperset(by["收支类型"])):
            return False
        try:
            days = {text: day_of(text) for text in {at[:10] for at in by["记账时间"]}}
            for applicant in {one.strip() for one in set(by["资金变更提交申请人"])} - self._applicants:
                self._require_ours(applicant)
        except LineRejected:
            return False
        amounts = [
            one if way == _CAME else -one for one, way in zip(minor_of(by["收支金额"]), by["收支类型"], strict=True)
        ]
        kinds = {kind: KINDS.get(kind.strip(), "other") for kind in set(by["业务类型"])}
        keys = [_key(number) if number[:1] in _MADE else number for number in by["业务凭证号"]]
        found = list(map(_kind, [kinds[kind] for kind in by["业务类型"]], amounts, keys))
        first = self._number + 1
        self._number += len(lines)
        made = Lines(
            [self._prefix + serial for serial in by["资金流水单号"]], list(range(first, self._number + 1)), found, keys,
            by["微信支付业务单号"], amounts, ["CNY"] * len(lines), [at + ZONE for at in by["记账时间"]],
            [days[at[:10]] for at in by["记账时间"]],
        )  # fmt: skip
        self._sums.take_all(made, minor_of(by["账户结余"]))
        return True

    def _take(self, line: str) -> None:
        raw = line.rstrip("\r\n")
        self._number += 1
        if self._ending is not None:
            self._ending.append(raw)
        elif raw.startswith(_SUMS[0]):
            self._ending = []
        elif raw.strip():
            try:
                taken, balance = self._line(raw)
            except LineRejected as rejected:
                self._sums.reject(self._number, rejected.why, raw)
            else:
                self._sums.take(taken, balance)

    def _line(self, raw: str) -> tuple[Line, int]:
        cells = raw[1:].split(",`")  # Each value has its backquote, so that a comma inside of one divides nothing.
        if len(cells) != len(self._places) or raw[:1] != "`":
            raise LineRejected(Rejected.COLUMNS)
        at, reference, serial, kind, way, written, balance, applicant, number = [
            cells[self._places[name]].strip() for name in _NEEDED
        ]
        if not serial:
            raise LineRejected(Rejected.NO_SERIAL)
        if (len(raw) > KEY_MAX and max(len(serial), len(number), len(reference)) > KEY_MAX) or "\x00" in raw:
            raise LineRejected(Rejected.TEXT)
        if applicant not in self._applicants:
            self._require_ours(applicant)
        amount = yuan(written)
        if way not in (_CAME, _WENT) or amount < 0:
            raise LineRejected(Rejected.AMOUNT)
        signed, key = amount if way == _CAME else -amount, _key(number)
        found = _kind(KINDS.get(kind, "other"), signed, key)
        when, day = moment(at), day_of(at[:10])
        return (self._prefix + serial, self._number, found, key, reference, signed, "CNY", when, day), _balance(balance)

    def _require_ours(self, applicant: str) -> None:
        """Raise LineRejected for a change that another merchant asked for; remember who is ours."""
        merchant = _MERCHANT.fullmatch(applicant)
        if merchant is not None and self._accounts and merchant[1] not in self._accounts:
            raise LineRejected(Rejected.FOREIGN)
        if len(self._applicants) < APPLICANTS_MAX:
            self._applicants.add(applicant)

    def _require_foot(self, foot: Sequence[str]) -> None:
        if len(foot) != 1:
            raise StatementTruncated(what="footer")
        cells = [_bare(cell) for cell in foot[0].split(",")]
        if len(cells) != len(_SUMS):
            raise StatementTruncated(what="footer")
        total, came, in_minor, went, out_minor = cells
        self._sums.require_count(count(total))
        if count(came) + count(went) != count(total):
            raise StatementTruncated(what="count", said=count(total), found=count(came) + count(went))
        self._sums.require_sums(foot_amount(in_minor), foot_amount(out_minor))
        self._sums.require_chain()
        self._foot = self._sums.foot()

    def _read_columns(self) -> dict[str, int]:
        try:
            names = [re.split(r"[（(]", cell)[0].strip() for cell in self._text.readline().split(",")]
        except UnicodeDecodeError:
            raise StatementEncodingWrong(expected="UTF-8") from None
        self._number += 1
        places = {name: place for place, name in enumerate(names)}
        if len(places) != len(names) or any(name not in places for name in _NEEDED):
            raise StatementKindUnknown(seen="wechat")
        return places


def _key(number: str) -> str:
    """The key of the order that a number of ours was made from, else the number itself."""
    return key_of_bill(number) or number


def _kind(found: str, amount: int, key: str) -> str:
    """What came in under an order's key came back, whatever WeChat Pay calls it."""
    came_back = amount > 0 and ((found == "transfer" and key) or (found == "other" and _is_order(key)))
    return "returned" if came_back else found


def _is_order(key: str) -> bool:
    try:
        return bool(bill_number(key))
    except ValueError:
        return False


def _bare(cell: str) -> str:
    return cell.strip().removeprefix("`").strip()


def _balance(text: str) -> int:
    try:
        return yuan(text)
    except LineRejected as rejected:
        if rejected.why is Rejected.AMOUNT_ZERO:
            return 0
        raise
