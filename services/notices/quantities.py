"""Measured values as a person reads them: counts, times, sizes and shares."""

from __future__ import annotations

from datetime import timedelta

from babel.dates import format_timedelta
from babel.numbers import format_decimal

_SIZES = (("GB", 1024**3), ("MB", 1024**2), ("KB", 1024))
SECOND_S = 10  # Below this a time has a decimal: a clock that is 0.4 s off is not 0 s off.


def quantity(value: float, unit: str, locale: str) -> str:
    """Return `12`, `2 hours`, `1.4 GB` or `93 %`; units as `domain.ops.health.Unit` has them, a share in basis points."""
    if unit == "s":
        return _time(value, locale)
    if unit == "bp":
        return f"{_number(value / 100, locale)} %"
    if unit == "bytes":
        name, size = next((one for one in _SIZES if value >= one[1]), _SIZES[-1])
        return f"{_number(value / size, locale)} {name}"
    return _number(value, locale)


def worded(measured: str, locale: str) -> str:
    """Return a value that is kept with its unit (`7200 s`) in words; what is none of ours stays as it is."""
    number, _, unit = measured.partition(" ")
    try:
        return quantity(float(number), unit, locale)
    except ValueError:
        return measured


def _time(seconds: float, locale: str) -> str:
    if abs(seconds) < SECOND_S:
        return f"{_number(seconds, locale)} {'秒' if locale == 'zh_CN' else 's'}"
    return format_timedelta(timedelta(seconds=seconds), format="short", threshold=1.2, locale=locale).replace(".", "")


def _number(value: float, locale: str) -> str:
    return format_decimal(round(value, 1), format="#,##0.#", locale=locale)
