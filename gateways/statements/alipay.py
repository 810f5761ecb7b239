"""Alipay's bill of our account (`signcustomer`): a zip of two GBK files with one title, of which the list is read.

Source: Alipay's open platform, `alipay.data.dataservice.bill.downloadurl.query`. Tabs follow the values; columns are found
by their names, which differ in spaces and brackets; the foot names counts and sums of what came and went.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import IO

from domain.errors.finance import (
    StatementEncodingWrong,
    StatementHeadWrong,
    StatementKindUnknown,
    StatementTooLarge,
    StatementTruncated,
    StatementUnreadable,
)
from domain.finance.statements import (
    KEY_MAX,
    UNPACKED_BYTES_MAX,
    Batch,
    Line,
    Rejected,
    StatementFoot,
    StatementHead,
    StatementSource,
    line_id,
)
from gateways.statements.lines import LineRejected, Sums, day_of, foot_amount, moment, yuan

TITLE = "#支付宝账务明细查询"
ENCODING = "gb18030"
MEMBERS_MAX, HEAD_LINES_MAX = 20, 12
_ACCOUNT = re.compile(r"#.*?账号：\[([0-9]{5,40})\]")
_PERIOD = re.compile(r"#起始日期：\[(\d{4})年(\d\d)月(\d\d)日[^\]]*\]\s*终止日期：\[(\d{4})年(\d\d)月(\d\d)日")
_SUM = re.compile(r"#(支出|收入)合计：([0-9]+)笔，共(-?[0-9]+\.[0-9]{2})元")
_END = "列表结束"
_NEEDED = ("账务流水号", "业务流水号", "商户订单号", "发生时间", "收入金额", "支出金额", "账户余额", "业务类型")
# The words of LineKind.
KINDS = {
    "转账": "transfer", "转账退款": "returned", "退款": "returned", "退票": "returned",
    "收费": "fee", "服务费": "fee", "手续费": "fee",
    "充值": "funds", "提现": "funds",
}  # fmt: skip


def list_in(archive_file: IO[bytes]) -> IO[bytes]:
    """Return the list inside the zip, chosen by its content. Raises StatementUnreadable, StatementTooLarge, StatementKindUnknown."""
    try:
        archive = zipfile.ZipFile(archive_file)
        members = archive.infolist()
        if len(members) > MEMBERS_MAX or sum(one.file_size for one in members) > UNPACKED_BYTES_MAX:
            raise StatementTooLarge(bytes_max=UNPACKED_BYTES_MAX)
        for member in members:
            if member.flag_bits & 1:
                raise StatementUnreadable(why="password")
            with archive.open(member) as opened:
                head = [opened.readline(4096) for _ in range(HEAD_LINES_MAX)]
            if any(_is_columns(line.decode(ENCODING, "replace")) for line in head):
                return archive.open(member)
            if any(_is_columns(line.decode("utf-8", "replace")) for line in head):
                raise StatementEncodingWrong(expected="GBK")
    except (zipfile.BadZipFile, NotImplementedError, OSError, EOFError) as broken:
        raise StatementUnreadable(why="zip") from broken
    raise StatementKindUnknown(seen="zip")


class AlipayStatement:
    """The list, whether it came in a zip or alone."""

    def __init__(self, content: IO[bytes]) -> None:
        self._text = io.TextIOWrapper(_capped(content), encoding=ENCODING, errors="strict", newline="")
        self._sums = Sums()
        self._number = 0
        self._places: dict[str, int] = {}
        self.head = self._read_head()
        self._foot: StatementFoot | None = None

    def batches(self) -> Iterator[Batch]:
        """Yield the lines. Raises StatementTruncated for a missing or different foot, StatementEncodingWrong."""
        sums, ended, said = self._sums, False, {}
        places = tuple(self._places[name] for name in _NEEDED)
        width, prefix = len(self._places), line_id(StatementSource.ALIPAY, self.head.account, "")
        try:
            for raw in self._lines():
                if raw.startswith("#"):
                    ended = ended or _END in raw
                    if (found := _SUM.match(raw)) is not None:
                        said[found[1]] = (int(found[2]), foot_amount(found[3]))
                    continue
                if not raw.strip():
                    continue
                if ended:
                    raise StatementTruncated(what="footer")
                try:
                    line, balance = _line(raw, self._number, width, places, prefix)
                    if not self.head.first_day or not self.head.last_day or self.head.first_day <= line[8] <= self.head.last_day:  # fmt: skip
                        sums.take(line, balance)
                    else:
                        raise LineRejected(Rejected.OUTSIDE)
                except LineRejected as rejected:
                    sums.reject(self._number, rejected.why, raw)
                if sums.full():
                    yield sums.handed_out()
        except UnicodeDecodeError:
            raise StatementEncodingWrong(expected="GBK") from None
        except (zipfile.BadZipFile, EOFError, OSError) as broken:
            raise StatementUnreadable(why="zip") from broken
        self._require_foot(ended=ended, said=said)
        yield sums.handed_out()

    def foot(self) -> StatementFoot:
        """Return what the lines came to. Raises StatementTruncated before they were read."""
        if self._foot is None:
            raise StatementTruncated(what="footer")
        return self._foot

    def _require_foot(self, *, ended: bool, said: dict[str, tuple[int, int]]) -> None:
        if not ended or set(said) != {"收入", "支出"}:
            raise StatementTruncated(what="footer")
        (in_count, in_minor), (out_count, out_minor) = said["收入"], said["支出"]
        self._sums.require_count(in_count + out_count)
        self._sums.require_sums(in_minor, abs(out_minor))
        self._sums.require_chain()
        self._foot = self._sums.foot()

    def _lines(self) -> Iterator[str]:
        for raw in self._text:
            self._number += 1
            yield raw.rstrip("\r\n")

    def _read_head(self) -> StatementHead:
        account, first, last = "", None, None
        try:
            for raw in self._lines():
                if _is_columns(raw):
                    self._places = {_plain(name): place for place, name in enumerate(raw.split(","))}
                    return StatementHead(StatementSource.ALIPAY, account, first, last)
                if (found := _ACCOUNT.match(raw)) is not None:
                    account = found[1]
                if (period := _PERIOD.match(raw)) is not None:
                    numbers = [int(one) for one in period.groups()]
                    first = date(*numbers[:3])
                    last = max(first, date(*numbers[3:]) - timedelta(days=1))  # The end is the midnight after it.
                if self._number > HEAD_LINES_MAX:
                    break
        except UnicodeDecodeError:
            raise StatementEncodingWrong(expected="GBK") from None
        except ValueError:
            raise StatementHeadWrong(what="period", expected="%Y年%m月%d日") from None
        raise StatementKindUnknown(seen="alipay")


def _line(raw: str, number: int, width: int, places: Sequence[int], prefix: str) -> tuple[Line, int]:
    cells = raw.split(",")
    if len(cells) != width:
        raise LineRejected(Rejected.COLUMNS)
    serial, reference, key, at, came, went, balance, kind = [cells[place].strip() for place in places]
    if not serial:
        raise LineRejected(Rejected.NO_SERIAL)
    if (len(raw) > KEY_MAX and max(len(serial), len(key), len(reference)) > KEY_MAX) or "\x00" in raw:
        raise LineRejected(Rejected.TEXT)
    if bool(came) == bool(went):
        raise LineRejected(Rejected.AMOUNT)
    amount = yuan(came or went)
    if (amount > 0) != bool(came):
        raise LineRejected(Rejected.AMOUNT)
    when = moment(at)
    found = KINDS.get(kind, "other")
    if found == "transfer" and amount > 0 and key:
        found = "returned"
    line = (f"{prefix}{serial}", number, found, key, reference, amount, "CNY", when, day_of(at[:10]))
    return line, _balance(balance)


def _balance(text: str) -> int:
    try:
        return yuan(text)
    except LineRejected as rejected:
        if rejected.why is Rejected.AMOUNT_ZERO:
            return 0
        raise


def _is_columns(line: str) -> bool:
    names = {_plain(name) for name in line.split(",")}
    return all(needed in names for needed in _NEEDED)


def _plain(name: str) -> str:
    """Return a column's name without its unit, spaces and brackets: `收入金额（+元）` and `收入金额 (+元)` are one."""
    return re.split(r"[（(]", name.strip().lstrip("\ufeff"))[0].replace(" ", "").strip()


class _Capped(io.RawIOBase):
    """Reads no more than a list may have, whatever the zip promised."""

    def __init__(self, content: IO[bytes]) -> None:
        self._content = content
        self._left = UNPACKED_BYTES_MAX

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self._content.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise StatementTooLarge(bytes_max=UNPACKED_BYTES_MAX)
        buffer[: len(data)] = data
        return len(data)


def _capped(content: IO[bytes]) -> io.BufferedReader:
    return io.BufferedReader(_Capped(content), 1 << 18)
