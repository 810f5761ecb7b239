"""Show the numbers of a policy in larger units: 172800 s are 2 d."""

from __future__ import annotations

from typing import Any

from languages import translate

_MILLISECONDS = {"ms": 1, "s": 1000, "min": 60_000}
_UNITS = (("day", 86_400_000), ("hour", 3_600_000), ("minute", 60_000))


def reading_of(unit: str, value: Any, locale: str) -> str:
    """Return a time as days, hours, minutes and seconds; empty for another unit, and where it would say nothing new."""
    if unit not in _MILLISECONDS or not isinstance(value, int) or isinstance(value, bool):
        return ""
    left, parts = value * _MILLISECONDS[unit], []
    if left < {"ms": 1000, "s": 60_000, "min": 3_600_000}[unit]:
        return ""
    for name, milliseconds in _UNITS:
        count, left = divmod(left, milliseconds)
        if count:
            parts.append(translate(f"console.span.{name}", locale, {"number": count}))
    if left:
        parts.append(translate("console.span.second", locale, {"number": f"{left / 1000:g}"}))
    return " ".join(parts)
