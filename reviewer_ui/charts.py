"""Charts as plain geometry for an SVG template: no scripts, no inline styles, the colours are the style sheet's.

Our own on purpose: chart libraries need scripts or write inline styles, which our content policy refuses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 720, 220
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 10, 24  # Room for the numbers beside and the dates below.
LABELS_MAX = 7
STEPS = (1, 2, 5)
BAR_UNITS = 1000  # A full bar of a table.


@dataclass(frozen=True)
class Bar:
    """One column: its place in the drawing, which series it is of (from 0), and its words."""

    x: float
    y: float
    width: float
    height: float
    series: int
    title: str


@dataclass(frozen=True)
class Tick:
    """A line with its number, or a label below the columns, at `place` of the drawing."""

    place: float
    text: str


@dataclass(frozen=True)
class Columns:
    """A chart of grouped columns; `series` are the names in the legend."""

    title: str
    description: str
    series: tuple[str, ...]
    bars: tuple[Bar, ...]
    lines: tuple[Tick, ...]
    labels: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT


def columns(
    title: str, description: str, series: Sequence[str], labels: Sequence[str], values: Sequence[Sequence[int]]
) -> Columns:
    """`values` has for each label one number (not negative) per series."""
    top = ceiling(max((number for group in values for number in group), default=0))
    scale = (HEIGHT - TOP - BOTTOM) / top
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(labels))
    width = slot * 0.8 / max(1, len(series))
    bars = tuple(
        Bar(
            x=_tidy(LEFT + slot * (place + 0.1) + width * number), y=_tidy(HEIGHT - BOTTOM - value * scale),
            width=_tidy(width), height=_tidy(value * scale), series=number, title=f"{label} · {series[number]}: {value}",
        )
        for place, (label, group) in enumerate(zip(labels, values, strict=True))
        for number, value in enumerate(group)
    )  # fmt: skip
    return Columns(title, description, tuple(series), bars, _lines(top, scale), _labels(labels, slot))


def ceiling(highest: int) -> int:
    """Return the round number (1, 2 or 5 times a power of ten) at or above the highest value; at least 1."""
    power = 1
    while True:
        for step in STEPS:
            if step * power >= highest:
                return step * power
        power *= 10


def shares(values: Sequence[int]) -> tuple[int, ...]:
    """Each value's bar in `BAR_UNITS` of the largest; nothing is drawn of zero, and something of all else."""
    largest = max(values, default=0)
    return tuple(0 if value == 0 else max(4, value * BAR_UNITS // largest) for value in values)


def _lines(top: int, scale: float) -> tuple[Tick, ...]:
    numbers = sorted({0, top // 2, top}) if top > 1 else [0, 1]
    return tuple(Tick(_tidy(HEIGHT - BOTTOM - number * scale), str(number)) for number in numbers)


def _labels(labels: Sequence[str], slot: float) -> tuple[Tick, ...]:
    """As many as can be read side by side, evenly spread from the first."""
    every = -(-len(labels) // LABELS_MAX) or 1
    return tuple(Tick(_tidy(LEFT + slot * (place + 0.5)), labels[place]) for place in range(0, len(labels), every))


def _tidy(number: float) -> float:
    return round(number, 2)
