"""Each figure of support as one table: what a person reads, what a spreadsheet gets, and how long its bars are."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil, floor

from sqlalchemy.ext.asyncio import AsyncSession

from database.reads.quality.insight import ALL, Span
from database.reads.support import figures as reads
from database.reads.support import times
from domain.quality.agreement import wilson
from domain.rules.brands import catalogue
from languages import translate
from reviewer_ui.charts import BAR_UNITS, columns, shares
from reviewer_ui.quality.insight_figures import HOUR, Figure, Maker, Row, day_of, duration, figure_of, share, worded

NONE = "–"


async def flow(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Show what came and was solved, by day."""
    found = await reads.flow(session, span)
    opened, solved = sum(one.opened for one in found), sum(one.solved for one in found)
    said = translate("insight.ticket_flow.said", locale, {"opened": opened, "solved": solved})
    rows = [(one.day.isoformat(), one.opened, one.solved) for one in found]
    return _chart("ticket_flow", ("opened", "solved"), [day_of(one.day, locale) for one in found], rows, said, locale)


async def first_answers(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Show how long first answers took, in working time, by category."""
    return _times("ticket_first", "answered", await times.first_answers(session, span), locale)


async def solutions(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Show how long solutions took, in working time, by category."""
    return _times("ticket_whole", "solved", await times.solutions(session, span), locale)


async def clocks(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Show how many promises were kept, by clock."""
    found = await reads.clocks(session, span)
    ended, kept = sum(one.ended for one in found), sum(one.kept for one in found)
    rows = tuple(_kept(translate(f"clock_kind.{one.name}", locale), one) for one in found)
    return figure_of("ticket_clocks", ("share", "kept", "due"), rows, locale, share(kept, ended) if ended else "")


async def tiers(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Show how many promises were kept, by the desk that had the ticket at that moment."""
    rows = tuple(_kept(translate(f"clock_owner.{one.name}", locale), one) for one in await reads.tiers(session, span))
    return figure_of("ticket_tiers", ("share", "kept", "due"), rows, locale)


async def reopened(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Show how many solved tickets were opened again, by category."""
    rows = tuple(
        Row(
            _category(one.category, locale), (share(one.again, one.solved), str(one.again), str(one.solved)),
            (share(one.again, one.solved), one.again, one.solved), one.again * BAR_UNITS // one.solved,
        )
        for one in await reads.reopened(session, span)
    )  # fmt: skip
    return figure_of("ticket_reopened", ("share", "again", "solved"), rows, locale, rows[0].shown[0] if rows else "")


async def contacts(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Show tickets per 1,000 cards, by brand."""
    found = await reads.contacts(session, span)
    bars = shares([one.per_thousand or 0 for one in found])
    rows = tuple(
        Row(
            translate("insight.all_brands", locale) if one.brand == ALL else _brand(one.brand, locale),
            (_tenths(one.per_thousand), str(one.tickets), str(one.cards)), (_tenths(one.per_thousand), one.tickets, one.cards), bar,
        )
        for one, bar in zip(found, bars, strict=True)
    )  # fmt: skip
    heads = ("per_thousand", "tickets", "cards")
    known = bool(found) and found[0].per_thousand is not None
    return figure_of("ticket_contacts", heads, rows, locale, rows[0].shown[0] if known else "")


async def causes(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Show what tickets are about, by category, brand, step and release."""
    found = await reads.causes(session, span)
    bars = shares([one.count for one in found])
    rows = []
    for one, bar in zip(found, bars, strict=True):
        step = worded(f"stage.{one.step}", NONE, locale)
        about = (_brand(one.brand, locale) if one.brand else NONE, step, one.release or NONE)
        rows.append(Row(_category(one.category, locale), (*about, str(one.count)), (*about, one.count), bar))
    return figure_of("ticket_causes", ("brand", "step", "release", "count"), tuple(rows), locale)


async def satisfaction(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Show how many rated solutions were good, with the interval within which the true share lies."""
    rows = []
    for one in await reads.satisfaction(session, span):
        low, high = wilson(one.good, one.rated)
        cells = (share(one.good, one.rated), f"{floor(100 * low)}–{ceil(100 * high)} %")
        name, counts = _category(one.category, locale), (one.good, one.rated)
        rows.append(Row(name, (*cells, *map(str, counts)), (*cells, *counts), one.good * BAR_UNITS // one.rated))
    heads = ("share", "interval", "good", "rated")
    return figure_of("ticket_satisfaction", heads, tuple(rows), locale, rows[0].shown[0] if rows else "")


async def workload(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Show who answered and solved how many, and at what pace."""
    found = await reads.workload(session, span)
    bars = shares([one.replies for one in found])
    rows = []
    for one, bar in zip(found, bars, strict=True):
        counts = (one.replies, one.hours, _tenths(one.tenths_an_hour), one.solved, one.held)
        rows.append(Row(one.name, tuple(map(str, counts)), counts, bar))
    return figure_of("ticket_workload", ("replies", "hours", "an_hour", "solved", "held"), tuple(rows), locale)


async def hours(session: AsyncSession, span: Span, locale: str) -> Figure:
    """Show when tickets come and when they are answered, by the hour of the day."""
    found = await reads.hours(session, span)
    busiest = max(found, key=lambda one: one.opened)
    said = translate("insight.ticket_hours.said", locale, {"hour": _hour(busiest.hour), "opened": busiest.opened})
    rows = [(_hour(one.hour), one.opened, one.replies) for one in found]
    return _chart("ticket_hours", ("opened", "replies"), [_hour(one.hour) for one in found], rows, said, locale)


MAKERS: Mapping[str, Maker] = {
    "ticket_flow": flow,
    "ticket_first": first_answers,
    "ticket_whole": solutions,
    "ticket_clocks": clocks,
    "ticket_tiers": tiers,
    "ticket_satisfaction": satisfaction,
    "ticket_reopened": reopened,
    "ticket_contacts": contacts,
    "ticket_hours": hours,
    "ticket_workload": workload,
    "ticket_causes": causes,
}


def _chart(
    key: str, heads: tuple[str, str], labels: list[str], found: list[tuple[str, int, int]], said: str, locale: str
) -> Figure:
    """A chart of two series with its table."""
    series = [translate(f"insight.head.{head}", locale) for head in heads]
    values = [(first, second) for _, first, second in found]
    bars = shares([first for first, _ in values])
    rows = tuple(
        Row(name, (str(one), str(two)), (one, two), bar) for (name, one, two), bar in zip(found, bars, strict=True)
    )
    chart = columns(translate(f"insight.figure.{key}", locale), said, series, labels, values)
    return figure_of(key, heads, rows, locale, said, chart)


def _times(key: str, counted: str, found: tuple[times.Waited, ...], locale: str) -> Figure:
    bars = shares([one.p50_s for one in found])
    rows = tuple(
        Row(
            _category(one.category, locale), (_working(one.p50_s, locale), _working(one.p90_s, locale), str(one.tickets)),
            (one.p50_s, one.p90_s, one.tickets), bar,
        )
        for one, bar in zip(found, bars, strict=True)
    )  # fmt: skip
    return figure_of(key, ("p50", "p90", counted), rows, locale, rows[0].shown[0] if rows else "")


def _kept(name: str, one: reads.Promised) -> Row:
    cells = (share(one.kept, one.ended), one.kept, one.ended)
    return Row(name, tuple(map(str, cells)), cells, one.kept * BAR_UNITS // one.ended)


def _category(category: str, locale: str) -> str:
    return translate("insight.all_categories" if category == ALL else f"ticket_category.{category}", locale)


def _brand(code: str, locale: str) -> str:
    known = catalogue().get(code)
    return code if known is None else known.names[locale]


def _working(seconds: int, locale: str) -> str:
    """Working time in hours: a day of it has as many hours as the desk is open."""
    if seconds < HOUR:
        return duration(seconds, locale)
    return translate("insight.duration.h", locale, {"h": seconds // HOUR, "min": seconds % HOUR // 60})


def _tenths(number: int | None) -> str:
    return NONE if number is None else f"{number // 10}.{number % 10}"


def _hour(hour: int) -> str:
    return f"{hour:02}:00"
