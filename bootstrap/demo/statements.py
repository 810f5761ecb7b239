"""Statements of a demo's first start: two days of a bank with what a finance desk meets, down to a line that cannot be read.

Nothing moved on our account at the other bank, whose files say so: a day is closed once every account has its statement.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

from bootstrap import keys
from bootstrap.settings import Settings
from database.session import Database
from domain.finance.statements import StatementSource
from domain.places import business_day
from domain.rules.reconciliation import reconciliation_in_force
from services.finance.matching import Matching
from services.finance.statement_import import StatementImport
from services.finance.statements import Statements

OPENING = 200_000_00
# Lines that nobody can explain at first: a person puts them into suspense.
PREPAID, NAMELESS, UNSAID = 88_00, 66_60, -35_00
# Of each day: time, number, signed fen, the bank's word, its note. The last amount of the second day is full width.
DAYS: tuple[tuple[tuple[str, str, int, str, str], ...], ...] = (
    (
        ("093012", "01", 50_000_00, "转存", "补充备付"),
        ("101500", "02", -15_00, "手续费", "转账手续费"),
        ("111240", "05", PREPAID, "转入", "购卡款"),
    ),
    (
        ("110203", "03", -128_00, "扣款", "年费"),
        ("133020", "06", NAMELESS, "转入", ""),
        ("142155", "07", UNSAID, "扣款", ""),
        ("154401", "04", 465_00, "退汇", "户名不符"),
    ),
)


async def bring(settings: Settings, store: Database, held: keys.Secrets) -> int:
    """Import and match the files; return how many. A second start changes nothing: the same bytes count once."""
    today = business_day(datetime.now(UTC))
    accounts = reconciliation_in_force(today).sources[StatementSource.BANK].accounts
    balance = OPENING
    for number, lines in enumerate(DAYS):
        day = today - timedelta(days=len(DAYS) - number)
        content = _harbour(accounts[0], day, balance, lines, broken=number == len(DAYS) - 1)
        balance += sum(line[2] for line in lines)
        await _one(settings, store, held, f"harbour-{day:%Y%m%d}.txt", content)
        await _one(settings, store, held, f"union-{day:%Y%m%d}.csv", _union(accounts[1], day))
    return 2 * len(DAYS)


async def _one(settings: Settings, store: Database, held: keys.Secrets, name: str, content: bytes) -> None:
    whole = io.BytesIO(content)

    async def read(size: int) -> bytes:
        return whole.read(size)

    kept = await Statements(store, held.keyring).keep("machine:demo", name, read)
    await StatementImport(store, held.keyring, banks=settings.bank_formats).run(kept.statement_id)
    await Matching(store).judge(kept.statement_id)


def _harbour(
    account: str, day: date, opening: int, lines: Sequence[tuple[str, str, int, str, str]], *, broken: bool
) -> bytes:
    """Write a day in the format of samples/banks/harbour.json."""
    written, balance = [f"S|{account}|{day:%Y%m%d}|{day:%Y%m%d}|{_yuan(opening)}"], opening
    for at, number, amount, word, note in lines:
        balance += amount
        written.append(f"D|{day:%Y%m%d}{at}|HB{day:%Y%m%d}{number}||{_yuan(amount)}|{_yuan(balance)}||{word}|{note}")
    if broken:
        written.append(f"D|{day:%Y%m%d}160000|HB{day:%Y%m%d}99||－８.00|{_yuan(balance)}||扣款|账户管理费")
    came, went = sum(max(0, line[2]) for line in lines), -sum(min(0, line[2]) for line in lines)
    written.append(f"T|{len(lines) + broken}|{_yuan(came)}|{_yuan(went)}|{_yuan(balance)}")
    return ("\r\n".join(written) + "\r\n").encode("gb18030")


def _union(account: str, day: date) -> bytes:
    """Write a day without movements in the format of samples/banks/union.json."""
    titles = "交易时间,银行流水号,商户流水号,借方(分),贷方(分),余额(分),对方户名,摘要,备注"
    written = [f"账号,{account},起,{day:%Y%m%d},止,{day:%Y%m%d},期初余额,0", titles, "合计,0,0,0,0"]
    return ("\n".join(written) + "\n").encode("utf-8-sig")


def _yuan(minor: int) -> str:
    return f"{'-' if minor < 0 else ''}{abs(minor) // 100}.{abs(minor) % 100:02d}"
