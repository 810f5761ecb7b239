"""WeChat Pay's fund bill of our basic account (`fundflowbill`): UTF-8, a backquote before every value, sums in the last line.

Source: WeChat Pay's merchant documents, `/v3/bill/fundflowbill`. Amounts are yuan and always positive, a column says whether
they came or went; counts are written as `20.0`. The file does not name the account: who asked for a change does.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import IO

from domain.errors.finance import StatementEncodingWrong, StatementKindUnknown, StatementTruncated
from domain.finance.statements import (
    KEY_MAX,
    Batch,
    Line,
    Rejected,
    StatementFoot,
    StatementHead,
    StatementSource,
    line_id,
)
from domain.identifiers import key_of_bill
from gateways.statements.lines import LineRejected, Sums, count, day_of, foot_amount, moment, yuan

FIRST_COLUMN = "记账时间"
_NEEDED = ("记账时间", "微信支付业务单号", "资金流水单号", "业务类型", "收支类型", "收支金额", "账户结余", "资金变更提交申请人", "业务凭证号")  # fmt: skip
_SUMS = ("资金流水总笔数", "收入笔数", "收入金额", "支出笔数", "支出金额")
# How the cells of a usual line are written, which one pattern takes; all other lines are judged cell by cell.
_WORD, _YUAN = "[!-_a-~]{0,128}", "(?P<{}>0|[1-9][0-9]{{0,11}})[.](?P<{}_fen>[0-9]{{2}})"
_USUAL = {
    "记账时间": "(?P<at>20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2})", "微信支付业务单号": f"(?P<reference>{_WORD})",
    "资金流水单号": "(?P<serial>[!-_a-~]{1,128})", "业务类型": r"(?P<kind>[^`\s\0]*)", "收支类型": "(?P<way>收入|支出)",
    "收支金额": _YUAN.format("yuan", "yuan"), "账户结余": "(?P<sign>-?)" + _YUAN.format("balance", "balance"),
    "资金变更提交申请人": f"(?P<applicant>{_WORD})", "业务凭证号": f"(?P<number>{_WORD})",
}  # fmt: skip
_VALUES = ("at", "reference", "serial", "kind", "way", "yuan", "yuan_fen", "sign", "balance", "balance_fen", "applicant", "number")  # fmt: skip
_MERCHANT = re.compile(r"([0-9]{8,12})(?:API)?")
APPLICANTS_MAX = 1000
# The words of LineKind.
KINDS = {
    "转账": "transfer", "商家转账": "transfer", "企业付款": "transfer",
    "退款": "returned", "转账退款": "returned", "退票": "returned",
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
        self._usual = _usual_line(self._places)
        self.head = StatementHead(StatementSource.WECHAT, accounts[0] if len(accounts) == 1 else "", None, None)
        self._prefix = line_id(StatementSource.WECHAT, self.head.account, "")
        self._applicants: set[str] = set()
        self._foot: StatementFoot | None = None

    def batches(self) -> Iterator[Batch]:
        """Yield the lines. Raises StatementTruncated for missing or different sums, StatementEncodingWrong."""
        sums, places, width = self._sums, [self._places[name] for name in _NEEDED], len(self._places)
        foot: list[str] | None = None
        try:
            for raw in self._lines():
                if foot is not None:
                    foot.append(raw)
                elif raw.startswith(_SUMS[0]):
                    foot = []
                elif raw.strip():
                    self._take(raw, places, width)
                    if sums.full():
                        yield sums.handed_out()
        except UnicodeDecodeError:
            raise StatementEncodingWrong(expected="UTF-8") from None
        self._require_foot([line for line in foot or () if line.strip()])
        yield sums.handed_out()

    def foot(self) -> StatementFoot:
        """Return what the lines came to. Raises StatementTruncated before they were read."""
        if self._foot is None:
            raise StatementTruncated(what="footer")
        return self._foot

    def _take(self, raw: str, places: Sequence[int], width: int) -> None:
        try:
            line, balance = self._line(raw, places, width)
        except LineRejected as rejected:
            self._sums.reject(self._number, rejected.why, raw)
        else:
            self._sums.take(line, balance)

    def _line(self, raw: str, places: Sequence[int], width: int) -> tuple[Line, int]:
        if (usual := self._usual(raw)) is None:
            return self._line_of_cells(raw, places, width)
        at, reference, serial, kind, way, whole, fen, sign, rest, rest_fen, applicant, number = usual.group(*_VALUES)
        if (amount := int(whole + fen)) == 0:
            return self._line_of_cells(raw, places, width)
        if applicant not in self._applicants:
            self._require_ours(applicant)
        line = self._made(at, reference, serial, kind, amount if way == "收入" else -amount, number)
        return line, int(sign + rest + rest_fen)

    def _line_of_cells(self, raw: str, places: Sequence[int], width: int) -> tuple[Line, int]:
        cells = raw[1:].split(",`")  # Each value has its backquote, so that a comma inside of one divides nothing.
        if len(cells) != width or raw[:1] != "`":
            raise LineRejected(Rejected.COLUMNS)
        at, reference, serial, kind, way, written, balance, applicant, number = [
            cells[place].strip() for place in places
        ]
        if not serial:
            raise LineRejected(Rejected.NO_SERIAL)
        if (len(raw) > KEY_MAX and max(len(serial), len(number), len(reference)) > KEY_MAX) or "\x00" in raw:
            raise LineRejected(Rejected.TEXT)
        if applicant not in self._applicants:
            self._require_ours(applicant)
        amount = yuan(written)
        if way not in ("收入", "支出") or amount < 0:
            raise LineRejected(Rejected.AMOUNT)
        line = self._made(at, reference, serial, kind, amount if way == "收入" else -amount, number)
        return line, _balance(balance)

    def _made(self, at: str, reference: str, serial: str, kind: str, amount: int, number: str) -> Line:
        key, found = key_of_bill(number) or number, KINDS.get(kind, "other")
        if amount > 0 and key and found == "transfer":
            found = "returned"
        when = moment(at)
        return (self._prefix + serial, self._number, found, key, reference, amount, "CNY", when, day_of(at[:10]))

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

    def _lines(self) -> Iterator[str]:
        for raw in self._text:
            self._number += 1
            yield raw.rstrip("\r\n")

    def _read_columns(self) -> dict[str, int]:
        try:
            names = [re.split(r"[（(]", cell)[0].strip() for cell in next(self._lines(), "").split(",")]
        except UnicodeDecodeError:
            raise StatementEncodingWrong(expected="UTF-8") from None
        places = {name: place for place, name in enumerate(names)}
        if any(name not in places for name in _NEEDED):
            raise StatementKindUnknown(seen="wechat")
        return places


def _usual_line(places: Mapping[str, int]) -> Callable[[str], re.Match[str] | None]:
    """How a usual line of these columns reads: a value of a column that nobody needs may be anything but a backquote."""
    cells = ["`" + _USUAL.get(name, r"[^`\0]*") for name in places]
    return re.compile(",".join(cells)).fullmatch


def _bare(cell: str) -> str:
    return cell.strip().removeprefix("`").strip()


def _balance(text: str) -> int:
    try:
        return yuan(text)
    except LineRejected as rejected:
        if rejected.why is Rejected.AMOUNT_ZERO:
            return 0
        raise
