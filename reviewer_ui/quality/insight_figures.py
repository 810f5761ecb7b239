"""Each figure of the insight page as one table: what a person reads, what a spreadsheet gets, and how long its bars are."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from babel.dates import format_date
from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.finance import speed
from database.reads.quality import insight as reads
from database.reads.quality.insight import ALL, Span
from languages import has, translate
from reviewer_ui.charts import BAR_UNITS, Columns, columns, shares
from web.spreadsheet import Cell

MINUTE, HOUR, DAY = 60, 3600, 86_400


@dataclass(frozen=True)
class Row:
    """One line: its name, the cells beside it as read and as numbers, and its bar in thousandths."""

    name: str
    shown: tuple[str, ...]
    raw: tuple[Cell, ...]
    bar: int
    warn: bool = False


@dataclass(frozen=True)
class Figure:
    """A figure under its key; `headline` is its one number, empty where it has none; `chart` is drawn above the table."""

    key: str
    heads: tuple[str, ...]
    rows: tuple[Row, ...]
    headline: str = ""
    chart: Columns | None = None

    @property
    def is_empty(self) -> bool:
        """Nothing has happened that it could count."""
        return not any(isinstance(cell, int) and cell for row in self.rows for cell in row.raw)


Maker = Callable[[AsyncSession, Span, str], Awaitable[Figure]]


def duration(seconds: int, locale: str) -> str:
    """`45 s`, `12 min`, `3 h 20 min` or `2 d 4 h`."""
    if seconds < MINUTE:
        return translate("insight.duration.s", locale, {"s": seconds})
    if seconds < HOUR:
        return translate("insight.duration.min", locale, {"min": seconds // MINUTE})
    if seconds < DAY:
        return translate("insight.duration.h", locale, {"h": seconds // HOUR, "min": seconds % HOUR // MINUTE})
    return translate("insight.duration.d", locale, {"d": seconds // DAY, "h": seconds % DAY // HOUR})


def share(part: int, whole: int) -> str:
    """`93.5 %`: cut, never rounded up, so that 100 % is said only of all."""
    thousandths = part * 1000 // whole
    return f"{thousandths // 10}.{thousandths % 10} %" if thousandths % 10 else f"{thousandths // 10} %"


async def backlog(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Count what waits now, by age."""
    found = await reads.backlog(session, span)
    bars = shares([entry.count for entry in found])
    rows = tuple(
        Row(translate(f"insight.age.{entry.bracket}", locale), (str(entry.count), str(entry.late)), (entry.count, entry.late), bar, entry.late > 0)
        for entry, bar in zip(found, bars, strict=True)
    )  # fmt: skip
    return figure_of("backlog", ("count", "late"), rows, locale, str(sum(entry.count for entry in found)))


async def flow(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Count what was received and decided, by day."""
    found = await reads.flow(session, span)
    bars = shares([entry.arrived for entry in found])
    names = [day_of(entry.day, locale) for entry in found]
    values = [(entry.arrived, entry.decided) for entry in found]
    rows = tuple(
        Row(entry.day.isoformat(), (str(entry.arrived), str(entry.decided)), (entry.arrived, entry.decided), bar)
        for entry, bar in zip(found, bars, strict=True)
    )
    arrived, decided = (sum(numbers) for numbers in zip(*values, strict=True))
    said = translate("insight.flow.said", locale, {"arrived": arrived, "decided": decided})
    series = [translate(f"insight.head.{name}", locale) for name in ("arrived", "decided")]
    chart = columns(translate("insight.figure.flow", locale), said, series, names, values)
    return figure_of("flow", ("arrived", "decided"), rows, locale, said, chart)


async def time_to_decision(session: AsyncSession, span: Span, locale: str) -> Figure:
    """How long it took, by type."""
    found = await reads.time_to_decision(session, span)
    bars = shares([entry.p50_s for entry in found])
    rows = tuple(
        Row(
            _type(entry.card_type, locale), (duration(entry.p50_s, locale), duration(entry.p90_s, locale), str(entry.decided)),
            (entry.p50_s, entry.p90_s, entry.decided), bar,
        )
        for entry, bar in zip(found, bars, strict=True)
    )  # fmt: skip
    return figure_of("time", ("p50", "p90", "decided"), rows, locale, rows[0].shown[0] if rows else "")


async def deadlines(session: AsyncSession, span: Span, locale: str) -> Figure:
    """How many deadlines were kept, by type."""
    found = await reads.deadlines(session, span)
    rows = tuple(
        Row(
            _type(entry.card_type, locale), (share(entry.kept, entry.due), str(entry.kept), str(entry.due), str(entry.warned)),
            (share(entry.kept, entry.due), entry.kept, entry.due, entry.warned), entry.kept * BAR_UNITS // entry.due,
        )
        for entry in found
    )  # fmt: skip
    return figure_of("deadlines", ("share", "kept", "due", "warned"), rows, locale, rows[0].shown[0] if rows else "")


async def straight_through(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Return the share of paid cards processed fully automatically, by type."""
    found = await reads.straight_through(session, span)
    rows = tuple(
        Row(
            _type(entry.card_type, locale), (share(entry.straight, entry.paid), str(entry.straight), str(entry.paid)),
            (share(entry.straight, entry.paid), entry.straight, entry.paid), entry.straight * BAR_UNITS // entry.paid,
        )
        for entry in found
    )  # fmt: skip
    return figure_of("straight", ("share", "straight", "paid"), rows, locale, rows[0].shown[0] if rows else "")


async def workload(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Count each person's decisions and open tasks."""
    found = await reads.workload(session, span)
    bars = shares([entry.decided for entry in found])
    rows = tuple(
        Row(
            entry.name,
            (str(entry.decided), "–" if entry.mean_s is None else duration(entry.mean_s, locale), str(entry.held), str(entry.assigned)),
            (entry.decided, entry.mean_s, entry.held, entry.assigned), bar,
        )
        for entry, bar in zip(found, bars, strict=True)
    )  # fmt: skip
    return figure_of("workload", ("decided", "mean", "held", "assigned"), rows, locale)


async def review_reasons(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Why tasks were opened."""
    return _reasons("reasons", "review_reason", await reads.review_reasons(session, span), locale)


async def reject_reasons(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Why cards were rejected."""
    return _reasons("rejected", "reject_reason", await reads.reject_reasons(session, span), locale)


async def payout_speed(session: AsyncSession, span: Span, locale: str) -> Figure:
    """How long money took from acceptance, by rail."""
    found = await speed.by_rail(session, span)
    bars = shares([entry.p50_s for entry in found])
    rows = tuple(
        Row(
            _rail(entry.rail, locale), (duration(entry.p50_s, locale), duration(entry.p99_s, locale), str(entry.paid)),
            (entry.p50_s, entry.p99_s, entry.paid), bar,
        )
        for entry, bar in zip(found, bars, strict=True)
    )  # fmt: skip
    return figure_of("payout_speed", ("p50", "p99", "paid_orders"), rows, locale, rows[0].shown[0] if rows else "")


MAKERS: Mapping[str, Maker] = {
    "backlog": backlog,
    "flow": flow,
    "time": time_to_decision,
    "deadlines": deadlines,
    "straight": straight_through,
    "payout_speed": payout_speed,
    "workload": workload,
    "reasons": review_reasons,
    "rejected": reject_reasons,
}


def _reasons(key: str, family: str, found: Sequence[reads.Reason], locale: str) -> Figure:
    bars = shares([entry.count for entry in found])
    rows = tuple(
        Row(worded(f"{family}.{entry.reason}", entry.reason, locale), (str(entry.count),), (entry.count,), bar)
        for entry, bar in zip(found, bars, strict=True)
    )
    return figure_of(key, ("count",), rows, locale)


def figure_of(
    key: str, heads: tuple[str, ...], rows: tuple[Row, ...], locale: str, headline: str = "", chart: Columns | None = None
) -> Figure:  # fmt: skip
    """Return a figure whose columns are headed by `insight.head.<head>`, the first one by `insight.head.<key>_name`."""
    named = tuple(translate(f"insight.head.{head}", locale) for head in (f"{key}_name", *heads))
    return Figure(key, named, rows, headline, chart)


def _type(card_type: str, locale: str) -> str:
    return translate("insight.all_types", locale) if card_type == ALL else translate(f"card_type.{card_type}", locale)


def _rail(rail: str, locale: str) -> str:
    return translate("insight.every_rail", locale) if rail == ALL else translate(f"rail.{rail}", locale)


def worded(key: str, value: str, locale: str) -> str:
    """Return the words of a key, or the value itself where it has none."""
    return translate(key, locale) if has(key, locale) else value


def day_of(day: date, locale: str) -> str:
    """Return a day as a chart names it."""
    return format_date(day, "M月d日" if locale == "zh_CN" else "d MMM", locale=locale)
