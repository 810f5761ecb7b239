"""Face values and expiry dates in print: every form found on cards, as exact money and as the last valid day."""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import date

from domain.money import Currency, Money

_AMOUNT = r"(?P<{0}>[0-9OQ]{{1,3}}(?:,[0-9OQ]{{3}})+|[0-9OQ]{{1,6}})(?:\.(?P<{0}_cents>[0-9OQ]{{2}}))?(?![0-9])"
_MONEY = re.compile(
    "|".join(
        (
            r"(?:¥|￥|RMB|CNY|人民币)\s*" + _AMOUNT.format("cny_before"),
            r"(?:US\s*)?\$\s*" + _AMOUNT.format("usd_before") + r"|USD\s*" + _AMOUNT.format("usd_code"),
            r"(?<![0-9.,])" + _AMOUNT.format("usd_after") + r"\s*(?:USD|美元|DOLLARS?)",
            r"(?<![0-9.,])" + _AMOUNT.format("cny_after") + r"\s*(?:元|圆|RMB|CNY|YUAN)",
        )
    )
)
_BARE = re.compile(r"(?<![0-9.,])" + _AMOUNT.format("bare"))
_SEPARATOR = r"\s*[-/.年\s]\s*"
_DAY = re.compile(rf"(?<!\d)(20\d\d){_SEPARATOR}(\d{{1,2}})\s*[-/.月\s]\s*(\d{{1,2}})(?!\d)")
_MONTH_LAST = re.compile(r"(?<!\d)(20\d\d)\s*[-/.年]\s*(\d{1,2})\s*月?(?!\s*[-/.\d])")
_MONTH_FIRST = re.compile(r"(?<![\d/.\-])(\d{1,2})\s*(?:/\s*((?:20)?\d\d)|[-.]\s*(20\d\d))(?![\d/.\-])")
_MONTHS = {name: at for at, name in enumerate("JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC".split(), start=1)}
_NAMED = rf"({'|'.join(_MONTHS)})[A-Z]*\.?"
_NAMED_DAY_FIRST = re.compile(rf"(?<!\d)(\d{{1,2}})(?:ST|ND|RD|TH)?[\s\-/.]*{_NAMED}[\s\-/.,]*(20\d\d)(?!\d)")
_NAMED_MONTH_FIRST = re.compile(rf"(?<![A-Z]){_NAMED}\s*(\d{{1,2}})(?:ST|ND|RD|TH)?[\s,.]+(20\d\d)(?!\d)")
_NAMED_MONTH = re.compile(rf"(?<![A-Z]){_NAMED}[\s\-/.,]*(20\d\d)(?!\d)")
_YEAR_LAST = re.compile(r"(?<![\d/.\-])(\d{1,2})\s*[/.\-]\s*(\d{1,2})\s*[/.\-]\s*(20\d\d)(?!\d)")
_COMPACT = re.compile(r"(?<!\d)(20\d\d)(\d\d)(\d\d)(?!\d)")
_SHORT = re.compile(r"(?<![\d/.\-])(\d{2})\s*([/.\-])\s*(\d{2})\s*\2\s*(\d{2})(?![\d/.\-])")
_MONTH_SHORT = re.compile(r"(?<![\d/.\-])(\d{2})\s*[-.]\s*(\d{2})(?![\d/.\-])")
_TIME = re.compile(r"(?<!\d)[0-2]?\d\s*[:：]\s*[0-5]\d(?!\d)")


def money_in(text: str, currency_if_bare: Currency | None = None) -> Money | None:
    """Find the largest amount with a currency sign or word; a bare number only if `currency_if_bare` is given."""
    amounts = [amount for match in _MONEY.finditer(text) if (amount := _money(match)) is not None]
    if amounts:
        return max(amounts, key=lambda amount: amount.amount_minor)
    bare = None if currency_if_bare is None else _BARE.search(text)
    if bare is None or currency_if_bare is None:
        return None
    return Money(_minor(bare["bare"], bare["bare_cents"]), currency_if_bare)


def expiry_in(text: str, *, labelled: bool = True) -> date | None:
    """Find the last valid day: of a range its end, of a month its last day, of several dates the latest.

    Without a label only a whole date with its year in four digits is one, and none that stands beside a time of day: that
    is when something was bought or sent.
    """
    if not labelled and _TIME.search(text):
        return None
    days = [_day(*match.groups()) for pattern in (_DAY, _COMPACT) for match in pattern.finditer(text)]
    days += [_day(year, str(_MONTHS[month]), day) for day, month, year in _NAMED_DAY_FIRST.findall(text)]
    days += [_day(year, str(_MONTHS[month]), day) for month, day, year in _NAMED_MONTH_FIRST.findall(text)]
    days += [_year_last(*match.groups()) for match in _YEAR_LAST.finditer(text)]
    if not any(days) and labelled:
        days = [_short(match[1], match[3], match[4]) for match in _SHORT.finditer(text)]
    if not any(days) and labelled:
        days = [_month_end(year, month) for year, month in _MONTH_LAST.findall(text)]
        days += [_month_end(short or long, month) for month, short, long in _MONTH_FIRST.findall(text)]
        days += [_month_end(year, str(_MONTHS[month])) for month, year in _NAMED_MONTH.findall(text)]
        days += [_month_end(year, month) for month, year in _MONTH_SHORT.findall(text)]
    return max((day for day in days if day is not None), default=None)


def _year_last(one: str, other: str, year: str) -> date | None:
    """12/31/2028 or 31.12.2028; None where both could be the month and differ: the customs of two countries."""
    as_american, as_european = _day(year, one, other), _day(year, other, one)
    if as_american and as_european and as_american != as_european:
        return None
    return as_american or as_european


def _short(one: str, two: str, three: str) -> date | None:
    """12/31/28; None where the customs of several countries make several days of it: 31.12.28 can end with day or year."""
    ways = {_day("20" + three, one, two), _day("20" + three, two, one), _day("20" + one, two, three)} - {None}
    return ways.pop() if len(ways) == 1 else None


def _money(match: re.Match[str]) -> Money | None:
    for group in ("cny_before", "cny_after", "usd_before", "usd_code", "usd_after"):
        if match[group] is not None:
            return Money(_minor(match[group], match[f"{group}_cents"]), Currency(group[:3].upper()))
    return None


def _minor(whole: str, cents: str | None) -> int:
    """Minor units; an O between digits is a zero."""
    written = (whole + (cents or "00")).replace(",", "")
    return int(written.translate(str.maketrans("OQ", "00")))


def _day(year: str, month: str, day: str) -> date | None:
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None  # 2027-13-45 is a misread or no date at all; there is nothing to say about it.


def _month_end(year: str, month: str) -> date | None:
    whole_year = int(year) if len(year) == 4 else 2000 + int(year)
    if not 1 <= int(month) <= 12:
        return None
    return date(whole_year, int(month), monthrange(whole_year, int(month))[1])
